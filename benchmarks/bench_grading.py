r"""Grading the answers of a large pool, against asking Math-Verify about every sample.

Ours: `Grader.grade_all`, which decides each distinct normal form of a problem once and also groups the answers into
classes; without a cache, and with one that an earlier run filled.  The baseline is what evaluation scripts commonly
do: a process pool in which each task calls `verify(parse(gold), parse(answer))` with Math-Verify's own time limits,
for every sample; it groups nothing.  `each answer once` asks about every distinct text of a problem once, as a careful
user would.  Both are timed on answers drawn at random from the pool or from its distinct ones, and scaled linearly to
all of them.  All use the same number of processes (one, and two for 10 problems where there are two cores).

The pool.  With the real MATH-500 samples of Llama 3.2 at hand (TTC_DATA), each problem's answers are continued from
its 9 independent real ones to 2,048 by a Pitman-Yor process: the next sample repeats an earlier answer in proportion
to how often it was given, or is new.  Its discount is common to all problems, its strength each problem's own (one of
STRENGTHS), both by maximum likelihood.  New answers are the problem's other real ones, then real ones with one
number changed.  So both how often answers repeat and how they are written come from the data; that their number grows
by this law beyond 9 samples is an assumption.  Without the data, the answers are made from patterns.

Goals: 500 x 2,048 answers at least 20 times as fast as the baseline, and 3 times as fast as each answer once.
"""

import json
import multiprocessing
import os
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import DATA
from benchmarks.frame import Bench
from ttc.grading.grader import Grader, read

