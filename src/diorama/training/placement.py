"""Where a method's networks lie in memory, and which of them are compiled."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core.contracts import Batch
from diorama.methods.base import Method


def place(method: Method, device: torch.device, *, channels_last: bool) -> None:
    """Move a method to its device and put its frozen parts, if any, into evaluation mode."""
    method.to(device)
    method.train()
    frozen = getattr(method, "frozen", None)
    if isinstance(frozen, nn.Module):
        frozen.eval()
    if channels_last:
        devices.channels_last(method)


def compile_networks(method: Method) -> None:
    """Compile the networks that a method calls, in place, so that their names and weights stay.

    Second-order phases run them as they are.
    """
    for child in method.children():
        for network in child.children() if isinstance(child, (nn.ModuleDict, nn.ModuleList)) else (child,):
            network.compile()


def lay_out(batch: Batch, *, channels_last: bool) -> Batch:
    """A batch whose pictures are laid out as the convolutions want them."""
    return {key: _innermost(value) for key, value in batch.items()} if channels_last else batch


def _innermost(value: Tensor) -> Tensor:
    return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value
