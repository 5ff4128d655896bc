"""StyleGAN's PyTorch port: growth, mixing, truncation, derivatives and half precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from diorama.networks.adversarial.stylegan1 import (
    StyleGAN1DiscriminatorConfig,
    StyleGAN1Generator,
    StyleGAN1GeneratorConfig,
    mixed,
)
from diorama.nn.resample import double, halve

# The last level is the first that is fused.
MAKER = StyleGAN1GeneratorConfig(latent=6, layers=2, widths=(8, 8, 6, 6, 4, 4))
CRITIC = StyleGAN1DiscriminatorConfig(widths=(8, 8, 6, 6, 4, 4))


def generator() -> StyleGAN1Generator:
    torch.manual_seed(0)
    network = MAKER.build()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("strength"):
                parameter.normal_()
    return network


def latents(seed: int = 2) -> Tensor:
    return torch.randn(2, MAKER.latent, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("level", range(6))
def test_every_level_draws_and_judges_its_size(level: int) -> None:
    pictures = generator()(latents(), level=level, alpha=0.5)
    assert pictures.shape == (2, 3, 4 << level, 4 << level)
    assert CRITIC.build()(pictures, level=level, alpha=0.5).shape == (2,)


def test_a_level_comes_in_by_its_share() -> None:
    network = generator().eval()
    coarse, fine = network(latents(), level=1), network(latents(), level=2)
    torch.testing.assert_close(network(latents(), level=2, alpha=0.25), 0.75 * double(coarse) + 0.25 * fine)
    critic = CRITIC.build()
    torch.testing.assert_close(critic(fine, level=2, alpha=0.0), critic(halve(fine), level=1))


def test_noise_is_drawn_in_training_and_can_be_given() -> None:
    network = generator()
    assert not torch.equal(network(latents(), level=2), network(latents(), level=2))
    noise = [torch.randn(2, *shape) for shape in MAKER.layer_noise[:3]]
    given = network(latents(), level=2, noise=noise)
    assert torch.equal(given, network(latents(), level=2, noise=noise))
    network.eval()
    assert not torch.allclose(given, network(latents(), level=2))
    with pytest.raises(ValueError, match="3 of each are needed for level 2"):
        network(latents(), level=2, noise=noise[:2])


def test_styles_are_mixed_by_level_and_truncated_towards_a_mean() -> None:
    network = generator().eval()
    first, second = network.style(latents()), network.style(latents(3))
    styles = mixed(first, second, range(1, 3), 6)
    assert torch.equal(styles[:, 1], second)
    assert torch.equal(styles[:, 3], first)
    mean = network.mean_style(latents(4))
    at_mean = network(latents(), psi=0.0, mean=mean, level=1)
    torch.testing.assert_close(at_mean[0], at_mean[1])
    torch.testing.assert_close(network(latents(), mean=mean, level=1), network(latents(), level=1))
    torch.testing.assert_close(network(latents(), psi=0.0, cutoff=0, level=1), network(latents(), level=1))
    # Nobody gave a mean: it is that of very many styles.
    many = torch.randn(20_000, MAKER.latent, generator=torch.Generator().manual_seed(9))
    by_itself, by_many = (network(latents(), psi=0.5, mean=m, level=1) for m in (None, network.mean_style(many)))
    assert (by_itself - by_many).square().mean() < 0.01 * by_many.var()


def test_r1_has_gradients_through_fused_and_plain_levels() -> None:
    critic, pictures = CRITIC.build(), torch.randn(2, 3, 128, 128).requires_grad_()
    (steep,) = torch.autograd.grad(critic(pictures).sum(), pictures, create_graph=True)
    steep.square().sum().backward()
    found = [p.grad for level in critic.levels for p in level.parameters() if p.grad is not None]
    assert sum(bool(g.abs().sum() > 0) for g in found) >= 12
    assert all(g.isfinite().all() for g in found)


def test_sixteen_bits_leave_no_gaps() -> None:
    """In bfloat16: nothing limits features, so that float16 is none of the published precisions."""
    network, critic = generator(), CRITIC.build()
    with torch.autocast("cpu", torch.bfloat16):
        logits = critic(network(latents()))
    logits.float().sum().backward()
    assert logits.isfinite().all()
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)


@pytest.mark.parametrize("level", [-1, 6])
def test_levels_that_do_not_exist_are_refused(level: int) -> None:
    with pytest.raises(ValueError, match="level: must be in 0 … 5"):
        generator()(latents(), level=level)


def test_impossible_widths_are_refused() -> None:
    with pytest.raises(ValueError, match="widths"):
        StyleGAN1GeneratorConfig(widths=())
    assert MAKER.size == CRITIC.size == 128
