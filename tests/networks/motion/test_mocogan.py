"""MoCoGAN's codes and critics."""

from __future__ import annotations

import pytest
import torch

from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)

SMALL = MoCoGANGeneratorConfig(size=(16, 16), features=4, content=5, motion=3, categories=2)


def codes(frames: int) -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(0)
    shapes = ((2, 5), (2, 3), (2, frames, 3))
    return tuple(torch.randn(shape, generator=draw) for shape in shapes)


def test_clips_of_any_length_come_from_one_network() -> None:
    generator = SMALL.build()
    for frames in (1, 7):
        assert generator(*codes(frames), generator.one_hot(torch.tensor([0, 1]))).shape == (2, 3, frames, 16, 16)


def test_a_longer_clip_begins_as_the_shorter_one() -> None:
    generator = SMALL.build().eval()
    content, initial, draws = codes(6)
    kind = generator.one_hot(torch.tensor([0, 1]))
    assert torch.allclose(
        generator(content, initial, draws, kind)[:, :, :4], generator(content, initial, draws[:, :4], kind), atol=1e-5
    )


def test_codes_hold_content_then_category_then_motion() -> None:
    generator = SMALL.build()
    content, initial, draws = codes(4)
    motion = generator.motion(initial, draws)
    kind = generator.one_hot(torch.tensor([1, 0]))
    found = generator.codes(content, motion, kind)
    assert torch.equal(found[:, 2, :5], content)
    assert found[:, 3, 5:7].tolist() == [[0, 1], [1, 0]]
    assert torch.equal(found[..., 7:], motion)


@pytest.mark.parametrize("patch", [False, True])
@pytest.mark.parametrize("frames", [1, 4, 8, 16])
def test_critics_judge_clips_of_every_length(patch: bool, frames: int) -> None:
    config = MoCoGANVideoDiscriminatorConfig(size=(32, 32), frames=frames, features=2, categories=3, patch=patch)
    logits, kinds = config.build()(torch.randn(2, 3, frames, 32, 32))
    assert kinds is not None
    assert logits.shape[:2] == (2, 1)
    assert kinds.shape == (2, 3, *logits.shape[2:])
    assert (logits[0].numel() > 1) == patch


@pytest.mark.parametrize("patch", [False, True])
def test_several_scores_come_before_the_categories(patch: bool) -> None:
    config = MoCoGANVideoDiscriminatorConfig(size=(32, 32), features=2, outputs=3, categories=2, patch=patch)
    network = config.build().eval()
    clips = torch.randn(2, 3, 16, 32, 32)
    logits, kinds = network(clips)
    assert kinds is not None
    assert logits.shape[:2] == (2, 3)
    assert kinds.shape[:2] == (2, 2)
    with torch.no_grad():
        network.head.weight[3:] = 0
        found, blind = network(clips)
    assert torch.equal(found, logits)
    assert blind is not None
    assert not blind.any()


@pytest.mark.parametrize("fields", [{"outputs": 0}, {"categories": -1}])
def test_a_critic_without_a_score_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="outputs"):
        MoCoGANVideoDiscriminatorConfig(**fields)


def test_sixteen_frames_of_64_pixels_have_the_published_kernels() -> None:
    network = MoCoGANVideoDiscriminatorConfig(features=2).build()
    assert [tuple(stage.conv.kernel_size) for stage in network.stages] == [(4, 4, 4)] * 4  # type: ignore[union-attr]
    assert network.head.kernel_size == (4, 4, 4)


def test_frame_critic_judges_whole_frames_or_patches() -> None:
    frames = torch.randn(2, 1, 64, 64)
    for patch, shape in ((False, (2, 1, 1, 1)), (True, (2, 1, 4, 4))):
        config = MoCoGANImageDiscriminatorConfig(channels=1, features=2, patch=patch)
        assert config.build()(frames).shape == shape


def test_noise_is_added_while_training_only() -> None:
    network = MoCoGANImageDiscriminatorConfig(size=(16, 16), features=4, noise=0.5).build()
    frames = torch.randn(4, 3, 16, 16)
    assert not torch.equal(network(frames), network(frames))
    network.eval()
    assert torch.equal(network(frames), network(frames))
