"""Recorded drawing equals plain drawing, on the device that it is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from diorama.core.contracts import pixels_of
from diorama.nn.output import OutputConv2d
from diorama.synthesis.base import Sampling
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import DrawOptions, draw
from diorama.synthesis.recording import RecordedNetwork, cast_weights
from tests.synthesis.models import tiny_diffusion

PLAIN = DrawOptions(precision="fp32", recorded=False)


@pytest.mark.gpu
@pytest.mark.parametrize("guidance", [1.0, 2.5])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_recorded_samples_are_the_launched_ones(precision: str, guidance: float) -> None:
    model = tiny_diffusion(("cat", "dog")).to("cuda")
    conditions = usual(model.config.conditions, None)
    asked = replace(PLAIN, precision=precision, batch_size=4, sampling=Sampling(guidance=guidance))  # type: ignore[arg-type]
    launched = [pixels_of(b) for b in draw(model, 10, conditions=conditions, options=asked)]
    recorded = [pixels_of(b) for b in draw(model, 10, conditions=conditions, options=replace(asked, recorded=True))]
    # Batches of four, four and two: the last has a recording of its own.
    torch.testing.assert_close(
        torch.cat(recorded), torch.cat(launched), atol=1e-5 if precision == "fp32" else 2e-2, rtol=0
    )


@pytest.mark.gpu
def test_one_answer_does_not_overwrite_another() -> None:
    network = RecordedNetwork(tiny_diffusion().to("cuda").denoiser, torch.float32)
    x, t = torch.randn(2, 1, 8, 8, device="cuda"), torch.ones(2, device="cuda")
    with torch.no_grad():
        first = network(x, t, {})
        kept = first.clone()
        second = network(2 * x, t, {})
    assert torch.equal(first, kept)
    assert not torch.equal(first, second)


@pytest.mark.gpu
def test_the_models_own_weights_keep_their_type() -> None:
    model = tiny_diffusion().to("cuda")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    list(draw(model, 2, options=DrawOptions(precision="bf16")))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


def test_cast_weights_compute_what_autocast_computes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), nn.ConvTranspose2d(4, 3, 2), nn.Linear(7, 5), OutputConv2d(3, 2, 1)
    )
    network.eval()
    x = torch.randn(2, 3, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        expected = network(x)
        cast_weights(network, torch.bfloat16)
        assert torch.equal(network(x), expected)
    types = {name: value.dtype for name, value in network.state_dict().items()}
    assert {name for name, dtype in types.items() if dtype == torch.bfloat16} == {"0.weight", "2.weight", "3.weight"}
