"""The report's section on replicates: one value for each seed, both kinds of variation, and no text unescaped."""

import base64

import polars as pl
import pytest

from ttc.figures import style
from ttc.figures.replicates import draw
from ttc.report import verdicts
from ttc.report.replicates import Replicated, section, sentence
from ttc.tables.publication import FINDINGS
from ttc.tables.studies import REPLICATED_FINDINGS, REPLICATES

SEEDS = [0, 7, 9]


def accuracy():
    rows = [
        ("search", strategy, rule, bins, budget, 40, [mean - 0.1, mean, mean + 0.1], mean, 0.1, 0.08, 0.4)
        + (mean - 0.05, mean + 0.05, mean - 0.2, mean + 0.2)
        for strategy, rule, bins in (
            ("majority", "majority", "none"),
            ("beam(width=4)", "best_of_n_weighted", "none"),
            ("compute_optimal", "mixed", "oracle"),
        )
        for budget, mean in ((1, 0.4), (4, 0.5))
    ]
    return REPLICATES.check(pl.DataFrame(rows, schema=REPLICATES.dtypes, orient="row"), "test")


def findings():
    rows = [
        ("a", 1, "t", "votes <help>", "above", 0.0, [0.1, 0.2, -0.3], 0.0, 0.26, -0.6, 0.6)
        + (["reproduced", "reproduced", "opposite"], "undecided"),
        (
            "b",
            2,
            "t",
            "a number",
            "none",
            None,
            [1.0, 1.0, 1.0],
            1.0,
            0.0,
            None,
            None,
            ["measured"] * 3,
            None,
        ),
        ("c", 3, "t", "equal", "above", 0.0, [0.1] * 3, 0.1, 0.0, 0.05, 0.2, ["reproduced"] * 3, "claimed"),
    ]
    return REPLICATED_FINDINGS.check(
        pl.DataFrame(rows, schema=REPLICATED_FINDINGS.dtypes, orient="row"), "test"
    )


@pytest.fixture
def replicated(tmp_path):
    with style.context():
        style.save(style.settle(draw(accuracy(), SEEDS)), tmp_path / "replicates.svg")
    return Replicated(SEEDS, accuracy(), findings(), tmp_path / "replicates.svg")


def test_every_seed_has_its_column_and_the_mean_both_intervals(replicated):
    page = section(replicated)
    for text in ("Seed 0", "Seed 7", "Seed 9", "40.0", "60.0", "[45.0, 55.0]", "[30.0, 70.0]"):
        assert text in page
    assert "reproduced 2×, opposite 1×" in page and "no interval" in page
    assert "votes &lt;help&gt;" in page and "<help>" not in page
    data = base64.b64encode(replicated.figure.read_bytes()).decode()
    assert f'src="data:image/svg+xml;base64,{data}"' in page
    assert "distribution with 2 degrees of freedom" in " ".join(page.split())


def test_the_sentence_counts_claims_with_one_verdict(replicated):
    said = sentence(replicated)
    assert "between trainings is 8.0 points" in said and "leave 6.3 points" in said
    assert "Of 2 claims that several replicates measured, 1 have one verdict" in said


def test_the_figure_is_the_same_twice_and_shows_what_was_measured(tmp_path):
    with style.context():
        twice = [style.encoded(style.settle(draw(accuracy(), SEEDS)), "svg") for _ in range(2)]
        drawn = draw(accuracy(), SEEDS)
    assert twice[0] == twice[1]
    titles = [axis.get_title(loc="left") for axis in drawn.axes]
    assert titles == ["Majority vote", "Compute-optimal search"]
    # A curve for each seed and the mean
    assert [len(axis.get_lines()) for axis in drawn.axes] == [4, 4]


def test_only_one_seed_is_about_these_trained_models():
    card = {"policy": {}}
    assert verdicts.models(card) == "with these trained models"
    assert verdicts.models(card, SEEDS) == "in the first of 3 replicates"
    assert "None" not in verdicts.tested(FINDINGS.empty(), card, SEEDS)
