"""Drifting models."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import Moment
from diorama.core.errors import BadConfig, BadInput
from diorama.methods.base import live_tensors
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.drifting import Drifting, DriftingConfig
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.samplers.consistency import ConsistencyConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer
from tests.methods.diffusion.two_modes import PointNetwork, distance_from_modes, drawn, learn
from tests.synthesis.test_diffusion import FLOW, LABELLED

ONE_PASS = replace(
    FLOW,
    spacing=RatioSpacing(ratios=(80.0,)),
    sampler=ConsistencyConfig(sigma_min=0.0),
    steps=1,
    clip=False,
)
CONFIG = DriftingConfig(synthesizer=ONE_PASS, space="values")
MOMENT = Moment(0, 0)


def _method(config: DriftingConfig = CONFIG) -> Drifting:
    torch.manual_seed(0)
    return config.build()


def _pictures(count: int) -> Tensor:
    return torch.rand(count, *ONE_PASS.media.shape) * 2 - 1


def _model(method: Drifting) -> DiffusionSynthesizer:
    model = method.synthesizer().build().eval()
    model.load_state_dict(live_tensors(method.averaged()))
    return model


def test_two_modes_are_learned() -> None:
    method = _method()
    method.denoiser = PointNetwork()
    before = distance_from_modes(drawn(method))
    learn(method, 300)
    assert distance_from_modes(drawn(method)) < 0.35 * before
    assert 0.25 < (drawn(method)[:, 0] > 0).float().mean().item() < 0.75


def test_it_is_drawn_from_as_it_was_trained() -> None:
    method = _method()
    for parameter in method.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    method.eval()
    pictures = _pictures(4)
    torch.manual_seed(3)
    found = method.generated(pictures)
    torch.manual_seed(3)
    noise = torch.randn(4, *ONE_PASS.media.shape)
    (stage,) = _model(method).stages(noise, {})
    torch.testing.assert_close(stage.x, found, rtol=1e-4, atol=1e-4)


def test_data_and_the_feature_network_get_no_gradient() -> None:
    method = _method(replace(CONFIG, space="features"))
    batch = {"image": _pictures(4).clone().requires_grad_()}
    method.loss(batch, MOMENT).value.backward()
    assert batch["image"].grad is None
    assert all(p.grad is None for p in method.frozen.parameters())
    assert all(p.grad is not None for p in method.players()["denoiser"])
    # It comes with the package, so neither a state nor a model holds it.
    assert set(live_tensors(method.averaged())) == {f"denoiser.{key}" for key in method.denoiser.state_dict()}


def test_models_and_batches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="RatioSpacing of one ratio"):
        DriftingConfig(synthesizer=FLOW)
    labels = LABELLED.conditions
    with pytest.raises(ValueError, match="batches of one label each"):
        DriftingConfig(synthesizer=replace(ONE_PASS, denoiser=LABELLED.denoiser, conditions=labels))
    with pytest.raises(ValueError, match=r"depths: must be some of \[0, 1, 2, 3\]"):
        replace(CONFIG, depths=(1, 1))
    with pytest.raises(ValueError, match="temperatures"):
        replace(CONFIG, temperatures=())
    with pytest.raises(BadConfig, match="at least 2 samples"):
        _method().loss({"image": _pictures(1)}, MOMENT)
    with pytest.raises(BadInput, match="draws in no more steps, got 2"):
        _model(_method()).resampled(Sampling(steps=2))


def test_it_survives_json() -> None:
    config = replace(CONFIG, temperatures=(0.1, 0.3))
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config
