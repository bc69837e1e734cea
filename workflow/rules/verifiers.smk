# Process and outcome reward models, and their scores of samples.


rule train_prm_job:
    """Train the process reward model on step values."""
    input:
        unpack(inputs("train_prm")),
    output:
        directory("results/store/train_prm/{label}-{key}"),
    log:
        "results/logs/train_prm/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_prm/{label}-{key}.jsonl"
    priority: plan.priority("train_prm")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_prm"),
    params:
        spec=plan.spec("train_prm"),
        how=plan.how("train_prm"),
    shell:
        """
        python -m ttc.run train_prm --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} --samples {input.samples} \
            --step_values {input.step_values} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule train_orm_job:
    """Train the outcome reward model on graded samples."""
    input:
        unpack(inputs("train_orm")),
    output:
        directory("results/store/train_orm/{label}-{key}"),
    log:
        "results/logs/train_orm/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_orm/{label}-{key}.jsonl"
    priority: plan.priority("train_orm")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_orm"),
    params:
        spec=plan.spec("train_orm"),
        how=plan.how("train_orm"),
    shell:
        """
        python -m ttc.run train_orm --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} --samples {input.samples} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule score_job:
    """Score samples with a verifier."""
    input:
        unpack(inputs("score")),
    output:
        "results/store/score/{label}-{key}.parquet",
    log:
        "results/logs/score/{label}-{key}.log",
    benchmark:
        "results/benchmarks/score/{label}-{key}.jsonl"
    priority: plan.priority("score")
    conda:
        plan.conda("score")
    threads: plan.threads
    resources:
        **plan.resources("score"),
    params:
        spec=plan.spec("score"),
        how=plan.how("score"),
        python=plan.python("score"),
    shell:
        """
        {params.python} -m ttc.run score --spec {params.spec:q} \
            --problems {input.problems} --verifier {input.verifier} --samples {input.samples} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
