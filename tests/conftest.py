"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples at every run, so that what passes here passes elsewhere; HYPOTHESIS_PROFILE=default draws new ones,
# and a hundred of them.
settings.register_profile("same", derandomize=True, max_examples=30)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

DATA = Path(os.environ.get("DIORAMA_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """The folder of a real data set; skips, with the reason, where it is absent."""

    def find(name: str) -> Path:
        folder = DATA / name
        if not folder.is_dir():
            pytest.skip(f"real data set {name!r} is not under DIORAMA_DATA ({DATA.name})")
        return folder

    return find


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser without a window; skips, with the reason, where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with playwright.sync_playwright() as driver, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests that need a GPU skip, with the reason, where there is none."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
