"""Classifiers of noisy pictures: trained, saved, read back, and asked for a direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec, Moment
from diorama.core.errors import BadInput
from diorama.data.pack import pack_arrays
from diorama.methods.diffusion.classifying import NoisyClassifierMethodConfig
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.synthesis import store
from diorama.synthesis.classifier import NoisyClassifier, NoisyClassifierConfig
from diorama.synthesis.parts import ModelRef, load_parts
from diorama.training.folder import read_state
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe
from diorama.training.run import TrainOptions, train

MEDIA = MediaSpec(kind="image", channels=1, height=8, width=8)
NETWORK = ADMClassifierConfig(
    in_channels=1,
    channels=16,
    widths=(32,),
    depth=1,
    attention=(False,),
    head_channels=16,
    classes=2,
    pooling="attention",
    side=8,
)
CONFIG = NoisyClassifierConfig(
    media=MEDIA, names=("dark", "bright"), classifier=NETWORK, process=DiscreteProcess(steps=50, last=0.2)
)


def _trained() -> NoisyClassifier:
    torch.manual_seed(0)
    method = NoisyClassifierMethodConfig(synthesizer=CONFIG).build()
    optimizer = torch.optim.Adam(method.parameters(), lr=2e-3)
    label = torch.arange(32) % 2
    images = (label * 1.2 - 0.6).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    losses = []
    for _ in range(30):
        loss = method.loss({"image": images, "label": label}, Moment(0, 0))
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        losses.append(loss)
    assert losses[-1].value < 0.5 * losses[0].value
    accuracy = losses[-1].scalars
    assert list(accuracy) == [f"accuracy.{name}" for name in ("least_noise", "less_noise", "more_noise", "most_noise")]
    assert accuracy["accuracy.least_noise"] == 1
    model = CONFIG.build()
    model.load_state_dict(method.model_tensors())
    return model.eval()


def test_it_learns_labels_and_knows_their_direction() -> None:
    model = _trained()
    level = CONFIG.process.at(torch.tensor(20.0, dtype=torch.float64))
    towards = model.gradient(torch.tensor([0, 1]))(torch.zeros(2, 1, 8, 8), level)
    assert towards[0].sum() < 0 < towards[1].sum()


def test_few_samples_have_no_quarters() -> None:
    method = NoisyClassifierMethodConfig(synthesizer=CONFIG).build()
    assert not method.loss({"image": torch.zeros(3, 1, 8, 8), "label": torch.zeros(3).long()}, Moment(0, 0)).scalars


def test_it_draws_nothing_and_says_so() -> None:
    with pytest.raises(BadInput, match="draws none"):
        CONFIG.build().sample(1)


def test_its_run_continues_bit_for_bit_and_is_read_back_as_a_part(tmp_path: Path) -> None:
    data, label = tmp_path / "data", np.arange(48) % 2
    pictures = np.broadcast_to((label * 150 + 50).astype(np.uint8)[:, None, None, None], (48, 8, 8, 1)).copy()
    pack_arrays(data, {"train": pictures}, MEDIA, name="two", classes=CONFIG.names, labels={"train": label})
    recipe = Recipe(
        name="classifier",
        method=NoisyClassifierMethodConfig(synthesizer=CONFIG),
        optimizers={"classifier": OptimizerConfig(rate=RateConfig(peak=1e-3))},
        images=64,
        batch_size=16,
        averages={"ema": AverageConfig(half_life=100)},
        evaluation=EvaluationConfig(samples=0),
        preview_every=16,
        log_every=16,
    )
    options = TrainOptions(device="cpu")
    ticks = list(train(recipe, data, tmp_path / "whole", options))
    assert not any(tick.preview for tick in ticks)
    for tick in train(recipe, data, tmp_path / "parts", options):
        if tick.step == 2:
            break
    list(train(recipe, data, tmp_path / "parts", options))
    whole, split = (read_state(tmp_path / name / "checkpoints/000000004") for name in ("whole", "parts"))
    assert all(torch.equal(value, split["method"][name]) for name, value in whole["method"].items())
    part = load_parts({"guide": ModelRef(folder=str(tmp_path / "whole"))}, {"guide": "a classifier"})["guide"].module
    assert isinstance(part, NoisyClassifier)
    assert part.config == CONFIG
    assert store.model_hash(tmp_path / "whole") == store.model_hash(tmp_path / "parts")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ("one",)}, "classifier.classes"),
        ({"media": MediaSpec(kind="image", channels=3, height=8, width=8)}, "classifier.in_channels"),
        ({"media": MediaSpec(kind="image", channels=1, height=16, width=16)}, "classifier.side"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        NoisyClassifierConfig(**({"media": MEDIA, "names": ("a", "b"), "classifier": NETWORK} | change))  # type: ignore[arg-type]
