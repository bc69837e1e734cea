# One target per stage: `snakemake sample` makes all samples of the study and what they need.

for stage in plan.stages:

    rule:
        name:
            stage
        input:
            results(stage),
