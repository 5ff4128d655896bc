"""Moving tensors between a published layout and ours: tables of name prefixes that are read both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from diorama.core.errors import BadInput

Table = Sequence[tuple[str, str]]
"""(published prefix, our prefix), each ending where a dot follows in the full name."""


def to_ours(published: Mapping[str, Tensor], table: Table, module: nn.Module) -> dict[str, Tensor]:
    """A published state dict under our names, checked against the module that will read it.

    Args:
        published: the state dict.
        table: prefixes.
        module: built from the config.

    Raises:
        BadInput: a tensor is unknown, missing or misshapen; the message has its published name.
    """
    state = {_renamed(name, table, 0): tensor for name, tensor in published.items()}
    expected = module.state_dict()
    for name, tensor in expected.items():
        theirs = _renamed(name, table, 1)
        if name not in state:
            raise BadInput(f"published weights: tensor {theirs!r} is missing")
        if state[name].shape != tensor.shape:
            raise BadInput(
                f"published weights: tensor {theirs!r} has shape {tuple(state[name].shape)}, the config asks for "
                f"{tuple(tensor.shape)}"
            )
    for name in state:
        if name not in expected:
            raise BadInput(f"published weights: tensor {_renamed(name, table, 1)!r} is none of the model's")
    return state


def to_published(ours: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Our state dict under the published names."""
    return {_renamed(name, table, 1): tensor for name, tensor in ours.items()}


def _renamed(name: str, table: Table, source: int) -> str:
    for row in table:
        if name.startswith(f"{row[source]}."):
            return row[1 - source] + name[len(row[source]) :]
    if source == 0:
        raise BadInput(f"published weights: tensor {name!r} is none of the model's")
    return name
