"""Tests of the cache of golden artifacts in `tools.stages_lock`."""

from tools import stages_lock

# Stands for `tools.golden`: an artifact that is an absolute link to a file beside it, as a fetched checkpoint is one
GOLDEN = """
import sys
from pathlib import Path

folder = Path(sys.argv[1])
folder.mkdir()
(folder / "given").write_text("weights")
(folder / "artifact").symlink_to(folder / "given")
(folder / "golden.json").write_text("[]")
"""


def tree(tmp_path):
    folder = tmp_path / "0123456789abcdef"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools/golden.py").write_text(GOLDEN)
    return folder


def test_links_to_checkpoints_hold_in_the_cache(tmp_path):
    folder = stages_lock.golden(tree(tmp_path), tmp_path / "cache")
    assert (folder / "artifact").read_text() == "weights"


def test_a_finished_cache_is_used_and_an_unfinished_one_is_made_again(tmp_path):
    commit = tree(tmp_path)
    folder = stages_lock.golden(commit, tmp_path / "cache")
    (folder / "given").write_text("kept")
    assert (stages_lock.golden(commit, tmp_path / "cache") / "artifact").read_text() == "kept"
    (folder / "golden.json").unlink()
    assert (stages_lock.golden(commit, tmp_path / "cache") / "artifact").read_text() == "weights"
