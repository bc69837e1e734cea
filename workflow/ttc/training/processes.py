"""One process for each GPU of a training."""

import os
import socket
from collections.abc import Callable

import torch

from ttc.errors import InputError


def own_device(device: torch.device) -> torch.device:
    """The device of this process: where several share a training, each has a GPU of its own."""
    several = device.type == "cuda" and "LOCAL_RANK" in os.environ
    return torch.device("cuda", int(os.environ["LOCAL_RANK"])) if several else device


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return os.environ.get("RANK", "0") == "0"


def wanted(device: torch.device) -> int:
    """Processes for a training on `device`: one for each GPU that is visible; one where a launcher has made them."""
    return torch.cuda.device_count() if device.type == "cuda" and "RANK" not in os.environ else 1


def spread(function: Callable, given: tuple, number: int) -> None:
    """Call `function(*given)` in `number` processes that find each other as those of `torchrun` do.

    With one it is called here.  InputError as the function's own.
    """
    if number == 1:
        function(*given)
        return
    context = torch.multiprocessing.get_context("spawn")
    refused = context.SimpleQueue()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        torch.multiprocessing.spawn(_one, (number, port, refused, function, given), nprocs=number)
    except (torch.multiprocessing.ProcessRaisedException, torch.multiprocessing.ProcessExitedException):
        if refused.empty():
            raise
        raise InputError(refused.get()) from None


def _one(rank: int, number: int, port: int, refused, function: Callable, given: tuple) -> None:
    found = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": number, "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in found.items()} | {"MASTER_ADDR": "127.0.0.1"}
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        function(*given)
    except InputError as error:
        refused.put(str(error))
        raise SystemExit(2) from error
