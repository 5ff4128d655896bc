"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(os.environ.get("DIORAMA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set; skips, with the reason, where it is absent."""

    def find(name: str) -> Path:
        folder = DATA / name
        if not folder.is_dir():
            pytest.skip(f"real data set {name!r} is not under DIORAMA_DATA ({DATA.name})")
        return folder

    return find


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that need a GPU skip, with the reason, where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
