"""Weights of another model that a run starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.methods.base import Method, live_tensors
from diorama.training.folder import RunFolder, is_state, read_state
from diorama.training.weights import weights_of


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
def start_from(method: Method, path: Path) -> MatchedWeights:
    """Copy into a method what fits of another model.

    The averaged parts come from the model. Networks that are trained and not averaged come from the model too where it
    holds them, else from the run's resume state that the model was saved with.

    Args:
        method: freshly built.
        path: a model folder or run, the keys of whose weights begin with the parts' names.

    Raises:
        BadInput: there are no weights, they cannot be read, or nothing in them fits.
    """
    weights = weights_of(path)
    try:
        given: Mapping[str, Tensor] = load_file(weights)
    except (OSError, SafetensorError, json.JSONDecodeError) as problem:
        raise BadInput(f"{weights}: cannot be read ({problem})") from problem
    own, networks = live_tensors(method.averaged()), _not_averaged(method)
    shared = [name for name in own if name in given]
    matched = _copied(own, given)
    if not matched:
        raise BadInput(f"{weights}: nothing in it fits this recipe's networks ({', '.join(method.averaged())})")
    beside = live_tensors(networks)
    # A resume state is large, and most methods have no such networks.
    taken = set(_copied(beside, {**_resume_state(path, weights), **given} if beside else {}))
    return MatchedWeights(
        matched=tuple(matched),
        reshaped=tuple(n for n in shared if n not in matched),
        missing=tuple(n for n in own if n not in given),
        unused=tuple(n for n in given if n not in own and n not in taken),
        others={name: _share(name, beside, taken) for name in networks},
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


def _resume_state(path: Path, weights: Path) -> Mapping[str, Tensor]:
    """The method's tensors in the resume state that a model was saved with; nothing where there is none."""
    states = [path] if is_state(path) else RunFolder(path).checkpoints()
    wanted = sha256_of(weights)
    for state in states:
        model = state / "model" / "model.safetensors"
        if model.is_file() and sha256_of(model) == wanted:
            tensors: Mapping[str, Tensor] = read_state(state)["method"]
            return tensors
    return {}
