"""The three players' turns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.adversarial.mocogan import MoCoGAN, MoCoGANConfig, random_frame
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminatorConfig,
)

START = Moment(0, 0)


def mocogan(categories: int = 0, **changes: Any) -> MoCoGAN:
    size = (8, 8)
    return MoCoGANConfig(
        media=MediaSpec(kind="video", channels=2, height=8, width=8, frames=5),
        generator=MoCoGANGeneratorConfig(size=size, channels=2, features=4, content=4, motion=3, categories=categories),
        image_discriminator=MoCoGANImageDiscriminatorConfig(size=size, channels=2, features=4),
        video_discriminator=MoCoGANVideoDiscriminatorConfig(
            size=size, frames=5, channels=2, features=4, categories=categories
        ),
        **changes,
    ).build()


def batch() -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {"video": torch.randn(4, 2, 5, 8, 8, generator=draw).clamp(-1, 1)}


@pytest.mark.parametrize("categories", [0, 3])
def test_each_turn_moves_its_player_and_no_other_discriminator(categories: int) -> None:
    method = mocogan(categories)
    players = method.players()
    assert {id(p) for ps in players.values() for p in ps} == {id(p) for p in method.parameters()}
    for phase in method.phases():
        method.zero_grad()
        value, scalars = phase.loss(batch(), START)
        value.backward()
        assert torch.isfinite(value)
        assert all(p.grad is not None for p in players[phase.player])
        assert not any(s.requires_grad for s in scalars.values())
        if phase.player != "generator":
            assert all(p.grad is None for p in method.generator.parameters())


def test_penalties_are_lazy_turns_of_both_discriminators() -> None:
    method = mocogan(r1=2.0, r1_interval=4)
    turns = {phase.name: phase for phase in method.phases()}
    assert list(turns) == [
        "image_discriminator",
        "video_discriminator",
        "image_discriminator.r1",
        "video_discriminator.r1",
        "generator",
    ]
    for player in ("image_discriminator", "video_discriminator"):
        turn = turns[f"{player}.r1"]
        assert (turn.player, turn.interval, turn.weight, turn.second_order) == (player, 4, 4.0, True)
        method.zero_grad()
        torch.manual_seed(0)
        value = turn.loss(batch(), START).value
        value.backward()
        assert value > 0
        moved = {name for name, parameter in method.named_parameters() if parameter.grad is not None}
        assert moved
        assert all(name.startswith(player) for name in moved)
    torch.manual_seed(0)
    stronger = mocogan(r1=4.0, r1_interval=4)
    stronger.load_state_dict(method.state_dict())
    torch.manual_seed(0)
    assert torch.allclose(stronger.clip_penalty(batch(), START).value, 2 * value)


@pytest.mark.parametrize("wrong", [{"r1": -1.0}, {"r1_interval": 0}])
def test_a_penalty_that_rewards_or_has_no_turn_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^{next(iter(wrong))} must be at least"):
        mocogan(**wrong)


def test_categories_are_learned_from_labels_where_they_are_classes() -> None:
    method = mocogan(3, classes=("a", "b", "c"))
    costs = []
    for labels in ([0, 1, 2, 0], [2, 0, 1, 1]):
        torch.manual_seed(0)
        loss = method.video_discriminator_loss(batch() | {"label": torch.tensor(labels)}, START)
        costs.append(loss.scalars["category"])
    assert costs[0] != costs[1]


def test_categories_without_names_leave_the_labels_of_the_data_alone() -> None:
    method = mocogan(3)
    labelled = batch() | {"label": torch.tensor([7, 1, 2, 9])}
    values = []
    for each in (batch(), labelled):
        torch.manual_seed(0)
        values.append(method.video_discriminator_loss(each, START).value)
    assert torch.equal(*values)


def test_labels_without_categories_are_not_read() -> None:
    value = mocogan().video_discriminator_loss(batch() | {"label": torch.tensor([0, 1, 2, 0])}, START).value
    assert torch.isfinite(value)


def test_frames_are_rendered_as_in_clips() -> None:
    method = mocogan(3).eval()
    torch.manual_seed(1)
    codes, _ = method._codes(batch()["video"])
    torch.manual_seed(1)
    frames = method.draw_frames(batch()["video"])
    whole = method.generator.draw(codes)
    nearest = (whole - frames[:, :, None]).abs().amax(dim=(1, 3, 4)).amin(dim=1)
    assert nearest.max() < 1e-5


def test_a_random_frame_is_one_of_its_clip() -> None:
    clips = torch.arange(5.0).expand(64, 1, 5).reshape(64, 1, 5, 1, 1) + 10 * torch.arange(64.0).reshape(64, 1, 1, 1, 1)
    frames = random_frame(clips).flatten()
    assert (frames // 10).tolist() == list(range(64))
    assert set((frames % 10).tolist()) == {0, 1, 2, 3, 4}


def test_players_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 classes"):
        mocogan(3, classes=("a", "b"))
    config = mocogan(3).config
    with pytest.raises(ValueError, match="equally many"):
        MoCoGANConfig(
            media=config.media,
            generator=config.generator,
            image_discriminator=config.image_discriminator,
            video_discriminator=mocogan().config.video_discriminator,
        )


def test_what_is_averaged_is_what_the_synthesizer_holds() -> None:
    method = mocogan(3, classes=("a", "b", "c"))
    model = method.synthesizer().build()
    assert model.config.classes == ("a", "b", "c")
    model.generator.load_state_dict(method.averaged()["generator"].state_dict())
