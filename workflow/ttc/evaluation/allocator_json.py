"""Binned allocators as JSON: rules that can be read without this package, and come back as they were.

The file is one object: `schema` and `version` say what it is, `rules` holds a rule by name.  A rule is a table to look
up: the first of its `cuts` (falling) that the question's `feature` is not below says the row of `bins`, the last row if
there is none; the largest of `budgets` that is not above the budget says the column of `choices`.  `all` is the row for
questions of unknown difficulty.  `means` and `costs` (rows as in `choices`, the first is `all`; then by strategy, then
by budget) are mean outcomes and tokens on the questions that the rule was fitted on; null = not considered, unknown.
Without `cuts` the feature is the bin itself.
"""

import numpy as np

from ttc.evaluation.allocators.best_fixed import BestFixedAllocator
from ttc.evaluation.allocators.binned import BinnedAllocator
from ttc.evaluation.json_text import built, readable

SCHEMA, VERSION = "ttc.allocator", 1
KINDS = {"binned": BinnedAllocator, "best_fixed": BestFixedAllocator}


def dumps(rules: dict[str, BinnedAllocator]) -> str:
    """Fitted rules by name as JSON text.  Equal rules give equal text."""
    described = {name: _described(rule) for name, rule in rules.items()}
    content = {"schema": SCHEMA, "version": VERSION, "rules": described}
    return readable(content)


def loads(text: str) -> dict[str, BinnedAllocator]:
    """The fitted rules that `dumps` wrote: they predict the same, to the last bit.

    Raises InputError where the text is not such JSON, or of a version that is not known here.
    """
    return built(
        text,
        SCHEMA,
        VERSION,
        "allocators",
        lambda given: {name: _fitted(rule) for name, rule in given["rules"].items()},
    )


def _described(rule: BinnedAllocator) -> dict:
    kind = next(name for name, each in KINDS.items() if type(rule) is each)
    names = getattr(rule, "feature_names_in_", None)
    chosen = rule.strategies_[rule.choices_].tolist()
    return {
        "kind": kind,
        "parameters": {name: _plain(value) for name, value in rule.get_params().items()},
        "features": rule.n_features_in_ if names is None else names.tolist(),
        "feature": rule.feature,
        "cuts": None if rule.cuts_ is None else rule.cuts_.tolist(),
        "bins": [int(label) if label.is_integer() else label for label in rule.labels_.tolist()],
        "budgets": rule.budgets_.tolist(),
        "strategies": rule.strategies_.tolist(),
        "all": chosen[0],
        "choices": chosen[1:],
        "means": _known(rule.means_),
        "costs": _known(rule.costs_),
    }


def _fitted(described: dict) -> BinnedAllocator:
    rule = KINDS[described["kind"]](**described["parameters"])
    features = described["features"]
    if isinstance(features, list):
        rule.feature_names_in_ = np.array(features, dtype=object)
    rule.n_features_in_ = len(features) if isinstance(features, list) else features
    rule.cuts_ = None if described["cuts"] is None else np.array(described["cuts"], dtype=np.float64)
    rule.labels_ = np.array(described["bins"], dtype=np.float64)
    rule.budgets_ = np.array(described["budgets"], dtype=np.int64)
    rule.strategies_ = np.array(described["strategies"])
    shape = (1 + len(rule.labels_), len(rule.strategies_), len(rule.budgets_))
    rule.means_, rule.costs_ = (
        np.array(described[name], dtype=np.float64).reshape(shape) for name in ("means", "costs")
    )
    rule.choices_ = rule.chosen()
    if rule.strategies_[rule.choices_].tolist() != [described["all"], *described["choices"]]:
        raise ValueError("its choices are not the best of its means")
    return rule


def _known(values: np.ndarray) -> list:
    """Nested lists, NaN as None."""
    return np.where(np.isnan(values), None, values.astype(object)).tolist()


def _plain(value):
    return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic | list | tuple) else value
