"""A check of the promise of `ttc solve`: new questions of a study's task, and what the study predicted of them.

python -m tools.solve_check --study results/default --questions 100 --output results/solve_check

Rules of a finished study of generated problems run live on questions that it has neither evaluated nor learnt from.
Accuracy, samples and tokens are held against prediction intervals: means over so many new questions, solved once each,
as they are drawn from the study's own.  Each of the resamples draws the study's questions anew and from these the new
ones, each along one of its orders, so an interval holds the luck of both.  Gains from the choice of a threshold on the
study's questions are not taken out; prices are measured on questions that they were not learnt on.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import polars as pl

from ttc.commands import solve
from ttc.evaluation.pool import sample_counts, sample_pools
from ttc.evaluation.spending import rules, take_home
from ttc.evaluation.spending.questions import Enough
from ttc.live.courses import Stopping
from ttc.live.rules import Request, choose
from ttc.live.seen import Seen, standing
from ttc.noise import generator
from ttc.problems import task
from ttc.run.kept_output import write_frame
from ttc.stages import evaluate_spending
from ttc.stopping.questions import Question, of_pool
from ttc.store.finished import Finished
from ttc.store.sidecars import read

ORDERS, REPLICATES, STREAM = 4, 4000, 12
MEASURES = ("correct", "samples", "tokens")
CHECKED = (
    Request("leader", budget=64, target="within"),
    Request("posterior", budget=64, target="equal"),
    Request("price", budget=8, vote="best_of_n_weighted", probe=2),
    Request("price_by_steps", budget=8, vote="best_of_n_weighted", probe=2),
)


def new_questions(study: Finished, count: int) -> pl.DataFrame:
    """Questions of the task that are neither test nor training problems of the study, ids of their own numbers.

    Their levels are those of the next numbers of the problem generator: one that was met in training gives way to the
    next unseen one of its level, since easy questions are met more often.
    """
    known = pl.read_parquet(study.inputs("problems")[0])
    spec = read(study.inputs("problems")[0])["spec"]
    tests = spec["task"]["test_problems"]
    wider = spec["task"] | {"test_problems": tests + STREAM * count, "train_problems": 1}
    drawn = task.load(wider).make_problems(wider, spec["seed"]).filter(split="test")[tests:]
    levels = drawn["level"][:count].to_list()
    unseen = drawn.join(known.select("question"), on="question", how="anti", maintain_order="left")
    print(
        f"  {drawn[:count].join(known, on='question', how='semi').height} of the next {count} were met in training"
    )
    taken = [unseen.filter(level=level)[: levels.count(level)] for level in sorted(set(levels))]
    found = pl.concat(taken).select("problem_id", "question", "answer")
    assert found.height == count and not found.join(known, on="question", how="semi").height
    return found.with_columns(problem_id=pl.lit("new-") + pl.col("problem_id")).sort("problem_id")


def along_orders(study: Finished, request: Request) -> dict[str, np.ndarray]:
    """What the rule has and spends with each of the study's questions, (questions, orders) by measure."""
    if request.rule in take_home.PRICED:
        return _priced(study, request)
    chosen = choose(request, lambda name: study.table(name).read_text(encoding="utf-8"))
    found = {name: [] for name in MEASURES}
    for pool in sample_pools(study.inputs("samples"), {"prm": study.inputs("scores")}):
        question = of_pool(pool, study.aggregation)
        random = generator(0, "solve_check", pool.problem_id)
        rows = [_stopped(chosen.course(""), question, pool, random) for _ in range(ORDERS)]
        for name, values in zip(MEASURES, zip(*rows, strict=True), strict=True):
            found[name].append(values)
    return {name: np.array(values, dtype=float) for name, values in found.items()}


def _stopped(course: Stopping, question: Question, pool, random) -> tuple[float, int, float]:
    """Correctness, samples and tokens of one question along a random order."""
    seen, order = Seen(question.problem_id), random.permutation(len(question.groups))
    while course.more(seen):
        place = order[len(seen)]
        answer = None if question.groups[place] < 0 else str(question.groups[place])
        logprob = float(pool.each.logprob[place])
        seen.add(answer, int(question.tokens[place]), logprob, float(question.scores[place]), 0)
    chances = standing(seen.question(), course.vote)[1]
    right = sum(
        chance * question.verdicts[int(answer)] for chance, answer in zip(chances, seen.answers, strict=True)
    )
    return float(right), len(seen), float(sum(seen.tokens))


