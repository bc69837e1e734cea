# Figures, gallery, report, notebook and the view for people.


rule plot_job:
    """Draw the figures."""
    input:
        unpack(inputs("plot")),
    output:
        directory("results/store/plot/{label}-{key}"),
    log:
        "results/logs/plot/{label}-{key}.log",
    benchmark:
        "results/benchmarks/plot/{label}-{key}.jsonl"
    priority: plan.priority("plot")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        mem_mb=plan.memory("plot"),
        runtime=plan.minutes("plot"),
    params:
        spec=plan.spec("plot"),
        how=plan.how,
    shell:
        """
        python -m ttc.stages.plot --spec {params.spec:q} \
            --difficulty {input.difficulty} --allocation {input.allocation} \
            --exchange {input.exchange} --transitions {input.transitions} --calibration {input.calibration} \
            --verifier_quality {input.verifier_quality} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule gallery_job:
    """Lay our figures beside the paper's."""
    input:
        unpack(inputs("gallery")),
    output:
        "results/store/gallery/{label}-{key}.html",
    log:
        "results/logs/gallery/{label}-{key}.log",
    benchmark:
        "results/benchmarks/gallery/{label}-{key}.jsonl"
    priority: plan.priority("gallery")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        mem_mb=plan.memory("gallery"),
        runtime=plan.minutes("gallery"),
    params:
        spec=plan.spec("gallery"),
        how=plan.how,
    shell:
        """
        python -m ttc.stages.gallery --spec {params.spec:q} --figures {input.figures} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule report_job:
    """Write the report."""
    input:
        unpack(inputs("report")),
    output:
        "results/store/report/{label}-{key}.html",
    log:
        "results/logs/report/{label}-{key}.log",
    benchmark:
        "results/benchmarks/report/{label}-{key}.jsonl"
    priority: plan.priority("report")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        mem_mb=plan.memory("report"),
        runtime=plan.minutes("report"),
    params:
        spec=plan.spec("report"),
        how=plan.how,
    shell:
        """
        python -m ttc.stages.report --spec {params.spec:q} \
            --problems {input.problems} --samples {input.samples} --scores {input.scores} \
            --searches {input.searches} --chains {input.chains} --chain_scores {input.chain_scores} \
            --findings {input.findings} \
            --figures {input.figures} --votes {input.votes} --policy {input.policy} \
            --larger_policy {input.larger_policy} --prm {input.prm} --orm {input.orm} \
            --reviser {input.reviser} --revision_orm {input.revision_orm} \
            --revision_orm_no_history {input.revision_orm_no_history} \
            --rest_reviser {input.rest_reviser} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule notebook_job:
    """Execute the notebook on the tables."""
    input:
        unpack(inputs("notebook")),
    output:
        "results/store/notebook/{label}-{key}.ipynb",
    log:
        "results/logs/notebook/{label}-{key}.log",
    benchmark:
        "results/benchmarks/notebook/{label}-{key}.jsonl"
    priority: plan.priority("notebook")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        mem_mb=plan.memory("notebook"),
        runtime=plan.minutes("notebook"),
    params:
        spec=plan.spec("notebook"),
        how=plan.how,
    shell:
        """
        python -m ttc.stages.notebook --spec {params.spec:q} \
            --notebook {input.notebook} --curves {input.curves} --outcomes {input.outcomes} \
            --difficulty {input.difficulty} --exchange {input.exchange} --findings {input.findings} \
            --output {output} {params.how} 2>&1 | tee {log}
        """


rule publish_job:
    """Lay out the study in results/<study>/; the stamp says of which configuration that folder is."""
    input:
        unpack(inputs("publish")),
    output:
        "results/{label}/.complete-{key}",
    log:
        "results/logs/publish/{label}-{key}.log",
    benchmark:
        "results/benchmarks/publish/{label}-{key}.jsonl"
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        mem_mb=plan.memory("publish"),
        runtime=plan.minutes("publish"),
    params:
        spec=plan.spec("publish"),
        how=plan.how,
    shell:
        """
        python -m ttc.stages.publish --spec {params.spec:q} \
            --artifacts {input.artifacts} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
