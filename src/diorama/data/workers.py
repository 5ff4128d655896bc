"""Work on several items at once, with results in the order of the items and bounded memory."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TypeVar

import torch

Job = TypeVar("Job")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Job], Result], jobs: Iterable[Job], *, workers: int, processes: bool = False
) -> Iterator[Result]:
    """``work(job)`` of every job, in the order of the jobs, with at most a few jobs under way.

    Args:
        work: for processes, a function that can be sent to another one.
        jobs: taken one by one, as there is room.
        workers: threads or processes; 0 works in the caller's own thread.
        processes: start processes, by spawn, rather than threads; the calling script then needs the usual
            ``if __name__ == "__main__":``.
    """
    if workers == 0:
        yield from map(work, jobs)
        return
    threads = torch.get_num_threads()
    executor = _executor(workers, processes)
    under_way: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            under_way.append(executor.submit(work, job))
            # One result waits for the caller and one job for the first free worker: more would only take memory.
            if len(under_way) > workers + 1:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(threads)


def _executor(workers: int, processes: bool) -> Executor:
    """Workers that leave PyTorch one thread each: threads of threads would only stand in one another's way."""
    if processes:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, mp_context=spawn, initializer=torch.set_num_threads, initargs=(1,))
    return ThreadPoolExecutor(workers, "diorama-prepare", torch.set_num_threads, (1,))
