"""Processes of a test's own, which have imported PyTorch and Diorama before they begin.

Importing takes seconds, and what a test has them do a fraction of one: where the system can fork, one process imports
for all that a test run starts, and each begins as its copy.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Any

import torch

from diorama.core import distributed


def _context() -> ForkServerContext | SpawnContext:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # What is not found here is imported by every process on its own.
    context.set_forkserver_preload(["diorama.training.run", "diorama.evaluation.run", "torch._dynamo"])
    return context


PROCESSES = _context()


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Worker:
    """A process that was started, and where it tells why it ended early."""

    process: BaseProcess
    errors: Connection

    def ended(self, timeout: float = 200) -> int:
        """Wait for its end; its exit code.

        Raises:
            TimeoutError: it is still at work after so many seconds, and was killed.
        """
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.kill()
            raise TimeoutError(f"process {self.process.pid} is at work after {timeout} seconds")
        return self.process.exitcode

    def kill(self) -> None:
        """End it as the system kills."""
        self.process.kill()
        self.process.join()

    def told(self) -> str:
        """The traceback that it left, or nothing."""
        with suppress(EOFError):
            return str(self.errors.recv())
        return ""


def launch(processes: int, work: Callable[..., None], *arguments: Any) -> list[Worker]:
    """Start processes that do the same work in the environment that torchrun gives."""
    port, threads, workers = free_port(), torch.get_num_threads(), []
    for rank in range(processes):
        errors, sender = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=_begin, args=(rank, processes, port, threads, sender, work, arguments))
        process.start()
        # The child's copy is the only one, so that its end is seen.
        sender.close()
        workers.append(Worker(process, errors))
    return workers


def _begin(
    rank: int, processes: int, port: int, threads: int, errors: Connection, work: Callable[..., None], given: Any
) -> None:
    _take_place(rank, processes, port)
    torch.set_num_threads(threads)
    try:
        work(*given)
    except BaseException:
        errors.send(traceback.format_exc())
        raise


def together(work: Callable[[int], Any], kind: str = "cpu") -> list[Any]:
    """What the work gives in each of two processes, which speak through the CPU, or have a GPU each."""
    port, answers = free_port(), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=_join, args=(work, rank, port, answers, kind)) for rank in range(2)]
    for worker in workers:
        worker.start()
    found = dict(answers.get(timeout=200) for _ in workers)
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    return [found[rank] for rank in range(2)]


def _join(work: Callable[[int], Any], rank: int, port: int, answers: Any, kind: str) -> None:
    _take_place(rank, 2, port)
    torch.set_num_threads(1)
    if kind == "cuda":
        torch.cuda.set_device(rank)
    with distributed.session(torch.device(kind)):
        answers.put((rank, work(rank)))
        distributed.barrier()
    assert distributed.world_size() == 1


def _take_place(rank: int, processes: int, port: int) -> None:
    place = {"WORLD_SIZE": str(processes), "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ.update(place, MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
