"""Compute-optimal test-time compute: the package behind the Snakemake workflow, and `ttc.open` for its results."""


def open(path):
    """The tables of a finished study, read one by one (`ttc.tables.opened.OpenedStudy`).

    `path`: the folder of a study such as results/default, an archive in a folder, or an uncompressed tar file.
    Raises `ttc.errors.InputError` for anything else.
    """
    # Only now, so that `import ttc` costs nothing, and by its name, so that planning a study reaches no table
    import importlib

    return importlib.import_module("ttc.tables.opened").open_study(path)
