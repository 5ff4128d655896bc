"""Weights shared out over processes, for models that do not fit on one device.

Each process keeps a part of every weight, of its moments and of its averages; PyTorch's ``fully_shard`` brings the
parts of a block together while it is at work. Buffers and weights without axes stay whole in every process.

Reference: S. Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models",
arXiv:1910.02054, section 5; Y. Zhao et al., "PyTorch FSDP", arXiv:2304.11277.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

import torch
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core import distributed
from diorama.core.device import Precision
from diorama.core.errors import BadConfig
from diorama.methods.base import Method
from diorama.training.recipe import Recipe

if TYPE_CHECKING:
    from torch.distributed.tensor import DTensor

# PyTorch takes a second to import what shares tensors out, for which runs of whole weights do not wait.

_LEAST_SHARE = 64
"""A block of a network is gathered by itself where it holds at least one such part of its weights."""


def check(method: Method, recipe: Recipe, precision: Precision) -> None:
    """See that a method's networks may be shared out.

    Raises:
        BadConfig: they may not; the message says why, and what to do.
    """
    if reason := _why_not(method, recipe, precision):
        raise BadConfig(f"sharded: recipe {recipe.name} cannot share out its weights: {reason}; leave --sharded out")


def _why_not(method: Method, recipe: Recipe, precision: Precision) -> str:
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
    if recipe.optimizers[phase.player].algorithm == "muon":
        return f"Muon turns whole matrices (--optimizers.{phase.player}.algorithm adamw for a new run)"
    if precision.scaled:
        return "the scale of float16 is not shared by processes (--precision bf16 for a new run)"
    return ""


def share_out(method: Method, recipe: Recipe, device: torch.device) -> tuple[str, ...]:
    """Share the weights of a method's networks out, in place; all processes must call it, with equal weights.

    Weights move to the device block by block, so that it never holds all of them. Networks must be called as modules
    from then on, and :meth:`Method.players` lists other parameters than before.

    Args:
        method: built, on the CPU.
        recipe: whose wishes for speed step aside.
        device: of this process.

    Returns:
        Sentences for people: what was shared out, and what steps aside.
    """
    from torch.distributed.fsdp import fully_shard

    mesh, whole = distributed.mesh(device), _count(method)
    for network in _networks(method):
        # PyTorch shares out along the first axis, which these have not; their gradients are averaged as replicas' are.
        scalars = {p for p in network.parameters() if p.dim() == 0}
        for part in (*_blocks(network), network):
            fully_shard(part, mesh=mesh, ignored_params=scalars)
    return (
        f"shares {whole:,} weights out over {distributed.world_size()} processes; the first holds {_count(method):,}",
        *_aside(recipe, device),
    )


def _count(method: Method) -> int:
    """Weights that this process holds of those that are trained."""
    return sum(own_part(p).numel() for parameters in method.players().values() for p in parameters)


def _aside(recipe: Recipe, device: torch.device) -> Iterator[str]:
    """What does not go together with weights that are shared out."""
    if recipe.compile == "auto" and devices.has_graphs(device):
        yield "launches its phase kernel by kernel, which is slower than a recording: its weights are shared out"
    if recipe.compile == "on":
        yield "does not compile its networks: their weights are shared out"
    if recipe.channels_last:
        yield "lays its weights out channels first: they are shared out along that axis (its pictures stay as they are)"


def _networks(method: Method) -> list[nn.Module]:
    """The modules that a method's loss calls, which hold what its players move."""
    moved = {id(p) for parameters in method.players().values() for p in parameters}
    children = [child for name, child in method.named_children() if name != "frozen"]
    called = [m for child in children for m in (child if isinstance(child, nn.ModuleList) else (child,))]
    return [module for module in called if any(id(p) in moved for p in module.parameters())]


