# Published models: fetched and checked before anything is computed with them.


rule fetch_model_job:
    """Fetch a published model where there is a connection, and describe it."""
    input:
        unpack(inputs("fetch_model")),
    output:
        directory("results/store/fetch_model/{label}-{key}"),
    log:
        "results/logs/fetch_model/{label}-{key}.log",
    benchmark:
        "results/benchmarks/fetch_model/{label}-{key}.jsonl"
    priority: plan.priority("fetch_model")
    localrule: plan.local("fetch_model")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("fetch_model"),
    params:
        spec=plan.spec("fetch_model"),
        how=plan.how("fetch_model"),
        files=plan.words("fetch_model"),
    shell:
        """
        python -m ttc.run fetch_model --spec {params.spec:q} {params.files} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule check_prompts_job:
    """Check that every prompt leaves room for an answer."""
    input:
        unpack(inputs("check_prompts")),
    output:
        "results/store/check_prompts/{label}-{key}.parquet",
    log:
        "results/logs/check_prompts/{label}-{key}.log",
    benchmark:
        "results/benchmarks/check_prompts/{label}-{key}.jsonl"
    priority: plan.priority("check_prompts")
    localrule: plan.local("check_prompts")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("check_prompts"),
    params:
        spec=plan.spec("check_prompts"),
        how=plan.how("check_prompts"),
        files=plan.words("check_prompts"),
    shell:
        """
        python -m ttc.run check_prompts --spec {params.spec:q} {params.files} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule preflight_job:
    """Check that a published verifier tells right steps from wrong ones."""
    input:
        unpack(inputs("preflight")),
    output:
        "results/store/preflight/{label}-{key}.parquet",
    log:
        "results/logs/preflight/{label}-{key}.log",
    benchmark:
        "results/benchmarks/preflight/{label}-{key}.jsonl"
    priority: plan.priority("preflight")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("preflight"),
    params:
        spec=plan.spec("preflight"),
        how=plan.how("preflight"),
        files=plan.words("preflight"),
    shell:
        """
        python -m ttc.run preflight --spec {params.spec:q} {params.files} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
