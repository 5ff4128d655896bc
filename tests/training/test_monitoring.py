"""The model while it trains: its previews carry its mark, and the best that was measured is kept and said to be so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diorama.core import runlog
from diorama.core.contracts import Batch, Condition, ConditionSpec, MediaSpec, Stage
from diorama.core.errors import DioramaError
from diorama.data.pack import pack_arrays
from diorama.evaluation.protocol import Interval, Result
from diorama.evaluation.run import Evaluation
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.media.video import probe
from diorama.synthesis import store
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.store import model_hash
from diorama.training import monitoring
from diorama.training.folder import read_state
from diorama.training.monitoring import ModelView, write_preview
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train
from tests.training.toy import CATALOG, MEDIA, ToyFlow, flow_recipe, write_data

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

    monkeypatch.setattr(monitoring, "reference_features", lambda *_: "features")
    monkeypatch.setattr(monitoring, "measure_shared", measure)
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
    kept = read_state(out / f"checkpoints/{best:09d}")["averages"]["ema"]
    model = store.load(out, catalog=CATALOG)
    assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    card = (out / "model/README.md").read_text()
    assert f"Of 4 models measured on the split `val` by {metric}" in card
    assert "this is the best" in card
    assert f"20 samples each against 0 real records, {better} is better" in card
    assert "kWh" not in card
    assert 'load("toy_flow", catalog=(ToySynthesizerConfig,))' in card
    assert store.read_provenance(out).scores[0]["value"] == value


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
    left, right = (read_state(tmp_path / name / "checkpoints/000000020") for name in ("measured", "plain"))
    assert all(torch.equal(value, right["method"][name]) for name, value in left["method"].items())


def test_a_metric_that_cannot_be_had_is_refused_before_training(data: Path, tmp_path: Path) -> None:
    unknown = replace(recipe(), evaluation=EvaluationConfig(metric="fd@nothing"))
    with pytest.raises(DioramaError, match="nothing"):
        next(train(unknown, data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))


def test_real_records_are_looked_at_before_the_first_measurement_and_not_before_training(
    data: Path, tmp_path: Path, seen: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int | None] = []
    monkeypatch.setattr(monitoring, "reference_features", lambda split, metrics, options: counts.append(options.count))
    ticks = train(recipe(), data, tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG))
    measured = [(tick.step, counts.copy()) for tick in ticks]
    # One record at first, which says whether the metric can be had; then all of them, once.
    assert measured[0] == (0, [1])
    assert all(found == [1] if step < 5 else found[:2] == [1, None] for step, found in measured)


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
    state = read_state(tmp_path / "run/checkpoints/000000020")
    assert state["evaluations"] == 4
    assert state["best"]["step"] == 10


def test_a_last_measurement_that_fails_costs_nothing_and_is_made_up_for(
    data: Path, tmp_path: Path, seen: list[Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, options = tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)
    with monkeypatch.context() as broken:
        sound = monitoring.measure_shared

        def fails_at_last(*given: Any, **named: Any) -> Evaluation:
            if len(seen) == 3:
                raise RuntimeError("no memory left")
            return sound(*given, **named)

        broken.setattr(monitoring, "measure_shared", fails_at_last)
        with pytest.raises(RuntimeError, match="no memory left"):
            list(train(recipe(), data, out, options))
    assert store.load(out, catalog=CATALOG)
    (*_, last) = train(recipe(), data, out, options)
    assert last.finished
    assert [result["value"] for result in last.results] == [VALUES[3]]
    assert read_state(out / "checkpoints/000000020")["evaluations"] == 4
    images = [record["images"] for record in runlog.read(out / "log.jsonl") if record["kind"] == "metric"]
    assert images == [80, 160, 240, 320]
    (again,) = list(train(recipe(), data, out, options))[1:]
    assert again.finished
    assert not again.results


@dataclass(frozen=True, kw_only=True)
class ShadeConfig(SynthesizerConfig):
    """Draws its label, or its index, as a shade."""

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()

    def build(self) -> Shade:
        return Shade(self)


class Shade(Synthesizer):
    def __init__(self, config: ShadeConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = nn.Linear(1, 1)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.config.media.shape

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        label = condition.get("label", torch.zeros(len(noise)))
        yield Stage(x=torch.zeros_like(noise) + label.float().view(-1, *[1] * (noise.dim() - 1)) / 10)


class ShadeMethod(ToyFlow):
    def __init__(self, config: ShadeConfig) -> None:
        super().__init__()
        self.config = config

    def synthesizer(self) -> ShadeConfig:  # type: ignore[override]
        return self.config


def view_of(media: MediaSpec, classes: tuple[str, ...] = ()) -> ModelView:
    label = (ConditionSpec(key="label", names=classes),) if classes else ()
    config = ShadeConfig(media=media, conditions=label)
    view = ModelView(ShadeMethod(config), torch.device("cpu"), None, 20, channels_last=True)
    view.refresh(config.build().state_dict())
    return view


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_become_a_stamped_grid(channels: int, tmp_path: Path) -> None:
    view = view_of(MediaSpec(kind="image", channels=channels, height=6, width=4))
    path = write_preview(view, tmp_path, "003", recipe="shade", seed=9)
    assert path.name == "003.png"
    assert read_image(path.read_bytes(), path.name).pixels.shape[:2] == (8 * (6 + 2) + 2, 8 * (4 + 2) + 2)
    stamp = read_stamp(path)
    assert stamp is not None
    assert (stamp.model, stamp.seed, stamp.recipe) == (model_hash(view.model), 9, "shade")


def test_clips_become_a_stamped_clip(tmp_path: Path) -> None:
    view = view_of(MediaSpec(kind="video", channels=3, height=8, width=8, frames=5, fps=4.0))
    path = write_preview(view, tmp_path, "012", recipe="shade", seed=0)
    assert path.name == "012.mp4"
    assert probe(path).fps == pytest.approx(4.0)
    assert read_stamp(path) is not None


def test_labels_take_turns() -> None:
    view = view_of(MediaSpec(kind="image", channels=1, height=2, width=2), classes=("a", "b", "c"))
    shades = torch.cat([batch["image"] for batch in view.samples(5, seed=0)])[:, 0, 0, 0]
    torch.testing.assert_close(shades, torch.tensor([0.0, 0.1, 0.2, 0.0, 0.1]))
