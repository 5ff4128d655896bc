"""The networks of free-form inpainting."""

from __future__ import annotations

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.networks.adversarial.freeform import FreeFormGeneratorConfig, with_holes


def given(side: int = 32, hole: float = 0.0) -> torch.Tensor:
    torch.manual_seed(0)
    picture, mask = torch.rand(2, 3, side, side) * 2 - 1, torch.zeros(2, 1, side, side)
    mask[..., 8:20, 8:20] = 1
    picture = torch.where(mask.bool(), hole, picture)
    return with_holes(picture, mask)


@pytest.mark.parametrize("attention", [False, True])
def test_both_stages_draw_pictures_and_what_was_in_the_hole_is_not_seen(attention: bool) -> None:
    torch.manual_seed(1)
    network = FreeFormGeneratorConfig(width=4, attention=attention).build().eval()
    coarse, fine = network.stages(given())
    assert coarse.shape == fine.shape == (2, 3, 32, 32)
    assert max(coarse.abs().max(), fine.abs().max()) <= 1
    assert torch.equal(network(given(hole=0.7)), fine)


def test_attention_carries_what_is_far_away_into_the_hole() -> None:
    torch.manual_seed(1)
    network = FreeFormGeneratorConfig(width=4, attention=True).build().eval()
    maps = network.fine.attended
    assert maps is not None
    seen = given(128).requires_grad_(True)
    # Of a place in the hole: the branch reaches what no convolution of it does.
    (slope,) = torch.autograd.grad(maps(seen)[0, :, 3, 3].sum(), seen)
    assert slope[0, :3, 100:, 100:].abs().sum() > 0


def test_sides_that_attention_cannot_halve_are_refused_and_others_are_not() -> None:
    with pytest.raises(ValueError, match="multiples of 8"):
        FreeFormGeneratorConfig(width=2, attention=True).build()(given(36))
    assert FreeFormGeneratorConfig(width=2).build()(given(36)).shape == (2, 3, 36, 36)


def test_configs_that_were_written_before_there_was_attention_are_read() -> None:
    plain = FreeFormGeneratorConfig(width=4)
    assert "attention" not in encode(plain)
    assert decode(FreeFormGeneratorConfig, encode(FreeFormGeneratorConfig(width=4, attention=True))).attention
