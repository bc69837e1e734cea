"""The engine that a stage's specification asks for."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from ttc import plugins
from ttc.engines import backends
from ttc.engines.protocol import Engine
from ttc.errors import InputError
from ttc.problems.formats import Form
from ttc.runtime import Runtime


def sampler(spec: dict) -> Callable | None:
    """`sample` of an engine that asks for whole solutions elsewhere (`ttc.engines.backends.openai`), or None."""
    return getattr(_module(spec), "sample", None)


def is_elsewhere(spec: dict) -> bool:
    """Whether the engine asks for whole solutions elsewhere, so that no model is opened here."""
    return sampler(spec) is not None


def open_engine(
    spec: dict, path: Path, form: Form, runtime: Runtime, engines: int = 1, verifier: Path | None = None
) -> Engine:
    """The engine `spec["engine"]` (without it the usual one) on a model directory; it has checked itself.

    engines: how many of them this process opens in all; verifier: the directory of one that it opens as well.  An
    engine that takes a GPU's memory when it starts has to leave them their share.
    """
    module = _module(spec)
    if not hasattr(module, "open_engine"):
        raise InputError(
            f"engine {spec['engine']} asks a server for whole solutions, and this needs one that continues prefixes"
        )
    engine = module.open_engine(path, form, runtime, engines, verifier)
    engine.self_check()
    engine.top = spec.get("confidence", {}).get("top", 0)
    return engine


def _module(spec: dict) -> ModuleType:
    return plugins.load(backends.__name__, spec.get("engine", backends.DEFAULT))
