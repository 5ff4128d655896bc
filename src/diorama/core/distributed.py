"""Several processes as one: started by ``torchrun``, and without effect in a single process.

Floating statistics are averaged with :func:`mean`, decisions agreed on with :func:`agree`. Tensors on GPUs travel
through NCCL and tensors on the CPU through gloo, so that an agreement never waits for the GPU.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

_PATIENCE = timedelta(hours=2)
"""Longest wait for another process: the first one evaluates while the others stand still."""

T = TypeVar("T")


def rank() -> int:
    """This process's place, 0 to ``world_size() - 1``."""
    return dist.get_rank() if _active() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if _active() else 1


def local_rank() -> int:
    """This process's place on its machine, which names its GPU."""
    return int(os.environ.get("LOCAL_RANK") or 0)


def own_device(device: torch.device) -> torch.device:
    """The device of this process: of several CUDA devices that of its place on its machine, made the current one."""
    if device.type == "cuda" and launched():
        device = torch.device("cuda", local_rank())
        torch.cuda.set_device(device)
    return device


def launched() -> bool:
    """Whether ``torchrun`` started several processes."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1


def is_first() -> bool:
    """Whether this is the process that writes files."""
    return rank() == 0


def _active() -> bool:
    return dist.is_available() and dist.is_initialized()


@contextmanager
def session(device: torch.device) -> Iterator[None]:
    """Join the processes that ``torchrun`` started; leave them at the end of the block.

    A group that the caller already made is used as it is.
    """
    joining = launched() and not _active()
    if joining:
        backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=_PATIENCE)
    try:
        yield
    finally:
        if joining:
            dist.destroy_process_group()


@contextmanager
def while_others_wait() -> Iterator[None]:
    """All cores for what one process computes alone: ``torchrun`` gives each process a single thread."""
    before = torch.get_num_threads()
    if launched():
        torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def mean(value: Tensor) -> Tensor:
    """The mean over processes of a floating tensor of the same shape everywhere."""
    return total(value) / world_size() if world_size() > 1 else value


def average(buffers: Sequence[Tensor]) -> None:
    """Replace floating buffers by their means over processes, in one exchange."""
    if not buffers or world_size() == 1:
        return
    means = mean(torch.cat([buffer.detach().flatten() for buffer in buffers]))
    for buffer, part in zip(buffers, means.split([buffer.numel() for buffer in buffers]), strict=True):
        buffer.detach().copy_(part.reshape(buffer.shape))


def total(value: Tensor) -> Tensor:
    """The sum over processes of a tensor of the same shape everywhere."""
    if not _active() or world_size() == 1:
        return value
    added = value.detach().clone()
    dist.all_reduce(added)
    return added


def mesh(device: torch.device) -> DeviceMesh:
    """All processes in a row, over which weights are shared out; each must call it, within :func:`session`."""
    return init_device_mesh(device.type, (world_size(),))


def broadcast(tensors: Iterable[Tensor]) -> None:
    """Give every process the first one's values, in place."""
    if not _active() or world_size() == 1:
        return
    for tensor in tensors:
        # Collectives want dense memory, which channels-last tensors are not in PyTorch's default order.
        dense = tensor.detach().contiguous()
        dist.broadcast(dense, src=0)
        tensor.detach().copy_(dense)


def gather_rows(rows: Tensor) -> Tensor | None:
    """The rows of all processes, the first one's first, in the first process; ``None`` in the others.

    Args:
        rows: (n, d) on the CPU; n may differ from process to process, and a process without rows need not know d.
    """
    if not _active() or world_size() == 1:
        return rows
    shapes = gather(torch.tensor([*rows.shape]))  # (processes, 2)
    longest, width = shapes.amax(0).tolist()
    # Collectives want one shape everywhere, so shorter parts are filled up and cut again.
    sent = rows.new_zeros(longest, width)
    if len(rows):
        sent[: len(rows)] = rows
    parts = [torch.empty_like(sent) for _ in range(world_size())] if is_first() else None
    dist.gather(sent, parts, dst=0)
    if parts is None:
        return None
    return torch.cat([part[:count] for part, count in zip(parts, shapes[:, 0].tolist(), strict=True)])


def gather(value: Tensor) -> Tensor:
    """A CPU tensor of the same shape in every process, stacked: (world_size, *shape), the same everywhere."""
    if not _active() or world_size() == 1:
        return value[None]
    rows = [torch.empty_like(value) for _ in range(world_size())]
    dist.all_gather(rows, value)
    return torch.stack(rows)


def gather_lists(values: list[T]) -> list[T]:
    """The lists of all processes one after another, in the first process; elsewhere its own."""
    if not _active() or world_size() == 1:
        return values
    parts: list[list[T]] = [[] for _ in range(world_size())]
    dist.gather_object(values, parts if is_first() else None)
    return [value for part in parts for value in part] if is_first() else values


def share(value: T) -> T:
    """The first process's value, for every process: text, numbers, lists of them."""
    if not _active() or world_size() == 1:
        return value
    held = [value]
    dist.broadcast_object_list(held, src=0, device=torch.device("cpu"))
    return held[0]


def agree(wish: bool) -> bool:
    """Whether any process wishes it; the same answer everywhere."""
    if not _active() or world_size() == 1:
        return wish
    answer = torch.tensor([int(wish)])
    dist.all_reduce(answer, op=dist.ReduceOp.MAX)
    return bool(answer.item())


def barrier() -> None:
    """Wait until every process is here."""
    agree(False)


def first_before_others(make: Callable[[], T]) -> T:
    """What every process makes for itself, the first before the others, which then find what it left in a cache."""
    if is_first():
        made = make()
        barrier()
        return made
    barrier()
    return make()
