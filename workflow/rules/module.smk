# What is asked of Snakemake's own state: where a module's results lie, and how its jobs run.


def module_folder(modifier):
    """The folder in which a module's results lie, because of its `prefix`; `` where it has none."""
    inside = "results/store/x"
    path = str(modifier.path_modifier.modify(inside, property="output"))
    if not path.endswith(inside):
        raise WorkflowError(
            "module: `replace_prefix` cannot move the results of this workflow; `prefix` can"
        )
    return path.removesuffix(inside)


def uses_conda(workflow):
    """Whether each job gets the environment that its rule names, and with it that environment's interpreter."""
    methods = getattr(workflow.deployment_settings, "deployment_method", None) or ()
    return any(str(method).lower().endswith("conda") for method in methods)
