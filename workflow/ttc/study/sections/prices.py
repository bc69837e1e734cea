"""Prices of the models of a study: where they are said, and whether they fit."""

from typing import Any

from ttc.errors import InputError
from ttc.study.sections.served import Price

Priced = dict[str, tuple[str, Price]]  # by the section of a model: the key that says its price, and the price


def of_pools(pools: dict[str, Any]) -> Priced:
    """Prices of pools (`ttc.study.sections.pools.Pool` by name) that somebody else sampled."""
    named = {f"source.pools.{name}": pool for name, pool in pools.items()}
    return {name: (name, pool.price) for name, pool in named.items() if pool.price is not None}


def of_models(policies: dict[str, Any], verifier: Any) -> Priced:
    """Prices of policies (`ttc.study.sections.models.Policy`) by section, and of a verifier's checkpoint, if any."""
    said = [
        (name, key, getattr(each, key)) for name, each in policies.items() for key in ("checkpoint", "served")
    ]
    said += [("prm", "checkpoint", verifier), ("prm", "checkpoint.served", verifier and verifier.served)]
    return {
        name: (f"{name}.{key}", model.price)
        for name, key, model in said
        if model is not None and model.price is not None
    }


def check_currencies(priced: Priced) -> None:
    """InputError for several currencies: what different models cost is added up."""
    first: tuple[str, Price] | None = None
    for place, price in priced.values():
        first = first or (place, price)
        if price.currency != first[1].currency:
            raise InputError(
                f"{place}.price.currency: {price.currency} was given, and {first[0]}.price.currency is "
                f"{first[1].currency}; all prices of a study are in one currency"
            )
