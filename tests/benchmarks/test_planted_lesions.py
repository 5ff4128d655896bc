"""What the benchmark of planted lesions says of its own numbers."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The program, which imports another one beside it."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    before = set(sys.modules)
    yield importlib.import_module("planted_lesions")
    for name in set(sys.modules) & {"planted_lesions", "inverse_problems"} - before:
        del sys.modules[name]


def test_kinds_of_lesions_in_one_picture_are_no_further_pictures(benchmark: ModuleType) -> None:
    random = torch.Generator().manual_seed(0)
    clean = torch.randn(24, generator=random)
    planted = clean + 1 + torch.randn(24, generator=random)
    one, nine = benchmark.of_pictures(planted[None], clean), benchmark.of_pictures(planted.expand(9, 24), clean)
    assert one["value"] == pytest.approx(nine["value"])
    assert one["interval"] == nine["interval"]
    assert one["pictures"] == nine["pictures"] == 24
