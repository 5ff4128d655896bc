"""The floor is fitted right: axes as a full decomposition finds them, a likelihood that never falls, true moments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from diorama.comparison.mixture import Mixture, expectation_maximization, fit, mean_log_likelihood, principal_axes
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput

MEDIA = MediaSpec(kind="image", channels=3, height=8, width=8)


def in_batches(x: Tensor) -> Iterator[Tensor]:
    return iter(x.split(50))


def decaying(count: int, size: int) -> Tensor:
    """Data whose spectrum falls as that of pictures does."""
    generator = torch.Generator().manual_seed(3)
    turned = torch.linalg.qr(torch.randn(size, size, generator=generator))[0]
    scale = 1 / torch.arange(1, size + 1)
    return torch.randn(count, size, generator=generator) * scale @ turned + 0.1


def test_axes_are_those_of_a_full_decomposition() -> None:
    x = decaying(400, 192)
    centre, axes = principal_axes(lambda: in_batches(x), 16)
    exact = torch.linalg.svd((x - x.mean(0)).double(), full_matrices=False)[2][:16]
    torch.testing.assert_close(centre, x.mean(0), atol=1e-6, rtol=0)
    torch.testing.assert_close((axes.double() @ exact.T).diagonal().abs(), torch.ones(16).double(), atol=1e-3, rtol=0)
    torch.testing.assert_close(axes @ axes.T, torch.eye(16), atol=1e-5, rtol=0)


def test_two_distant_gaussians_are_recovered() -> None:
    generator = torch.Generator().manual_seed(0)
    stretch = torch.tensor([[1.0, 0.0], [0.8, 0.3]], dtype=torch.float64)
    one = torch.randn(6_000, 2, generator=generator, dtype=torch.float64) @ stretch.T
    other = torch.randn(2_000, 2, generator=generator, dtype=torch.float64) + torch.tensor([10.0, -10.0])
    fitted = expectation_maximization(torch.cat([one, other]), 2)
    order = fitted.weights.argsort(descending=True)
    torch.testing.assert_close(fitted.weights[order], torch.tensor([0.75, 0.25]).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(fitted.covariances[order[0]], stretch @ stretch.T, atol=0.05, rtol=0)


def test_fitting_raises_the_likelihood_of_one_gaussian() -> None:
    x = decaying(500, 6).double().sign() + 0.3 * decaying(500, 6).double()
    one, ten = expectation_maximization(x, 1), expectation_maximization(x, 10)
    assert mean_log_likelihood(x, ten) > mean_log_likelihood(x, one) + 0.5


def test_the_same_seed_fits_the_same_mixture() -> None:
    x = decaying(200, 5).double()
    first, second = expectation_maximization(x, 4, seed=1), expectation_maximization(x, 4, seed=1)
    assert torch.equal(first.means, second.means)


def test_samples_have_the_moments_of_the_data() -> None:
    x = (decaying(2_000, 192) * 0.5).clamp(-1, 1)
    model = fit(lambda: in_batches(x.reshape(-1, 3, 8, 8)), MEDIA)
    assert model.noise_shape == (65,)
    drawn = model.sample(4_000, seed=1).flatten(1)
    torch.testing.assert_close(drawn.mean(0), x.mean(0), atol=0.03, rtol=0)
    assert drawn.var(0).sum().item() == pytest.approx(x.var(0).sum().item(), rel=0.1)


def test_sampling_does_not_depend_on_the_batch() -> None:
    x = decaying(100, 192)
    model = fit(lambda: in_batches(x.reshape(-1, 3, 8, 8)), MEDIA)
    together = model.sample(6, seed=5)
    apart = torch.cat([model.sample(2, seed=5, first=i) for i in (0, 2, 4)])
    torch.testing.assert_close(together, apart, atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [2, 5, 30])
def test_little_data_and_repeated_pictures_still_fit(count: int) -> None:
    x = torch.zeros(count, 3, 8, 8)
    x[0] = 0.5
    assert torch.isfinite(fit(lambda: in_batches(x), MEDIA).sample(8)).all()


def test_one_picture_is_too_few() -> None:
    with pytest.raises(BadInput, match="two"):
        fit(lambda: in_batches(torch.zeros(1, 3, 8, 8)), MEDIA)


def test_an_empty_component_keeps_a_vanishing_weight() -> None:
    x = torch.zeros(20, 2, dtype=torch.float64)
    fitted = expectation_maximization(x, 5)
    assert isinstance(fitted, Mixture)
    assert fitted.weights.sum().item() == pytest.approx(1.0)


@pytest.mark.gpu
def test_a_gpu_fits_what_a_cpu_fits() -> None:
    x = (decaying(2_000, 192) * 0.5).clamp(-1, 1).reshape(-1, 3, 8, 8)
    models = [fit(lambda d=device: in_batches(x.to(d)), MEDIA) for device in ("cpu", "cuda")]  # type: ignore[misc]
    first, second = (model.sample(4_000, seed=1).flatten(1) for model in models)
    torch.testing.assert_close(first.mean(0), second.mean(0), atol=0.03, rtol=0)
    assert first.var(0).sum().item() == pytest.approx(second.var(0).sum().item(), rel=0.02)
