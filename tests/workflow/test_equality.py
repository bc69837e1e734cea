"""The equality matrix on a study in miniature: every stage, run in every way, gives the same results."""

import dataclasses

import equality_matrix
import preloaded

STUDY = equality_matrix.ROOT / "tests/small_study.yaml"


def test_every_way_to_run_a_study_gives_the_same_results(tmp_path):
    killed = ("train_policy", "search")  # fewer than in the whole matrix: each costs two starts of Snakemake
    ways = [
        dataclasses.replace(way, killed_in=killed if way.killed_in else ()) for way in equality_matrix.WAYS
    ]
    with preloaded.environment(tmp_path) as environment:
        results = equality_matrix.matrix(tmp_path, [STUDY], ways, 0.1, environment)
    assert equality_matrix.failed(results) == [], [each.differences for each in results]
    first, again, smaller, larger = results
    assert again.same_bytes
    assert smaller.artifacts > first.artifacts > larger.artifacts
    assert (again.batch_rows, smaller.kills) == (first.batch_rows // 4, len(killed))
