"""Preview grids carry the mark of their model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, MediaSpec, Stage
from diorama.core.device import Precision
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.media.video import probe
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.store import model_hash
from diorama.training.previews import write_preview
from diorama.training.view import ModelView
from tests.training.toy import ToyFlow


@dataclass(frozen=True, kw_only=True)
class ShadeConfig(SynthesizerConfig):
    """Draws its label, or its index, as a shade."""

    media: MediaSpec
    classes: tuple[str, ...] = ()

    def build(self) -> Shade:
        return Shade(self)


class Shade(Synthesizer):
    def __init__(self, config: ShadeConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = nn.Linear(1, 1)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return self.config.media.shape

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        label = condition.get("label", torch.zeros(len(noise)))
        yield Stage(x=torch.zeros_like(noise) + label.float().view(-1, *[1] * (noise.dim() - 1)) / 10)


class ShadeMethod(ToyFlow):
    def __init__(self, config: ShadeConfig) -> None:
        super().__init__()
        self.config = config

    def synthesizer(self) -> ShadeConfig:  # type: ignore[override]
        return self.config


def view_of(media: MediaSpec, classes: tuple[str, ...] = (), dtype: torch.dtype = torch.float32) -> ModelView:
    config = ShadeConfig(media=media, classes=classes)
    view = ModelView(ShadeMethod(config), Precision(dtype, torch.device("cpu")), channels_last=True)
    view.refresh(config.build().state_dict())
    return view


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_become_a_stamped_grid(channels: int, tmp_path: Path) -> None:
    view = view_of(MediaSpec(kind="image", channels=channels, height=6, width=4))
    path = write_preview(view, tmp_path, 3, recipe="shade", seed=9)
    assert path.name == "003.png"
    assert read_image(path.read_bytes(), path.name).pixels.shape[:2] == (8 * (6 + 2) + 2, 8 * (4 + 2) + 2)
    stamp = read_stamp(path)
    assert stamp is not None
    assert (stamp.model, stamp.seed, stamp.recipe) == (model_hash(view.model), 9, "shade")


def test_clips_become_a_stamped_clip(tmp_path: Path) -> None:
    view = view_of(MediaSpec(kind="video", channels=3, height=8, width=8, frames=5, fps=4.0))
    path = write_preview(view, tmp_path, 12, recipe="shade", seed=0)
    assert path.name == "012.mp4"
    assert probe(path).fps == pytest.approx(4.0)
    assert read_stamp(path) is not None


def test_labels_take_turns() -> None:
    view = view_of(MediaSpec(kind="image", channels=1, height=2, width=2), classes=("a", "b", "c"))
    shades = torch.cat(list(view.samples(5, seed=0)))[:, 0, 0, 0]
    torch.testing.assert_close(shades, torch.tensor([0.0, 0.1, 0.2, 0.0, 0.1]))


def test_big_samples_are_drawn_few_at_a_time() -> None:
    view = view_of(MediaSpec(kind="image", channels=64, height=256, width=128))
    assert [len(batch) for batch in view.samples(5, seed=0)] == [2, 2, 1]


def test_whoever_looks_at_samples_keeps_the_precision_of_their_own() -> None:
    view = view_of(MediaSpec(kind="image", channels=3, height=8, width=8), dtype=torch.bfloat16)
    seen = [torch.is_autocast_enabled("cpu") for _ in view.samples(300, seed=0)]
    assert len(seen) == 2
    assert not any(seen)
