"""What stages that generate share: the engine that a spec asks for, `transformers` or, in its environment, `vllm`."""

import json
from pathlib import Path

from ttc.engines.protocol import Engine
from ttc.engines.transformers import TransformersEngine, end_tokens
from ttc.models.directory import resolve_device
from ttc.models.weights import weights_of
from ttc.problems.formats import Form
from ttc.problems.text import load_tokenizer
from ttc.runtime import Runtime


def open_engine(
    spec: dict, path: Path, form: Form, runtime: Runtime, engines: int = 1, verifier: Path | None = None
) -> Engine:
    """The engine `spec["engine"]` (transformers without it) on a model directory; it has checked itself.

    engines: how many of them this process opens in all; verifier: the directory of the one that it opens besides.
    vLLM takes a GPU's memory when it starts, and has to leave them theirs.
    """
    if spec.get("engine", "transformers") == "vllm":
        from ttc.engines.vllm import VllmEngine

        folder = weights_of(path).folder
        config = json.loads((folder / "config.json").read_text())
        stops = form.stops(load_tokenizer(folder), end_tokens(folder, config), str(path))
        share = _share(verifier, runtime.device) / engines
        engine = VllmEngine(path, stops, runtime.batch_rows, runtime.device, share)
    else:
        engine = TransformersEngine(path, runtime.batch_rows, runtime.device, form.stops)
    engine.self_check()
    return engine


def _share(verifier: Path | None, device: str) -> float:
    from ttc.engines.vllm_settings import GPU_SHARE, share_beside

    if verifier is None or resolve_device(device).type == "cpu":
        return GPU_SHARE
    import torch

    return share_beside(weights_of(verifier).folder, torch.cuda.mem_get_info()[1])
