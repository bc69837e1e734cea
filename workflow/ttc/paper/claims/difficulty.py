"""Difficulty and its bins (paper §3.2)."""

from functools import partial

import numpy as np

from ttc.evaluation.difficulty import assign_bins
from ttc.paper.claim import Claim, Measure, Settings, ours
from ttc.paper.resampling import SHARES, draws, mean
from ttc.tables.study import NotMeasured, Study


def pass_at_1(study: Study, settings: Settings, first: bool) -> Measure:
    """Mean pass rate of the questions of the easiest (`first`) or hardest oracle bin."""
    index = study.bins("oracle")[0 if first else -1]
    table = study.table("difficulty").sort("problem_id")
    drawn = draws(study, settings, table["problem_id"].to_list(), [index])
    detail = f"mean pass rate, oracle bin {index}"
    return mean(table["oracle"].to_numpy(), settings, detail, "pass_at_1", index, ends=SHARES, drawn=drawn)


def uneven(study: Study, settings: Settings, kind: str) -> Measure:
    """Largest deviation of a bin's size from an equal share, where questions of equal difficulty share a bin."""
    table = study.table("difficulty")
    count = len(study.bins(kind))
    values = table[kind].to_numpy()
    sizes = np.bincount(
        assign_bins(values, table["problem_id"].to_list(), count, "together"), minlength=count + 1
    )[1:]
    used = [int((table[f"{kind}_bin"] == index).sum()) for index in range(1, count + 1)]
    share = len(table) / count
    detail = (
        f"{kind} bins with ties together hold {', '.join(map(str, sizes))} questions, easiest first; the bins of "
        f"this study hold {', '.join(map(str, used))}; a count, without interval"
    )
    return Measure(float(np.abs(sizes - share).max() / share), None, None, detail)


def agreement(study: Study, settings: Settings) -> Measure:
    """Share of questions whose predicted bin is their oracle bin."""
    table = study.table("difficulty").sort("problem_id")
    if table["predicted_bin"].null_count():
        raise NotMeasured("the study has no predicted difficulty")
    same = (table["predicted_bin"] == table["oracle_bin"]).to_numpy()
    detail = "share of questions whose predicted bin is their oracle bin"
    return mean(same, settings, detail, "agreement", ends=SHARES)


TOPIC = "1 Difficulty"
CLAIMS = (
    ours(
        "pass_easiest",
        "Pass@1 in the easiest bin",
        "claims by bin need questions that one solution nearly always gets right",
        partial(pass_at_1, first=True),
        "difficulty",
    ),
    ours(
        "pass_hardest",
        "Pass@1 in the hardest bin",
        "claims by bin need questions that one solution nearly never gets right",
        partial(pass_at_1, first=False),
        "difficulty",
    ),
    Claim(
        "uneven_oracle_bins",
        "Equal pass rates make oracle bins uneven: largest deviation from an equal share",
        "oracle bins of 100, 100, 100, 105 and 95 test questions, because ties are not split († appendix): 5 %",
        partial(uneven, kind="oracle"),
        "difficulty",
        side="none",
    ),
    Claim(
        "even_predicted_bins",
        "Predicted bins are even: largest deviation from an equal share",
        "predicted bins of 100 test questions each († appendix): 0 %",
        partial(uneven, kind="predicted"),
        "difficulty",
        side="none",
    ),
    ours(
        "bins_agree",
        "Share of questions whose predicted bin is their oracle bin",
        "says how far difficulty can be predicted without gold answers",
        agreement,
        "difficulty",
    ),
)
