"""Progressive GAN's scales, and how the finest fades in."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from diorama.networks.adversarial.progressive import (
    ProgressiveDiscriminatorConfig,
    ProgressiveGeneratorConfig,
    batch_deviation,
)

WIDTHS = (6, 5, 4)
GENERATOR = ProgressiveGeneratorConfig(widths=WIDTHS, channels=2, latent=3)
DISCRIMINATOR = ProgressiveDiscriminatorConfig(widths=WIDTHS, channels=2)
Z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("scale", [0, 1, 2])
def test_every_scale_draws_and_judges_its_size(scale: int) -> None:
    torch.manual_seed(0)
    pictures = GENERATOR.build()(Z, scale=scale)
    assert pictures.shape == (4, 2, 4 << scale, 4 << scale)
    logits, (vector,) = DISCRIMINATOR.build().judge(pictures)
    assert (logits.shape, vector.shape) == ((4,), (4, 6))
    assert GENERATOR.side == 16


@pytest.mark.parametrize("scale", [1, 2])
def test_a_scale_that_fades_in_begins_as_the_one_before_enlarged(scale: int) -> None:
    torch.manual_seed(0)
    network = GENERATOR.build()
    before = F.interpolate(network(Z, scale=scale - 1), scale_factor=2)
    after = network(Z, scale=scale)
    torch.testing.assert_close(network(Z, scale=scale, fade=1.0), before)
    torch.testing.assert_close(network(Z, scale=scale, fade=torch.tensor(0.25)), 0.25 * before + 0.75 * after)
    assert torch.equal(network(Z, scale=scale, fade=0.0), after)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_picture_that_fades_in_is_judged_as_the_halved_one(scale: int) -> None:
    torch.manual_seed(0)
    network, x = DISCRIMINATOR.build(), torch.randn(4, 2, 4 << scale, 4 << scale)
    torch.testing.assert_close(network(x, fade=1.0), network(F.avg_pool2d(x, 2)))
    assert not torch.allclose(network(x, fade=0.5), network(x))
    late = ProgressiveDiscriminatorConfig(widths=WIDTHS, channels=2, fades_from=2).build()
    assert torch.equal(late(x, fade=0.5), late(x)) == (scale == 1)


def test_latent_vectors_of_any_length_draw_the_same() -> None:
    torch.manual_seed(0)
    network = GENERATOR.build()
    torch.testing.assert_close(network(Z), network(7 * Z), rtol=1e-4, atol=1e-5)


def test_a_deviation_is_that_of_its_group() -> None:
    x = torch.randn(8, 3, 2, 2)
    found = batch_deviation(x)
    assert found.shape == (8, 1, 2, 2)
    expected = [x[half].var(0).add(1e-8).sqrt().mean() for half in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(found[:, 0, 0, 0], torch.stack(expected).repeat_interleave(4))
    assert batch_deviation(x[:1]).abs().max() == 0
    torch.testing.assert_close(batch_deviation(x[:3])[0, 0, 0, 0], x[:3].var(0).add(1e-8).sqrt().mean())


@pytest.mark.parametrize("shape", [(4, 2, 32, 32), (4, 2, 12, 12), (4, 2, 8, 4)])
def test_pictures_of_no_scale_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"squares of one of \[4, 8, 16\]"):
        DISCRIMINATOR.build()(torch.zeros(shape))


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ProgressiveGeneratorConfig(widths=())
    with pytest.raises(ValueError, match="fades_from"):
        ProgressiveDiscriminatorConfig(fades_from=0)
