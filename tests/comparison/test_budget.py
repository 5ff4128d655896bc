"""What a comparison's trainings are given, and what is not counted."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.comparison import budget
from diorama.comparison.budget import train_within_budget, warm_up
from diorama.comparison.options import CompareOptions, Progress
from diorama.core.durations import Budget
from diorama.core.errors import TrainingFailed
from diorama.recipes.catalog import resolve
from diorama.training.recipe import OptimizerConfig, RateConfig
from diorama.training.run import RunKeeper, train
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


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def options(of: Budget) -> CompareOptions:
    return CompareOptions(budget=of, device="cpu")


def run_through(work: Generator[Progress, None, bool]) -> tuple[list[str], bool]:
    """What was told, and what was returned."""
    told: list[str] = []
    while True:
        try:
            told.append(next(work).doing)
        except StopIteration as done:
            return told, bool(done.value)


def test_a_few_steps_before_the_clock_starts_leave_nothing(tmp_path: Path, steps: list[int], scratch: Path) -> None:
    data = black(tmp_path / "data")
    recipe = resolve("vae_toy")(data.split("train").info)
    found = run_through(warm_up(recipe, data.path, tmp_path / "run", options(Budget(seconds=60.0))))
    assert found == (["warming up vae_toy"], True)
    assert steps[-1] == 4
    assert not (tmp_path / "run").exists()
    assert not [*scratch.iterdir()]


def test_a_recipe_that_fails_is_told_by_its_training_alone(tmp_path: Path, scratch: Path) -> None:
    data = black(tmp_path / "data")
    recipe = resolve("vae_toy")(data.split("train").info)
    wild = {player: OptimizerConfig(rate=RateConfig(peak=1e30)) for player in recipe.optimizers}
    recipe, asked = replace(recipe, optimizers=wild), options(Budget(seconds=60.0))
    assert run_through(warm_up(recipe, data.path, tmp_path / "run", asked)) == (["warming up vae_toy"], False)
    assert not [*scratch.iterdir()]
    with pytest.raises(TrainingFailed, match="not finite"):
        list(train_within_budget(recipe, data.path, tmp_path / "run", asked))


def test_an_interruption_while_steps_are_thrown_away_is_heard_and_leaves_nothing(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = black(tmp_path / "data")
    recipe = resolve("vae_toy")(data.split("train").info)
    save = RunKeeper.save

    def interrupted(keeper: RunKeeper) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        save(keeper)

    monkeypatch.setattr(RunKeeper, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(warm_up(recipe, data.path, tmp_path / "run", options(Budget(seconds=60.0))))
    assert not [*scratch.iterdir()]


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
