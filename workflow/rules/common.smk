# What the rules share.  Results are named by their content, so the age of a file says nothing: inputs are `ancient`.


def inputs(stage):
    """The inputs of a job by role, as the plan gives them."""
    by_role = plan.inputs(stage)
    return lambda wildcards: {
        role: [ancient(path) for path in paths]
        for role, paths in by_role(wildcards).items()
    }
