"""Finished runs are drawn with several samplers, side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from diorama.comparison.columns import Column
from diorama.comparison.options import CompareOptions
from diorama.comparison.procedure import train_and_measure
from diorama.comparison.record import read_report
from diorama.comparison.run import compare
from diorama.comparison.sections import curves
from diorama.comparison.tables import colours, cost_charts
from diorama.comparison.words import training_names
from diorama.core.errors import BadInput
from diorama.synthesis.base import Sampling
from diorama.training.run import TrainOptions, train
from tests.comparison.examples import comparison, result
from tests.comparison.test_procedure import black

ASKED = (Sampling(sampler="ddim", steps=3), Sampling(sampler="heun", steps=2))


def run_of(folder: Path, recipe: str, data: Path) -> Path:
    from diorama.data.dataset import open_dataset
    from diorama.recipes.start import make

    list(train(make(recipe, open_dataset(data).info), data, folder, TrainOptions(device="cpu", images=8)))
    return folder


def test_a_run_joins_once_with_each_sampler_and_a_gan_once(tmp_path: Path) -> None:
    data = black(tmp_path / "data").path
    runs = (run_of(tmp_path / "d", "ddpm_toy", data), run_of(tmp_path / "g", "dcgan_toy", data))
    options = CompareOptions(runs=runs, samplers=ASKED, count=20, device="cpu", metrics=("fd@lite",))
    *_, last = compare([], data, tmp_path / "out", options)
    made = last.comparisons[0]
    columns = {column.name: column for column in made.columns if column.kind == "loaded"}
    assert list(columns) == ["d ddim:3", "d heun:2", "g"]
    first, second = columns["d ddim:3"], columns["d heun:2"]
    assert first.model == second.model
    assert first.results[0].sampling == Sampling(sampler="ddim", steps=3, guidance=1.0)
    assert first.results[0].value != second.results[0].value
    assert (first.sampler, second.sampler, columns["g"].sampler) == ("ddim:3", "heun:2", "")
    assert read_report(tmp_path / "out").comparisons[0].columns[0].sampler == "ddim:3"
    # One line of a run's samplers against the time of drawing, and one point of its training.
    assert colours(made)["d ddim:3"] == colours(made)["d heun:2"] != colours(made)["g"]
    trained, _, drawn = cost_charts(made).split("</figure>")[:3]
    assert (trained.count("<circle"), drawn.count("<circle")) == (2, 3)
    assert all(f">{name}<" in drawn for name in ("ddim:3", "heun:2"))
    assert "</i>d</li>" in drawn
    # A model has one training, however often it is drawn.
    assert curves(made).count("<figure") <= 2


def drawn(folder: str, model: str, sampler: str, value: float) -> Column:
    """A run of this folder name as it is drawn by one sampler."""
    (first, *_) = comparison().columns
    return replace(
        first,
        name=f"{folder} {model} {sampler}",
        kind="loaded",
        entry=None,
        model=model,
        origin=folder,
        sampler=sampler,
        seconds=value,
        results=(result("fd@lite", value, 0.1),),
    )


def test_runs_of_one_folder_name_have_lines_of_their_own_and_trainings_stand_in_the_order_of_the_table() -> None:
    columns = tuple(
        drawn(folder, model, sampler, value)
        for folder, model, sampler, value in (
            ("x", "2b", "ddim:9", 3.0),
            ("x", "1a", "ddim:9", 1.0),
            ("x", "2b", "heun:9", 2.0),
            ("x", "1a", "heun:9", 4.0),
        )
    )
    made = replace(comparison(), columns=columns)
    assert [*training_names(made).values()] == ["x", "x 2"]
    assert re.findall(r"</i>(x[ 2]*)</li>", cost_charts(made)) == ["x", "x 2"]
    assert len({colours(made)[column.name] for column in columns}) == 2
    # The best of all is drawn from the second.
    places = [curves(made).index(f">{name}<") for name in ("x 2", "x")]
    assert places == sorted(places)


def test_a_sampler_that_a_run_cannot_be_drawn_with_is_refused_first(tmp_path: Path) -> None:
    data = black(tmp_path / "data").path
    run = run_of(tmp_path / "d", "ddpm_toy", data)
    too_many = (Sampling(sampler="ddim", steps=100_000),)
    options = CompareOptions(runs=(run,), samplers=too_many, count=20, device="cpu")
    with pytest.raises(BadInput, match=r"d: this model cannot be drawn from like that: .*100000"):
        list(train_and_measure([], data, tmp_path / "out", options))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "no run is given"),
        ({"runs": (Path("x"),), "sampling": Sampling(steps=3)}, "no others can be asked for"),
    ],
)
def test_samplers_without_a_meaning_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        CompareOptions(samplers=ASKED, **settings)  # type: ignore[arg-type]
