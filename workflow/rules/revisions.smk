# Sequential revisions.


rule pair_revisions_job:
    """Pair incorrect samples with a correct one."""
    input:
        unpack(inputs("pair_revisions")),
    output:
        "results/store/pair_revisions/{label}-{key}.parquet",
    log:
        "results/logs/pair_revisions/{label}-{key}.log",
    benchmark:
        "results/benchmarks/pair_revisions/{label}-{key}.jsonl"
    priority: plan.priority("pair_revisions")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("pair_revisions"),
    params:
        spec=plan.spec("pair_revisions"),
        how=plan.how("pair_revisions"),
    shell:
        """
        python -m ttc.run pair_revisions --spec {params.spec:q} \
            --problems {input.problems} --samples {input.samples} --chains {input.chains} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule train_reviser_job:
    """Train the reviser on pairs."""
    input:
        unpack(inputs("train_reviser")),
    output:
        directory("results/store/train_reviser/{label}-{key}"),
    log:
        "results/logs/train_reviser/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_reviser/{label}-{key}.jsonl"
    priority: plan.priority("train_reviser")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_reviser"),
    params:
        spec=plan.spec("train_reviser"),
        how=plan.how("train_reviser"),
    shell:
        """
        python -m ttc.run train_reviser --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} --pairs {input.pairs} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule revise_job:
    """Revise answers in chains."""
    input:
        unpack(inputs("revise")),
    output:
        "results/store/revise/{label}-{key}.parquet",
    log:
        "results/logs/revise/{label}-{key}.log",
    benchmark:
        "results/benchmarks/revise/{label}-{key}.jsonl"
    priority: plan.priority("revise")
    conda:
        plan.conda("revise")
    threads: plan.threads
    resources:
        **plan.resources("revise"),
    params:
        spec=plan.spec("revise"),
        how=plan.how("revise"),
        python=plan.python("revise"),
    shell:
        """
        {params.python} -m ttc.run revise --spec {params.spec:q} \
            --problems {input.problems} --reviser {input.reviser} --policy {input.policy} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule train_revision_orm_job:
    """Train the verifier of revisions on the reviser's chains."""
    input:
        unpack(inputs("train_revision_orm")),
    output:
        directory("results/store/train_revision_orm/{label}-{key}"),
    log:
        "results/logs/train_revision_orm/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_revision_orm/{label}-{key}.jsonl"
    priority: plan.priority("train_revision_orm")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_revision_orm"),
    params:
        spec=plan.spec("train_revision_orm"),
        how=plan.how("train_revision_orm"),
    shell:
        """
        python -m ttc.run train_revision_orm --spec {params.spec:q} \
            --problems {input.problems} --reviser {input.reviser} --chains {input.chains} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule score_revisions_job:
    """Score revisions."""
    input:
        unpack(inputs("score_revisions")),
    output:
        "results/store/score_revisions/{label}-{key}.parquet",
    log:
        "results/logs/score_revisions/{label}-{key}.log",
    benchmark:
        "results/benchmarks/score_revisions/{label}-{key}.jsonl"
    priority: plan.priority("score_revisions")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("score_revisions"),
    params:
        spec=plan.spec("score_revisions"),
        how=plan.how("score_revisions"),
    shell:
        """
        python -m ttc.run score_revisions --spec {params.spec:q} \
            --problems {input.problems} --verifier {input.verifier} --chains {input.chains} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
