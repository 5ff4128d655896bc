"""Work that two processes do together, in the environment that torchrun gives."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable
from typing import Any

import torch

from diorama.core import distributed


def together(work: Callable[[int], Any], kind: str = "cpu") -> list[Any]:
    """What the work gives in each of two processes, which speak through the CPU, or have a GPU each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    workers = [context.Process(target=_joined, args=(work, rank, port, answers, kind)) for rank in range(2)]
    for worker in workers:
        worker.start()
    found = dict(answers.get(timeout=150) for _ in workers)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return [found[rank] for rank in range(2)]


def _joined(work: Callable[[int], Any], rank: int, port: int, answers: Any, kind: str) -> None:
    os.environ.update(
        WORLD_SIZE="2", RANK=str(rank), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port)
    )
    torch.set_num_threads(1)
    if kind == "cuda":
        torch.cuda.set_device(rank)
    with distributed.session(torch.device(kind)):
        answers.put((rank, work(rank)))
        distributed.barrier()
