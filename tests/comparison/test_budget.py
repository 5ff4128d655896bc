"""What a comparison's trainings are given, and what is not counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from diorama.comparison import budget
from diorama.comparison.budget import warm_up
from diorama.comparison.options import CompareOptions
from diorama.core.durations import Budget
from diorama.recipes.catalog import resolve
from diorama.training.run import train
from tests.comparison.test_procedure import black


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps that trainings have taken."""
    taken: list[int] = []

    def noted(*arguments: object):  # type: ignore[no-untyped-def]
        for tick in train(*arguments):  # type: ignore[arg-type]
            taken.append(tick.step)
            yield tick

    monkeypatch.setattr(budget, "train", noted)
    return taken


def options(of: Budget) -> CompareOptions:
    return CompareOptions(budget=of, device="cpu")


def test_a_few_steps_before_the_clock_starts_leave_nothing(tmp_path: Path, steps: list[int]) -> None:
    data = black(tmp_path / "data")
    recipe = resolve("vae_toy")(data.split("train").info)
    told = list(warm_up(recipe, data.path, tmp_path / "run", options(Budget(seconds=60.0))))
    assert [each.doing for each in told] == ["warming up vae_toy"]
    assert steps[-1] == 4
    assert not (tmp_path / "run").exists()


def test_what_counts_images_or_is_spent_is_not_warmed_up(tmp_path: Path, steps: list[int]) -> None:
    data = black(tmp_path / "data")
    recipe = resolve("vae_toy")(data.split("train").info)
    spent = tmp_path / "spent"
    spent.mkdir()
    report = {"kind": "report", "step": 1, "images": 8, "losses": {}, "clock": {"seconds": 59.5}}
    (spent / "log.jsonl").write_text(json.dumps(report) + "\n")
    assert not list(warm_up(recipe, data.path, tmp_path / "run", options(Budget(images=100))))
    assert not list(warm_up(recipe, data.path, spent, options(Budget(seconds=60.0))))
    assert not steps
