# From generations to numbers; no GPU.


rule measure_difficulty_job:
    """Measure difficulty, oracle and predicted, and bin it."""
    input:
        unpack(inputs("measure_difficulty")),
    output:
        "results/store/measure_difficulty/{label}-{key}.parquet",
    log:
        "results/logs/measure_difficulty/{label}-{key}.log",
    benchmark:
        "results/benchmarks/measure_difficulty/{label}-{key}.jsonl"
    priority: plan.priority("measure_difficulty")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("measure_difficulty"),
    params:
        spec=plan.spec("measure_difficulty"),
        how=plan.how("measure_difficulty"),
    shell:
        """
        python -m ttc.run measure_difficulty --spec {params.spec:q} \
            --problems {input.problems} --samples {input.samples} --scores {input.scores} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule measure_verifiers_job:
    """Measure how well verifier scores rank and how far they can be believed."""
    input:
        unpack(inputs("measure_verifiers")),
    output:
        "results/store/measure_verifiers/{label}-{key}/calibration.parquet",
        "results/store/measure_verifiers/{label}-{key}/verifier_quality.parquet",
    log:
        "results/logs/measure_verifiers/{label}-{key}.log",
    benchmark:
        "results/benchmarks/measure_verifiers/{label}-{key}.jsonl"
    priority: plan.priority("measure_verifiers")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("measure_verifiers"),
    params:
        spec=plan.spec("measure_verifiers"),
        how=plan.how("measure_verifiers"),
    shell:
        """
        python -m ttc.run measure_verifiers --spec {params.spec:q} \
            --samples {input.samples} --scores {input.scores} --orm_scores {input.orm_scores} \
            --chains {input.chains} --chain_scores {input.chain_scores} \
            --output results/store/measure_verifiers/{wildcards.label}-{wildcards.key} \
            {params.how} 2>&1 | tee {log}
        """


rule evaluate_job:
    """Expected correctness and cost of every strategy at every budget."""
    input:
        unpack(inputs("evaluate")),
    output:
        "results/store/evaluate/{label}-{key}.parquet",
    log:
        "results/logs/evaluate/{label}-{key}.log",
    benchmark:
        "results/benchmarks/evaluate/{label}-{key}.jsonl"
    priority: plan.priority("evaluate")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("evaluate"),
    params:
        spec=plan.spec("evaluate"),
        how=plan.how("evaluate"),
    shell:
        """
        python -m ttc.run evaluate --spec {params.spec:q} \
            --problems {input.problems} --samples {input.samples} --scores {input.scores} \
            --orm_scores {input.orm_scores} --searches {input.searches} --chains {input.chains} \
            --chain_scores {input.chain_scores} \
            --chain_scores_no_history {input.chain_scores_no_history} \
            --chain_scores_prm {input.chain_scores_prm} --rest_chains {input.rest_chains} \
            --larger_greedy {input.larger_greedy} \
            --larger_samples {input.larger_samples} --larger_scores {input.larger_scores} \
            --larger_searches {input.larger_searches} --policy {input.policy} \
            --larger_policy {input.larger_policy} --prm {input.prm} --orm {input.orm} \
            --reviser {input.reviser} --revision_orm {input.revision_orm} \
            --revision_orm_no_history {input.revision_orm_no_history} \
            --rest_reviser {input.rest_reviser} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule fit_allocator_job:
    """Choose the best strategy per difficulty bin and budget, cross-validated."""
    input:
        unpack(inputs("fit_allocator")),
    output:
        directory("results/store/fit_allocator/{label}-{key}"),
    log:
        "results/logs/fit_allocator/{label}-{key}.log",
    benchmark:
        "results/benchmarks/fit_allocator/{label}-{key}.jsonl"
    priority: plan.priority("fit_allocator")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("fit_allocator"),
    params:
        spec=plan.spec("fit_allocator"),
        how=plan.how("fit_allocator"),
    shell:
        """
        python -m ttc.run fit_allocator --spec {params.spec:q} \
            --outcomes {input.outcomes} --difficulty {input.difficulty} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule match_flops_job:
    """Compare with the larger policy at equal FLOPs."""
    input:
        unpack(inputs("match_flops")),
    output:
        "results/store/match_flops/{label}-{key}.parquet",
    log:
        "results/logs/match_flops/{label}-{key}.log",
    benchmark:
        "results/benchmarks/match_flops/{label}-{key}.jsonl"
    priority: plan.priority("match_flops")
    localrule: plan.local("match_flops")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("match_flops"),
    params:
        spec=plan.spec("match_flops"),
        how=plan.how("match_flops"),
    shell:
        """
        python -m ttc.run match_flops --spec {params.spec:q} \
            --outcomes {input.outcomes} --difficulty {input.difficulty} \
            --allocation {input.allocation} --policy {input.policy} \
            --larger_policy {input.larger_policy} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule trace_revisions_job:
    """Count what revisions do to correct and to incorrect answers."""
    input:
        unpack(inputs("trace_revisions")),
    output:
        "results/store/trace_revisions/{label}-{key}.parquet",
    log:
        "results/logs/trace_revisions/{label}-{key}.log",
    benchmark:
        "results/benchmarks/trace_revisions/{label}-{key}.jsonl"
    priority: plan.priority("trace_revisions")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("trace_revisions"),
    params:
        spec=plan.spec("trace_revisions"),
        how=plan.how("trace_revisions"),
    shell:
        """
        python -m ttc.run trace_revisions --spec {params.spec:q} \
            --chains {input.chains} --rest_chains {input.rest_chains} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule find_job:
    """Put our numbers beside the paper's claims."""
    input:
        unpack(inputs("find")),
    output:
        "results/store/find/{label}-{key}.parquet",
    log:
        "results/logs/find/{label}-{key}.log",
    benchmark:
        "results/benchmarks/find/{label}-{key}.jsonl"
    priority: plan.priority("find")
    localrule: plan.local("find")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("find"),
    params:
        spec=plan.spec("find"),
        how=plan.how("find"),
    shell:
        """
        python -m ttc.run find --spec {params.spec:q} \
            --difficulty {input.difficulty} --outcomes {input.outcomes} \
            --allocation {input.allocation} --exchange {input.exchange} --chains {input.chains} \
            --chain_scores {input.chain_scores} --transitions {input.transitions} \
            --verifier_quality {input.verifier_quality} --prm {input.prm} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
