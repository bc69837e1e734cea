"""The command line that all stages share: `python -m ttc.run <stage> --spec JSON --<input> PATH ... --output PATH`.

`--spec` holds everything that can change the content; `--threads`, `--batch-rows`, `--device`, `--gpus`, `--cache`,
`--verifier-memory`, `--servers` and `--checkpoint-seconds` cannot, and are therefore not part of a result's key.

A stage writes into a hidden work folder beside its output, and the output appears when it is complete, its sidecar
before it.  One process at a time makes an output; a second one waits and takes what the first has made.
"""

import argparse
import errno
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from ttc import plugins
from ttc.digests import digest
from ttc.errors import InputError, nearest
from ttc.homes import unwritable
from ttc.run import gpus, locks, memory
from ttc.run.files import (
    commit,
    leave_future,
    lock_path,
    work_folder,
)
from ttc.run.progress import Progress
from ttc.run.threads import thread_variables
from ttc.run.work import KeptWork
from ttc.runtime import Inputs, Runtime
from ttc.store import manifest, sidecars
from ttc.store.code import Sources
from ttc.store.keys import Code

STAGES = "ttc.stages"
# What stops a stage that could not help it; what it has finished is kept.
UNWRITABLE = {
    errno.ENOSPC: "no space is left on the disk; make some, and the same command goes on",
    errno.EDQUOT: "the disk quota is used up; make space, and the same command goes on",
    errno.EROFS: "the file system cannot be written to; results are written where Snakemake runs (--directory)",
    errno.EACCES: "not allowed to write there; results are written where Snakemake runs (--directory)",
}


def main(stage: str, arguments: list[str]) -> None:
    """Parse the command line, run `ttc.stages.<stage>.run` and write the sidecar `<output>.json`."""
    if stage not in (stages := plugins.names(STAGES)):
        _stop(stage, f"there is no such stage; there are {', '.join(stages)}{nearest(stage, stages)}")
    try:
        spec, inputs, output, runtime = _parse(stage, arguments)
    except InputError as error:
        _stop(stage, str(error))
    _restart_with_threads(stage, runtime.threads)
    memory.keep_freed()
    started = time.monotonic()
    print(f"{stage}: writing {output}", flush=True)
    try:
        _choose_gpus(runtime)
        with locks.exclusive(lock_path(output), _say) as waited:
            if waited and _is_made(stage, spec, inputs, output):
                print(f"{stage}: {output} was written by another process meanwhile", flush=True)
                shutil.rmtree(work_folder(output), ignore_errors=True)  # it may have been killed as it ended
                return
            rows = _make(stage, spec, inputs, output, runtime)
    except InputError as error:
        _stop(stage, str(error))
    except Exception as error:  # the system's errors reach us in several libraries' own classes
        if sentence := unwritable(error):
            _stop(stage, sentence)
        if (number := _system_error(error)) not in UNWRITABLE:
            raise
        _stop(stage, f"{getattr(error, 'filename', None) or output}: {UNWRITABLE[number]}")
    counted = "" if rows is None else f", {rows:,} rows"
    print(f"{stage}: wrote {output}{counted}, in {time.monotonic() - started:.1f} s", flush=True)


def _stop(stage: str, sentence: str) -> NoReturn:
    print(f"{stage}: {sentence}", file=sys.stderr, flush=True)
    raise SystemExit(2) from None


def _system_error(error: Exception) -> int | None:
    """The number of the system's error behind one; libraries in Rust have it in the text only."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = re.search(r"\(os error (\d+)\)", str(error))
    return int(told[1]) if told else None


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _choose_gpus(runtime: Runtime) -> None:
    """Take this job's GPUs for itself; before torch is imported, which reads the variable once."""
    if runtime.gpus and runtime.device != "cpu":
        chosen = gpus.choose(runtime.gpus, runtime.device, _say, os.environ)
        if chosen is not None:
            os.environ[gpus.VISIBLE] = chosen


def _make(stage: str, spec: dict, inputs: Inputs, output: Path, runtime: Runtime) -> int | None:
    """Run the stage in its work folder, write the sidecar, move the output into place; the number of its rows."""
    run = _load(stage)
    plugins.loaded.clear()
    work = KeptWork(work_folder(output), _about(stage, spec, inputs), runtime.checkpoint_seconds).open()
    try:
        made, told = work.staged(output.name), {}
        run(
            spec,
            inputs,
            made,
            replace(runtime, work=work, progress=Progress, destination=output, records=manifest, told=told),
        )
        check_plug_ins(stage, spec)
        rows = _rows(made)
        sidecars.write(output, _identity(stage, spec, inputs) | told, rows, made)
        commit(made, output)
        for path in (path for paths in inputs.values() for path in paths if sidecars.artifact_of(path)):
            leave_future(path)
    except BaseException:  # whatever ended the stage, it goes on its way
        work.abandon()
        raise
    work.close()
    return rows


