"""Plans of studies whose policy is a GGUF file: what is in the key, what is refused, how large it is."""

import json
import os
import shutil

import gguf
import numpy as np
import pytest

from tests.support.workflow_project import Project
from ttc.errors import InputError
from ttc.estimate.published import sizes
from ttc.study.build import plan_study

ANSWERS = {"prm": {"use": False}, "orm": {"use": False}, "revision": {"use": False}}


@pytest.fixture
def root(tmp_path):
    """A copy of the project, with a file of problems and one of a model."""
    folder = Project(tmp_path / "project").folder
    lines = [json.dumps({"question": f"{number} + 1?", "answer": str(number + 1)}) for number in range(8)]
    (folder / "test.jsonl").write_text("\n".join(lines))
    written(folder / "small.gguf")
    return folder


def written(path, seed=0, **metadata):
    writer = gguf.GGUFWriter(path, "llama")
    for name, value in metadata.items():
        writer.add_uint32(f"llama.{name}", value)
    draw = np.random.default_rng(seed)
    writer.add_tensor("token_embd.weight", draw.random((7, 4), np.float32))
    writer.add_tensor("blk.0.ffn_up_exps.weight", draw.random((6, 5, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def planned(root, path="small.gguf", **checkpoint):
    policy = {"checkpoint": {"path": path, "dtype": "float32"} | checkpoint}
    problems = {"test": {"path": "test.jsonl"}, "equality": "text"}
    search = {"strategies": []}
    return plan_study(
        ANSWERS | {"policy": policy, "problems": problems, "search": search, "sampling": {"samples": 4}}, root
    )


def key(plan):
    return plan.of("fetch_model")[0].key


def test_the_key_holds_the_bytes_of_the_file_and_not_its_place(root):
    first = key(planned(root))
    shutil.move(root / "small.gguf", root / "moved.gguf")
    assert key(planned(root, "moved.gguf")) == first
    written(root / "moved.gguf", seed=1)
    os.utime(root / "moved.gguf", ns=(1, 1))
    assert key(planned(root, "moved.gguf")) != first


def test_the_key_holds_the_version_of_what_converts_it(root):
    first, pins = key(planned(root)), root / "envs/cpu.lock.txt"
    pins.write_text(pins.read_text().replace("gguf==", "gguf==9."))
    assert key(planned(root)) != first


def test_a_folder_is_named_without_that_version(root):
    (root / "folder").mkdir()
    assert "gguf" in planned(root).of("fetch_model")[0].spec
    assert "gguf" not in planned(root, "folder").of("fetch_model")[0].spec


def test_a_broken_file_and_one_that_is_not_there_are_told_before_anything_runs(root):
    content = (root / "small.gguf").read_bytes()
    (root / "cut.gguf").write_bytes(content[:90])
    for path, said in (
        ("cut.gguf", "policy.checkpoint.path: cut.gguf: not a whole GGUF file ("),
        ("gone.gguf", "policy.checkpoint.path: there is no file gone.gguf, seen from the project's folder"),
    ):
        with pytest.raises(InputError) as caught:
            planned(root, path)
        assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_its_parameters_are_counted_in_its_header(root):
    plan = planned(root)
    assert list(sizes(plan).values()) == [7 * 4 + 6 * 5 * 4]
    written(root / "small.gguf", expert_count=6, expert_used_count=2)
    plan = planned(root)
    assert list(sizes(plan).values()) == [7 * 4 + 2 * 5 * 4]
    assert list(sizes(plan, all_of_them=True).values()) == [7 * 4 + 6 * 5 * 4]