TITLE = "grading"
GOAL = (
    "500 x 2,048 answers at least 20 times as fast as Math-Verify on every answer, and 3 times as fast as on each "
    "distinct one, with as many processes"
)
PROBLEMS = DATA / "math500_test.jsonl"
POOL = DATA / "pools" / "math500_llama_3b_1b_prm_scored.parquet"
STRENGTHS = np.array([0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
PATTERNS = (
    "{}",
    "{}",
    "{}",
    r"\frac{{{}}}{{{}}}",
    r"{}\sqrt{{{}}}",
    "({}, {})",
    "x^2 + {}x - {}",
    r"[{}, \infty)",
    "x = {}",
)

Pool = list[tuple[str, list[str]]]


def measure(bench: Bench) -> None:
    """Time ours and the baseline on the whole pool, and ours as problems and samples grow."""
    problems, samples, asked = (6, 40, 20) if bench.quick else (500, 2048, 400)
    pool, origin = make_pool(problems, samples)
    distinct = sum(len({read(answer).form for answer in answers}) for _, answers in pool)
    note = f"{origin}; {distinct:,} distinct normal forms"
    print(f"  {problems * samples:,} answers, {note}")

    seconds, verdicts = baseline(pool, asked, processes=1)
    bench.record("baseline", seconds * problems * samples / asked, problems * samples, "answers",
                 note=f"scaled from {asked:,} answers")  # fmt: skip
    texts = [(row, answer) for row, (_, answers) in enumerate(pool) for answer in dict.fromkeys(answers)]
    chosen = np.random.default_rng(6).integers(len(texts), size=asked)
    seconds, _ = verified(pool, [texts[index] for index in chosen], processes=1)
    bench.record("each answer once", seconds * len(texts) / asked, problems * samples, "answers",
                 note=f"{len(texts):,} distinct texts, scaled from {asked:,}")  # fmt: skip
    with tempfile.TemporaryDirectory() as cache:
        seconds, graded, questions = ours(pool, cache=Path(cache))
        bench.record("ours", seconds, problems * samples, "answers", note=note)
        print(f"  {questions['asked']:,} questions, {questions['late']} late")
        seconds, again, questions = ours(pool, cache=Path(cache))
        bench.record("ours, warm cache", seconds, problems * samples, "answers")
    bench.same("results with an empty and a full cache", again, graded)
    agree = compared(pool, graded, verdicts)
    bench.same("verdicts on the answers drawn that both read alike", *agree)
    bench.goal("times the rate of Math-Verify on every answer", bench.ratio(), at_least=20)
    once = bench.ratio(baseline="each answer once")
    bench.goal("times the rate of Math-Verify on each distinct answer", once, at_least=3)

    if not bench.quick and (os.cpu_count() or 1) > 1 and len(os.sched_getaffinity(0)) > 1:
        part = pool[: problems // 50]
        seconds, _ = baseline(part, asked, processes=2)[:2]
        work = sum(len(answers) for _, answers in part)
        bench.record("baseline", seconds * work / asked, work, "answers", case="2 processes, 10 problems")
        seconds, twice, _ = ours(part, workers=2)
        bench.record("ours", seconds, work, "answers", case="2 processes, 10 problems")
        bench.same("results with one and two workers", twice, graded[: len(part)])
    for count in (3, 6) if bench.quick else (5, 10, 20):
        bench.record("ours", ours(pool[:count])[0], count * samples, "answers", axis="problems", size=count)
    few = pool[: 3 if bench.quick else 10]
    for count in (20, 40) if bench.quick else (128, 512, 2048):
        seconds = ours([(gold, answers[:count]) for gold, answers in few])[0]
        bench.record("ours", seconds, len(few) * count, "answers", axis="samples", size=count)


def ours(pool: Pool, workers: int = 1, cache: Path | None = None):
    """Seconds, the graded answers of each problem, and what the workers were asked; workers start within the time."""
    read.cache_clear()
    started = time.perf_counter()
    with Grader(workers=workers, cache=cache) as grader:
        graded = grader.grade_all(pool)
    return time.perf_counter() - started, graded, grader.questions


def baseline(pool: Pool, asked: int, processes: int) -> tuple[float, dict[tuple[int, str], bool]]:
    """Seconds for Math-Verify on `asked` answers drawn at random, and its verdicts by (problem, answer)."""
    rng = np.random.default_rng(1)
    drawn = [(int(row), int(column)) for row, column in zip(
        rng.integers(len(pool), size=asked), rng.integers(len(pool[0][1]), size=asked), strict=True)]  # fmt: skip
    return verified(pool, [(row, pool[row][1][column]) for row, column in drawn], processes)


def verified(pool: Pool, asked: list[tuple[int, str]], processes: int) -> tuple[float, dict]:
    """Seconds for Math-Verify on these (problem, answer), and its verdicts."""
    tasks = [(pool[row][0], answer) for row, answer in asked]
    with multiprocessing.get_context("spawn").Pool(processes) as workers:
        workers.map(verify_one, tasks[: 2 * processes], chunksize=1)  # imports are not timed
        started = time.perf_counter()
        found = workers.map(verify_one, tasks, chunksize=16)
        seconds = time.perf_counter() - started
    return seconds, dict(zip(asked, found, strict=True))


def verify_one(pair: tuple[str, str]) -> bool:
    """One sample, as evaluation scripts grade it."""
    from math_verify import parse, verify

    gold, answer = (parse(f"\\boxed{{{each}}}") for each in pair)
    return verify(gold, answer)


def compared(pool: Pool, graded: list[dict], verdicts: dict) -> tuple[list[bool], list[bool]]:
    """Our and Math-Verify's verdicts where both compare the same thing: not numbers (exact in ours, rounded to six
    decimals in Math-Verify), nor answers of which Math-Verify reads only a part."""
    mine, theirs, differ = [], [], Counter()
    for (row, answer), equal in verdicts.items():
        own = graded[row][answer].own
        if own.equal != equal and (own.how == "number" or own.how == "form" or not _read_whole(answer)):
            differ[own.how] += 1
            continue
        mine.append(own.equal)
        theirs.append(equal)
    print(f"  {len(mine):,} distinct answers compared, left out: {dict(differ)}")
    return mine, theirs


def _read_whole(answer: str) -> bool:
    from math_verify import LatexExtractionConfig, parse

    whole = parse(f"\\boxed{{{answer}}}", extraction_config=[LatexExtractionConfig(boxed_match_priority=0)])
    return bool(whole) and not isinstance(whole[0], str)


def make_pool(problems: int, samples: int) -> tuple[Pool, str]:
    """(gold, answers) of each problem, and where they come from."""
    if PROBLEMS.is_file() and POOL.is_file():
        gold = [json.loads(line)["answer"] for line in PROBLEMS.read_text(encoding="utf-8").splitlines()]
        rows = pl.read_parquet(POOL, columns=["q", "answer", "kind"]).drop_nulls("answer").sort("q", "answer")
        known = [Counter(each["answer"].to_list()) for _, each in rows.group_by("q", maintain_order=True)]
        gold = [gold[q] for q in rows["q"].unique(maintain_order=True)]
        first = rows.filter(pl.col("kind") != "beam_search_M4")
        counts = [Counter(each["answer"].to_list()) for _, each in first.group_by("q", maintain_order=True)]
        discount, strengths = fit([sorted(each.values()) for each in counts])
        origin = f"continued from real answers, discount {discount:.2f}"
    else:
        rng = np.random.default_rng(2)
        known = [Counter(_from_pattern(rng, index) for _ in range(9)) for index in range(500)]
        gold = [next(iter(each)) for each in known]
        discount, strengths = 0.3, np.resize(STRENGTHS, 500)
        origin = "made from patterns"
    chosen = np.random.default_rng(3).permutation(len(gold))[:problems]
    labels = draw(discount, strengths[np.resize(chosen, problems)], samples)
    pool = []
    for row, index in enumerate(np.resize(chosen, problems)):
        names = answers_of(known[index], int(labels[row].max()) + 1, seed=row)
        pool.append((gold[index], [names[label] for label in labels[row]]))
    return pool, origin


def fit(partitions: list[list[int]]) -> tuple[float, np.ndarray]:
    """Discount of all, and strength of each problem, of most likely Pitman-Yor processes with these repetitions."""
    tables = {
        discount: np.array(
            [[_likelihood(sizes, discount, each) for each in STRENGTHS] for sizes in partitions]
        )
        for discount in np.arange(0.0, 0.95, 0.05)
    }
    # every strength is as likely as any other before the data, else the discount would pay for the many strengths
    discount = max(tables, key=lambda each: np.logaddexp.reduce(tables[each], axis=1).sum())
    return float(discount), STRENGTHS[tables[discount].argmax(axis=1)]


def _likelihood(sizes: list[int], discount: float, strength: float) -> float:
    """Logarithm of the probability that samples repeat as `sizes` say."""
    opened = np.log(strength + discount * np.arange(1, len(sizes))).sum()
    placed = np.log(strength + np.arange(1, sum(sizes))).sum()
    return opened - placed + sum(np.log(np.arange(1, size) - discount).sum() for size in sizes)


def draw(discount: float, strengths: np.ndarray, samples: int) -> np.ndarray:
    """(problems, samples) labels: 0, 1, ... in order of first occurrence."""
    rng = np.random.default_rng(4)
    rows = np.arange(len(strengths))
    labels = np.zeros((len(rows), samples), dtype=np.int64)
    counts = np.zeros_like(labels)
    counts[:, 0], distinct = 1, np.ones(len(rows), dtype=np.int64)
    for number in range(1, samples):
        new = rng.random(len(rows)) < (strengths + discount * distinct) / (strengths + number)
        chosen = np.where(new, distinct, -1)
        while (left := np.flatnonzero(chosen < 0)).size:
            earlier = labels[left, rng.integers(number, size=left.size)]
            size = counts[left, earlier]
            chosen[left] = np.where(rng.random(left.size) * size < size - discount, earlier, -1)
        distinct += new
        labels[:, number] = chosen
        counts[rows, chosen] += 1
    return labels


def answers_of(known: Counter, count: int, seed: int) -> list[str]:
    """`count` different answers of a problem: the known ones, most frequent first, then those with other digits."""
    rng = np.random.default_rng([5, seed])
    names = [answer for answer, _ in sorted(known.items(), key=lambda item: (-item[1], item[0]))]
    seen, models, turn = set(names), list(names), 0
    while len(names) < count:
        model = models[turn % len(models)]
        more = turn // (20 * len(models))  # more digits when the short numbers are used up
        places = list(re.finditer(r"\d+", model))
        if places:
            place = places[rng.integers(len(places))]
            made = f"{model[: place.start()]}{_other(rng, len(place[0]) + more)}{model[place.end() :]}"
        else:
            made = f"{_other(rng, 1 + more)}{model}"
        turn += 1
        if made not in seen:
            seen.add(made)
            names.append(made)
    return names[:count]


def _other(rng: np.random.Generator, digits: int) -> str:
    """A number of at most that many digits."""
    return str(rng.integers(1, 10 ** min(digits, 12)))


def _from_pattern(rng: np.random.Generator, index: int) -> str:
    pattern = PATTERNS[index % len(PATTERNS)]
    return pattern.format(*rng.integers(2, 100, size=pattern.count("{}") + 2))
