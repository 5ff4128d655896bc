"""StyleGAN2: shapes, noise, truncation, labels, derivatives of both orders, and half precision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.core.rng import normal
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2Generator, StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.nn.half import half_blocks

SMALL = StyleGAN2GeneratorConfig(
    size=16, latent=6, style=8, channel_base=64, channel_max=8, mapping=StyleMappingConfig(layers=2), conv_clamp=4.0
)
CRITIC = StyleGAN2DiscriminatorConfig(
    size=16, channel_base=64, channel_max=8, mapping=StyleMappingConfig(layers=2), mbstd_group_size=2
)
ARCHITECTURES = ("skip", "resnet", "orig")


def loud(network: Any) -> Any:
    """Fresh networks add no noise: let all scalars and biases count."""
    torch.manual_seed(0)
    for parameter in network.parameters():
        if parameter.dim() < 2:
            nn.init.normal_(parameter, 0, 0.3)
    return network


def generator(**changes: Any) -> StyleGAN2Generator:
    torch.manual_seed(1)
    return loud(replace(SMALL, **changes).build())


def latents(count: int = 3) -> Tensor:
    return torch.randn(count, SMALL.latent, generator=torch.Generator().manual_seed(2))


LABELS: Condition = {"label": torch.tensor([0, 2, 1])}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("classes", [0, 3])
def test_pictures_and_logits_have_their_shapes(architecture: Any, classes: int) -> None:
    condition = LABELS if classes else NOTHING_GIVEN
    pictures = generator(architecture=architecture, classes=classes, channels=1).eval()(latents(), condition)
    assert pictures.shape == (3, 1, 16, 16)
    assert pictures.dtype == torch.float32
    critic = replace(CRITIC, architecture=architecture, classes=classes, channels=1, mbstd_group_size=3).build()
    assert critic(pictures, condition).shape == (3,)


def test_labels_may_be_soft() -> None:
    network = generator(classes=3).eval()
    rows = nn.functional.one_hot(LABELS["label"], 3).float()
    assert torch.equal(network(latents(), {"label": rows}), network(latents(), LABELS))
    with pytest.raises(ValueError, match="needs a label"):
        network(latents())
    with pytest.raises(ValueError, match="takes no label"):
        generator()(latents(), LABELS)


def test_noise_is_drawn_in_training_and_stored_in_evaluation() -> None:
    network = generator()
    assert not torch.equal(network(latents()), network(latents()))
    network.eval()
    assert torch.equal(network(latents()), network(latents()))
    assert torch.equal(network(latents()), network(latents(), noise="const"))
    assert not torch.allclose(network(latents()), network(latents(), noise="none"))


def test_a_sample_is_the_same_in_every_batch_when_its_noise_is_given() -> None:
    network = generator().eval()

    def drawn(first: int, count: int) -> Tensor:
        noise = [
            normal(shape, seed=5, first=first, count=count, step=i, stream=1)
            for i, shape in enumerate(network.config.layer_noise)
        ]
        return network(latents()[first : first + count], noise=noise)

    torch.testing.assert_close(drawn(0, 3)[2:], drawn(2, 1), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="noise: 1 given for 5 convolutions"):
        network(latents(), noise=[torch.zeros(3, 1, 4, 4)])


def test_without_noise_there_is_none_to_give() -> None:
    network = generator(use_noise=False)
    assert network.config.layer_noise == ()
    assert torch.equal(network(latents()), network(latents(), noise=()))


def test_truncation_moves_the_coarsest_styles_towards_the_running_mean() -> None:
    network = generator(mapping=StyleMappingConfig(layers=2, w_avg_beta=0.9)).eval()
    z = latents(500)
    for _ in range(100):
        network.mapping.track(network.mapping(z, {}))
    whole, none = network.styles(z), network.styles(z, psi=0.0)
    torch.testing.assert_close(none[0, 0], whole[:, 0].mean(dim=0), rtol=1e-2, atol=1e-2)
    half = network.styles(z, psi=0.5, cutoff=2)
    torch.testing.assert_close(half[:, :2], (whole + none)[:, :2] / 2)
    assert torch.equal(half[:, 2:], whole[:, 2:])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_path_lengths_and_r1_have_gradients(architecture: Any) -> None:
    network = generator(architecture=architecture)
    styles = network.styles(latents(2))
    pictures = network.draw(styles, "const")
    (slopes,) = torch.autograd.grad((pictures * torch.randn_like(pictures)).sum(), styles, create_graph=True)
    slopes.square().sum(dim=2).mean(dim=1).sqrt().var().backward()
    critic = loud(replace(CRITIC, architecture=architecture).build())
    seen = torch.randn(2, 3, 16, 16).requires_grad_()
    (steep,) = torch.autograd.grad(critic(seen).sum(), seen, create_graph=True)
    steep.square().sum().backward()
    for part in (network.blocks, critic.blocks):
        moved = [p for p in part.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
        assert len(moved) > 0.5 * len(list(part.parameters()))
        assert all(p.grad.isfinite().all() for p in moved if p.grad is not None)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_sixteen_bits_leave_no_gaps(kind: torch.dtype) -> None:
    network, critic = generator(), loud(CRITIC.build())
    with torch.autocast("cpu", kind):
        logits = critic(network(latents(2)))
    logits.float().sum().backward()
    gradients = [p.grad for p in (*network.parameters(), *critic.parameters()) if p.grad is not None]
    assert logits.isfinite().all()
    assert gradients
    assert all(g.isfinite().all() for g in gradients)


def test_the_finest_blocks_choose_half_precision_where_the_run_allows_it() -> None:
    network, critic = generator(num_fp16_res=1).eval(), loud(replace(CRITIC, num_fp16_res=1).build())
    kinds: dict[str, torch.dtype] = {}
    for part in ("blocks.1", "blocks.2"):
        network.get_submodule(part).register_forward_hook(lambda _, __, out, p=part: kinds.update({p: out[0].dtype}))
    whole = critic(network(latents(2)))
    assert set(kinds.values()) == {torch.float32}
    with half_blocks(torch.float16), torch.autocast("cpu", torch.bfloat16):
        pictures = network(latents(2))
        logits = critic(pictures)
    assert kinds == {"blocks.1": torch.float32, "blocks.2": torch.float16}
    assert pictures.dtype == logits.dtype == torch.float32
    torch.testing.assert_close(logits, whole, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    "change", [{"size": 12}, {"size": 2}, {"channel_base": 8}, {"classes": -1}, {"kernel": 2}, {"channel_max": 0}]
)
def test_impossible_networks_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(SMALL, **change)


def test_groups_of_a_batch_must_come_out_even() -> None:
    with pytest.raises(ValueError, match=r"3 samples .* groups of 2"):
        CRITIC.build()(torch.zeros(3, 3, 16, 16))


@pytest.mark.slow
@pytest.mark.long
def test_it_exports() -> None:
    network = generator().eval()
    program = torch.export.export(network, (latents(2),))
    torch.testing.assert_close(program.module()(latents(2)), network(latents(2)), rtol=1e-4, atol=1e-4)
