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
    localrule: plan.local("plot")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("plot"),
    params:
        spec=plan.spec("plot"),
        how=plan.how("plot"),
    shell:
        """
        python -m ttc.run plot --spec {params.spec:q} \
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
    localrule: plan.local("gallery")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("gallery"),
    params:
        spec=plan.spec("gallery"),
        how=plan.how("gallery"),
    shell:
        """
        python -m ttc.run gallery --spec {params.spec:q} --figures {input.figures} \
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
    localrule: plan.local("report")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("report"),
    params:
        spec=plan.spec("report"),
        how=plan.how("report"),
    shell:
        """
        python -m ttc.run report --spec {params.spec:q} \
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
    localrule: plan.local("notebook")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("notebook"),
    params:
        spec=plan.spec("notebook"),
        how=plan.how("notebook"),
    shell:
        """
        python -m ttc.run notebook --spec {params.spec:q} \
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
    localrule: plan.local("publish")
    conda:
        "../../envs/cpu.yaml"
    threads: plan.threads
    resources:
        **plan.resources("publish"),
    params:
        spec=plan.spec("publish"),
        how=plan.how("publish"),
    shell:
        """
        python -m ttc.run publish --spec {params.spec:q} \
            --artifacts {input.artifacts} \
            --output {output} {params.how} 2>&1 | tee {log}
        """
