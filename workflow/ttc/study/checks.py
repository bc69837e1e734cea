"""What a schema cannot say: keys of the configuration that have to fit each other."""

import math

from ttc.errors import InputError, nearest
from ttc.problems.task import AGAIN, load
from ttc.revision.ratios import PAPER_LARGEST
from ttc.study.graph.searches import LARGER, searches
from ttc.study.published import check_published
from ttc.study.stages import STAGES


def check(configuration: dict) -> None:
    """Raise InputError, one sentence, for the first pair of keys that do not fit."""
    if configuration["source"] is None:
        if configuration["problems"] is None:
            _check_models(configuration)
            _check_window(configuration)
            _check_amounts(configuration)
        else:
            check_published(configuration)
        _check_sampling(configuration)
        _check_searches(configuration)
    elif configuration["problems"] is not None:
        raise InputError("problems: it was given beside `source`; a study has one of them")
    _check_budgets(configuration)
    _check_jobs(configuration["runtime"]["jobs"])


def _check_jobs(jobs: dict) -> None:
    for name, given in jobs.items():
        if name not in STAGES:
            raise InputError(
                f"runtime.jobs.{name}: there is no such stage; there are {', '.join(STAGES)}{nearest(name, STAGES)}"
            )
        if given.get("gpus") and not STAGES[name].gpu:
            raise InputError(f"runtime.jobs.{name}.gpus: {given['gpus']} was given; that stage uses no GPU")


def _check_models(configuration: dict) -> None:
    for name in ("policy", "larger_policy", "prm"):
        if configuration[name]["checkpoint"] is not None:
            raise InputError(
                f"{name}.checkpoint: a published model answers real problems; give `problems`, too"
            )
    for name in ("policy", "larger_policy"):
        model = configuration[name]["model"]
        _divides(f"{name}.model.heads", model["heads"], f"{name}.model.hidden", model["hidden"])
        _divides(f"{name}.model.kv_heads", model["kv_heads"], f"{name}.model.heads", model["heads"])
        first, last = (configuration[name][share] for share in ("first_group", "solutions_first"))
        if first > last:
            raise InputError(
                f"{name}.first_group: {first} was given, and {name}.solutions_first allows at most {last}"
            )


def _check_window(configuration: dict) -> None:
    """The longest sequence of the study, a revision after full earlier answers, has to fit the policy's window."""
    longest = configuration["sampling"]["max_tokens"]
    task = configuration["task"]
    generated = load(task)
    context = max(configuration["revision"]["max_context"], generated.most_attempts(task))
    needed = context * (longest + AGAIN) + generated.longest_prompt(task) + longest
    window = configuration["policy"]["model"]["window"]
    if needed > window:
        raise InputError(
            f"policy.model.window: {window} was given, and {context} earlier answers of sampling.max_tokens = "
            f"{longest} tokens with a question and a revision need {needed}"
        )


def _check_amounts(configuration: dict) -> None:
    task, sampling, revision = (configuration[name] for name in ("task", "sampling", "revision"))
    limits = (
        (
            "sampling.train_problems",
            sampling["train_problems"],
            "task.train_problems",
            task["train_problems"],
        ),
        *(
            (
                f"revision.{name}.train_problems",
                revision[name]["train_problems"],
                "task.train_problems",
                task["train_problems"],
            )
            for name in ("pairs", "verifier", "rest")
        ),
        ("difficulty.bins", configuration["difficulty"]["bins"], "task.test_problems", task["test_problems"]),
    )
    for name, value, limit_name, limit in limits:
        if value > limit:
            raise InputError(f"{name}: {value} was given, and {limit_name} allows at most {limit}")


def _check_sampling(configuration: dict) -> None:
    sampling, revision = configuration["sampling"], configuration["revision"]
    for kind, trained in (
        ("prm", configuration["prm"]["checkpoint"] is None),
        ("orm", configuration["orm"]["use"]),
    ):
        given, limit = configuration[kind]["samples"], sampling["train_samples"]
        if trained and given > limit:
            raise InputError(
                f"{kind}.samples: {given} was given, and sampling.train_samples allows at most {limit}"
            )
    for name, temperature, samples in (
        (
            "sampling.temperature",
            sampling["temperature"],
            max(sampling["samples"], sampling["train_samples"]),
        ),
        ("search.temperature", configuration["search"]["temperature"], 2),
        ("revision.temperature", revision["temperature"], revision["max_generations"]),
        ("revision.pairs.temperature", revision["pairs"]["temperature"], revision["pairs"]["samples"]),
    ):
        if temperature == 0 and samples > 1:
            raise InputError(
                f"{name}: 0 was given; allowed is more, because greedy samples of a problem are all equal"
            )


def _check_searches(configuration: dict) -> None:
    search = configuration["search"]
    seen = set()
    for index, given in enumerate(search["strategies"]):
        where = f"search.strategies.{index}"
        try:
            names = {name for name, _, _ in searches(search | {"strategies": [given]})}
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
        if names & seen:
            raise InputError(f"{where}: the same search is listed twice")
        seen |= names
    for budget in search["larger_budgets"]:
        try:
            LARGER.at(budget)
        except InputError as error:
            raise InputError(f"search.larger_budgets: {error}") from None


def _check_budgets(configuration: dict) -> None:
    evaluation, figures = configuration["evaluation"], configuration["figures"]
    budgets = evaluation["budgets"]
    for where, values in (
        ("evaluation.budgets", budgets or []),
        ("figures.sweep_budgets", figures["sweep_budgets"]),
    ):
        if values != sorted(values):
            raise InputError(f"{where}: {values} was given; allowed are rising numbers")
        for value in values:
            _power_of_two(where, value)
    _power_of_two("figures.ratio_budget", figures["ratio_budget"])
    if configuration["source"] is not None:
        return
    revision = configuration["revision"]
    _power_of_two("revision.max_generations", revision["max_generations"])
    if revision["ratios"] == "paper" and revision["max_generations"] > PAPER_LARGEST:
        given = revision["max_generations"]
        raise InputError(
            f"revision.max_generations: {given} was given; the paper's table of ratios ends at {PAPER_LARGEST}: lower "
            "it or set revision.ratios to all"
        )
    samples, shared = configuration["sampling"]["samples"], configuration["difficulty"]["samples"] == "shared"
    evaluated = samples if shared else samples // 2
    if budgets and budgets[-1] > evaluated:
        limit = "sampling.samples" if shared else f"half of sampling.samples = {samples} (difficulty.samples)"
        raise InputError(
            f"evaluation.budgets: {budgets[-1]} was given, and {limit} allows at most {evaluated}"
        )
    if budgets and (missing := [n for n in figures["sweep_budgets"] if n not in budgets]):
        raise InputError(
            f"figures.sweep_budgets: {missing[0]} was given, and evaluation.budgets does not have it"
        )
    most = revision["max_generations"]
    if revision["use"] and figures["ratio_budget"] > most:
        given = figures["ratio_budget"]
        raise InputError(
            f"figures.ratio_budget: {given} was given; revision.max_generations allows at most {most}"
        )


def _divides(name: str, value: int, of: str, whole: int) -> None:
    if whole % value:
        raise InputError(f"{name}: {value} was given; it has to divide {of}, which is {whole}")


def _power_of_two(where: str, value: int) -> None:
    if value & (value - 1):
        near = 2 ** round(math.log2(value))
        raise InputError(f"{where}: {value} was given; allowed are powers of two; did you mean {near}?")
