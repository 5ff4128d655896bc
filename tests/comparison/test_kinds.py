"""One table says how every kind of column takes part."""

from __future__ import annotations

import ast
from typing import get_args

import pytest

from diorama.comparison.kinds import KINDS, Kind
from tests.house.source import modules


def test_every_kind_has_its_traits() -> None:
    assert set(KINDS) == set(get_args(Kind))


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_others_are_held_against_does_not_compete(kind: Kind) -> None:
    traits = KINDS[kind]
    assert traits.caption
    assert not (traits.competes and traits.baseline_of != "nobody")
    # Whatever may be called the best must be shown, so that a reader can judge for himself.
    assert traits.shown or not traits.competes
    # Only what is trained or joins as a model has a size and a speed.
    assert traits.shown or not traits.has_costs


def test_only_real_records_go_without_a_stamp() -> None:
    assert [kind for kind, traits in KINDS.items() if not traits.synthetic] == ["real"]


def test_nobody_else_asks_for_the_kind() -> None:
    """What depends on the kind of a column stands in the table, and nowhere else."""
    asking = [
        f"{path}:{node.lineno}"
        for path, tree in modules().items()
        if path.parts[0] == "comparison"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        if {inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant)} & set(get_args(Kind))
    ]
    assert asking == []
