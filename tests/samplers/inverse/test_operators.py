"""Linear measurements: adjoints, decompositions, pseudo-inverses, and what other programs measure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.errors import BadConfig
from diorama.samplers.inverse.blur import BlurConfig
from diorama.samplers.inverse.catalog import operator_named
from diorama.samplers.inverse.fourier import MRIConfig
from diorama.samplers.inverse.operator import Operator, largest_singular_value
from diorama.samplers.inverse.pixels import DownConfig, GreyConfig, MaskConfig
from diorama.samplers.inverse.radon import CTConfig, RadonOperator

DOUBLE = torch.zeros((), dtype=torch.float64)
SHAPES = ((1, 8, 12), (3, 12, 8))


def built(name: str, shape: tuple[int, int, int], seed: int) -> Operator:
    if name == "mask":
        mask = torch.rand(shape[1:], generator=torch.Generator().manual_seed(seed)) < 0.5
        return MaskConfig().build(shape, DOUBLE, mask)
    if name == "grey":
        assume(shape[0] == 3)
        return GreyConfig().build(shape, DOUBLE)
    return {
        "mri": MRIConfig(acceleration=2.5, centre=0.2, seed=seed),
        "ct": CTConfig(angles=1 + seed % 7),
        "blur": BlurConfig(sigma=0.4 + seed % 5 / 4),
        "down": DownConfig(factor=(2, 4)[seed % 2]),
    }[name].build(shape, DOUBLE)


def random(shape: torch.Size | tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


ANY = given(
    name=st.sampled_from(["mri", "ct", "blur", "down", "mask", "grey"]),
    shape=st.sampled_from(SHAPES),
    seed=st.integers(0, 99),
)


@ANY
@settings(deadline=None, max_examples=30)
def test_the_adjoint_is_the_adjoint(name: str, shape: tuple[int, int, int], seed: int) -> None:
    operator = built(name, shape, seed)
    x = random((2, *shape), seed)
    measured = operator.forward(x)
    y = random(measured.shape, seed + 1)
    assert operator.adjoint(y).shape == x.shape
    torch.testing.assert_close((measured * y).sum(), (x * operator.adjoint(y)).sum(), rtol=1e-10, atol=1e-10)


@ANY
@settings(deadline=None, max_examples=30)
def test_the_pseudo_inverse_is_that_of_moore_and_penrose(name: str, shape: tuple[int, int, int], seed: int) -> None:
    operator = built(name, shape, seed)
    x = random((2, *shape), seed)
    y = operator.forward(x)
    found = operator.pseudo_inverse(y)
    # A A⁺ A = A, but for what is measured too weakly to count.
    torch.testing.assert_close(operator.forward(found), y, rtol=0, atol=2e-2 if name in ("ct", "blur") else 1e-10)
    torch.testing.assert_close(operator.pseudo_inverse(operator.forward(found)), found, rtol=1e-8, atol=1e-8)
    # A⁺ A is symmetric, and what it leaves is at right angles to it.
    torch.testing.assert_close((found * (x - found)).sum(), torch.zeros_like(found.sum()), rtol=0, atol=1e-7)


@ANY
@settings(deadline=None, max_examples=30)
def test_singular_values_and_vectors_decompose(name: str, shape: tuple[int, int, int], seed: int) -> None:
    operator = built(name, shape, seed)
    x = random((2, *shape), seed)
    part = operator.combined(operator.coefficients(x))
    # V is orthonormal, and A' A = V S² V'.
    torch.testing.assert_close(operator.coefficients(part), operator.coefficients(x), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(part.norm(), operator.coefficients(x).norm(), rtol=1e-8, atol=1e-8)
    squared = operator.combined(operator.singular.double() ** 2 * operator.coefficients(x))
    torch.testing.assert_close(operator.adjoint(operator.forward(part)), squared, rtol=1e-8, atol=1e-8)


def test_lines_of_k_space_come_with_their_mirrors_and_are_as_many_as_asked() -> None:
    for width in (32, 33, 128):
        for acceleration in (1.0, 2.0, 4.0, 8.0):
            lines = MRIConfig(acceleration=acceleration, centre=0.08, seed=3).lines(width)
            assert set(lines) == {(-k) % width for k in lines}
            assert abs(len(lines) - width / acceleration) <= 1.5
            assert 0 in lines
    one, other = (MRIConfig(seed=seed).lines(128) for seed in (0, 1))
    assert set(one) != set(other)
    assert set(range(5)) <= set(one) & set(other)


def test_the_mask_of_mri_is_a_mask_of_the_fourier_transform() -> None:
    x = random((1, 1, 8, 12), 0)
    operator = MRIConfig(acceleration=2.0, centre=0.2).build((1, 8, 12), DOUBLE)
    lines = MRIConfig(acceleration=2.0, centre=0.2).lines(12)
    expected = np.fft.fft2(x[0, 0].numpy(), norm="ortho")[:, lines]
    torch.testing.assert_close(torch.view_as_complex(operator.forward(x))[0, 0], torch.from_numpy(expected))
    whole = MRIConfig(acceleration=1.0).build((1, 8, 12), DOUBLE)
    torch.testing.assert_close(whole.adjoint(whole.forward(x)), x)


def test_sinograms_are_those_of_scikit_image() -> None:
    transform = pytest.importorskip("skimage.transform")
    side, angles = 17, 9
    picture = np.random.default_rng(0).random((side, side))
    place = np.arange(side) - side // 2
    picture[np.hypot(place[:, None], place[None, :]) > side // 2 - 1] = 0
    expected = transform.radon(picture, np.arange(angles) * 180 / angles, circle=True).T
    operator = RadonOperator((1, side, side), angles, DOUBLE)
    rays = operator.forward(torch.from_numpy(picture)[None, None])[0, 0] * side
    margin = (operator.bins - side) // 2
    np.testing.assert_allclose(rays[:, margin : margin + side].numpy(), expected, atol=1e-6)


def test_every_view_sees_the_whole_picture() -> None:
    x = random((2, 3, 12, 8), 0).abs()
    total = CTConfig(angles=4).build((3, 12, 8), DOUBLE).forward(x).sum(-1) * 12
    torch.testing.assert_close(total[..., 0], x.sum((2, 3)))
    torch.testing.assert_close(total[..., 2], x.sum((2, 3)))


def test_blurs_are_those_of_scipy() -> None:
    filters = pytest.importorskip("scipy.ndimage")
    x = random((1, 1, 12, 9), 0)
    expected = filters.gaussian_filter(x[0, 0].numpy(), 1.3, mode="reflect", truncate=4.0)
    found = BlurConfig(sigma=1.3).build((1, 12, 9), DOUBLE).forward(x)
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-12)


def test_measurements_are_differentiable() -> None:
    for name in ("mri", "ct", "blur", "down", "mask"):
        operator = built(name, (1, 8, 12), 1)
        x = random((1, 1, 8, 12), 0).requires_grad_()
        y = operator.forward(x)
        weights = random(y.shape, 1)
        (gradient,) = torch.autograd.grad((y * weights).sum(), x)
        torch.testing.assert_close(gradient, operator.adjoint(weights))


def test_the_largest_singular_value_is_found() -> None:
    operator = CTConfig(angles=5).build((1, 8, 12), DOUBLE)
    found = largest_singular_value(operator, (1, 8, 12), DOUBLE, rounds=200)
    assert found == pytest.approx(float(operator.singular.max()), rel=1e-4)


def test_operators_that_do_not_fit_are_refused() -> None:
    shape = (1, 8, 12)
    for make, message in (
        (lambda: MRIConfig(acceleration=0.5), "acceleration must be at least 1"),
        (lambda: MRIConfig(centre=0), "centre must be in"),
        (lambda: MRIConfig(acceleration=8, centre=0.9).build(shape, DOUBLE), "centre: 0.9 of 12 lines are 11"),
        (lambda: CTConfig(angles=0), "angles must be at least 1"),
        (lambda: BlurConfig(sigma=0), "sigma must be above 0"),
        (lambda: BlurConfig(sigma=9).build(shape, DOUBLE), "sigma: a blur of 9 reaches further than pictures"),
        (lambda: DownConfig(factor=1), "factor must be at least 2"),
        (lambda: DownConfig(factor=5).build(shape, DOUBLE), "factor: 5 does not divide pictures of 12 x 8"),
        (lambda: MaskConfig().build(shape, DOUBLE), "mask: this operator needs one"),
        (lambda: MaskConfig().build(shape, DOUBLE, torch.zeros(8, 8, dtype=torch.bool)), "mask: is 8 x 8 pixels"),
        (lambda: MaskConfig().build(shape, DOUBLE, torch.ones(8, 12, dtype=torch.bool)), "covers the whole picture"),
        (lambda: CTConfig(angles=1000).build(shape, DOUBLE).singular, "too many to decompose"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_operators_are_named_in_words() -> None:
    assert operator_named("mri:acceleration=8,seed=2") == MRIConfig(acceleration=8.0, seed=2)
    assert operator_named("mask") == MaskConfig()
    for words, message in (
        ("mir", "operator: there is no 'mir', did you mean"),
        ("ct:angle=3", "operator: ct has no 'angle', did you mean"),
        ("ct:angles=x", "operator: angles of ct is a whole number, got 'x'"),
        ("ct:angles=5000", "operator: ct: angles must be at most 4"),
        ("mask:size=3", "it has no settings"),
        ("down:factor=1", "operator: down: factor must be at least 2"),
    ):
        with pytest.raises(BadConfig, match=message.split(",")[0]):
            operator_named(words)


def test_grey_pictures_have_no_grey_values_to_measure() -> None:
    with pytest.raises(ValueError, match=r"grey: needs pictures of 3 channels \(colour\), these have 1"):
        GreyConfig().build((1, 8, 8), DOUBLE)