def check_plug_ins(stage: str, spec: dict) -> None:
    """RuntimeError if the stage has used a plug-in that its specification does not name: its key would not hold it."""
    if not plugins.loaded:
        return
    sources = Sources()
    known = {name for unit in sources.units(stage, spec) for name in sources.closure(unit).modules}
    if unknown := plugins.loaded - known:
        raise RuntimeError(
            f"the stage used {', '.join(sorted(unknown))}, which its specification does not name"
        )


def _about(stage: str, spec: dict, inputs: Inputs) -> dict:
    """What a job's finished parts depend on: with the same, another run may go on with them.

    InputError if an input is not what its own stage wrote.
    """
    digests = {role: [sidecars.verified(path) for path in paths] for role, paths in inputs.items()}
    return {"stage": stage, "spec": spec, "code": Code().behaviour(stage, spec), "inputs": digests}


def _is_made(stage: str, spec: dict, inputs: Inputs, output: Path) -> bool:
    """Whether the output is in place, of this very job."""
    known = sidecars.read(output) if output.exists() else None
    if known is None:
        return False
    return known == known | _identity(stage, spec, inputs) and known["sha256"] == digest(output)


def _identity(stage: str, spec: dict, inputs: Inputs) -> dict:
    names = {role: [path.name for path in paths] for role, paths in sorted(inputs.items())}
    return {"stage": stage, "spec": spec, "inputs": names}


def _specification(given: str) -> str:
    """The specification that a command gives: itself, or `@FILE`, which holds it."""
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--spec {given}: the file cannot be read ({error})") from error


def _parse(stage: str, arguments: list[str]) -> tuple[dict, Inputs, Path, Runtime]:
    parser = argparse.ArgumentParser(
        prog=f"python -m ttc.run {stage}",
        description=f"The stage `{stage}`; any other --NAME PATH ... names an input table or model.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--spec",
        required=True,
        help="canonical JSON of all that can change the content, or @FILE, which holds it",
    )
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--threads", type=int, default=Runtime.threads)
    parser.add_argument("--batch-rows", type=int, default=Runtime.batch_rows)
    parser.add_argument("--device", default=Runtime.device, help="cpu, cuda or auto")
    parser.add_argument(
        "--gpus",
        type=int,
        default=Runtime.gpus,
        help="GPUs that are free, to take; none where there are none",
    )
    parser.add_argument(
        "--checkpoint-seconds",
        type=float,
        default=Runtime.checkpoint_seconds,
        help="seconds of training that may be lost when the job is killed",
    )
    parser.add_argument(
        "--verifier-memory",
        type=int,
        default=Runtime.verifier_memory,
        help="MB of keys and values that a published verifier keeps of what it has read",
    )
    parser.add_argument(
        "--servers",
        default="{}",
        help="JSON of how models behind servers are reached, by model; a key is named by its environment variable",
    )
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
        spec = json.loads(_specification(known.spec))
        servers = json.loads(known.servers)
    except json.JSONDecodeError as error:
        parser.error(f"--spec or --servers is not JSON ({error})")
    runtime = Runtime(
        known.threads,
        known.batch_rows,
        known.device,
        known.gpus,
        known.cache,
        known.checkpoint_seconds,
        known.verifier_memory,
        servers,
    )
    return spec, inputs, known.output, runtime


def _restart_with_threads(stage: str, threads: int) -> None:
    """Libraries read their thread variables when imported, which has happened: start anew where they differ.

    The Snakefile sets them, so that this costs nothing in a workflow: a stage's imports take seconds, and here they
    are made twice.
    """
    wanted = thread_variables(threads)
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "ttc.run", *sys.argv[1:]])


def _load(stage: str) -> Callable[[dict, Inputs, Path, Runtime], None]:
    import importlib

    return importlib.import_module(f"{STAGES}.{stage}").run


def _rows(output: Path) -> int | None:
    if output.suffix != ".parquet":
        return None
    import polars as pl

    return pl.scan_parquet(output).select(pl.len()).collect().item()
