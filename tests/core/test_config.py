"""Typed values and JSON: what survives the way there and back, and how mistakes are answered."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

import pytest

from diorama.core.config import LATER, decode, encode
from diorama.core.errors import BadConfig


@dataclass(frozen=True, kw_only=True)
class PlainGeneratorConfig:
    width: int = 1


@dataclass(frozen=True, kw_only=True)
class OtherConfig:
    depth: int = 1


def refusal(kind: str) -> str:
    with pytest.raises(BadConfig) as refused:
        decode(PlainGeneratorConfig | OtherConfig, {"kind": kind}, "model")
    return str(refused.value)


def test_a_class_of_ones_own_is_pointed_to_its_file_and_not_to_a_distant_name() -> None:
    told = refusal("MyGeneratorConfig")
    assert told.startswith(
        "model: 'MyGeneratorConfig' is unknown here. If the class is your own, name its file with --with"
    )
    assert "did you mean" not in told


def test_a_slip_of_the_pen_is_answered_with_the_name() -> None:
    assert "did you mean 'PlainGeneratorConfig'?" in refusal("PlainGeneratorConfg")


def test_values_in_a_users_catalog_are_passed_over() -> None:
    """A file's CATALOG holds entries of recipes beside its classes, and may be handed in whole."""
    catalog = (PlainGeneratorConfig(), OtherConfig, 1)
    assert decode(PlainGeneratorConfig | None, {"kind": "OtherConfig"}, "model", catalog) == OtherConfig()
    with pytest.raises(BadConfig, match=r"Known are PlainGeneratorConfig, OtherConfig$"):
        decode(PlainGeneratorConfig | None, {"kind": "X"}, "model", catalog)


@dataclass(frozen=True, kw_only=True)
class BoundedConfig:
    low: float = -math.inf
    high: float = math.inf


def test_infinite_bounds_survive_json() -> None:
    text = json.dumps(encode(BoundedConfig()), allow_nan=False)
    assert decode(BoundedConfig, json.loads(text)) == BoundedConfig()
    with pytest.raises(BadConfig, match="high: expected a number, got 'nan'"):
        decode(BoundedConfig, {"high": "nan"})


@dataclass(frozen=True, kw_only=True)
class GrownConfig:
    depth: int = 1
    wide: bool = field(default=False, metadata={LATER: True})


def test_a_later_field_is_written_only_where_it_says_something() -> None:
    """Else the hash of every older model would change with each new field."""
    assert encode(GrownConfig()) == {"kind": "GrownConfig", "depth": 1}
    assert encode(GrownConfig(wide=True)) == {"kind": "GrownConfig", "depth": 1, "wide": True}
    for config in (GrownConfig(), GrownConfig(wide=True)):
        assert decode(GrownConfig, encode(config)) == config


def test_a_whole_number_in_a_field_of_floats_is_written_again_as_it_was_read() -> None:
    """Models are told by the hash of their config's bytes."""
    for text in (
        '{"kind": "BoundedConfig", "low": 2, "high": 3.0}',
        '{"kind": "BoundedConfig", "low": -1, "high": 1e9}',
    ):
        document = json.loads(text)
        assert json.dumps(encode(decode(BoundedConfig, document))) == json.dumps(document)
