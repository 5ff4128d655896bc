"""Exact code lengths along the probability-flow path."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, MediaSpec, Process
from diorama.core.errors import BadInput
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess
from diorama.processes.kinds import AnyProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.processes.spacing import UniformSpacing
from diorama.processes.subpreserving import SubPreservingProcess
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.likelihood import flow_bits_per_dim

MEAN, DEVIATION = 0.1, 0.4
MEDIA = MediaSpec(kind="image", channels=1, height=8, width=8)


class BestOfNormalPixels(nn.Module):
    """Predicts the clean sample of independent normal pixels, in place of a trained network."""

    def __init__(self, process: Process) -> None:
        super().__init__()
        self.process = process

    def forward(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        level = self.process.at(t.reshape(-1, 1, 1, 1))
        gain = level.alpha * DEVIATION**2 / (level.alpha**2 * DEVIATION**2 + level.sigma**2)
        return MEAN + gain * (x - level.alpha * MEAN)


def model_of(process: AnyProcess, media: MediaSpec = MEDIA) -> DiffusionSynthesizer:
    """A model that knows all of its data."""
    network = DDPMUNetConfig(
        in_channels=1, out_channels=1, widths=(8,), depth=1, attention=(False,), groups=4, embedding=EmbeddingConfig()
    )
    config = DiffusionSynthesizerConfig(
        media=media,
        denoiser=network,
        process=process,
        preconditioning=TargetPreconditioning(predicts="clean", time_input="time"),
        spacing=UniformSpacing(),
    )
    model = config.build().eval()
    model.denoiser = BestOfNormalPixels(process)
    return model


def stored(count: int) -> Tensor:
    """Normal pixels, rounded to 256 values."""
    pixels = MEAN + DEVIATION * torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def bits_of_normal(images: Tensor) -> Tensor:
    """The code length under the true density, taken at the middle of each step."""
    z = (images.double() - MEAN) / DEVIATION
    nats = (z.square() / 2 + math.log(DEVIATION * math.sqrt(2 * math.pi))).flatten(1).mean(1)
    return nats / math.log(2) - math.log2(2 / 255)


@pytest.mark.parametrize(
    "process",
    [
        PreservingProcess(),
        SubPreservingProcess(),
        FlowProcess(),
        ExplodingProcess(time="variance"),
        RescaledProcess(of=ExplodingProcess(time="variance")),
    ],
    ids=lambda process: type(process).__name__,
)
def test_the_likelihood_of_normal_pixels_is_exact(process: AnyProcess) -> None:
    images = stored(16)
    found = flow_bits_per_dim(model_of(process), images)
    # The trace of a diagonal matrix is met exactly by signs. What differs is where in its step each value was spread.
    assert abs(found.double().mean() - bits_of_normal(images).mean()) < 1e-3


def test_a_variance_exploding_path_knows_it_too_but_for_the_prior() -> None:
    images = stored(16)
    found = flow_bits_per_dim(model_of(GeometricProcess(sigma_min=0.001, sigma_max=50.0)), images)
    # Under the prior the data add no variance to the largest noise.
    assert abs(found.double().mean() - bits_of_normal(images).mean()) < 2e-3


def test_a_discrete_process_starts_at_its_first_step() -> None:
    images = stored(16)
    found = flow_bits_per_dim(model_of(DiscreteProcess(steps=1_000)), images)
    # The first step's noise, a hundredth, broadens the density.
    assert abs(found.double().mean() - bits_of_normal(images).mean()) < 0.01


def test_draws_belong_to_pictures() -> None:
    images, model = stored(4), model_of(PreservingProcess())
    whole = flow_bits_per_dim(model, images, seed=3)
    torch.testing.assert_close(flow_bits_per_dim(model, images[2:], seed=3, first=2), whole[2:], rtol=1e-4, atol=1e-4)
    assert not torch.equal(flow_bits_per_dim(model, images, seed=4), whole)


def test_levels_that_jump_and_pixels_that_are_no_integers_are_refused() -> None:
    jumping = DiscreteProcess(steps=10, first=0.01, last=0.5, between="below")
    with pytest.raises(BadInput, match="levels that jump"):
        flow_bits_per_dim(model_of(jumping), stored(1))
    floats = MediaSpec(kind="image", channels=1, height=8, width=8, dtype="float32")
    with pytest.raises(BadInput, match="integer pixels"):
        flow_bits_per_dim(model_of(FlowProcess(), floats), stored(1))
