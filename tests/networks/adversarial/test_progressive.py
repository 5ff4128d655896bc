"""Progressive GAN's scales, and how the finest fades in."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from diorama.networks.adversarial.progressive import (
    ProgressiveDiscriminatorConfig,
    ProgressiveGeneratorConfig,
    as_sharp,
    batch_deviation,
    shares,
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


@pytest.mark.parametrize(("grown", "scale", "fade"), [(0.0, 0, 0.0), (1.0, 1, 0.0), (0.25, 1, 0.75), (1.625, 2, 0.375)])
def test_a_network_that_grows_draws_its_scale_at_the_full_size(grown: float, scale: int, fade: float) -> None:
    torch.manual_seed(0)
    network, growing = GENERATOR.build(), replace(GENERATOR, grows=True).build()
    growing.load_state_dict(network.state_dict() | {"grown": growing.grown})
    growing.grow(grown)
    expected = F.interpolate(network(Z, scale=scale, fade=fade), scale_factor=2 ** (2 - scale))
    torch.testing.assert_close(growing(Z), expected)
    assert growing(Z).shape == (4, 2, 16, 16)


@pytest.mark.parametrize("fades_from", [1, 2])
@pytest.mark.parametrize(("grown", "scale", "fade"), [(0.0, 0, 0.0), (1.0, 1, 0.0), (0.25, 1, 0.75), (1.625, 2, 0.375)])
def test_a_network_that_grows_judges_pictures_of_the_full_size_at_its_scale(
    grown: float, scale: int, fade: float, fades_from: int
) -> None:
    torch.manual_seed(0)
    config = replace(DISCRIMINATOR, fades_from=fades_from)
    network, growing = config.build(), replace(config, grows=True).build()
    growing.load_state_dict(network.state_dict() | {"grown": growing.grown})
    growing.grow(grown)
    x = torch.randn(4, 2, 16, 16)
    small = F.avg_pool2d(x, 2 ** (2 - scale))
    torch.testing.assert_close(growing(x), network(small, fade=fade))
    with pytest.raises(ValueError, match=r"squares of one of \[16\]"):
        growing(x[..., :8, :8])


def test_scales_that_are_not_reached_get_no_gradient() -> None:
    torch.manual_seed(0)
    generator, judge = replace(GENERATOR, grows=True).build(), replace(DISCRIMINATOR, grows=True).build()
    for network in (generator, judge):
        network.grow(0.5)
    judge(generator(Z)).sum().backward()
    for network in (generator, judge):
        sizes = [max(float(p.grad.abs().max()) for p in scale.parameters()) for scale in network.scales]
        assert sizes[0] > 0
        assert sizes[1] == 0
    assert generator.colours[2].layer.weight.grad.abs().max() == 0


@pytest.mark.parametrize("grown", [0.0, 0.5, 1.0, 1.75, 2.0])
def test_real_pictures_are_as_sharp_as_drawn_ones(grown: float) -> None:
    x, reached = torch.randn(2, 3, 16, 16), torch.tensor(grown)
    seen = as_sharp(x, reached, 3)
    lower = int(grown)
    blocks = [F.interpolate(F.avg_pool2d(x, 4 >> k), scale_factor=4 >> k) for k in (lower, min(lower + 1, 2))]
    torch.testing.assert_close(seen, (1 - grown + lower) * blocks[0] + (grown - lower) * blocks[1])
    torch.testing.assert_close(shares(reached, 3).sum(), torch.tensor(1.0))


def test_pictures_are_limited_where_that_is_asked_for() -> None:
    torch.manual_seed(0)
    network, limited = GENERATOR.build(), replace(GENERATOR, limit="tanh").build()
    limited.load_state_dict(network.state_dict())
    torch.testing.assert_close(limited(Z, scale=1, fade=0.5), network(Z, scale=1, fade=0.5).tanh())


def test_how_far_a_network_has_grown_is_kept_with_its_weights_as_an_integer() -> None:
    """Averages of weights copy integers."""
    network, other = replace(GENERATOR, grows=True).build(), replace(GENERATOR, grows=True).build()
    network.grow(1.25)
    other.load_state_dict(network.state_dict())
    assert other.reached == 1.25
    assert not other.grown.is_floating_point()
