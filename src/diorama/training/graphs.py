"""CUDA graphs: a network's passes recorded once and replayed, so that the processor does not hold the GPU up.

A U-Net's training step launches some two thousand kernels, which takes the processor longer than an H100 needs to run
them at the batch sizes of papers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from diorama.core import distributed
from diorama.methods.base import Method


def record_networks(method: Method, device: torch.device, *, micro_batches: int) -> bool:
    """Have the method's networks recorded at their first training call, where that is safe.

    It is on one CUDA device, for methods of a single first-order phase whose player owns whole networks, with one
    micro-batch a step: a replayed backward pass writes its gradients where it wrote them before, so they cannot be
    accumulated.

    Args:
        method: on the device.
        device: where it is trained.
        micro_batches: of one step.

    Returns:
        Whether anything will be recorded.
    """
    phases = method.phases()
    single = len(phases) == 1 and not phases[0].second_order and micro_batches == 1
    if device.type != "cuda" or not single or distributed.world_size() > 1:
        return False
    moved = {id(p) for p in method.players()[phases[0].player]}
    networks = [n for n in method.children() if _is_moved(n, moved)]
    for network in networks:
        network.forward = Recorded(network)
    return bool(networks)


def _is_moved(network: nn.Module, moved: set[int]) -> bool:
    parameters = list(network.parameters())
    return bool(parameters) and all(id(p) in moved for p in parameters)


class Recorded:
    """Stands in for a network's ``forward``: replays what it recorded at its first training call.

    Calls with other shapes, or without gradients, go to the network itself.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.plain: Callable[..., Tensor] = network.forward
        self.replay: Callable[..., Tensor] | None = None
        self.signature: tuple[tuple[torch.Size, torch.dtype], ...] = ()

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        given = tuple(x for x in inputs if x is not None)
        trains = self.network.training and torch.is_grad_enabled() and not any(x.requires_grad for x in given)
        if not trains or any(x is None for x in inputs[: len(given)]):
            return self.plain(*inputs)
        signature = tuple((x.shape, x.dtype) for x in given)
        with _uncached_autocast():
            if self.replay is None:
                self.replay, self.signature = self._record(given), signature
            if signature == self.signature:
                return self.replay(*given)
        return self.plain(*inputs)

    def _record(self, inputs: tuple[Tensor, ...]) -> Callable[..., Tensor]:
        network, state = self.network, torch.cuda.get_rng_state(inputs[0].device)
        statistics = [buffer.clone() for buffer in network.buffers()]
        network.forward = self.plain
        torch.cuda.make_graphed_callables(network, tuple(x.detach().clone() for x in inputs))
        replay = network.forward
        network.forward = self
        # The trial passes drew random numbers and moved running statistics; a resumed run, which records anew, must
        # not differ from an uninterrupted one by them.
        torch.cuda.set_rng_state(state, inputs[0].device)
        with torch.no_grad():
            for buffer, before in zip(network.buffers(), statistics, strict=True):
                buffer.copy_(before)
        return replay


@contextmanager
def _uncached_autocast() -> Iterator[None]:
    """Autocast as it stands, without keeping cast weights: a recording must cast them anew at every replay."""
    if not torch.is_autocast_enabled("cuda"):
        yield
        return
    with torch.autocast("cuda", dtype=torch.get_autocast_dtype("cuda"), cache_enabled=False):
        yield