def _blocks(network: nn.Module) -> list[nn.Module]:
    """The items of a network's lists that are large enough to be gathered by themselves, inner ones first."""
    least = sum(p.numel() for p in network.parameters()) / _LEAST_SHARE
    taken: set[int] = set()
    found: list[nn.Module] = []
    items = [item for m in network.modules() if isinstance(m, nn.ModuleList) for item in m]
    # Modules are listed from the outside in.
    for item in reversed(items):
        left = {id(p): p.numel() for p in item.parameters() if id(p) not in taken}
        if not isinstance(item, nn.ModuleList) and left and sum(left.values()) >= least:
            found.append(item)
            taken |= left.keys()
    return found


def is_part(tensor: Tensor) -> TypeGuard[DTensor]:
    """Whether a tensor is shared out."""
    return hasattr(tensor, "device_mesh")


def own_part(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor, detached and in the same memory: all of it, if it is not shared out."""
    return tensor.detach().to_local() if is_part(tensor) else tensor


def part_like(part: Tensor, like: Tensor) -> Tensor:
    """A part of this process as the shared-out tensor that it belongs to.

    Args:
        part: of this process.
        like: a tensor of the same shape as the whole, shared out in the same way, or not at all.
    """
    if not is_part(like) or is_part(part):
        return part
    from torch.distributed.tensor import DTensor

    return DTensor.from_local(
        part, like.device_mesh, like.placements, run_check=False, shape=like.shape, stride=like.stride()
    )


def gathered(tensors: Mapping[str, Tensor], *, keep: bool = True) -> dict[str, Tensor]:
    """Whole tensors, of which those that were shared out lie on the CPU; all processes must call it.

    Args:
        tensors: some of them shared out, the same in all processes.
        keep: whether this process wants them; else it only gives its parts, and nothing comes back.
    """
    whole: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        # One after another, so that the device holds a single one of them at a time.
        value = tensor.detach().full_tensor().cpu() if is_part(tensor) else tensor
        if keep:
            whole[name] = value
    return whole


class Shards:
    """What this process moves of a player's parameters: its parts of those that are shared out, all of the others.

    Args:
        parameters: the player's.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = list(parameters)
        # Views share their memory with the parts.
        self.own = [nn.Parameter(own_part(p), requires_grad=False) if is_part(p) else p for p in parameters]
        self.replicated = [p for p in parameters if not is_part(p)]
        """Of which each process makes a gradient of its own."""
        self._divided = len(self.replicated) < len(self.parameters)

    def take_gradients(self) -> list[Tensor]:
        """Give the parts their gradients; all that there are."""
        for parameter, own in zip(self.parameters, self.own, strict=True):
            if own is not parameter:
                own.grad = None if parameter.grad is None else own_part(parameter.grad)
        return [own.grad for own in self.own if own.grad is not None]

    def forget_gradients(self) -> None:
        """Let go of all gradients."""
        for parameter, own in zip(self.parameters, self.own, strict=True):
            parameter.grad = own.grad = None

    def norm(self) -> Tensor:
        """Of all gradients together, the same in every process, shape ()."""
        if not self._divided:
            return torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        parts: list[list[Tensor]] = [[], []]
        for parameter, own in zip(self.parameters, self.own, strict=True):
            if own.grad is not None:
                parts[is_part(parameter)].append(own.grad)
        everywhere, here = (torch.nn.utils.get_total_norm(grads) for grads in parts)
        square = distributed.total(here.square().to(self.own[0].device))
        return (square + everywhere.square().to(square.device)).sqrt()

    def whole_moments(self, state: Mapping[int, Mapping[str, object]]) -> dict[int, dict[str, object]]:
        """An optimizer's moments of the parts as those of the parameters, by the parameters' places."""
        return {place: {k: self._like(place, v) for k, v in moments.items()} for place, moments in state.items()}

    def own_moments(self, state: Mapping[int, Mapping[str, object]]) -> dict[int, dict[str, object]]:
        """The other way round."""
        return {
            place: {k: own_part(v) if isinstance(v, Tensor) else v for k, v in moments.items()}
            for place, moments in state.items()
        }

    def _like(self, place: int, moment: object) -> object:
        if isinstance(moment, Tensor) and moment.dim() and moment.shape == self.own[place].shape:
            return part_like(moment, self.parameters[place])
        return moment
