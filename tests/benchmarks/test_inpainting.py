"""Both ways to fill holes that the benchmark compares, and its numbers."""

from __future__ import annotations

import torch
from benchmarks.inpainting import biharmonic, features, masks_for, measure


def test_biharmonic_filling_draws_a_slope_through_and_keeps_the_rest() -> None:
    slope = torch.linspace(-0.9, 0.9, 16).expand(2, 3, 16, 16).clone()
    slope[1] = slope[0].transpose(1, 2)
    masks = torch.zeros(2, 1, 16, 16)
    masks[..., 6:10, 5:11] = 1
    filled = biharmonic(torch.where(masks.bool(), 0.0, slope), masks)
    outside = (masks == 0).expand_as(slope)
    torch.testing.assert_close(filled[outside], slope[outside])
    torch.testing.assert_close(filled, slope, atol=1e-3, rtol=0)


def test_what_holes_hold_is_measured_alone_too() -> None:
    pictures = torch.rand(20, 3, 16, 16, generator=torch.Generator().manual_seed(0)) - 0.5
    masks = masks_for(pictures, 0)
    found = measure(lambda x, holes: x + 0.2 * holes, pictures, masks, features(pictures))
    assert abs(float(found["PSNR in holes, dB"]) - 20) < 0.2
    assert float(found["PSNR, dB"]) > float(found["PSNR in holes, dB"])
    same = measure(lambda x, holes: x, pictures, masks, features(pictures))
    assert same["PSNR, dB"] == "inf"
