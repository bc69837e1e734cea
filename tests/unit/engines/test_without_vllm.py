"""Where there is no vLLM, what needs it says so in one sentence and everything else is as it was."""

from importlib.util import find_spec

import pytest
import torch

from tests.support.published import KINDS, checkpoint
from ttc.engines import vllm_settings
from ttc.engines.backends.vllm import VllmEngine
from ttc.engines.vllm_settings import (
    EVERYWHERE,
    GPU_SHARE,
    LEAST_KEPT,
    ON_CPU,
    WORKSPACE,
    beside,
    gpus,
    head_size,
    row_bytes,
    share_beside,
)
from ttc.errors import InputError
from ttc.problems.stops import Stops
from ttc.verifiers.load import load

QWEN = {"hidden_size": 1536, "num_attention_heads": 12, "num_key_value_heads": 2, "num_hidden_layers": 28}


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed here")
@pytest.mark.parametrize("kind", KINDS)
def test_one_sentence_says_how_its_environment_is_made(kind, tmp_path, monkeypatch):
    for name in EVERYWHERE | ON_CPU:
        monkeypatch.setenv(name, "")  # what is set for vLLM is taken back
    folder = checkpoint(tmp_path / "model", kind)
    message = r"vLLM cannot be imported \(No module named 'vllm'\).*`make vllm` makes it in .venv-vllm"
    with pytest.raises(InputError, match=message):
        VllmEngine(folder, Stops((2,), (9,)), 8, "cpu")
    with pytest.raises(InputError, match=message):
        load(kind, folder, device="cpu", engine="vllm")


def test_sizes():
    assert head_size(QWEN) == 128
    assert head_size(QWEN | {"head_dim": 64}) == 64
    assert row_bytes(QWEN, "bfloat16") == 2 * 28 * 2 * 128 * 2


def test_heads_are_split_over_all_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert gpus("model", QWEN) == 4
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    with pytest.raises(InputError, match="its 12 attention heads cannot be split over the 8 GPUs"):
        gpus("model", QWEN)


def test_an_engine_leaves_a_verifier_its_share_of_the_gpu(tmp_path):
    for number in range(2):  # sparse files: they take no room
        with (tmp_path / f"model-{number}.safetensors").open("wb") as file:
            file.truncate(8 << 30)
    for total in (80 << 30, 40 << 30):
        share = share_beside(tmp_path, total)
        assert share == pytest.approx(GPU_SHARE - (16 * 2**30 + WORKSPACE) / total, abs=1e-3)
        kept = share_beside(tmp_path, total, kept=4 << 30)
        assert share - kept == pytest.approx(4 * 2**30 / total, abs=1e-3)
    with pytest.raises(InputError, match="the GPU's 24 GiB leave no room for a policy in vLLM"):
        share_beside(tmp_path, 24 << 30)


def test_a_verifier_takes_what_the_engine_beside_it_leaves(tmp_path, monkeypatch):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(16 << 30)
    assert beside(tmp_path, "cpu", 4 << 30) == {}
    monkeypatch.setattr(vllm_settings, "resolve_device", torch.device)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (70 << 30, 80 << 30))
    made = beside(tmp_path, "cuda", 4 << 30)
    assert made["kept"] == 4 << 30
    assert made["share"] + share_beside(tmp_path, 80 << 30, 4 << 30) == pytest.approx(GPU_SHARE, abs=2e-3)
    assert beside(tmp_path, "cuda", 0)["kept"] == LEAST_KEPT
    with pytest.raises(
        InputError, match=r"takes 86 GiB, and the GPU has 80; lower runtime.verifier_memory or use"
    ):
        beside(tmp_path, "cuda", 64 << 30)
