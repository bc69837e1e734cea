"""The card of a study's allocators: what they were fitted on, how good they are, where they must not be used."""

import hashlib

import numpy as np
import polars as pl

from ttc import plugins, strategies
from ttc.evaluation import allocators
from ttc.evaluation.allocator import Rule

FEATURES = {
    "oracle": "the pass rate over a pool of samples, which needs gold answers: for questions whose answers are known",
    "predicted": "the mean final verifier score over a pool of samples, or without a verifier the share of the most "
    "frequent answer; no gold answer",
}
HEAD = """---
library_name: scikit-learn
tags: [test-time-compute, allocation]
---
# Allocators of a study

Rules that name a strategy for a question and a number of generations (the budget), fitted by `ttc` on the questions of
one study and stored by skops in `allocator.skops`; the binned ones also as JSON in `allocator.json`. The study is the
one whose folder this lies in: `config.resolved.yaml` and `manifest.json` there name its models, problems and versions.

```python
import polars as pl
from ttc.evaluation import allocator_files

rule = allocator_files.load("allocator.skops")["{rule}"]
questions = pl.DataFrame({"{feature}": [0.5]})
rule.predict(questions, budget=16)         # the strategy for a question of difficulty .5
rule.predict_values(questions, budget=16)  # expected accuracy of each strategy, in the order of rule.strategies_
```
"""
LIMITS = """## Where they must not be used

- With another policy, verifier, reviser, prompt, temperature or set of strategies than the study's: which strategy is
  best depends on all of them.
- On questions of another kind, or whose difficulty was measured in another way, on fewer samples, or lies outside of
  the range above. Bins are quantiles of these questions: elsewhere they hold other shares.
- Where samples for the difficulty are not there already: **their cost is not in the budget**, and the accuracies above
  are those of questions whose difficulty was known for free.
- Between and beyond the budgets above: the rule then is that of the next smaller budget, or of the smallest.
- As predictions of accuracy without a look at the table `allocator_calibration`: the best of several noisy means is too
  high, and its optimism is measured there.

Intervals are of these questions, these samples and these trained models; another training may differ by more.
"""


def card(
    rules: dict[str, Rule],
    curves: pl.DataFrame,
    told: dict[str, np.ndarray],
    problem_ids: list[str],
    spec: dict,
) -> str:
    """The card as text, the same for equal arguments.

    `rules` by `family/selection/bins/kind`; `curves`, the table; `told`, the difficulty of each question by kind of
    difficulty; spec: seed, folds, repeats, bootstrap, at_most.
    """
    if not rules:
        return HEAD.split("```")[0] + "No strategy could be chosen among: there are no rules.\n"
    names = hashlib.sha256("\n".join(problem_ids).encode()).hexdigest()[:16]
    spent = "at most" if spec["at_most"] else "exactly"
    shown = shown_rule(rules)
    lines = [
        HEAD.replace("{rule}", shown).replace("{feature}", shown.split("/")[2]),
        "## What they were fitted on\n",
        f"- Questions: {len(problem_ids):,}, those of the table `per_question` (SHA-256 of their names, sorted, one "
        f"a line: `{names}…`). A strategy competes at a budget where it spends {spent} that and was measured on every "
        "question.",
        *(
            f"- Feature `{kind}`: {FEATURES[kind]}; {values.min():.3g} to {values.max():.3g} here."
            for kind, values in told.items()
        ),
        "- Kinds: "
        + "; ".join(
            f"`{name}`, {declared['description']}"
            for name, declared in plugins.declarations(allocators.__name__).items()
            if not declared["outcomes"]
        )
        + ".",
        "",
        f"Accuracies are cross-validated: chosen on {spec['folds'] - 1} of {spec['folds']} folds of questions, "
        f"measured on the other, averaged over {spec['repeats']} random splits (seed {spec['seed']}); in brackets "
        f"95 % bootstrap intervals over questions ({spec['bootstrap']:,} resamples). The rules in the files were "
        "fitted on all questions. `oracle` is the best strategy of each question read off its outcomes, luck included: "
        "no rule.",
        "",
    ]
    for family, selection in dict.fromkeys(tuple(name.split("/")[:2]) for name in rules):
        lines += _group(family, selection, rules, curves)
    return "\n".join([*lines, LIMITS])


def shown_rule(rules: dict[str, Rule]) -> str:
    """The name of the rule in examples: one that can be used where no answers are known, if there is one."""
    return min((name for name in rules if "/none/" not in name), key=lambda name: "/predicted/" not in name)


def _group(family: str, selection: str, rules: dict[str, Rule], curves: pl.DataFrame) -> list[str]:
    """The section of one group of strategies: which compete, and a table of accuracies by budget."""
    here = {name: rule for name, rule in rules.items() if name.startswith(f"{family}/{selection}/")}
    competing = next(iter(here.values())).strategies_
    columns = [
        (name, declared["strategy"], kind)
        for name, declared in plugins.declarations(allocators.__name__).items()
        for kind in ("oracle", "predicted", "none")
    ]
    shown = {}
    for name, strategy, kind in columns:
        rows = curves.filter(family=family, selection=selection, strategy=strategy, bins=kind, bin=0)
        if not rows.is_empty():
            heading = f"{name}, {kind}" if kind != "none" else name
            shown[heading] = {row["budget"]: row for row in rows.to_dicts()}
    budgets = sorted({budget for rows in shown.values() for budget in rows})
    table = ["| budget | " + " | ".join(shown) + " |", "|---" * (1 + len(shown)) + "|"]
    for budget in budgets:
        cells = [_accuracy(rows.get(budget)) for rows in shown.values()]
        table.append(f"| {budget} | " + " | ".join(cells) + " |")
    listed = ", ".join(f"`{name}` ({strategies.label(name)})" for name in competing)
    return [
        f"## {family.capitalize()}, {selection}\n",
        f"Rules: {', '.join(f'`{name}`' for name in here)}.\n",
        f"Strategies: {listed}.\n",
        "Accuracy in per cent, by generations for each question:\n",
        *table,
        "",
    ]


def _accuracy(row: dict | None) -> str:
    if row is None:
        return "–"
    return f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
