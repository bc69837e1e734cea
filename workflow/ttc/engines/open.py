"""The engine that a stage's specification asks for."""

from pathlib import Path

from ttc import plugins
from ttc.engines import backends
from ttc.engines.protocol import Engine
from ttc.problems.formats import Form
from ttc.runtime import Runtime


def open_engine(
    spec: dict, path: Path, form: Form, runtime: Runtime, engines: int = 1, verifier: Path | None = None
) -> Engine:
    """The engine `spec["engine"]` (without it the usual one) on a model directory; it has checked itself.

    engines: how many of them this process opens in all; verifier: the directory of one that it opens as well.  An
    engine that takes a GPU's memory when it starts has to leave them their share.
    """
    name = spec.get("engine", backends.DEFAULT)
    engine = plugins.load(backends.__name__, name).open_engine(path, form, runtime, engines, verifier)
    engine.self_check()
    engine.top = spec.get("confidence", {}).get("top", 0)
    return engine
