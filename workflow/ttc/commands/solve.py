"""Answer questions live by a rule of a finished study, and say what was spent on each.

ttc solve questions.parquet --rule leader --budget 64 --output answers.parquet
ttc solve questions.jsonl --rule price --budget 8 --output answers.csv
ttc solve questions.parquet --plan allocated.parquet --output answers.parquet

Killed at any moment, the same command goes on and ends with the same bytes.  docs/solve.md has the rules and columns.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from ttc.errors import InputError
from ttc.run.threads import thread_variables


def main(arguments: list[str]) -> None:
    """Solve the questions of a file."""
    given = _parser().parse_args(arguments)
    if (given.rule is None) == (given.plan is None):
        raise InputError("--rule or --plan: one of them says how questions are answered")
    if given.batch_rows < 1 or given.threads < 1:
        raise InputError("--batch-rows and --threads: at least 1 is needed")
    os.environ.update(thread_variables(given.threads))  # before any library is imported that reads it
    solve(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ttc solve", description=__doc__.splitlines()[0])
    parser.add_argument(
        "questions", type=Path, help="Parquet, JSONL or CSV: problem_id, question, perhaps answer"
    )
    parser.add_argument("--study", type=Path, default=Path("results/default"), help="default: %(default)s")
    parser.add_argument("--output", type=Path, required=True, help="file to write, .parquet, .csv or .jsonl")
    parser.add_argument("--rule", help="a stopping rule, price, price_by_steps, or a vote")
    parser.add_argument(
        "--plan", type=Path, help="strategies and budgets of the questions, from ttc allocate"
    )
    parser.add_argument("--budget", type=int, help="samples at most; of a spending rule, the mean")
    parser.add_argument(
        "--target", help="which of the study's thresholds: equal (default), within or guaranteed"
    )
    parser.add_argument("--threshold", type=float, help="a threshold of a stopping rule, instead of a target")
    parser.add_argument(
        "--price", type=float, help="accuracy that a sample has to be worth, instead of a mean budget"
    )
    parser.add_argument(
        "--vote", help="vote of a spending rule; default: the weighted one where there is a verifier"
    )
    parser.add_argument("--probe", type=int, help="first samples of a spending rule; default: the fewest")
    parser.add_argument("--columns", help="names of columns, OURS=THEIRS, divided by commas")
    parser.add_argument(
        "--batch-rows", type=int, default=1024, help="samples at a time; default: %(default)s"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument(
        "--threads", type=int, default=1, help="default: %(default)s, which gives the same bytes"
    )
    return parser


def solve(given: argparse.Namespace) -> None:
    """Everything that can be refused is refused before a model is loaded."""
    from ttc.digests import file_digest
    from ttc.live import questions as files
    from ttc.run.kept_output import check_suffix, kept_output
    from ttc.store.finished import Finished

    check_suffix(given.output)
    study = Finished.read(given.study)
    asked = files.read_questions(given.questions, files.renamed(given.columns))
    rules = _rules(given, study, asked["problem_id"].to_list())
    scored = any(rule.scored for rule in rules)
    policy, verifier = _models(study, rules, scored)
    settings = {
        "command": "solve",
        "rules": sorted({rule.name for rule in rules}),
        "votes": sorted({rule.vote for rule in rules}),
        "questions": file_digest(given.questions),
        "columns": files.renamed(given.columns),
        "plan": given.plan and file_digest(given.plan),
        "drawing": study.drawing(),
        "policy": _identity(policy),
        "verifier": verifier and _identity(verifier),
        "aggregation": study.aggregation,
        "rule files": _rule_files(study, given),
    }
    with kept_output(given.output, settings) as kept:
        if kept is None:
            print(f"{given.output}: it is there already, made with these settings")
            return
        table = _solved(given, study, asked, rules, (policy, verifier), kept.work)
        kept.write(table)
    from ttc.live.answers import summary

    print(f"{given.output}\n{summary(table)}")


def _rules(given: argparse.Namespace, study, problem_ids: list[str]) -> list:
    """The rule of each question."""
    from ttc.live import questions as files
    from ttc.live import rules

    if given.plan is not None:
        strategies, budgets = files.read_plan(given.plan, problem_ids)
        return [rules.planned(*each) for each in zip(strategies, budgets, strict=True)]
    options = ("rule", "budget", "threshold", "target", "price", "vote", "probe")
    request = rules.Request(**{name: getattr(given, name) for name in options})
    chosen = rules.choose(request, lambda name: study.table(name).read_text(encoding="utf-8"))
    return [chosen] * len(problem_ids)


def _models(study, rules: list, scored: bool) -> tuple[Path, Path | None]:
    """Policy and, where a rule reads scores, verifier; InputError where they are not those of the rule."""
    study.drawing()
    policy, verifier = study.model("policy"), study.model("prm") if scored else None
    if scored and verifier is None:
        raise InputError(
            f"--rule: {rules[0].name} reads scores of a verifier, and the study {study.folder} has none"
        )
    for rule in rules[:1]:
        fitted = rule.fitted or {}
        here = {"policy": _identity(policy), "aggregation": study.aggregation}
        here |= {"verifier": _identity(verifier)} if verifier else {}
        for name, value in here.items():
            if fitted and fitted[name] != value:
                raise InputError(
                    f"--rule: {rule.name} was fitted with another {name} than the study's ({fitted[name]}, and here "
                    f"{value})"
                )
    return policy, verifier


def _identity(folder: Path) -> str:
    from ttc.models.identity import identity

    return identity(folder)


def _rule_files(study, given: argparse.Namespace) -> dict[str, str]:
    """Digests of the files that rules come from: with others, the same rule may decide otherwise."""
    from ttc.digests import file_digest

    files = [study.folder / "tables" / name for name in ("stopping.json", "spending.json")]
    return {} if given.plan else {file.name: file_digest(file) for file in files if file.is_file()}


def _solved(given: argparse.Namespace, study, asked, rules: list, models: tuple[Path, Path | None], work):
    """Sample until every question's rule has stopped; the table `solved`."""
    from ttc.engines.open import open_engine
    from ttc.live import answers
    from ttc.live.loop import solve as run
    from ttc.live.sampler import Sampler
    from ttc.models.card import parameters_of
    from ttc.models.tokenizers import load_tokenizer
    from ttc.models.weights import weights_of
    from ttc.problems.formats import open_form
    from ttc.run.progress import Progress
    from ttc.runtime import Runtime
    from ttc.verifiers.open import open_verifier

    policy, verifier = models
    drawing, scoring = study.drawing(), study.scoring()
    runtime = Runtime(given.threads, given.batch_rows, given.device, gpus=1)
    courses = [rule.course(name) for rule, name in zip(rules, asked["problem_id"], strict=True)]
    with open_form(drawing.get("form"), given.threads) as form:
        form.settle(load_tokenizer(weights_of(policy).folder))
        opened: list = []

        def draw(wanted: list[tuple[int, int]]):
            # Models are loaded when a sample is wanted, which after a kill may not be
            if not opened:
                opened.append(_sampler(form, runtime))
            return opened[0](wanted)

        def _sampler(form, runtime) -> Callable:
            engine = open_engine(drawing, policy, form, runtime, 1, verifier)
            reader = verifier and open_verifier(
                verifier,
                scoring.get("format"),
                runtime,
                engine=scoring.get("engine", "transformers"),
                beside=True,
                judge=scoring.get("judge"),
            )
            return Sampler(
                engine,
                form,
                reader,
                asked,
                drawing["seed"],
                drawing["temperature"],
                drawing["max_tokens"],
                study.aggregation,
                runtime.batch_rows,
            )

        seen = run(
            asked["problem_id"].to_list(),
            courses,
            draw,
            given.batch_rows,
            work,
            Progress("questions answered"),
        )
        sizes = parameters_of(policy), verifier and parameters_of(verifier)
        table = answers.answered(seen, courses, rules, drawing["seed"], sizes)
        golds = dict(asked.select("problem_id", "answer").iter_rows())
        return answers.graded(table, answers.texts_of(work.table("samples")), golds, form)
