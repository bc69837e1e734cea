"""What stages that generate share: the engine that a spec asks for, `transformers` or, in its environment, `vllm`."""

import json
from pathlib import Path

from ttc.engines.base import Engine
from ttc.engines.transformers import TransformersEngine, end_tokens
from ttc.forms import Form
from ttc.models.weights import weights_of
from ttc.stages.command import Runtime
from ttc.tasks.text import load_tokenizer


def open_engine(spec: dict, path: Path, form: Form, runtime: Runtime) -> Engine:
    """The engine `spec["engine"]` (transformers without it) on a model directory; it has checked itself."""
    if spec.get("engine", "transformers") == "vllm":
        from ttc.engines.vllm import VllmEngine

        folder = weights_of(path).folder
        config = json.loads((folder / "config.json").read_text())
        stops = form.stops(load_tokenizer(folder), end_tokens(folder, config), str(path))
        engine = VllmEngine(path, stops, runtime.batch_rows, runtime.device)
    else:
        engine = TransformersEngine(path, runtime.batch_rows, runtime.device, form.stops)
    engine.self_check()
    return engine
