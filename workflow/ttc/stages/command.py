"""The command line that all stages share: `python -m ttc.stages.<stage> --spec JSON --<input> PATH ... --output PATH`.

`--spec` holds everything that can change the content; `--threads`, `--batch-rows`, `--device` and `--cache` cannot, and
are therefore not part of a result's key.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ttc.content import contents
from ttc.errors import InputError
from ttc.files import commit_directory, digest, fresh_directory, sidecar_path
from ttc.threads import thread_variables

__all__ = [
    "Inputs",
    "Runtime",
    "commit_directory",
    "fresh_directory",
    "main",
    "one",
    "write_sidecar",
]

Inputs = dict[str, list[Path]]


@dataclass(frozen=True)
class Runtime:
    """How a stage runs; none of it changes the result."""

    threads: int = 1
    batch_rows: int = 1024
    device: str = "auto"
    cache: Path | None = None  # a folder of things remembered across runs, safe to delete


def main(stage: str) -> None:
    """Parse the command line, run `ttc.stages.<stage>.run` and write the sidecar `<output>.json`."""
    spec, inputs, output, runtime = _parse(stage, sys.argv[1:])
    _restart_with_threads(stage, runtime.threads)
    started = time.monotonic()
    print(f"{stage}: writing {output}", flush=True)
    try:
        run = _load(stage)
        run(spec, inputs, output, runtime)
        rows = _rows(output)
        write_sidecar(stage, spec, inputs, output, rows)
    except InputError as error:
        print(f"{stage}: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None
    counted = "" if rows is None else f", {rows:,} rows"
    print(f"{stage}: wrote {output}{counted}, in {time.monotonic() - started:.1f} s", flush=True)


def write_sidecar(stage: str, spec: dict, inputs: Inputs, output: Path, rows: int | None) -> None:
    """Write what the artifact is made of and what it says: stage, spec, names of inputs, SHA-256, rows, content."""
    content = {
        "stage": stage,
        "spec": spec,
        "inputs": {role: [path.name for path in paths] for role, paths in sorted(inputs.items())},
        "sha256": digest(output),
        "rows": rows,
        "content": contents(output),
    }
    temporary = sidecar_path(output).with_suffix(".part")
    temporary.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, sidecar_path(output))


def one(inputs: Inputs, role: str) -> Path:
    """The single path given for a role."""
    paths = inputs.get(role, [])
    if len(paths) != 1:
        raise InputError(f"the stage takes one --{role}, and {len(paths)} were given")
    return paths[0]


def _parse(stage: str, arguments: list[str]) -> tuple[dict, Inputs, Path, Runtime]:
    parser = argparse.ArgumentParser(
        prog=f"python -m ttc.stages.{stage}",
        description=f"The stage `{stage}`; any other --NAME PATH ... names an input table or model.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--spec", required=True, help="canonical JSON of everything that can change the content"
    )
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--threads", type=int, default=Runtime.threads)
    parser.add_argument("--batch-rows", type=int, default=Runtime.batch_rows)
    parser.add_argument("--device", default=Runtime.device, help="cpu, cuda or auto")
    parser.add_argument("--cache", type=Path, help="folder of what stages remember across runs")
    known, rest = parser.parse_known_args(arguments)
    inputs: Inputs = {}
    role = None
    for word in rest:
        if word.startswith("--"):
            role = word[2:].replace("-", "_")
            inputs[role] = []
        elif role is None:
            parser.error(f"'{word}' follows no --NAME of an input")
        else:
            inputs[role].append(Path(word))
    try:
        spec = json.loads(known.spec)
    except json.JSONDecodeError as error:
        parser.error(f"--spec is not JSON ({error})")
    return spec, inputs, known.output, Runtime(known.threads, known.batch_rows, known.device, known.cache)


def _restart_with_threads(stage: str, threads: int) -> None:
    """Libraries read their thread variables when imported, which has happened: start anew where they differ.

    The Snakefile sets them, so that this costs nothing in a workflow: a stage's imports take seconds, and here they
    are made twice.
    """
    wanted = thread_variables(threads)
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", f"ttc.stages.{stage}", *sys.argv[1:]])


def _load(stage: str) -> Callable[[dict, Inputs, Path, Runtime], None]:
    import importlib

    return importlib.import_module(f"ttc.stages.{stage}").run


def _rows(output: Path) -> int | None:
    if output.suffix != ".parquet":
        return None
    import polars as pl

    return pl.scan_parquet(output).select(pl.len()).collect().item()
