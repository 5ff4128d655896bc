"""What workers of preparation are given: the items of a source in small lots, each with its content."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.data.intake import Content, Job, Unreadable
from diorama.data.prepare_options import PrepareOptions
from diorama.data.sources.base import Item, Source

ITEMS_AT_ONCE = 64
_BYTES_AT_ONCE, _SMALL_BYTES = 8 << 20, 3 << 10


def lots(source: Source, under_way: deque[list[Item]]) -> Iterator[list[Job]]:
    """Items in small lots with their content; the items themselves queue up in ``under_way``."""
    items: list[Item] = []
    jobs: list[Job] = []
    held = 0
    for item in source.items():
        job = _job(item)
        items.append(item)
        jobs.append(job)
        held += _bytes(job.content) + (0 if job.partner is None else _bytes(job.partner.content))
        # Many small items in a lot, so that handing over is little beside decoding; few large ones, for memory.
        if len(jobs) == ITEMS_AT_ONCE or held >= _BYTES_AT_ONCE:
            under_way.append(items)
            yield jobs
            items, jobs, held = [], [], 0
    if jobs:
        under_way.append(items)
        yield jobs


def too_small_for_workers(found: Sequence[Sequence[Job]], options: PrepareOptions) -> bool:
    """Whether items are so small, going by the first of them, that the caller decodes them best.

    Decoding one takes some microseconds without the interpreter's lock, and a thread then waits for the lock, which the
    reading of the next items keeps busy, for longer than that: two threads took a third more time than one.
    """
    sizes = [_bytes(job.content) for lot in found for job in lot]
    return options.workers is None and not options.processes and sum(sizes) <= _SMALL_BYTES * len(sizes)


def _job(item: Item) -> Job:
    partner = None if item.partner is None else _job(item.partner)
    return Job(item.path, item.kind, _content(item), tuple(item.notes), partner)


def _content(item: Item) -> Content:
    try:
        return item.load()
    except BadInput as problem:
        return Unreadable(str(problem))


def _bytes(content: Content) -> int:
    if isinstance(content, bytes):
        return len(content)
    if isinstance(content, Path):
        return content.stat().st_size
    return content.nbytes if isinstance(content, np.ndarray) else 0
