"""Modulated and resampling convolutions: against weights scaled one sample at a time, and in half precision."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from benchmarks.plain_stylegans import stuffed_upfirdn2d
from torch import Tensor

from diorama.nn.conv_resample import conv2d_resample
from diorama.nn.filter_design import lowpass_filter
from diorama.nn.fir import Resampling, fir_filter
from diorama.nn.modulated_conv import modulated_conv2d, normalized_modulated_conv2d

BINOMIAL = fir_filter([1, 3, 3, 1])


def _draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("flip_weight", [False, True])
def test_enlarging_convolutions_enlarge_filter_and_convolve(kernel: int, flip_weight: bool) -> None:
    x, w = _draw(2, 4, 5, 6), _draw(3, 4, kernel, kernel)
    found = conv2d_resample(x, w, BINOMIAL, Resampling(up=2, padding=kernel // 2), flip_weight=flip_weight)
    pad = kernel // 2
    sides = (2 + pad, 1 + pad, 2 + pad, 1 + pad)
    wide = stuffed_upfirdn2d(x, BINOMIAL, Resampling(up=2, padding=sides), 4.0)
    torch.testing.assert_close(found, F.conv2d(wide, w if flip_weight else w.flip(2, 3)))
    assert found.shape[2:] == (10, 12)


@pytest.mark.parametrize("kernel", [1, 3])
def test_thinning_convolutions_filter_and_keep_every_second(kernel: int) -> None:
    x, w, pad = _draw(2, 4, 8, 6), _draw(3, 4, kernel, kernel), kernel // 2
    found = conv2d_resample(x, w, BINOMIAL, Resampling(down=2, padding=pad))
    smooth = stuffed_upfirdn2d(x, BINOMIAL, Resampling(padding=(1 + pad, 1 + pad)))
    torch.testing.assert_close(found, F.conv2d(smooth, w)[:, :, ::2, ::2])
    assert found.shape[2:] == (4, 3)


@pytest.mark.parametrize("up", [1, 2])
def test_features_are_scaled_as_weights_would_be(up: int) -> None:
    x, w, s, noise = _draw(3, 4, 5, 5), _draw(6, 4, 3, 3), _draw(3, 4), _draw(3, 1, 5 * up, 5 * up)
    how = Resampling(up=up, padding=1)
    found = modulated_conv2d(x, w, s, noise=noise, f=BINOMIAL, how=how)
    for i in range(3):
        scaled = w * s[i][None, :, None, None]
        scaled = scaled / (scaled.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        one = conv2d_resample(x[i : i + 1], scaled, BINOMIAL, how) + noise[i]
        # The norms of weights are taken in float32.
        torch.testing.assert_close(found[i : i + 1], one, rtol=1e-5, atol=1e-5)


def test_outputs_have_unit_variance_where_inputs_have() -> None:
    x, w, s = _draw(4, 64, 16, 16), 7 * _draw(8, 64, 3, 3), 3 * _draw(4, 64)
    for y in (
        modulated_conv2d(x, w, s),
        normalized_modulated_conv2d(x, w, s),
    ):
        assert y.square().mean().item() == pytest.approx(1.0, abs=0.1)


def test_half_precision_does_not_overflow() -> None:
    x, w, s = _draw(2, 64, 6, 6), 50 * _draw(8, 64, 3, 3), 300 * _draw(2, 64)
    expected = modulated_conv2d(x, w, s, how=Resampling(padding=1))
    half = modulated_conv2d(x.half(), w.float(), s.float(), how=Resampling(padding=1))
    assert half.dtype == torch.float16
    torch.testing.assert_close(half.double(), expected, rtol=0.02, atol=0.02)


def test_derivatives_of_both_orders() -> None:
    x, w, s = (t.requires_grad_() for t in (_draw(1, 2, 3, 3), _draw(2, 2, 3, 3), _draw(1, 2)))
    f = BINOMIAL

    def plain(x: Tensor, w: Tensor, s: Tensor) -> Tensor:
        return modulated_conv2d(x, w, s, f=f, how=Resampling(up=2, padding=1), demodulate=False).square()

    assert torch.autograd.gradcheck(plain, (x, w, s))
    assert torch.autograd.gradgradcheck(plain, (x, w, s))


@pytest.mark.parametrize("radial", [False, True])
def test_designed_filters_pass_low_frequencies_and_stop_high_ones(radial: bool) -> None:
    f = lowpass_filter(24, 2.0, 4.0, 32.0, radial=radial)
    assert f is not None
    row = f.sum(dim=0) if radial else f
    response = torch.fft.rfft(row.double(), 512).abs()
    frequency = torch.arange(len(response)) * 32.0 / 512
    assert response[0].item() == pytest.approx(1.0, abs=1e-6)
    assert response[frequency > 4.5].max() < 0.02


def test_radial_filters_of_odd_length_are_refused() -> None:
    assert lowpass_filter(1, 2.0, 4.0, 16.0, radial=True) is None
    with pytest.raises(ValueError, match="even where radial"):
        lowpass_filter(5, 2.0, 4.0, 16.0, radial=True)
