# One rule for each stage that the study has: `<stage>_job`.  What a stage is, reads and writes, its module in
# workflow/ttc/stages says; `snakemake --list` lists them.  A job is one command that can be pasted into a terminal.

for stage in plan.stages:
    written = jobs.outputs(stage)

    rule:
        name:
            f"{stage}_job"
        input:
            unpack(inputs(stage)),
        output:
            [directory(path) for path in written] if jobs.is_folder(stage) else written,
        log:
            f"results/logs/{stage}/{{label}}-{{key}}.log",
        benchmark:
            f"results/benchmarks/{stage}/{{label}}-{{key}}.jsonl"
        priority: jobs.priority(stage)
        localrule: jobs.local(stage)
        conda:
            jobs.conda(stage)
        threads: jobs.threads
        resources:
            **jobs.resources(stage),
        params:
            command=jobs.command(stage),
            how=jobs.how(stage),
        shell:
            "{params.command} {params.how} 2>&1 | tee {log}"

    workflow.get_rule(f"{stage}_job").docstring = STAGES[stage].purpose
