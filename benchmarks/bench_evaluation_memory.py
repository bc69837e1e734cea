"""Peak memory of the stage `evaluate` on a scored pool of 500 problems × 2,048 samples with 1 kB of text each.

Ours: the stage as it is, which reads a block of problems after the other and never the texts.  Baseline: the tables
read whole, texts included, and joined, as scripts that load a data set do; then the same estimates.  Each is a
process of its own that reports the high-water mark of its memory; both write the same table.  The tables are one
Parquet file each, about 0.8 GB, in a folder that is removed afterwards.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.candidates import origin, pools
from benchmarks.frame import Bench
from tests.support import specs
from ttc.tables.generation import PROBLEMS, SAMPLES, SCORES
from ttc.tables.schema import ROW_GROUP_SIZE

TITLE = "memory of evaluation"
GOAL = "peak of at most 2 GiB for 500 × 2,048 samples with 1 kB of text each"
TEXT = 1000  # characters
SHARD = 50  # problems in memory while the tables are made
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ+\n", np.uint8)

STAGE = """
import sys
from pathlib import Path
from ttc.evaluation import pool as pools
from ttc.stages import evaluate
from ttc.tables.generation import SAMPLES, SCORES

spec, folder, output, whole = sys.argv[1:]
if whole == "whole":

    def at_once(samples, scores, half=None):
        frame = SAMPLES.read(samples, SAMPLES.columns)
        if frame.is_empty():
            return
        scored = SCORES.read(scores["prm"], ["step_scores", "tokens", "written"])
        scored = scored.rename({"step_scores": "prm steps"} | pools._named("prm"))
        frame = frame.join(scored, on=["problem_id", "sample_index"], how="left")
        for (problem_id,), rows in frame.group_by("problem_id", maintain_order=True):
            yield pools._pool(problem_id, rows, ["prm"])

    evaluate.sample_pools = at_once
import json
inputs = {name: [Path(folder) / f"{name}.parquet"] for name in ("problems", "samples", "scores")}
evaluate.run(json.loads(spec), inputs, Path(output), None)
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""


def measure(bench: Bench) -> None:
    """Peak of both at full size, and of ours as problems grow."""
    if not Path("/proc/self/status").exists():
        bench.skip("the peak of a process is read from /proc, which this system lacks")
    count, samples = (4, 64) if bench.quick else (500, 2048)
    sizes = [max(1, count // 4), max(1, count // 2), count]
    tables_of = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            place = Path(folder) / str(size)
            write(place, size, samples)
            seconds, peak = run(place, samples, "blocks")
            megabytes = (place / "samples.parquet").stat().st_size / 1e6
            note = f"{origin()}, table of samples {megabytes:,.0f} MB"
            bench.record("ours", seconds, size, "problems", "problems", size, peak_mib=peak)
        bench.record("ours", seconds, count, "problems", peak_mib=peak, note=note)
        seconds, whole = run(place, samples, "whole")
        bench.record("baseline", seconds, count, "problems", peak_mib=whole, note="tables read whole")
        for name in ("blocks", "whole"):
            tables_of[name] = (place / f"{name}.parquet").read_bytes()
        bench.same("table of outcomes, byte by byte", tables_of["blocks"], tables_of["whole"])
    bench.goal("peak in MiB", peak, at_most=2048)


def run(folder: Path, samples: int, how: str) -> tuple[float, float]:
    """Seconds and peak MiB of the stage in a process of its own; `how` is blocks or whole."""
    spec = specs.of("evaluate", budgets=[1 << exponent for exponent in range(samples.bit_length())])
    command = [
        sys.executable,
        "-c",
        STAGE,
        json.dumps(spec),
        str(folder),
        str(folder / f"{how}.parquet"),
        how,
    ]
    started = time.perf_counter()
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, int(done.stdout.split()[-1]) / 1024


def write(folder: Path, count: int, samples: int) -> None:
    """Tables of problems, samples and scores of a pool, a file each."""
    folder.mkdir()
    random = np.random.default_rng(0)
    made = pools(min(count, 20), samples)  # repeated: memory does not depend on which answers there are
    text = LETTERS[random.integers(0, 64, 1 << 26, dtype=np.uint8)].tobytes().decode()
    names = [f"p{index:04d}" for index in range(count)]
    question = {"split": "test", "level": 1, "question": "?", "answer": "1", "solution": ""}
    PROBLEMS.write(
        pl.DataFrame({"problem_id": names}).with_columns(**{k: pl.lit(v) for k, v in question.items()}),
        folder / "problems.parquet",
    )
    for start in range(0, count, SHARD):
        rows, scored = [], []
        for index in range(start, min(start + SHARD, count)):
            pool = made[index % len(made)]
            key = {"problem_id": [names[index]] * samples, "sample_index": np.arange(samples)}
            places = random.integers(0, len(text) - TEXT, samples).tolist()
            answers = [None if group < 0 else f"\\frac{{{group}}}{{17}}" for group in pool.groups.tolist()]
            written = {
                "text": [text[at : at + TEXT] for at in places],
                "answer": answers,
                "finish_reason": "stop",
            }
            numbers = {"tokens": random.integers(100, 900, samples), "logprob": -100 * random.random(samples)}
            rows.append(pl.DataFrame(key | written | numbers | {"correct": pool.correct > 0}))
            steps = random.random((samples, 8))
            steps[:, -1] = pool.scores
            values = pl.Series(list(steps), dtype=pl.List(pl.Float64))
            scored.append(pl.DataFrame(key | {"step_scores": values, "tokens": numbers["tokens"]}))
        SAMPLES.write(pl.concat(rows), folder / f"samples-{start:04d}.parquet")
        SCORES.write(pl.concat(scored), folder / f"scores-{start:04d}.parquet")
    for name in ("samples", "scores"):
        shards = sorted(folder.glob(f"{name}-*.parquet"))
        whole = folder / f"{name}.parquet"
        pl.scan_parquet(shards).sink_parquet(whole, compression="zstd", row_group_size=ROW_GROUP_SIZE)
        for shard in shards:
            shard.unlink()
