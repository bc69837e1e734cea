"""The benchmarks' frame: ratios, goals, exponents, equality; and that every item runs, in its quick form."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import ROOT
from benchmarks.__main__ import items
from benchmarks.frame import Bench, Skip, exponent
from benchmarks.summary import page, ratios, summarise


def test_ratio_compares_rates_of_one_case():
    bench = Bench("x")
    bench.record("ours", 2.0, 100, "tokens")
    bench.record("baseline", 3.0, 30, "tokens")
    bench.record("ours", 1.0, 7, "tokens", case="other")
    bench.record("ours", 9.0, 1, "tokens", axis="N", size=4)
    assert bench.ratio() == 5.0


@pytest.mark.parametrize(("value", "met"), [(2.9, False), (3.0, True), (5.0, True), (5.1, False)])
def test_goal_has_a_low_and_a_high_end(value, met):
    bench = Bench("x")
    bench.goal("g", value, at_least=3, at_most=5)
    assert bench.goals[0].met is met


def test_exponent_of_a_power_law():
    sizes = [1, 2, 4, 8]
    assert exponent(sizes, [3 * size**1.7 for size in sizes]) == pytest.approx(1.7)
    assert math.isnan(exponent([4, 4], [1, 2]))


def test_different_results_stop_a_comparison():
    bench = Bench("x")
    bench.same("numbers", np.array([1.0, 2.0]), np.array([1.0, 2.0001]), tolerance=1e-3)
    bench.same("words", ["a"], ["a"])
    with pytest.raises(AssertionError, match="numbers"):
        bench.same("numbers", np.array([1.0]), np.array([1.1]), tolerance=1e-3)
    with pytest.raises(AssertionError, match="numbers"):
        bench.same("numbers", np.array([1.0]), np.array([math.nan]), tolerance=1e-3)
    with pytest.raises(AssertionError, match="words"):
        bench.same("words", ["a"], ["b"])
    assert bench.equalities == ["numbers: largest difference 0.0001", "words: equal"]


def test_a_run_is_timed_by_its_fastest_repeat():
    calls = []
    assert Bench("x").time(lambda: calls.append(1), repeats=4) >= 0
    assert len(calls) == 5  # one warms up


def test_skip_carries_its_reason():
    with pytest.raises(Skip, match="no model"):
        Bench("x").skip("no model")


def test_page_and_chart_are_made_from_the_records(tmp_path):
    bench = Bench("toy")
    bench.record("ours", 1.0, 60, "tokens", peak_mib=12)
    bench.record("baseline", 1.0, 20, "tokens", note="batch 64")
    for size in (1, 2, 4):
        bench.record("ours", size**2, 1, "tokens", axis="length", size=size)
    bench.goal("rate", bench.ratio(), at_least=4)
    bench.same("tokens", 1, 1)
    (tmp_path / "toy.json").write_text(bench.as_json("toy title", "goal"))
    table, chart = summarise(tmp_path)
    text = table.read_text()
    assert "| toy title | rate | 3 | ≥ 4 | **no** |" in text
    assert "| toy title | ours | length | 1, 2, 4 | 1, 4, 16 | 2.00 |" in text
    assert "- toy title: tokens: equal" in text
    assert chart.stat().st_size > 1000


def test_ratio_needs_both_sides():
    bench = Bench("toy")
    bench.record("ours", 1.0, 60, "tokens")
    found = [json.loads(bench.as_json("toy", "")) | {"records": bench.records}]
    assert ratios(found) == []
    assert "toy" in page(found, "chart.png")


@pytest.mark.parametrize("item", items())
def test_every_item_runs(item, tmp_path):
    """In its quick form, on random tiny models: it finishes, and its own equality checks hold."""
    command = [sys.executable, "-m", "benchmarks", item, "--here", "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    name = item.removeprefix("bench_")
    if f"{name}: left out" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert json.loads((tmp_path / f"{name}.json").read_text())["records"]
