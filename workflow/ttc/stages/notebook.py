"""Stage `notebook`: execute a notebook on the tables of a study; equal tables give equal bytes.

Roles: notebook (the .ipynb, kept without outputs); each of the tables that it declares, by the table's name, either the
table itself or a folder that holds it, or nothing where the study lacks it.  They are linked into a folder as
results/<study>/tables is one, which the notebook finds in the environment variable TTC_TABLES.  spec: what the notebook
goes by besides: its name, and what search methods declare.
"""

import os
import tempfile
from pathlib import Path

# Notebooks import these, so they are part of this stage's code; `ttc.open` is `opened`
from ttc import strategies  # noqa: F401
from ttc.errors import InputError
from ttc.figures import cells  # noqa: F401
from ttc.runtime import Inputs, Runtime, one
from ttc.tables import opened  # noqa: F401

DECLARATION = {
    "group": "publication",
    "purpose": "execute the notebooks",
    "suffix": ".ipynb",
    "memory": 2000,
    "light": True,
    "published": {"": "notebooks/{label}.ipynb"},
}

# For one cell
SECONDS = 300


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Execute the notebook and write it, outputs included, without times and without the reader's own settings."""
    import nbformat

    source = one(inputs, "notebook")
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        executed = execute(notebook, link_tables(inputs, folder / "tables"), folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(executed, output)


def link_tables(inputs: Inputs, folder: Path) -> Path:
    """A folder with a link `<table>.parquet` for every table given, as results/<study>/tables has them."""
    folder.mkdir(parents=True)
    for name, paths in inputs.items():
        for path in paths if name != "notebook" else []:
            table = path / f"{name}.parquet" if path.is_dir() else path
            if table.exists():
                (folder / f"{name}.parquet").symlink_to(table.resolve())
    return folder


def execute(notebook, tables: Path, scratch: Path):
    """Run all cells in a fresh kernel in `scratch`; raises InputError with the cell's last line of error."""
    from nbclient.exceptions import CellExecutionError
    from nbconvert.preprocessors import ExecutePreprocessor
    from traitlets.config import Config

    # Kernel, IPython and matplotlib must not read the settings of whoever runs the study.
    private = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    given = {name: str(scratch / name.lower()) for name in private}
    given |= {"TTC_TABLES": str(tables), "PYTHONHASHSEED": "0"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    # Local sockets, so that no port is opened; the path of a socket has a limit of about 100 bytes
    address = str(scratch / "k")
    sockets = {"transport": "ipc", "ip": address} if len(address) < 90 else {}
    executor = ExecutePreprocessor(
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        config=Config(ConnectionFileMixin=sockets),
    )
    try:
        executed, _ = executor.preprocess(notebook, {"metadata": {"path": str(scratch)}})
    except CellExecutionError as error:
        raise InputError(f"the notebook stopped with an error: {error.ename}: {error.evalue}") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.__setitem__(name, value)
    # Libraries speak there of the machine, such as that a cache takes long to be made: no result of the tables
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    return executed
