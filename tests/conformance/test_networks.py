"""Every catalogued network is held to the official one by a golden case, or says why it is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from diorama.networks import catalog
from tests.conformance.adapters.catalog import ADAPTERS
from tests.conformance.case import golden_folder, read_case
from tests.conformance.networks import HELD_BY, NOT_HELD
from tests.conformance.runner import pending_reason, read_pending

PENDING = read_pending(Path(__file__).with_name("pending.txt"))


def catalogued() -> Iterator[type]:
    """The config classes that a union of the catalog names."""
    for value in vars(catalog).values():
        yield from (kind for kind in (value, *get_args(value)) if dataclasses.is_dataclass(kind))


def test_every_catalogued_network_has_a_case_or_a_reason() -> None:
    assert {kind.__name__ for kind in catalogued()} == {kind.__name__ for kind in (*HELD_BY, *NOT_HELD)}
    assert not set(HELD_BY) & set(NOT_HELD)
    assert all(len(reason.split()) > 3 for reason in NOT_HELD.values())


@pytest.mark.parametrize("kind", HELD_BY, ids=lambda kind: kind.__name__)
def test_the_case_that_is_named_builds_the_network(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = golden_folder() / f"{HELD_BY[kind]}.safetensors"
    if not path.parent.is_dir():
        pytest.skip("no golden files: set DIORAMA_GOLDEN to their folder")
    assert pending_reason(path.stem, PENDING) is None
    built, build = [], kind.build

    def recording(config: Any) -> Any:
        built.append(config)
        return build(config)

    monkeypatch.setattr(kind, "build", recording)
    case = read_case(path)
    ADAPTERS[case.kind].compute(case)
    assert built
