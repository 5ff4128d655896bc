"""One network of a golden case that holds several, and the gradients that a loss gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from diorama.interop.layout import Layout, shapes_of
from tests.conformance.case import Case

_ROUNDING = 1e-5
"""Gradients that a norm cancels, or that nothing depends on, are at most so large beside the largest one."""
_OPTIONS = {"n_layers_D": "n_layers"}
"""Arguments that a case calls as the published command calls them."""


class PublishedPart:
    """A network of a case, and gradients under its published names.

    Args:
        layout: of the network.
        case: its weights begin with the part's name.
        part: name of the network in the case.
        beside: what its config in the case holds beside the class's arguments.
    """

    def __init__(self, layout: Layout[Any, Any], case: Case, part: str, beside: Collection[str] = ("cls",)) -> None:
        described = {_OPTIONS.get(name, name): value for name, value in case.config[part].items()}
        tensors = {name.removeprefix(f"{part}."): t for name, t in case.weights.items() if name.startswith(f"{part}.")}
        given = {name: value for name, value in described.items() if name not in beside}
        self.layout, self.arguments = layout, layout.read_arguments(given, shapes_of(tensors))
        self.config = layout.config_of(self.arguments)
        self.network: nn.Module = layout.load(given, tensors)

    def gradients(self, loss: Tensor) -> dict[str, Tensor]:
        """Of a loss by the weights; 0 where it does not depend on them."""
        self.network.zero_grad()
        loss.backward()
        state = {name: torch.zeros_like(tensor) for name, tensor in self.network.state_dict().items()}
        state |= {name: p.grad for name, p in self.network.named_parameters() if p.grad is not None}
        return self.layout.export_state(self.config, state)


def rounding(gradients: Mapping[str, Tensor]) -> set[str]:
    """Names of the gradients by one network's weights that are nothing but rounding; cases do not store these."""
    size = {name: float(value.abs().max()) for name, value in gradients.items()}
    return {name for name, value in size.items() if value <= _ROUNDING * max(size.values())}


def stored(case: Case, found: Mapping[str, Tensor], left_out: Collection[str]) -> dict[str, Tensor]:
    """What a case stores of what was found: what its list names, unless that is the list of another case."""
    told, listed = found.keys() - set(left_out), set(case.output_names)
    return {name: found[name] for name in (listed if told <= listed <= found.keys() else told)}
