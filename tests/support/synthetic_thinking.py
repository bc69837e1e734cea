"""Tables of budgets of thought, for `synthetic_ablations`.  Nothing here is measured on a model."""

import polars as pl

from ttc.tables.thinking import THINKING, THINKING_CURVES

BUDGETS, SAMPLES = (64, 256, 1024), (1, 2, 4, 8)
QUESTIONS = 12


def tables() -> dict[str, pl.DataFrame]:
    """The tables `thinking` and `thinking_curves`: more thought and more samples are each worth something."""
    surface = [_place(budget, size) for budget in BUDGETS for size in SAMPLES]
    surface += [
        _place(BUDGETS[-1], size, shortest) for shortest in (1, 3) for size in SAMPLES if size >= shortest
    ]
    curves = [
        _curve(strategy, bins, budget, gain + place / 20)
        for strategy, bins, gain in (
            ("best_fixed", "none", 0.4),
            ("compute_optimal", "predicted", 0.43),
            ("compute_optimal", "oracle", 0.46),
        )
        for place, budget in enumerate((512, 1024, 2048, 4096))
    ]
    return {
        table.name: table.check(pl.DataFrame(rows), "t")
        for table, rows in ((THINKING, surface), (THINKING_CURVES, curves))
    }


def _place(budget: int, size: int, shortest: int = 0) -> dict:
    stopped = 0.7 if shortest else 1.0
    accuracy = 0.2 + BUDGETS.index(budget) / 10 + SAMPLES.index(size) / 20 + shortest / 50
    return {
        "thinking": budget,
        "selection": "majority",
        "shortest": shortest,
        "samples": size,
        "mc_error": 0.001,
        "tokens": stopped * size * (0.6 * budget + 20),
        "thinking_tokens": stopped * size * 0.6 * budget,
        "verifier_tokens": 0.0,
        "forced": 0.5,
        "questions": QUESTIONS,
    } | _ends(accuracy)


def _curve(strategy: str, bins: str, budget: int, accuracy: float) -> dict:
    return {
        "family": "search",
        "strategy": strategy,
        "selection": "mixed",
        "bins": bins,
        "bin": 0,
        "budget": budget,
        "problems": QUESTIONS,
    } | _ends(accuracy)


def _ends(accuracy: float) -> dict:
    return {"accuracy": accuracy, "low": accuracy - 0.1, "high": accuracy + 0.1}
