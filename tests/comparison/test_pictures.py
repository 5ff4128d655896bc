"""Samples are drawn in batches, and the clock counts drawing alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from diorama.comparison.pictures import Drawing
from diorama.comparison.showing import embedded_grid
from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import DrawOptions
from diorama.synthesis.mixture import GaussianMixtureConfig


class Labelled(Synthesizer):
    """Draws its label's number as a grey level."""

    def __init__(self) -> None:
        super().__init__()
        media = MediaSpec(kind="image", channels=1, height=2, width=2)
        self.config = GaussianMixtureConfig(
            media=media, conditions=(ConditionSpec(key="label", names=("a", "b", "c")),)
        )
        self.anchor = torch.nn.Parameter(torch.zeros(()))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (1,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        level = condition["label"].float() * 0.25
        yield Stage(x=level[:, None, None, None].expand(-1, 1, 2, 2))


@pytest.mark.parametrize("size", [1, 3, 64])
def test_classes_take_turns_whatever_the_batch(size: int) -> None:
    model = Labelled()
    conditions, options = usual(model.config.conditions, None), DrawOptions(batch_size=size)
    drawing = Drawing(model, 7, 0, conditions, options, keep=4)
    batches = list(drawing)
    drawn, index, label = (torch.cat([batch[key] for batch in batches]) for key in ("image", "index", "label"))
    assert index.tolist() == list(range(7))
    assert label.tolist() == [0, 1, 2, 0, 1, 2, 0]
    levels = torch.tensor([0, 1, 2, 0, 1, 2, 0]) * 0.25
    torch.testing.assert_close(drawn[:, 0, 0, 0], levels, atol=1 / 200, rtol=0)
    assert drawing.kept.shape == (4, 2, 2, 3)
    assert drawing.seconds > 0


def test_a_grid_of_one_is_a_grid() -> None:
    html = embedded_grid(np.zeros((1, 3, 3, 3), np.uint8), alt="one", stamp=None, fps=8.0)
    assert html.count('<img class="pixels"') == 1


def test_a_grid_is_about_square_unless_it_is_said_otherwise() -> None:
    pictures = np.zeros((60, 3, 3, 3), np.uint8)
    square, wide = (
        re.search(r'width="(\d+)" height="(\d+)"', embedded_grid(pictures, columns=n, alt="", stamp=None, fps=8.0))
        for n in (None, 30)
    )
    assert square is not None
    assert wide is not None
    assert square[1] == square[2]
    assert int(wide[1]) > 10 * int(wide[2])
