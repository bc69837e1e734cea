# Search against the process reward model.


rule search_job:
    """One search strategy at one budget."""
    input:
        unpack(inputs("search")),
    output:
        directory("results/store/search/{label}-{key}"),
    log:
        "results/logs/search/{label}-{key}.log",
    benchmark:
        "results/benchmarks/search/{label}-{key}.jsonl"
    priority: plan.priority("search")
    conda:
        plan.conda("search")
    threads: plan.threads
    resources:
        **plan.resources("search"),
    params:
        spec=plan.spec("search"),
        how=plan.how("search"),
        python=plan.python("search"),
    shell:
        """
        {params.python} -m ttc.run search --spec {params.spec:q} \
            --problems {input.problems} --policy {input.policy} --verifier {input.verifier} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
