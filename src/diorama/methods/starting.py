"""Tensors of another model that a method starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from diorama.methods.base import Method, live_tensors


@dataclass(frozen=True, kw_only=True)
class MatchedWeights:
    """What became of another model's tensors, where a run starts from some.

    Args:
        matched: taken over.
        reshaped: of the same name but another shape, left as initialised.
        missing: that the new model has and the old one lacks, left as initialised.
        unused: that only the old model has.
        others: of networks that are trained and not averaged (a discriminator), how many of their tensors were taken
            over, of how many.
    """

    matched: tuple[str, ...]
    reshaped: tuple[str, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    others: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} tensors fitted"]
        others = (("have another shape", self.reshaped), ("are new", self.missing), ("are not used", self.unused))
        for words, names in others:
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                parts.append(f"{len(names)} {words} ({', '.join(names[:3])}{more})")
        for name, (fitted, count) in self.others.items():
            parts.append(f"of {name} {fitted} of {count} fitted" if fitted else f"{name} begins anew")
        return "; ".join(parts)


@torch.no_grad()
def take_over(
    method: Method, given: Mapping[str, Tensor], beside: Callable[[], Mapping[str, Tensor]]
) -> MatchedWeights:
    """Copy into a method what fits of another model.

    Args:
        method: freshly built.
        given: the model's tensors, under ``part.key``: for the averaged parts, and for networks that are trained and
            not averaged where it holds them.
        beside: what there is of such networks elsewhere, under ``network.key``; asked for where there are any.
    """
    own, networks = live_tensors(method.averaged()), _not_averaged(method)
    others = live_tensors(networks)
    matched = _copied(own, given)
    taken = set(_copied(others, {**beside(), **given} if matched and others else {}))
    return MatchedWeights(
        matched=tuple(matched),
        reshaped=tuple(n for n in own if n in given and n not in matched),
        missing=tuple(n for n in own if n not in given),
        unused=tuple(n for n in given if n not in own and n not in taken),
        others={name: _share(name, others, taken) for name in networks},
    )


def _copied(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    """The names of the tensors that fit, which are copied."""
    names = [name for name in own if name in given and own[name].shape == given[name].shape]
    for name in names:
        own[name].copy_(given[name])
    return names


def _not_averaged(method: Method) -> dict[str, nn.Module]:
    """The method's networks that are trained and belong to no averaged part."""
    averaged = {id(p) for module in method.averaged().values() for p in module.parameters()}
    return {
        name: child
        for name, child in method.named_children()
        if child is not method.frozen
        and any(True for _ in child.parameters())
        and not any(id(p) in averaged for p in child.parameters())
    }


def _share(network: str, beside: Mapping[str, Tensor], taken: set[str]) -> tuple[int, int]:
    names = [name for name in beside if name.startswith(f"{network}.")]
    return len(taken.intersection(names)), len(names)
