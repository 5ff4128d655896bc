"""The same from Python: what the command line does is a function that yields its progress."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

import diorama
from diorama.comparison.options import CompareOptions
from diorama.comparison.participants import untrained_model
from diorama.core.contracts import DataInfo
from diorama.core.durations import Budget
from diorama.core.errors import BadConfig, BadInput
from diorama.data.prepare import PrepareOptions, prepare
from diorama.recipes.dcgan import dcgan_cpu
from diorama.training.recipe import EvaluationConfig, Recipe, TrainOptions


def tiny(info: DataInfo) -> Recipe:
    """A GAN that takes a hundred steps a second."""
    recipe = dcgan_cpu(info)
    method = replace(
        recipe.method,  # type: ignore[type-var]
        generator=replace(recipe.method.generator, features=8),  # type: ignore[attr-defined]
        discriminator=replace(recipe.method.discriminator, features=8),  # type: ignore[attr-defined]
    )
    silent = EvaluationConfig(every=0, samples=0)
    return replace(
        recipe, name="tiny", method=method, batch_size=8, images=64, log_every=8, preview_every=0, evaluation=silent
    )


@pytest.fixture
def data(pictures: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    deque(prepare([pictures], folder, PrepareOptions(size=16, split=(0.6, 0.2, 0.2))), maxlen=0)
    return folder


def test_training_drawing_and_measuring_are_functions(data: Path, tmp_path: Path) -> None:
    from diorama.data.dataset import open_dataset

    recipe = tiny(open_dataset(data).info)
    run = tmp_path / "run"
    ticks = list(diorama.train(recipe, data, run, TrainOptions(device="cpu")))
    assert ticks[-1].finished
    model = diorama.load(run)
    assert model.sample(4, seed=1).shape == (4, 3, 16, 16)
    steps = list(diorama.sample(run, 24, seed=0, out=tmp_path / "drawn"))
    assert steps[-1].done == 24
    evaluation = diorama.evaluate(tmp_path / "drawn", data)
    assert "fd@lite" in {result.metric for result in evaluation.results}


def test_a_time_budget_ends_training_and_is_spent_once(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    options = CompareOptions(budget=Budget(seconds=3.0), count=24, metrics=("fd@lite",), untrained=False, device="cpu")
    last = deque(diorama.compare([tiny], data, out, options), maxlen=1)[0]
    assert last.report == out / "report.html"
    (comparison,) = json.loads((out / "report.json").read_text())["comparisons"]
    training = comparison["models"][0]["training"]
    assert 2.5 < training["seconds"] < 30
    assert training["images"] > 64
    notes = [step.note for step in diorama.compare([tiny], data, out, options)]
    assert "tiny has spent its budget already" in notes


def test_what_cannot_be_compared_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to compare"):
        list(diorama.compare([], data, tmp_path / "report", CompareOptions(device="cpu")))
    with pytest.raises(BadConfig, match="must return a Recipe"):
        list(diorama.compare([lambda info: info], data, tmp_path / "report", CompareOptions(device="cpu")))
    with pytest.raises(BadConfig, match="holds pictures"):
        list(diorama.compare(["mocogan"], data, tmp_path / "report", CompareOptions(device="cpu")))
    assert not (tmp_path / "report").exists() or not list((tmp_path / "report").glob("runs/*"))


def test_an_untrained_model_is_the_same_every_time(data: Path) -> None:
    import torch

    from diorama.data.dataset import open_dataset

    recipe = tiny(open_dataset(data).info)
    first, second = untrained_model(recipe), untrained_model(recipe)
    torch.testing.assert_close(first.sample(2), second.sample(2))


def test_what_is_offered_is_listed_and_there() -> None:
    listed = dir(diorama)
    assert listed == [
        *("__version__", "compare", "evaluate", "load", "open_dataset", "prepare", "sample", "train"),
    ]
    for name in listed[1:]:
        assert callable(getattr(diorama, name)), name
        assert getattr(diorama, name).__doc__, name
    rooms = {path.name.removesuffix(".py") for path in Path(diorama.__file__).parent.iterdir()}
    # A room of the same name would take the function's place as soon as it is imported.
    assert not rooms & set(listed)


def test_a_folder_is_prepared_trained_and_drawn_by_names_alone(pictures: Path, tmp_path: Path) -> None:
    deque(diorama.prepare(pictures, tmp_path / "data"), maxlen=0)
    dataset = diorama.open_dataset(tmp_path / "data")
    assert len(dataset) == sum(dataset.splits.values())
    training = diorama.train("dcgan_cpu", data=tmp_path / "data", out=tmp_path / "run", options=TrainOptions(images=64))
    assert deque(training, maxlen=1)[0].finished
    assert diorama.load(tmp_path / "run").sample(2).shape == (2, 3, 64, 64)


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'compair'"):
        _ = diorama.compair
