"""vLLM's own environment, and in it a real server on loopback, for as long as a block of code runs."""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ttc.study.build import ROOT

SETTINGS = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "HF_HUB_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
}


def interpreter() -> Path | None:
    """That of vLLM's environment: the one that TTC_VLLM_PYTHON names, or that of `make vllm` once it is whole."""
    if named := os.environ.get("TTC_VLLM_PYTHON"):
        return Path(named)
    environment = ROOT / ".venv-vllm"
    return environment / "bin/python" if (environment / ".ready").is_file() else None


@contextmanager
def serving(
    python: str | Path,
    model: Path,
    name: str,
    log: Path,
    window: int,
    memory: int,
    more: tuple[str, ...] = (),
) -> Iterator[str]:
    """The address of a server that has `model` under `name`; its window in tokens, its cache of keys in MiB.

    python: the interpreter of vLLM's environment.  more: further arguments.  Stops with the end of the server's log if
    it does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", model, "--dtype", "float32"]
    command += ["--served-model-name", name, "--host", "127.0.0.1", "--port", port, "--enforce-eager"]
    command += ["--max-model-len", window, "--kv-cache-memory-bytes", memory << 20]
    command += ["--no-enable-chunked-prefill", "--max-num-batched-tokens", "4096", *more]
    with log.open("wb") as file:
        server = subprocess.Popen(
            list(map(str, command)), env=os.environ | SETTINGS, stdout=file, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}/v1"
        while not _answers(f"{url}/models"):
            if server.poll() is not None:
                said = log.read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"vLLM's server has ended: {said[-4000:]}")
            time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as response:
            return response.status == 200
    except OSError:
        return False
