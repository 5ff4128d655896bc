"""PSNR and SSIM agree with scikit-image."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from diorama.nn.similarity import area_under_roc, gaussian_window, luma, luma_psnr, psnr, ssim


def _pair(channels: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(2, channels, 6, 7, generator=generator), size=(24, 29))
    noisy = (smooth + torch.randn(smooth.shape, generator=generator) * 0.1).clamp(0, 1)
    return smooth * 255, noisy * 255


def _last(x: torch.Tensor) -> np.ndarray:
    return x.permute(1, 2, 0).double().numpy()


@pytest.mark.parametrize("channels", [1, 3])
def test_agrees_with_scikit_image(channels: int) -> None:
    first, second = _pair(channels)
    found = {
        "gauss": ssim(first, second, span=255),
        "uniform": ssim(first, second, span=255, size=7, sigma=None, unbiased=True),
        "psnr": psnr(first, second, span=255),
    }
    for i in range(2):
        a, b = _last(first[i]), _last(second[i])
        gauss = structural_similarity(
            a, b, data_range=255, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
        uniform = structural_similarity(a, b, data_range=255, channel_axis=2)
        assert float(found["gauss"][i]) == pytest.approx(gauss, abs=1e-6)
        assert float(found["uniform"][i]) == pytest.approx(uniform, abs=1e-6)
        assert float(found["psnr"][i]) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-4)


def test_equal_pictures() -> None:
    first, _ = _pair()
    assert torch.isinf(psnr(first, first)).all()
    torch.testing.assert_close(ssim(first, first), torch.ones(2))


@settings(deadline=None, max_examples=15)
@given(scale=st.floats(0.1, 50))
def test_units_change_no_answer(scale: float) -> None:
    first, second = _pair()
    torch.testing.assert_close(ssim(first, second, span=255), ssim(first * scale, second * scale, span=255 * scale))
    torch.testing.assert_close(psnr(first, second, span=255), psnr(first * scale, second * scale, span=255 * scale))


def test_pictures_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="smaller than the window"):
        ssim(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def test_the_window_sums_to_one_and_is_symmetric() -> None:
    window = gaussian_window(11, 1.5)
    assert float(window.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(window, window.flip(0))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.lists(st.integers(0, 9), min_size=1, max_size=20))
@settings(deadline=None, max_examples=30)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(high: list[int], low: list[int]) -> None:
    found = area_under_roc(torch.tensor(high), torch.tensor(low))
    assert found == pytest.approx(stats.mannwhitneyu(high, low).statistic / (len(high) * len(low)))


def test_brightness_runs_from_16_to_235_in_whole_steps_and_rims_are_left_out() -> None:
    colours = torch.tensor([[0.0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]])
    found = luma(colours[..., None, None]).flatten()
    assert found.tolist() == [16, 235, 81, 145, 41]  # BT.601
    first = torch.full((1, 3, 12, 12), 100.0)
    second = first.clone()
    second[..., :4, :] = 0
    assert luma_psnr(first, second).isinf().all()
    second[..., 4, 4] = 0
    error = float((luma(first) - luma(second))[0, 4, 4]) ** 2 / 16
    assert float(luma_psnr(first, second)) == pytest.approx(10 * math.log10(255**2 / error), abs=1e-4)
