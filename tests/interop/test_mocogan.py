"""MoCoGAN in the authors' layout: against the layers written anew, and both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.interop import mocogan as published
from diorama.interop.mocogan import (
    CATEGORICAL_VIDEO_DISCRIMINATOR,
    GENERATOR,
    IMAGE_DISCRIMINATOR,
    PATCH_IMAGE_DISCRIMINATOR,
    PATCH_VIDEO_DISCRIMINATOR,
    VIDEO_DISCRIMINATOR,
    published_outputs,
)
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)
from tests.interop.oracles import VideoGenerator, clip_discriminator, frame_discriminator, randomised

NOISE = st.sampled_from(
    [{}, {"use_noise": False, "noise_sigma": 0.3}, {"use_noise": True, "noise_sigma": 0.2}, {"use_noise": True}]
)


def images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def outputs(layout: Any, config: dict[str, Any], theirs: nn.Module, x: Tensor) -> tuple[Tensor, Tensor | None]:
    network = cast(published.Discriminator, layout.load(config, theirs.state_dict()))
    assert network.config.noise == (config.get("noise_sigma") or 0 if config.get("use_noise") else 0)
    return published_outputs(network, x)


def assert_equal(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@settings(max_examples=15, deadline=None)
@given(
    channels=st.integers(1, 3),
    features=st.integers(1, 4),
    content=st.integers(1, 9),
    category=st.integers(0, 4),
    motion=st.integers(1, 7),
    frames=st.integers(1, 5),
)
@torch.no_grad()
def test_the_generator_draws_what_the_published_layers_draw(
    channels: int, features: int, content: int, category: int, motion: int, frames: int
) -> None:
    theirs = cast(VideoGenerator, randomised(VideoGenerator(channels, features, content, category, motion)))
    codes = (images(2, content), images(2, motion), images(2, frames, motion))
    kind = nn.functional.one_hot(torch.arange(2) % category, category).float() if category else None
    expected = theirs(codes[0], kind, *codes[1:])
    full = {
        "n_channels": channels,
        "dim_z_content": content,
        "dim_z_category": category,
        "dim_z_motion": motion,
        "video_length": frames,
        "ngf": features,
    }
    # What the tensors tell may be left out; of content and category one is enough.
    for config in (full, {"dim_z_category": category}, {"dim_z_content": content}):
        network = GENERATOR.load(config, theirs.state_dict())
        assert_equal(network(*codes, kind), expected)


@settings(max_examples=12, deadline=None)
@given(
    channels=st.integers(1, 3), features=st.integers(1, 5), count=st.integers(1, 3), noise=NOISE, patch=st.booleans()
)
@torch.no_grad()
def test_frames_are_judged_as_the_published_layers_do(
    channels: int, features: int, count: int, noise: dict[str, Any], patch: bool
) -> None:
    theirs = randomised(frame_discriminator(channels, features, patch=patch))
    x = images(count, channels, 64, 64)
    layout = PATCH_IMAGE_DISCRIMINATOR if patch else IMAGE_DISCRIMINATOR
    expected = theirs.main(x).squeeze()  # type: ignore[operator]
    for config in ({"n_channels": channels, "ndf": features}, {}):
        found, none = outputs(layout, config | noise, theirs, x)
        assert_equal(found, expected)
        assert none is None


@settings(max_examples=12, deadline=None)
@given(
    channels=st.integers(1, 3),
    features=st.integers(1, 4),
    scores=st.integers(1, 4),
    kinds=st.integers(1, 5),
    count=st.integers(2, 3),
    noise=NOISE,
)
@torch.no_grad()
def test_clips_are_judged_as_the_published_layers_do(
    channels: int, features: int, scores: int, kinds: int, count: int, noise: dict[str, Any]
) -> None:
    """``n_output_neurons`` scores come first, then the categories; the patch form has one score whatever it is told."""
    x = images(count, channels, 16, 64, 64)
    told = {"n_channels": channels, "ndf": features, "n_output_neurons": scores} | noise
    whole = randomised(clip_discriminator(channels, features, scores, patch=False))
    found, none = outputs(VIDEO_DISCRIMINATOR, told, whole, x)
    assert_equal(found, whole.main(x).squeeze())  # type: ignore[operator]
    assert none is None

    both = randomised(clip_discriminator(channels, features, scores + kinds, patch=False))
    columns = both.main(x).squeeze()  # type: ignore[operator]
    for config in (told | {"dim_categorical": kinds}, {"dim_categorical": kinds}):
        labels, categories = outputs(CATEGORICAL_VIDEO_DISCRIMINATOR, config | noise, both, x)
        assert_equal(labels, columns[:, :scores])
        assert categories is not None
        assert_equal(categories, columns[:, scores:])

    patches = randomised(clip_discriminator(channels, features, 1, patch=True))
    small = x[..., :48, :48]
    found, none = outputs(PATCH_VIDEO_DISCRIMINATOR, told, patches, small)
    assert_equal(found, patches.main(small).squeeze())  # type: ignore[operator]
    assert none is None


@torch.no_grad()
def test_outputs_lose_the_axis_of_a_batch_of_one() -> None:
    theirs = randomised(frame_discriminator(1, 2, patch=False))
    assert outputs(IMAGE_DISCRIMINATOR, {}, theirs, images(1, 1, 64, 64))[0].shape == ()


def test_what_the_tensors_do_not_tell_is_asked_for() -> None:
    state = VideoGenerator(1, 2, 4, 2, 3).state_dict()
    with pytest.raises(BadInput, match="neither a config nor the tensors say dim_z_content, dim_z_category; give"):
        GENERATOR.load({}, state)
    with pytest.raises(BadInput, match="longer than the latent vector"):
        GENERATOR.load({"dim_z_content": 100}, state)


def test_categories_of_a_class_without_any_are_refused() -> None:
    state = clip_discriminator(1, 2, 5, patch=False).state_dict()
    with pytest.raises(BadInput, match="dim_categorical: only CategoricalVideoDiscriminator"):
        VIDEO_DISCRIMINATOR.load({"dim_categorical": 4}, state)


CRITIC = MoCoGANVideoDiscriminatorConfig(features=2)


@pytest.mark.parametrize(
    ("layout", "config", "named"),
    [
        (GENERATOR, MoCoGANGeneratorConfig(size=(32, 32)), "size"),
        (IMAGE_DISCRIMINATOR, MoCoGANImageDiscriminatorConfig(patch=True), "patch"),
        (PATCH_IMAGE_DISCRIMINATOR, MoCoGANImageDiscriminatorConfig(), "patch"),
        (IMAGE_DISCRIMINATOR, MoCoGANImageDiscriminatorConfig(size=(32, 32)), "size"),
        (VIDEO_DISCRIMINATOR, replace(CRITIC, frames=8), "frames"),
        (VIDEO_DISCRIMINATOR, replace(CRITIC, categories=2), "categories"),
        (PATCH_VIDEO_DISCRIMINATOR, replace(CRITIC, patch=True, outputs=2), "outputs"),
        (VIDEO_DISCRIMINATOR, replace(CRITIC, patch=True), "patch"),
        (VIDEO_DISCRIMINATOR, replace(CRITIC, size=(32, 32)), "size"),
    ],
)
def test_networks_that_the_authors_lack_are_not_written(layout: Any, config: Any, named: str) -> None:
    with pytest.raises(BadInput, match=f"^{named}: the published {layout.network}"):
        layout.to_published(config)
