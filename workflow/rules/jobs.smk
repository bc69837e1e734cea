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
            [shown(stage, path) for path in written],
        log:
            f"results/logs/{stage}/{{label}}-{{key}}.log",
        benchmark:
            f"results/benchmarks/{stage}/{{label}}-{{key}}.jsonl"
        wildcard_constraints:
            label=r"[A-Za-z0-9_.-]+",
            key=r"[0-9a-f]{16}",
        priority: jobs.priority(stage)
        localrule: jobs.local(stage)
        conda:
            jobs.conda(stage)
        threads: jobs.threads
        resources:
            **jobs.resources(stage),
        params:
            before=before,
            command=command(stage),
            how=jobs.how(stage),
            captions=captions(stage),
        shell:
            jobs.site.shell_prefix
            + "({params.before}{params.command} {params.how}) 2>&1 | tee {log:q}"

    describe(f"{stage}_job", STAGES[stage].purpose)
