# One target for each stage: `snakemake sample` makes all samples of the study and what they need.

for stage in plan.stages:

    rule:
        name:
            stage
        input:
            results(stage),

    describe(stage, STAGES[stage].purpose)


rule plan:
    """What the study will cost: prints an estimate, and runs nothing else."""
    log:
        f"results/logs/plan/{plan.study}.txt",
    localrule: True
    run:
        print_estimate(Path(log[0]))
