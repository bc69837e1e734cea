"""A finished study in miniature, without Snakemake: models, samples and scores in a store, tables and a manifest.

The policy answers at once, with a number that does not depend on the question, so that pass rates differ by question.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import torch

from tests.support import specs, tiny
from ttc.models.directory import save_model
from ttc.models.from_scratch import build_verifier
from ttc.problems.tasks import clock
from ttc.run.job import Runtime
from ttc.stages import evaluate_spending, evaluate_stopping, measure_difficulty, sample, score
from ttc.store import sidecars
from ttc.tables.generation import PROBLEMS

SEED = 0
TESTS, SAMPLES = 12, 8
SAMPLING = {"seed": SEED, "temperature": 1.0, "max_tokens": 6}
KEY = "0" * 16
# Under which name of its stage each artifact lies in the store
STORED = {
    "policy": ("train_policy", f"policy-{KEY}"),
    "prm": ("train_prm", f"prm-{KEY}"),
    "samples": ("sample", f"test-0to12-0to8-{KEY}.parquet"),
    "scores": ("score", f"prm-test-{KEY}.parquet"),
    "evaluate": ("evaluate", f"policy-{KEY}.txt"),
    "report": ("report", f"policy-{KEY}.html"),
}


def artifacts(folder: Path) -> dict[str, Path]:
    """Problems, models, samples and scores, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {name: folder / name for name in ("problems", "policy", "prm", "samples", "scores")}
    task = tiny.TASK | {"test_problems": TESTS, "turns": {"share": 0.0, "attempts": 1, "notice": 0.5}}
    PROBLEMS.write(clock.make_problems(task, SEED), made["problems"])
    tiny.saved(_policy(), made["policy"])
    base = tiny.saved(tiny.random_model(tie_word_embeddings=True), folder / "base")
    network = build_verifier(base, 1, seed=3)
    with torch.no_grad():
        network.score.weight.mul_(3.0)
    save_model(made["prm"], network, tiny.tokenizer(), kind="prm", training={}, metrics={})
    runtime = Runtime(device="cpu")
    spec = SAMPLING | {"split": "test", "problems": [0, TESTS], "samples": [0, SAMPLES]}
    read = {name: [path] for name, path in made.items()}
    sample.run(spec, {name: read[name] for name in ("problems", "policy")}, made["samples"], runtime)
    read["verifier"] = read["prm"]
    given = {name: read[name] for name in ("problems", "verifier", "samples")}
    score.run({"kind": "prm"}, given, made["scores"], Runtime(device="cpu"))
    return made


def _policy():
    """After a line end `Answer:`, then a number, at times another one, and the end."""
    words = tiny.tokenizer()
    size = len(words)
    answer = words.convert_tokens_to_ids("Answer:")
    numbers = [words.convert_tokens_to_ids(f" {number}") for number in range(tiny.TASK["modulus"])]
    weights = 0.7 ** np.arange(len(numbers))
    table = np.zeros((size, size))
    table[:, tiny.EOS] = 1.0
    table[tiny.NEWLINE] = np.eye(size)[answer]
    table[answer] = 0.0
    table[answer, numbers] = weights / weights.sum()
    for number in numbers:
        table[number] = 0.0
        table[number, tiny.EOS], table[number, numbers[1]] = 0.85, 0.15
    return tiny.markov_model(table)


def write(root: Path, made: dict[str, Path], verifier: bool = True) -> Path:
    """Lay the study out below `root`; returns its folder, results/mini."""
    root.mkdir(parents=True, exist_ok=True)
    for name in ("evaluate", "report"):
        made = made | {name: root / name}
        made[name].write_text(name)
    inputs = {"samples": ["samples"], "policy": ["policy"]}
    inputs |= {"scores": ["scores"], "prm": ["prm"]} if verifier else {}
    named = {role: [STORED[each][1] for each in names] for role, names in inputs.items()}
    about = {
        "samples": {"spec": SAMPLING | {"split": "test", "problems": [0, TESTS], "samples": [0, SAMPLES]}},
        "scores": {"spec": {"kind": "prm"}},
        "evaluate": {"spec": {"aggregation": "last"}, "inputs": named},
    }
    listed = []
    for name, (stage, file) in STORED.items():
        place = root / "results/store" / stage / file
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if made[name].is_dir() else shutil.copyfile)(made[name], place)
        told = {"spec": {}, "inputs": {}} | about.get(name, {}) | {"stage": stage}
        sidecars.write(place, told, None, place)
        path = place.relative_to(root).as_posix()
        listed.append({"path": path, "stage": stage, "label": file.partition("-")[0], "key": KEY})
    folder = root / "results/mini"
    (folder / "tables").mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({"artifacts": listed}))
    _tables(folder, made, verifier)
    return folder


def _tables(folder: Path, made: dict[str, Path], verifier: bool) -> None:
    """The rules to take home, by the stages themselves."""
    work = folder.parent / "work"
    given = {"problems": [made["problems"]], "samples": [made["samples"]], "policy": [made["policy"]]}
    given |= {"scores": [made["scores"]], "prm": [made["prm"]]} if verifier else {}
    measure_difficulty.run(specs.of("measure_difficulty", bins=2), given, work / "difficulty.parquet", None)
    given["difficulty"] = [work / "difficulty.parquet"]
    spec = specs.of("evaluate_stopping", bootstrap=5, orders=4, folds=3)
    evaluate_stopping.run(spec, given, work / "stopping", None)
    spec = specs.of("evaluate_spending", probes=[1, 2], budgets=[2, 4], orders=4, bootstrap=3, folds=3)
    evaluate_spending.run(spec, given, work / "spending", None)
    for stage in ("stopping", "spending"):
        for file in (work / stage).iterdir():
            shutil.copyfile(file, folder / "tables" / file.name)


def questions(path: Path, count: int = 5, answers: bool = True) -> Path:
    """A file of new questions; the first has a gold answer that is frequent."""
    rows = [(f"n{place}", f"Start at {place} then +1", str((place + 1) % 13)) for place in range(count)]
    frame = pl.DataFrame(rows, schema=["problem_id", "question", "answer"], orient="row")
    frame = frame if answers else frame.drop("answer")
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_ndjson(path)
    return path
