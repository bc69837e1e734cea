"""Stages of a test study without their start-up: jobs run in forks of a process that has the libraries loaded.

Importing torch and transformers takes a job seconds, and a study in miniature has forty jobs.  `serve` is a process
that imports them once.  `environment` makes `python` in the jobs' shell a function that hands arguments, folder,
variables and outputs to it; each job is then a fork, ends with the stage's exit status, and dies with its caller.
"""

import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from ttc.run.threads import thread_variables

LIBRARIES = (  # without polars, which starts a thread
    "seaborn",
    "skops.io",
    "torch.optim",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.llama.modeling_llama",
    "transformers.models.qwen2.modeling_qwen2",
    "transformers.models.qwen3.modeling_qwen3",
)
CLIENT = """
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
order = json.dumps([sys.argv[2:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(order).to_bytes(8, "big")], [1, 2])
server.sendall(order)
sys.exit(int(server.recv(8) or b"1"))
"""


@contextmanager
def environment(folder: Path):
    """Environment variables under which the jobs of a Snakemake run are forks; their server ends with the block."""
    address, client, functions = folder / "server", folder / "client.py", folder / "functions.sh"
    client.write_text(CLIENT)
    functions.write_text(f'python() {{ "{sys.executable}" -S -E "{client}" "{address}" "$@"; }}\n')
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.preloaded", str(address)],
        cwd=Path(__file__).parents[2],
        env=os.environ | thread_variables(1),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        if server.stdout.readline() != "ready\n":
            raise RuntimeError("the server of preloaded jobs did not start")
        yield {"BASH_ENV": str(functions)}
    finally:
        server.kill()
        server.wait()


def serve(address: str) -> None:
    """Load the libraries and fork for every order, until killed."""
    for name in LIBRARIES:
        importlib.import_module(name)
    conversions = importlib.import_module("transformers.conversion_mapping")
    conversions.get_checkpoint_conversion_mapping("llama")  # compiles a thousand expressions, and keeps them
    threads = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    # A fork has one thread only; of the others jemalloc alone minds its own.
    assert len([name for name in threads if not name.startswith("jemalloc")]) == 1, threads
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    print("ready", flush=True)
    while True:
        caller, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run(caller)
        caller.close()


def _run(caller: socket.socket) -> None:
    """In a fork: run `-m MODULE ARGUMENTS` as the caller would have, and tell it the exit status."""
    size, outputs, *_ = socket.recv_fds(caller, 8, 2)
    order = b""
    while not size or len(order) < int.from_bytes(size, "big"):
        more = caller.recv(1 << 16)
        if not more:  # the caller was killed before it had said what it wants
            os._exit(1)
        order += more
    arguments, folder, variables = json.loads(order)
    for number, output in enumerate(outputs, start=1):
        os.dup2(output, number)
        os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.path[:0] = variables["PYTHONPATH"].split(os.pathsep)
    sys.argv = arguments[1:]
    threading.Thread(target=_die_with, args=(caller,), daemon=True).start()
    status = 0
    try:
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    except SystemExit as stop:
        status = stop.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    caller.sendall(str(status).encode())
    os._exit(status)


def _die_with(caller: socket.socket) -> None:
    caller.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve(sys.argv[1])
