"""The page that adds a system: its file and its commands give a model that trains, draws and is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import diorama
from diorama.core import runlog
from diorama.core.user_files import catalog_of
from diorama.evaluation.run import EvaluateOptions
from tests.docs.conftest import Workshop
from tests.docs.test_pages import run_page

PAGE = "docs/add-a-system.md"
NARROW = ("--method.generator.width", "8", "--method.critic.width", "8", "--batch-size", "16", "--log-every", "16")


def follow_the_page(place: Path, *overrides: str) -> None:
    """Run the page and look at what it left."""
    run_page(PAGE, place, overrides=overrides)
    log = runlog.read(place / "runs" / "wgan" / "log.jsonl")
    losses = [record["losses"] for record in log if record["kind"] == "report"]
    assert {"critic.main", "critic.main/penalty", "generator.main"} <= losses[0].keys()
    assert log[-1]["kind"] == "metric"
    assert len(list((place / "samples").glob("*.png"))) > 0

    classes = catalog_of([place / "my_wgan.py"])
    model = diorama.load(place / "runs" / "wgan", catalog=classes)
    pictures = model.sample(20, seed=1)
    assert pictures.shape == (20, 3, 32, 32)
    assert torch.equal(pictures[:4], model.sample(20, seed=1)[:4])
    options = EvaluateOptions(metrics=("fd@lite",), count=20)
    assert diorama.evaluate(model, place / "prepared", options).results[0].value > 0


def test_a_system_of_ones_own_trains_draws_and_is_measured(workshop: Workshop) -> None:
    follow_the_page(workshop(), *NARROW)


@pytest.mark.slow
@pytest.mark.long
def test_the_same_at_the_width_of_the_page(workshop: Workshop) -> None:
    follow_the_page(workshop(), "--log-every", "64")