def _priced(study: Finished, request: Request) -> dict[str, np.ndarray]:
    """The same for a price, by regressions and prices of the folds that a question is not in."""
    found = [each for each in study.artifacts if each["stage"] == "evaluate_spending"]
    record = read((study.root / found[0]["path"]).parent)
    inputs = {role: study.inputs(role) for role in ("problems", "samples", "scores", "policy", "prm")}
    inputs["difficulty"] = [study.named(record["inputs"]["difficulty"][0])]
    counts = sample_counts(inputs["samples"])
    most, spec = min(counts.values()), record["spec"]
    budgets = [budget for budget in spec["budgets"] if budget <= most]
    paths = evaluate_spending.walked(spec, inputs, Enough(most, budgets, set(counts), None))
    whole = evaluate_spending.study_of(spec, inputs, paths, budgets)
    once, size = np.ones(len(paths.problem_ids)), request.probe
    looks = {
        look: each
        for look in paths.probes
        if look >= size
        for each in [_expected(whole, request.vote, look, once)]
    }
    start = int(np.searchsorted(paths.sizes, size))
    if request.rule == rules.PRICE:
        pieces = rules.from_a_probe(looks[size], paths.sizes[start:])
    else:
        pieces = rules.step_by_step(looks, paths.sizes)
    index = rules.priced(pieces, start, size, [request.budget], once, whole.fold)
    values = (paths.correct[request.vote], np.broadcast_to(paths.sizes, paths.tokens.shape), paths.tokens)
    return {
        name: np.take_along_axis(each, index, axis=2)[:, :, 0].astype(float)
        for name, each in zip(MEASURES, values, strict=True)
    }


def _expected(whole, vote: str, look: int, once: np.ndarray) -> np.ndarray:
    return rules.predicted(whole.probed[vote, look], once)


def predicted(values: dict[str, np.ndarray], new: int) -> dict[str, tuple[float, float, float]]:
    """Mean and the ends of the 95 % prediction interval of the mean over `new` questions, by measure."""
    random = generator(0, "solve_check", "resamples")
    questions, orders = values["correct"].shape
    drawn = {name: np.empty(REPLICATES) for name in values}
    for replicate in range(REPLICATES):
        study = random.integers(0, questions, questions)
        rows, columns = study[random.integers(0, questions, new)], random.integers(0, orders, new)
        for name, each in values.items():
            picked = each[rows, columns]
            # An answer is right or wrong; the mean over tied ones is a chance
            picked = random.random(new) < picked if name == "correct" else picked
            drawn[name][replicate] = picked.mean()
    return {
        name: (float(each.mean()), *(float(end) for end in np.quantile(drawn[name], (0.025, 0.975))))
        for name, each in values.items()
    }


def check(study: Finished, request: Request, questions: Path, output: Path, device: str) -> list[dict]:
    """Solve the questions live, and say of each measure what was predicted and what came out."""
    file = output / f"{request.rule}-{request.target or request.budget}.parquet"
    options = {name: value for name, value in vars(request).items() if value is not None}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    solve.main(
        [str(questions), "--study", str(study.folder), "--output", str(file), "--device", device, *words]
    )
    table = pl.read_parquet(file)
    told = predicted(along_orders(study, request), table.height)
    return [
        {"rule": table["rule"][0], "measure": name, "predicted": mean, "low": low, "high": high}
        | {"measured": float(table[name].mean()), "inside": low <= table[name].mean() <= high}
        for name, (mean, low, high) in told.items()
    ]


def main() -> None:
    """Write the questions, their answers and the table `check`, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, default=Path("results/default"))
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    study = Finished.read(given.study)
    given.output.mkdir(parents=True, exist_ok=True)
    questions = given.output / "questions.parquet"
    write_frame(new_questions(study, given.questions), questions)
    rows = [row for each in CHECKED for row in check(study, each, questions, given.output, given.device)]
    (given.output / "check.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    for row in rows:
        numbers = "{predicted:.3f} ({low:.3f} to {high:.3f}), measured {measured:.3f}".format(**row)
        print(f"{row['rule']}: {row['measure']} {numbers}{'' if row['inside'] else ' OUTSIDE'}")


if __name__ == "__main__":
    main()
