"""Evaluation in the loop: the best model is kept, put in place, and said to be so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from diorama.core import runlog
from diorama.core.contracts import Batch
from diorama.core.errors import DioramaError
from diorama.data.pack import pack_arrays
from diorama.evaluation.protocol import Interval, Result
from diorama.evaluation.run import Evaluation
from diorama.synthesis import store
from diorama.training import measuring
from diorama.training.checkpoint import read
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train
from tests.training.toy import CATALOG, MEDIA, flow_recipe, write_data

VALUES = (5.0, 2.0, 3.0, 4.0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "toy")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The samples that were measured; the measurements themselves are :data:`VALUES`."""
    samples: list[Tensor] = []
    values: Iterator[float] = iter(VALUES)

    def measure(drawn: Iterable[Batch], reference: Any, metrics: Sequence[str], *, seed: int = 0) -> Evaluation:
        batches = list(drawn)
        assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(20))
        samples.append(torch.cat([batch["image"] for batch in batches]))
        value, (metric,) = next(values), metrics
        interval = Interval(low=value - 1, high=value + 1, method="made up")
        result = Result(metric=metric, value=value, interval=interval, samples=len(samples[-1]))
        return Evaluation(results=(result,), warnings=("few samples",))

    monkeypatch.setattr(measuring, "reference_features", lambda *_: "features")
    monkeypatch.setattr(measuring, "measure", measure)
    return samples


def recipe(metric: str = "fd@lite") -> Recipe:
    evaluation = EvaluationConfig(metric=metric, every=80, samples=20)
    return replace(flow_recipe(), evaluation=evaluation, checkpoint_every=80, keep=1)


@pytest.mark.parametrize(
    ("metric", "better", "best", "value"),
    [("fd@lite", "lower", 10, 2.0), ("recall@lite", "higher", 5, 5.0)],
)
def test_the_best_model_is_kept_and_put_in_place(
    metric: str, better: str, best: int, value: float, data: Path, tmp_path: Path, seen: list[Tensor]
) -> None:
    out = tmp_path / "run"
    ticks = list(train(recipe(metric), data, out, TrainOptions(device="cpu", catalog=CATALOG)))
    assert [tick.step for tick in ticks if tick.results] == [5, 10, 15, 20]
    assert [tick.step for tick in ticks if "few samples" in tick.notes] == [5]
    assert sorted(int(p.name) for p in (out / "checkpoints").iterdir()) == [best, 20]
    kept = read(out / f"checkpoints/{best:09d}")["average"]
    model = store.load(out, catalog=CATALOG)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    card = (out / "model/README.md").read_text()
    assert f"Of 4 models measured on the split `val` by {metric}" in card
    assert "this is the best" in card
    assert f"20 samples each against 0 real records, {better} is better" in card
    assert "kWh" not in card
    assert 'load("toy_flow", catalog=(ToySynthesizerConfig,))' in card
    assert store.read_provenance(out)["scores"][0]["value"] == value


def test_measurements_are_logged_with_their_protocol(data: Path, tmp_path: Path, seen: list[Tensor]) -> None:
    list(train(recipe(), data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))
    lines = [record for record in runlog.read(tmp_path / "run/log.jsonl") if record["kind"] == "metric"]
    assert [line["images"] for line in lines] == [80, 160, 240, 320]
    assert [line["results"][0]["value"] for line in lines] == list(VALUES)
    assert set(lines[0]) == {"kind", "step", "images", "results", "clock"}
    assert lines[0]["results"][0]["samples"] == 20
    assert len(seen[0]) == 20


def test_measuring_does_not_disturb_training(data: Path, tmp_path: Path, seen: list[Tensor]) -> None:
    list(train(recipe(), data, tmp_path / "measured", TrainOptions(device="cpu", catalog=CATALOG)))
    list(train(flow_recipe(), data, tmp_path / "plain", TrainOptions(device="cpu", catalog=CATALOG)))
    left, right = (read(tmp_path / name / "checkpoints/000000020") for name in ("measured", "plain"))
    assert all(torch.equal(value, right["method"][name]) for name, value in left["method"].items())


def test_a_metric_that_cannot_be_had_is_refused_before_training(data: Path, tmp_path: Path) -> None:
    unknown = replace(recipe(), evaluation=EvaluationConfig(metric="fd@nothing"))
    with pytest.raises(DioramaError, match="nothing"):
        next(train(unknown, data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))


def test_data_without_a_validation_split_are_trained_on_and_said_so(tmp_path: Path, seen: list[Tensor]) -> None:
    pack_arrays(tmp_path / "data", {"train": np.zeros((32, 4, 4, 3), np.uint8)}, MEDIA)
    first, *_, last = train(recipe(), tmp_path / "data", tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG))
    assert "no split `val`" in first.notes[-1]
    assert last.finished
    assert not seen


def test_the_memory_of_the_best_survives_an_interruption(data: Path, tmp_path: Path, seen: list[Tensor]) -> None:
    for tick in train(recipe(), data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)):
        if tick.step == 12:
            break
    list(train(recipe(), data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))
    state = read(tmp_path / "run/checkpoints/000000020")
    assert state["evaluations"] == 4
    assert state["best"]["step"] == 10


def test_a_last_measurement_that_fails_costs_nothing_and_is_made_up_for(
    data: Path, tmp_path: Path, seen: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, options = tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)
    with monkeypatch.context() as broken:
        sound = measuring.measure

        def fails_at_last(*given: Any, **named: Any) -> Evaluation:
            if len(seen) == 3:
                raise RuntimeError("no memory left")
            return sound(*given, **named)

        broken.setattr(measuring, "measure", fails_at_last)
        with pytest.raises(RuntimeError, match="no memory left"):
            list(train(recipe(), data, out, options))
    assert store.load(out, catalog=CATALOG)
    (*_, last) = train(recipe(), data, out, options)
    assert last.finished
    assert [result["value"] for result in last.results] == [VALUES[3]]
    assert read(out / "checkpoints/000000020")["evaluations"] == 4
    images = [record["images"] for record in runlog.read(out / "log.jsonl") if record["kind"] == "metric"]
    assert images == [80, 160, 240, 320]
    (again,) = list(train(recipe(), data, out, options))[1:]
    assert again.finished
    assert not again.results
