# Independent samples and rollouts.


rule sample_job:
    """Sample solutions: a block of problems times a block of sample indices."""
    input:
        unpack(inputs("sample")),
    output:
        "results/store/sample/{label}-{key}.parquet",
    log:
        "results/logs/sample/{label}-{key}.log",
    benchmark:
        "results/benchmarks/sample/{label}-{key}.jsonl"
    priority: plan.priority("sample")
    conda:
        plan.conda("sample")
    threads: plan.threads
    resources:
        **plan.resources("sample"),
    params:
        spec=plan.spec("sample"),
        how=plan.how("sample"),
        python=plan.python("sample"),
    shell:
        """
        {params.python} -m ttc.run sample --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule roll_out_job:
    """Estimate the value of each step of training samples by rollouts."""
    input:
        unpack(inputs("roll_out")),
    output:
        "results/store/roll_out/{label}-{key}.parquet",
    log:
        "results/logs/roll_out/{label}-{key}.log",
    benchmark:
        "results/benchmarks/roll_out/{label}-{key}.jsonl"
    priority: plan.priority("roll_out")
    conda:
        plan.conda("roll_out")
    threads: plan.threads
    resources:
        **plan.resources("roll_out"),
    params:
        spec=plan.spec("roll_out"),
        how=plan.how("roll_out"),
        python=plan.python("roll_out"),
    shell:
        """
        {params.python} -m ttc.run roll_out --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} --samples {input.samples} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
