"""Gradients averaged over processes.

A wrapper like DistributedDataParallel cannot serve here: players are frozen and thawed from phase to phase, and
penalties differentiate twice. Hooks on the accumulated gradients see the outer backward pass only, whatever
the loss did inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from diorama.core import distributed
from diorama.core.shards import is_part, own_part, part_like

_BUCKET_BYTES = 25 * 1024 * 1024
"""Large enough to fill the link, small enough that the first exchange starts early."""


class _Bucket:
    """Parameters whose gradients travel together.

    Args:
        parameters: neighbours, of one type and device.
        flat: a part of the player's flat memory: their gradients one after another, then for each of them a flag, the
            share of processes that have it.
    """

    def __init__(self, parameters: list[nn.Parameter], flat: Tensor) -> None:
        self.parameters, self.flat = parameters, flat
        self.ready = 0
        self.missing: list[int] = []
        """Numbers of the parameters that have no gradient here."""
        self.work: dist.Work | None = None
        sizes = [p.numel() for p in parameters]
        *parts, self.flags = flat.split([*sizes, len(sizes)])
        # Views laid out as their parameters are, which optimizers walk side by side in memory.
        self.grads = [part.as_strided(p.shape, p.stride()) for part, p in zip(parts, parameters, strict=True)]

    @torch.no_grad()
    def pack(self) -> None:
        """Lay this process's share of the mean into the flat memory; it waits for nothing and may be recorded."""
        pairs = [(flat, p.grad) for flat, p in zip(self.grads, self.parameters, strict=True) if p.grad is not None]
        self.missing = [i for i, p in enumerate(self.parameters) if p.grad is None]
        if pairs:
            torch._foreach_copy_([flat for flat, _ in pairs], [grad for _, grad in pairs])
        self.flags.fill_(1)
        for i in self.missing:
            self.grads[i].zero_()
            self.flags[i].zero_()
        self.flat.div_(distributed.world_size())

    def adopt(self, absent: Sequence[int]) -> None:
        """Let the exchanged memory be the parameters' gradients, but for those that no process has."""
        for i, (parameter, grad) in enumerate(zip(self.parameters, self.grads, strict=True)):
            parameter.grad = None if i in absent else grad


class GradientExchange:
    """Averages one player's gradients over all processes; in a single process it does nothing.

    A launched turn sends buckets while its backward pass still runs: :meth:`arm` before the last one, :meth:`finish`
    after it. A recorded turn packs inside its recording (:meth:`pack`) and sends all at once between its halves
    (:meth:`reduce`), since nothing else can begin before a recording ends.

    Args:
        parameters: the player's, in the same order in every process.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.alone = distributed.world_size() == 1
        self._armed = False
        self._next = 0
        self._flats: list[Tensor] = []
        self._buckets: list[_Bucket] = []
        if self.alone:
            return
        # Backward passes reach the last parameters first.
        for group in _alike(list(reversed(parameters))):
            self._lay_out(group)
        for bucket in self._buckets:
            for parameter in bucket.parameters:
                parameter.register_post_accumulate_grad_hook(self._count_in(bucket))

    def arm(self) -> None:
        """The next backward pass is the last of the turn: send gradients as they become complete."""
        self._armed, self._next = not self.alone, 0
        for bucket in self._buckets:
            bucket.ready, bucket.work = 0, None

    def finish(self) -> None:
        """Send what is left and put the averages in place of the gradients.

        A parameter without a gradient counts as zero where another process has one, and stays without where none has.
        """
        if not self._armed:
            return
        for bucket in self._buckets[self._next :]:
            _send(bucket)
        for bucket in self._buckets:
            assert bucket.work is not None
            bucket.work.wait()
            # Reading the flags waits for the device, which only processes that lack a gradient must do.
            bucket.adopt([i for i in bucket.missing if not bucket.flags[i].item()])
        self._armed = False

    def pack(self) -> None:
        """Make ready what :meth:`reduce` sends."""
        for bucket in self._buckets:
            bucket.pack()

    def reduce(self) -> None:
        """Average what was packed over all processes."""
        for flat in self._flats:
            dist.all_reduce(flat)

    def adopt(self) -> None:
        """Let parameters have the packed gradients; processes agree on which have none. All must call it."""
        for bucket in self._buckets:
            has = torch.ones(len(bucket.parameters), dtype=torch.int64)
            has[bucket.missing] = 0
            anywhere = distributed.gather(has).amax(0)
            bucket.adopt([i for i in bucket.missing if not anywhere[i]])

    def _lay_out(self, group: list[nn.Parameter]) -> None:
        """Buckets over one flat memory for parameters of one type and device."""
        cut = _cut(group)
        sizes = [sum(p.numel() for p in part) + len(part) for part in cut]
        flat = group[0].new_zeros(sum(sizes))
        self._flats.append(flat)
        self._buckets += [_Bucket(part, place) for part, place in zip(cut, flat.split(sizes), strict=True)]

    def _count_in(self, bucket: _Bucket) -> Callable[[Tensor], None]:
        def hook(_: Tensor) -> None:
            bucket.ready += 1
            # In every process the buckets leave in the same order, or the collectives would not match.
            while self._armed and self._next < len(self._buckets):
                first = self._buckets[self._next]
                if first.ready < len(first.parameters):
                    return
                _send(first)
                self._next += 1

        return hook


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
            return get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        grads: tuple[list[Tensor], list[Tensor]] = ([], [])
        for parameter, own in zip(self.parameters, self.own, strict=True):
            if own.grad is not None:
                grads[is_part(parameter)].append(own.grad)
        # Without gradients the norm would lie on the CPU.
        whole, parts = (get_total_norm(g) if g else self.own[0].new_zeros(()) for g in grads)
        return (distributed.total(parts.square()) + whole.square()).sqrt()

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


def _send(bucket: _Bucket) -> None:
    bucket.pack()
    bucket.work = dist.all_reduce(bucket.flat, async_op=True)


def _alike(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """The parameters by type and device, each in the given order."""
    groups: dict[tuple[torch.dtype, torch.device], list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault((parameter.dtype, parameter.device), []).append(parameter)
    return list(groups.values())


def _cut(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    """Neighbours, together at most a bucket's bytes where they are small enough."""
    parts: list[list[nn.Parameter]] = []
    size = 0
    for parameter in parameters:
        added = parameter.numel() * parameter.element_size()
        if not parts or size + added > _BUCKET_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(parameter)
        size += added
    return parts
