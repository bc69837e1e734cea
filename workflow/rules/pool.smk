# Completions that somebody else sampled: these jobs stand in for all that generate.


rule import_pool_job:
    """Read, check and grade the pools."""
    input:
        unpack(inputs("import_pool")),
    output:
        plan.parts("import_pool"),
    log:
        "results/logs/import_pool/{label}-{key}.log",
    benchmark:
        "results/benchmarks/import_pool/{label}-{key}.jsonl"
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("import_pool"),
    params:
        spec=plan.spec("import_pool"),
        how=plan.how("import_pool"),
        files=plan.words("import_pool"),
    shell:
        """
        python -m ttc.run import_pool --spec {params.spec:q} {params.files} \
            --output results/store/import_pool/{wildcards.label}-{wildcards.key} \
            {params.how} --cache results/cache 2>&1 | tee {log}
        """


rule compare_votes_job:
    """Compare our votes with the reference votes that lie beside a pool."""
    input:
        unpack(inputs("compare_votes")),
    output:
        "results/store/compare_votes/{label}-{key}.parquet",
    log:
        "results/logs/compare_votes/{label}-{key}.log",
    benchmark:
        "results/benchmarks/compare_votes/{label}-{key}.jsonl"
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("compare_votes"),
    params:
        spec=plan.spec("compare_votes"),
        how=plan.how("compare_votes"),
        files=plan.words("compare_votes"),
    shell:
        """
        python -m ttc.run compare_votes --spec {params.spec:q} {params.files} \
            --output {output} {params.how} --cache results/cache 2>&1 | tee {log}
        """
