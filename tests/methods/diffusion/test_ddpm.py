"""Training on the simple loss."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import Moment
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.ddpm import DDPMMethod, DDPMMethodConfig
from tests.synthesis.test_diffusion import LABELLED, PLAIN

MOMENT = Moment(0, 0)


def _see_times(method: DDPMMethod) -> list[Tensor]:
    seen: list[Tensor] = []
    method.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[1]))
    return seen


def test_a_network_that_predicts_nothing_misses_the_whole_noise() -> None:
    torch.manual_seed(0)
    method = DDPMMethodConfig(synthesizer=PLAIN).build()
    loss = method.loss({"image": torch.zeros(64, 1, 8, 8)}, MOMENT)
    assert loss.value.shape == ()
    assert loss.value.item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("target", ["noise", "clean", "velocity", "score"])
def test_training_lowers_the_loss(target: str) -> None:
    torch.manual_seed(0)
    method = DDPMMethodConfig(synthesizer=replace(PLAIN, target=target)).build()  # type: ignore[arg-type]
    (phase,) = method.phases()
    optimizer = torch.optim.Adam(method.players()[phase.player], lr=3e-3)
    batch = {"image": torch.full((16, 1, 8, 8), 0.5)}
    losses = []
    for _ in range(40):
        loss = phase.loss(batch, MOMENT).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_spread_times_fill_every_part_of_the_process() -> None:
    torch.manual_seed(0)
    method = DDPMMethodConfig(synthesizer=PLAIN, times="spread").build()
    seen = _see_times(method)
    for _ in range(5):
        method.loss({"image": torch.zeros(20, 1, 8, 8)}, MOMENT)
    for t in seen:
        assert t.sort().values.tolist() == list(range(20))


def test_independent_times_stay_within_the_process() -> None:
    method = DDPMMethodConfig(synthesizer=PLAIN).build()
    seen = _see_times(method)
    method.loss({"image": torch.zeros(200, 1, 8, 8)}, MOMENT)
    assert set(seen[0].tolist()) == set(range(20))


def test_labels_are_dropped_at_the_share_that_was_asked_for() -> None:
    torch.manual_seed(0)
    method = DDPMMethodConfig(synthesizer=LABELLED, label_dropout=0.3).build()
    seen: list[Tensor] = []
    method.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[2]))
    method.loss({"image": torch.zeros(1000, 1, 8, 8), "label": torch.ones(1000, dtype=torch.long)}, MOMENT)
    assert set(seen[0].tolist()) == {1, 2}
    assert (seen[0] == 2).float().mean().item() == pytest.approx(0.3, abs=0.05)
    kept = DDPMMethodConfig(synthesizer=LABELLED).build()
    label = torch.tensor([0, 1])
    assert kept.loss({"image": torch.zeros(2, 1, 8, 8), "label": label}, MOMENT).value.isfinite()


def test_its_parts_are_the_synthesizers() -> None:
    method = DDPMMethodConfig(synthesizer=PLAIN).build()
    built = method.synthesizer().build()
    for name, module in method.averaged().items():
        assert module.state_dict().keys() == getattr(built, name).state_dict().keys()


def test_it_survives_json() -> None:
    config = DDPMMethodConfig(synthesizer=LABELLED, label_dropout=0.1, times="spread")
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_dropout_of_labels_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="label_dropout"):
        DDPMMethodConfig(synthesizer=LABELLED, label_dropout=share)


def test_dropped_labels_need_a_null_label() -> None:
    with pytest.raises(ValueError, match="null label"):
        DDPMMethodConfig(synthesizer=PLAIN, label_dropout=0.1)
