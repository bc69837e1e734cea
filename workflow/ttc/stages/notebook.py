"""Stage `notebook`: execute a notebook on the tables of a study; equal tables give equal bytes.

Roles: notebook (the .ipynb, kept without outputs); tables (a folder such as results/<study>/tables), or in its stead
curves (the folder of fit_allocator), outcomes, difficulty, exchange and findings, which are linked into such a folder.
The notebook finds that folder in the environment variable TTC_TABLES.  spec: what the notebook goes by besides: its
name, and what search methods declare.
"""

import os
import tempfile
from pathlib import Path

from ttc import strategies  # noqa: F401 - the notebook imports them, so they are part of this stage's code
from ttc.errors import InputError
from ttc.figures import style  # noqa: F401
from ttc.runtime import Inputs, Runtime, one

DECLARATION = {
    "group": "publication",
    "purpose": "execute the notebook",
    "suffix": ".ipynb",
    "memory": 2000,
    "light": True,
    "published": {"": "notebooks/{label}.ipynb"},
}

ALONE = ("outcomes", "difficulty", "exchange", "findings")
FITTED = ("curves", "allocation", "per_question")
# For one cell
SECONDS = 300


def run(spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> None:
    """Execute the notebook and write it, outputs included, without times and without the reader's own settings."""
    import nbformat

    source = one(inputs, "notebook")
    notebook = nbformat.read(source, as_version=4)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        given = inputs.get("tables", [])
        linked = Path(given[0]).resolve() if given else link_tables(inputs, folder / "tables")
        executed = execute(notebook, linked, folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(executed, output)


def link_tables(inputs: Inputs, folder: Path) -> Path:
    """A folder with a link `<table>.parquet` for every table given, as results/<study>/tables has them."""
    folder.mkdir(parents=True)
    for name in ALONE:
        for path in inputs.get(name, [])[:1]:
            (folder / f"{name}.parquet").symlink_to(path.resolve())
    for fitted in inputs.get("curves", [])[:1]:
        for name in FITTED:
            if (table := fitted / f"{name}.parquet").exists():
                (folder / table.name).symlink_to(table.resolve())
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
    return executed
