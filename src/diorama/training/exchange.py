"""Gradients averaged over processes while the backward pass is still running.

A wrapper like DistributedDataParallel cannot serve here: players are frozen and thawed from phase to phase, and
penalties differentiate twice. Hooks on the accumulated gradients see the outer backward pass only, whatever
the loss did inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn

from diorama.core import distributed

_BUCKET_BYTES = 25 * 1024 * 1024
"""Large enough to fill the link, small enough that the first exchange starts early."""


@dataclass
class _Bucket:
    """Parameters whose gradients travel together."""

    parameters: list[nn.Parameter]
    ready: int = 0
    missing: list[int] = field(default_factory=list)
    flat: Tensor | None = None
    work: dist.Work | None = None


class GradientExchange:
    """Averages one player's gradients over all processes; in a single process it does nothing.

    Args:
        parameters: the player's, in the same order in every process.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._armed = False
        self._next = 0
        self._buckets: list[_Bucket] = []
        if distributed.world_size() > 1:
            # Backward passes reach the last parameters first.
            self._buckets = _buckets(list(reversed(parameters)))
            for bucket in self._buckets:
                for parameter in bucket.parameters:
                    parameter.register_post_accumulate_grad_hook(self._count_in(bucket))

    def arm(self) -> None:
        """The next backward pass is the last of the turn: send gradients as they become complete."""
        self._armed, self._next = bool(self._buckets), 0
        for bucket in self._buckets:
            bucket.ready, bucket.missing, bucket.flat, bucket.work = 0, [], None, None

    def finish(self) -> None:
        """Send what is left and put the averages in place of the gradients.

        A parameter without a gradient counts as zero where another process has one, and stays without where none has.
        """
        if not self._armed:
            return
        for bucket in self._buckets[self._next :]:
            self._send(bucket)
        for bucket in self._buckets:
            _receive(bucket)
        self._armed = False

    def _count_in(self, bucket: _Bucket) -> Callable[[Tensor], None]:
        def hook(_: Tensor) -> None:
            bucket.ready += 1
            # In every process the buckets leave in the same order, or the collectives would not match.
            while self._armed and self._next < len(self._buckets):
                first = self._buckets[self._next]
                if first.ready < len(first.parameters):
                    return
                self._send(first)
                self._next += 1

        return hook

    @torch.no_grad()
    def _send(self, bucket: _Bucket) -> None:
        grads = [p.grad for p in bucket.parameters]
        bucket.missing = [i for i, g in enumerate(grads) if g is None]
        parts = [
            (torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(bucket.parameters, grads, strict=True)
        ]
        present = torch.ones(len(grads), dtype=parts[0].dtype, device=parts[0].device)
        present[bucket.missing] = 0
        bucket.flat = torch.cat([*parts, present]).div_(distributed.world_size())
        bucket.work = dist.all_reduce(bucket.flat, async_op=True)


@torch.no_grad()
def _receive(bucket: _Bucket) -> None:
    assert bucket.flat is not None
    assert bucket.work is not None
    bucket.work.wait()
    count = len(bucket.parameters)
    *parts, present = bucket.flat.split([*(p.numel() for p in bucket.parameters), count])
    # Reading the flags waits for the device, which only processes that lack a gradient must do.
    absent = [i for i in bucket.missing if not present[i].item()]
    for i in set(bucket.missing) - set(absent):
        bucket.parameters[i].grad = torch.empty_like(bucket.parameters[i])
    pairs = [(p.grad, flat.view_as(p)) for p, flat in zip(bucket.parameters, parts, strict=True) if p.grad is not None]
    if pairs:
        torch._foreach_copy_([grad for grad, _ in pairs], [mean for _, mean in pairs])
    bucket.flat = bucket.work = None


def _buckets(parameters: Sequence[nn.Parameter]) -> list[_Bucket]:
    """Neighbours of one type and device, together at most a bucket's bytes where they are small enough."""
    buckets: list[_Bucket] = []
    size, kind = 0, None
    for parameter in parameters:
        bytes_, this = parameter.numel() * parameter.element_size(), (parameter.dtype, parameter.device)
        if not buckets or this != kind or size + bytes_ > _BUCKET_BYTES:
            buckets.append(_Bucket([]))
            size, kind = 0, this
        buckets[-1].parameters.append(parameter)
        size += bytes_
    return buckets
