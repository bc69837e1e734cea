# The policy and the larger policy, trained from scratch.


rule train_policy_job:
    """Train the policy."""
    input:
        unpack(inputs("train_policy")),
    output:
        directory("results/store/train_policy/{label}-{key}"),
    log:
        "results/logs/train_policy/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_policy/{label}-{key}.jsonl"
    priority: plan.priority("train_policy")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_policy"),
    params:
        spec=plan.spec("train_policy"),
        how=plan.how("train_policy"),
    shell:
        """
        python -m ttc.run train_policy --spec {params.spec:q} \
            --problems {input.problems} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule train_larger_policy_job:
    """Train the larger policy."""
    input:
        unpack(inputs("train_larger_policy")),
    output:
        directory("results/store/train_larger_policy/{label}-{key}"),
    log:
        "results/logs/train_larger_policy/{label}-{key}.log",
    benchmark:
        "results/benchmarks/train_larger_policy/{label}-{key}.jsonl"
    priority: plan.priority("train_larger_policy")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("train_larger_policy"),
    params:
        spec=plan.spec("train_larger_policy"),
        how=plan.how("train_larger_policy"),
    shell:
        """
        python -m ttc.run train_larger_policy --spec {params.spec:q} \
            --problems {input.problems} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
