"""Noises that are matched to clean samples."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Batch, DataInfo, MediaSpec, Moment, SideSpec
from diorama.methods.diffusion.coupling import matched
from diorama.methods.diffusion.denoising import DiffusionMethod, DiffusionMethodConfig
from diorama.processes.times import UniformTimes
from diorama.recipes.toy import latent_text_toy, vae_spatial_toy
from tests.methods.diffusion.test_augmentation import augmented_method
from tests.synthesis.test_diffusion import FLOW, LABELLED


def _rows(x: torch.Tensor) -> list[list[float]]:
    return sorted(x.flatten(1).tolist())


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1_000), count=st.integers(1, 12))
def test_noises_change_places_and_come_closer(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    clean, noise = (torch.randn(count, 2, 3, generator=generator) for _ in range(2))
    found = matched(noise, clean)
    assert _rows(found) == _rows(noise)
    after, before = (clean - found).square().sum(), (clean - noise).square().sum()
    assert after <= before + 1e-4
    # No exchange of two would bring them closer still.
    for i in range(count):
        swapped = found.clone()
        swapped[[i, 0]] = found[[0, i]]
        assert (clean - swapped).square().sum() >= after - 1e-4


def test_a_noise_that_is_a_clean_sample_finds_it() -> None:
    clean = torch.randn(20, 3, 4, 4)
    assert torch.equal(matched(clean[torch.randperm(20)], clean), clean)


@pytest.mark.parametrize("soft", [False, True])
def test_only_noises_of_one_class_change_places(soft: bool) -> None:
    labels = torch.arange(30) % 3
    clean, noise = torch.randn(30, 5), torch.randn(30, 5)
    given = torch.nn.functional.one_hot(labels, 3).float() if soft else labels
    found = matched(noise, clean, {"label": given})
    for label in range(3):
        own = labels == label
        assert _rows(found[own]) == _rows(noise[own])
        assert torch.equal(found[own], matched(noise[own], clean[own]))
    assert not torch.equal(found, matched(noise, clean))


def test_noises_stay_with_their_caption_and_their_label() -> None:
    label = torch.arange(24) % 2
    tokens = torch.stack([torch.arange(24) % 3, torch.full((24,), 7)], dim=1)
    clean, noise = torch.randn(24, 5), torch.randn(24, 5)
    found = matched(noise, clean, {"label": label, "tokens": tokens})
    for kind in range(6):
        own = (label == kind % 2) & (tokens[:, 0] == kind % 3)
        assert torch.equal(found[own], matched(noise[own], clean[own]))


def coupled_loss(method: DiffusionMethod, batch: Batch) -> float:
    (phase,) = method.phases()
    assert phase.prepare is not None
    return phase.loss(phase.prepare(batch), Moment(0, 0)).value.item()


def test_a_coupled_method_trains_on_matched_noise() -> None:
    config = DiffusionMethodConfig(synthesizer=FLOW, times=UniformTimes(low=0.5))
    plain, coupled = config.build(), replace(config, coupling="minibatch").build()
    batch = {"image": torch.rand(64, *FLOW.media.shape) * 2 - 1}
    for parameter in (*plain.parameters(), *coupled.parameters()):
        torch.nn.init.zeros_(parameter)
    torch.manual_seed(0)
    value = plain.loss(batch, Moment(0, 0)).value.item()
    torch.manual_seed(0)
    # A network that says nothing is off by the squared length of the paths, which are shorter.
    assert coupled_loss(coupled, batch) < 0.97 * value
    assert plain.phases()[0].prepare is None
    assert coupled.phases()[0].recorded


def test_a_coupled_loss_asks_for_its_noise() -> None:
    method = DiffusionMethodConfig(synthesizer=FLOW, times=UniformTimes(), coupling="minibatch").build()
    with pytest.raises(KeyError, match="noise"):
        method.loss({"image": torch.zeros(4, *FLOW.media.shape)}, Moment(0, 0))


def test_labels_are_read_where_the_model_has_them() -> None:
    method = DiffusionMethodConfig(synthesizer=LABELLED, coupling="minibatch").build()
    label = torch.arange(8) % 2
    image = torch.rand(8, *LABELLED.media.shape)
    torch.manual_seed(0)
    prepared = method.coupled({"image": image, "label": label})
    torch.manual_seed(0)
    assert torch.equal(prepared["noise"], matched(torch.randn_like(image), image, {"label": label}))
    assert coupled_loss(method, {"image": image, "label": label}) > 0


def test_noises_are_matched_to_the_pictures_as_training_alters_them() -> None:
    method = augmented_method(1.0)
    built = replace(method, coupling="minibatch").build()
    images = torch.rand(8, 3, 16, 16) * 2 - 1
    prepared = built.coupled({"image": images})
    assert not torch.equal(prepared["image"], images)
    assert torch.equal(matched(prepared["noise"], prepared["image"]), prepared["noise"])
    # The loss alters them no further.
    clean, told = built._altered(prepared)
    assert clean is prepared["image"]
    assert told["augment"] is prepared["augment"]


def test_noises_are_matched_to_the_latents_of_a_model_that_draws_latents() -> None:
    method, batch = latent_method()
    same = {**batch, "tokens": batch["tokens"][:1].expand(6, -1)}
    prepared = method.coupled(same)
    assert torch.equal(prepared["latent"], method.clean_samples(batch))
    assert torch.equal(matched(prepared["noise"], prepared["latent"]), prepared["noise"])
    # Of captions that all differ each sample keeps the noise that was drawn.
    torch.manual_seed(0)
    kept = method.coupled(batch)["noise"]
    torch.manual_seed(0)
    assert torch.equal(kept, torch.randn_like(prepared["latent"]))
    assert coupled_loss(method, batch) > 0


def latent_method() -> tuple[DiffusionMethod, Batch]:
    captions = (SideSpec(key="tokens", kind="text", shape=(8,), ragged=True),)
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    config = latent_text_toy(DataInfo(name="captioned", media=media, sides=captions)).method
    assert isinstance(config, DiffusionMethodConfig)
    codec = vae_spatial_toy(DataInfo(name="pictures", media=media)).method.build().synthesizer().build()
    method = replace(config, coupling="minibatch").build({"codec": codec})
    return method, {"image": torch.rand(6, 3, 32, 32) * 2 - 1, "tokens": torch.randint(1, 257, (6, 8))}
