"""Weights shared out over processes, for models that do not fit on one device.

Each process keeps a part of every weight, of its moments and of its averages; PyTorch's ``fully_shard`` brings the
parts of a block together while it is at work. Buffers and weights without axes stay whole in every process.

Reference: S. Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models",
arXiv:1910.02054, section 5; Y. Zhao et al., "PyTorch FSDP", arXiv:2304.11277.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import nn

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.device import Precision
from diorama.core.errors import BadConfig
from diorama.core.shards import own_part
from diorama.methods.base import Method

_LEAST_SHARE = 64
"""A block of a network is gathered by itself where it holds at least one such part of its weights."""


def check(method: Method, recipe: str, precision: Precision) -> None:
    """See that a method's networks may be shared out.

    Args:
        method: whole.
        recipe: its name, for messages.
        precision: of training.

    Raises:
        BadConfig: they may not; the message says why, and what to do.
    """
    if reason := _why_not(method, precision):
        raise BadConfig(f"sharded: recipe {recipe} cannot share out its weights: {reason}; leave --sharded out")


def _why_not(method: Method, precision: Precision) -> str:
    players, phases = method.players(), method.phases()
    if distributed.world_size() == 1:
        return "there is one process; start several by torchrun --nproc-per-node N -m diorama train …, or"
    if len(players) > 1 or len(phases) > 1:
        return f"its method has {len(players)} players and {len(phases)} phases, and only those of one phase can"
    (phase,) = phases
    if phase.second_order:
        return f"its phase {phase.name!r} differentiates a derivative"
    if not phase.sharded:
        return f"its phase {phase.name!r} does not allow it, since it copies weights or does more than call networks"
    if precision.scaled:
        return "the scale of float16 is not shared by processes (--precision bf16 for a new run)"
    return ""


def share_out(method: Method, device: torch.device, *, compiling: str, channels_last: bool) -> tuple[str, ...]:
    """Share the weights of a method's networks out, in place; all processes must call it, with equal weights.

    Weights move to the device block by block, so that it never holds all of them. Networks must be called as modules
    from then on, and :meth:`Method.players` lists other parameters than before.

    Args:
        method: built, on the CPU.
        device: of this process.
        compiling: whether turns would be recorded (``auto``) or networks compiled (``on``).
        channels_last: whether weights would be laid out so.

    Returns:
        Sentences for people: what was shared out, and what steps aside.
    """
    from torch.distributed.fsdp import fully_shard

    # It warns of networks that return a view, which a loss might change in place: Phase.sharded says that it does not.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view")
    mesh, whole = distributed.mesh(device), _count(method)
    for network in _networks(method):
        # PyTorch shares out along the first axis, which these have not; their gradients are averaged as replicas' are.
        scalars = {p for p in network.parameters() if p.dim() == 0}
        for part in (*_blocks(network), network):
            fully_shard(part, mesh=mesh, ignored_params=scalars)
    return (
        f"shares {whole:,} weights out over {distributed.world_size()} processes; the first holds {_count(method):,}",
        *_aside(device, compiling, channels_last),
    )


def _count(method: Method) -> int:
    """Weights that this process holds of those that are trained."""
    return sum(own_part(p).numel() for parameters in method.players().values() for p in parameters)


def _aside(device: torch.device, compiling: str, channels_last: bool) -> Iterator[str]:
    """What does not go together with weights that are shared out."""
    if compiling == "auto" and devices.has_graphs(device):
        yield "launches its phase kernel by kernel, which is slower than a recording: its weights are shared out"
    if compiling == "on":
        yield "does not compile its networks: their weights are shared out"
    if channels_last:
        yield "lays its weights out channels first: they are shared out along that axis (its pictures stay as they are)"


def _networks(method: Method) -> list[nn.Module]:
    """The modules that a method's loss calls, which hold what its players move."""
    moved = {id(p) for parameters in method.players().values() for p in parameters}
    children = [child for name, child in method.named_children() if name != "frozen"]
    called = [m for child in children for m in (child if isinstance(child, nn.ModuleList) else (child,))]
    return [module for module in called if any(id(p) in moved for p in module.parameters())]


def _blocks(network: nn.Module) -> list[nn.Module]:
    """The items of a network's lists that are large enough to be gathered by themselves.

    Those that hold further lists are whole levels, which give each other lists of features to change; PyTorch hands
    copies of lists on.
    """
    least = max(1.0, sum(p.numel() for p in network.parameters()) / _LEAST_SHARE)
    items = {item: None for m in network.modules() if isinstance(m, nn.ModuleList) for item in m}
    inner = [item for item in items if not any(isinstance(m, nn.ModuleList) for m in item.modules())]
    return [item for item in inner if sum(p.numel() for p in item.parameters()) >= least]
