"""Who takes part in a comparison."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.comparison.columns import Column
from diorama.comparison.measurer import Measurer
from diorama.comparison.mixture import fit
from diorama.comparison.options import CompareOptions, Progress
from diorama.comparison.participants import Columns, given_participants, load_given, numbered, untrained_model
from diorama.comparison.words import title
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import open_dataset
from diorama.recipes.entry import RecipeEntry
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig
from diorama.training.run import TrainOptions, train
from tests.training.toy import CATALOG, MEDIA, flow_recipe, write_data


def finished(progress: Columns) -> list[Column]:
    """The columns, once all progress has been seen."""
    while True:
        try:
            next(progress)
        except StopIteration as end:
            return end.value


def save_model(folder: Path, media: MediaSpec, recipe: str) -> Path:
    model = fit(lambda: iter([torch.rand(20, *media.shape) * 2 - 1]), media)
    store.save(folder, model.config, model.state_dict(), Provenance(recipe={"name": recipe}), "a card")
    return folder


def measurer(folder: Path, options: CompareOptions) -> Measurer:
    return Measurer(open_dataset(write_data(folder / "data")), options, torch.device("cpu"), folder / "cache")


def test_generators_are_ranked_by_fd_at_lite2_where_nobody_asks_for_a_metric(tmp_path: Path) -> None:
    assert measurer(tmp_path, CompareOptions(device="cpu")).metrics[0] == "fd@lite2"
    asked = CompareOptions(device="cpu", metrics=("kid@lite", "fd@lite"))
    assert measurer(tmp_path / "asked", asked).metrics == ("kid@lite", "fd@lite")


def test_the_untrained_model_is_what_training_starts_from(tmp_path: Path) -> None:
    still = OptimizerConfig(rate=RateConfig(peak=0.0))
    recipe = replace(
        flow_recipe(),
        images=16,
        micro_batch=None,
        optimizers={"generator": still},
        averages={"ema": AverageConfig(half_life=0)},
    )
    list(train(recipe, write_data(tmp_path / "data"), tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))
    began, untrained = store.load(tmp_path / "run", catalog=CATALOG), untrained_model(recipe)
    for (name, one), other in zip(began.named_parameters(), untrained.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_finished_runs_are_known_by_their_recipes_and_keep_apart_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tuple(save_model(tmp_path / folder / "run", MEDIA, "faces") for folder in ("a", "b"))
    plain = save_model(tmp_path / "vae_toy", MEDIA, "vae_toy")
    entry = RecipeEntry(name="faces", make="x:y", title="Faces", summary="")
    options = CompareOptions(runs=(*runs, plain), count=20, metrics=("fd@lite",), catalog=(entry,), device="cpu")
    taking = measurer(tmp_path, options)
    models = [load_given(run, taking.reals.info) for run in options.runs]
    # They have been read before anything is trained, and are not read again.
    monkeypatch.setattr(store, "load", None)
    first, second, shipped = finished(numbered(given_participants(taking, ["x"], models)))
    assert (first.name, second.name, first.entry, second.recipe) == ("run", "run 2", entry, "faces")
    assert title(first) == "run"
    assert title(shipped) == "VAE (toy)"
    assert first.results[0].metric == "fd@lite"


def test_a_run_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    wide = save_model(tmp_path / "wide", replace(MEDIA, width=8), "faces")
    info = open_dataset(write_data(tmp_path / "data")).info
    with pytest.raises(BadInput, match=r"wide: draws \(3, 4, 8\), but the records of toy are \(3, 4, 4\)"):
        load_given(wide, info)


def test_progress_says_which_participant_of_how_many_and_an_end_reaches_the_one_at_work() -> None:
    left: list[str] = []

    def one(name: str) -> Columns:
        try:
            yield Progress(doing=f"training {name}")
            yield Progress(doing=f"measuring {name}")
        finally:
            left.append(name)
        return [Column(name=name, kind="trained")]

    steps = numbered([one("a"), one("b")])
    assert [(step.doing, step.place) for step in (next(steps), next(steps), next(steps))] == [
        ("training a", (1, 2)),
        ("measuring a", (1, 2)),
        ("training b", (2, 2)),
    ]
    assert left == ["a"]
    steps.close()
    assert left == ["a", "b"]
    assert [column.name for column in finished(numbered([one("a"), one("b")]))] == ["a", "b"]
