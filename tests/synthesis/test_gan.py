"""Drawing pictures from latent vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from diorama.core.config import decode, encode
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec
from diorama.core.errors import BadInput
from diorama.networks.adversarial.base import GeneratorConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig
from tests.synthesis.models import tiny_diffusion, tiny_gan, tiny_stylegan, tiny_vae, tiny_video_gan


def test_samples_are_functions_of_seed_and_index() -> None:
    model = tiny_gan()
    whole = model.sample(5, seed=3)
    assert whole.shape == (5, 3, 8, 8)
    assert torch.allclose(whole[3:], model.sample(2, seed=3, first=3), atol=1e-6)
    assert not torch.allclose(whole, model.sample(5, seed=4), atol=1e-2)


def test_noise_may_be_given() -> None:
    model = tiny_gan()
    assert torch.equal(model.sample(2, noise=torch.zeros(2, 5))[0], model.sample(2, noise=torch.zeros(2, 5))[1])


@dataclass(frozen=True, kw_only=True)
class StyledConfig(GeneratorConfig):
    """A generator that has everything: labels, styles that are truncated, noise in two layers, batch norm."""

    latent: int = 5
    truncation: Literal["none", "latent", "styles"] = "styles"
    noisy: bool = True

    @property
    def reads(self) -> tuple[str, ...]:
        return ("label",)

    @property
    def classes(self) -> int:
        return 3

    @property
    def layer_noise(self) -> tuple[tuple[int, ...], ...]:
        return ((1, 2, 2), (1, 4, 4)) if self.noisy else ()

    def build(self) -> Styled:
        return Styled(self)


class Styled(nn.Module):
    def __init__(self, config: StyledConfig) -> None:
        super().__init__()
        self.config = config
        self.table, self.out, self.norm = nn.Embedding(3, 5), nn.Linear(5, 16), nn.BatchNorm2d(1)

    def forward(
        self,
        z: Tensor,
        condition: Condition,
        psi: float = 1.0,
        cutoff: int | None = None,
        noise: Sequence[Tensor] | None = None,
    ) -> Tensor:
        layers = 4 if cutoff is None else cutoff
        x = self.out(z * psi * layers / 4 + self.table(condition["label"])).view(-1, 1, 4, 4)
        if noise is not None:
            x = x + nn.functional.interpolate(noise[0], scale_factor=2) + noise[1]
        return self.norm(x).tanh()


def styled(**changes: Any) -> GANSynthesizer:
    torch.manual_seed(0)
    names = ("a", "b", "c")
    return GANSynthesizerConfig(
        media=MediaSpec(kind="image", channels=1, height=4, width=4),
        conditions=(ConditionSpec(key="label", names=names),),
        generator=StyledConfig(**changes),  # type: ignore[arg-type]
    ).build().eval()  # fmt: skip


def test_labels_are_read_and_must_be_given() -> None:
    model = styled()
    assert not torch.equal(model.sample(1, condition={"label": "a"}), model.sample(1, condition={"label": "b"}))
    with pytest.raises(BadInput, match="needs a label, one of a, b, c"):
        model.sample(1)


def test_noise_of_layers_belongs_to_the_sample() -> None:
    model = styled()
    whole = model.sample(5, seed=3, condition={"label": "all"})
    part = model.sample(2, seed=3, first=3, condition={"label": [0, 1]})
    torch.testing.assert_close(whole[3:], part)
    still = model.sample(2, noise=torch.zeros(2, 5), condition={"label": "a"})
    assert not torch.equal(still[0], still[1])


def test_psi_and_cutoff_reach_generators_with_styles() -> None:
    model = styled(noisy=False)
    draws = {
        psi: model.resampled(Sampling(psi=psi, cutoff=cutoff)).sample(4, condition={"label": "a"})
        for psi, cutoff in ((1.0, None), (0.5, None), (0.0, None), (1.000001, 2))
    }
    spread = {psi: drawn.std(0).mean().item() for psi, drawn in draws.items()}
    assert spread[1.0] > spread[0.5] > spread[0.0] == 0
    torch.testing.assert_close(draws[0.5], draws[1.000001], atol=1e-4, rtol=0)
    assert model.resampled(Sampling(psi=0.5)).sampling == Sampling(psi=0.5)
    assert "truncated, psi 0.5" in repr(model.resampled(Sampling(psi=0.5)))


def test_psi_of_latent_values_is_their_largest() -> None:
    model = styled(truncation="latent", noisy=False)
    seen: list[Tensor] = []
    model.generator.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    drawn = model.resampled(Sampling(psi=0.4)).sample(6, seed=1, condition={"label": "a"})
    assert seen[0].abs().max() <= 0.4
    again = model.resampled(Sampling(psi=0.4)).sample(2, seed=1, first=4, condition={"label": "a"})
    torch.testing.assert_close(drawn[4:], again)


def test_standing_statistics_are_those_of_what_is_drawn_and_leave_the_model_alone() -> None:
    model = styled()
    before = model.generator.norm.running_mean.clone()
    other = model.resampled(Sampling(standing=3))
    first = other.sample(2, seed=7, condition={"label": "a"})
    assert not torch.equal(other.generator.norm.running_mean, before)
    assert torch.equal(model.generator.norm.running_mean, before)
    # They are taken once, and the same wherever drawing begins.
    again = model.resampled(Sampling(standing=3))
    again.sample(5, seed=1, condition={"label": "b"})
    assert torch.equal(first, again.sample(2, seed=7, condition={"label": "a"}))
    drawn = torch.cat([other.sample(64, seed=s, condition={"label": "all"}) for s in range(8)]).atanh()
    assert abs(drawn.mean().item()) < 0.1
    assert drawn.std().item() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    ("model", "asked", "message"),
    [
        (tiny_gan(), {"psi": 0.5}, "psi: this model's generator, a DCGANGenerator, cannot be truncated"),
        (tiny_gan(), {"steps": 5}, "steps: this model draws in one pass and has none"),
        (tiny_vae(), {"psi": 0.5}, "psi: generators of GANs alone have that, and this is a VAE"),
        (tiny_diffusion(), {"psi": 0.5, "standing": 2}, "psi, standing: generators of GANs alone have that"),
        (tiny_video_gan(), {"psi": 0.5}, "psi: generators of GANs alone have that, and this is a GAN of clips"),
        (styled(truncation="latent"), {"psi": 0.0}, "must be at least 0.01"),
        (styled(truncation="latent"), {"psi": 0.5, "cutoff": 2}, "cutoff: belongs to generators with styles"),
        (styled(), {"cutoff": 2}, "there is no psi"),
        (styled(), {"psi": 0.5, "cutoff": 0}, "cutoff: must be at least 1, got 0"),
        (tiny_stylegan(), {"psi": 0.5, "cutoff": 7}, "cutoff: must be at least 1 and at most 6, the layers of"),
    ],
)
def test_what_a_model_does_not_have_is_refused_in_a_line(model: Any, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message) as refused:
        model.resampled(Sampling(**asked))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ((), r"the network reads \['label'\], given are \[\]"),
        ((ConditionSpec(key="label", names=("a",)),), "1 label names, but the network knows 3 classes"),
    ],
)
def test_conditions_are_what_the_network_reads(conditions: tuple[ConditionSpec, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(styled().config, conditions=conditions)


def test_only_stored_noise_can_be_asked_for() -> None:
    with pytest.raises(ValueError, match="stored_noise: a Styled stores no noise for its layers"):
        replace(styled().config, stored_noise=True)


def test_a_generator_that_does_not_say_how_it_is_called_is_refused_in_a_line() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Foreign:
        latent: int = 4

    with pytest.raises(ValueError, match="generator: Foreign must extend GeneratorConfig"):
        GANSynthesizerConfig(media=tiny_gan().config.media, generator=Foreign())  # type: ignore[arg-type]


def test_a_truncated_model_is_written_and_read_back() -> None:
    config = replace(tiny_gan().config, psi=None)
    assert "psi" not in encode(config)
    truncated = replace(styled().config, psi=0.7, cutoff=2)
    assert decode(GANSynthesizerConfig, encode(truncated), catalog=(StyledConfig,)) == truncated
