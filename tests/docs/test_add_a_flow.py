"""The page that adds a flow: what it brings trains, draws with and without labels, and is measured and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

import diorama
from diorama.core import runlog
from diorama.core.user_files import catalog_of
from tests.docs.conftest import Workshop
from tests.docs.test_pages import run_page

PAGE = "docs/add-a-flow.md"
SHORT = ("--batch-size", "16", "--log-every", "16", "--method.synthesizer.steps", "4")
NARROW = (
    "--method.synthesizer.denoiser.widths",
    "16",
    "16",
    "16",
    "--method.synthesizer.denoiser.embedding.width",
    "16",
)


@pytest.fixture
def place(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder whose Python files can be imported, as where `python` is started."""
    folder = workshop()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "my_flow", raising=False)
    return folder


def follow_the_page(place: Path, *overrides: str) -> None:
    """Run the page and look at what it left."""
    run_page(PAGE, place, overrides=overrides)
    log = runlog.read(place / "runs" / "flow" / "log.jsonl")
    assert log[0]["losses"].keys() == {"loss"}
    assert log[-1]["kind"] == "metric"
    assert len(list((place / "stars").glob("*.png"))) == 8
    assert json.loads((place / "by-heun" / "samples.json").read_text())["sampling"]["sampler"] == "heun"
    assert (place / "report" / "report.html").is_file()

    model = diorama.load(place / "runs" / "flow", catalog=catalog_of([place / "my_flow.py"]))
    anything = model.sample(4, seed=0)
    assert anything.shape == (4, 3, 32, 32)
    torch.testing.assert_close(anything[1:], model.sample(3, seed=0, first=1), atol=1e-3, rtol=0)


@pytest.mark.slow
def test_a_flow_trains_draws_and_is_measured(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    follow_the_page(place, *SHORT, *NARROW)
    assert "--method.times.spread" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.long
def test_the_same_at_the_width_of_the_page(place: Path) -> None:
    follow_the_page(place, *SHORT)
