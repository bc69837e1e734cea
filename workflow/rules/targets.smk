# One target per stage: `snakemake sample` makes all samples of the study and what they need.

for stage in plan.stages:

    rule:
        name:
            stage
        input:
            results(stage),


rule plan:
    """What the study will cost: prints an estimate, and runs nothing else."""
    localrule: True
    run:
        from ttc.plan.estimate.table import text

        print(text(plan))
