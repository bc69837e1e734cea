# Problems.


rule problems_job:
    """Generate the problems, or load them from where the study says."""
    input:
        unpack(inputs("problems")),
    output:
        "results/store/problems/{label}-{key}.parquet",
    log:
        "results/logs/problems/{label}-{key}.log",
    benchmark:
        "results/benchmarks/problems/{label}-{key}.jsonl"
    priority: plan.priority("problems")
    localrule: plan.local("problems")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("problems"),
    params:
        spec=plan.spec("problems"),
        how=plan.how("problems"),
        files=plan.words("problems"),
    shell:
        """
        python -m ttc.run problems --spec {params.spec:q} {params.files} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
