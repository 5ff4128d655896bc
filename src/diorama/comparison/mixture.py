"""Fitting the mixture that every network must beat: ten full-covariance Gaussians on the first 64 principal components.

Reference: EM as in C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, equations 9.23 to 9.27;
start by D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007; principal axes by
N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness", 2011, arXiv 0909.4061, algorithm 4.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.core.seeds import fold
from diorama.synthesis.mixture import GaussianMixture, GaussianMixtureConfig

COMPONENTS, DIMENSIONS = 10, 64
"""Always these, so that the mixture means the same in every report (fewer only where there is too little data)."""

_OVERSAMPLED, _PASSES = 32, 6
_EM_STEPS, _ENOUGH = 100, 1e-4
_RIDGE = 1e-4
"""Added to each covariance's diagonal, as a share of the mean variance: components of few pictures stay proper."""

Pictures = Callable[[], Iterator[Tensor]]
"""Called for every pass over the data: yields batches (b, *media.shape) float32 in [-1, 1], all on one device, which
computes."""


@dataclass(frozen=True)
class Mixture:
    """A mixture in d dimensions: weights (k,), means (k, d), covariances (k, d, d), all float64."""

    weights: Tensor
    means: Tensor
    covariances: Tensor


def fit(pictures: Pictures, media: MediaSpec, seed: int = 0) -> GaussianMixture:
    """Fit the mixture to training pictures or clips.

    Args:
        pictures: gives the training data anew at every call.
        media: what one record is.
        seed: of the start.

    Raises:
        BadInput: fewer than two pictures.
    """
    centre, axes = principal_axes(pictures, DIMENSIONS, seed)
    # (b, *media.shape) to (b, n), and by the axes (d, n) to (b, d).
    latents = torch.cat([(batch.flatten(1) - centre) @ axes.T for batch in pictures()])
    fitted = expectation_maximization(latents.double(), min(COMPONENTS, len(latents)), seed)
    config = GaussianMixtureConfig(media=media, components=len(fitted.weights), dimensions=len(axes))
    model = config.build()
    factors = torch.linalg.cholesky(fitted.covariances)
    with torch.no_grad():
        model.mixture.centre.copy_(centre)
        model.mixture.axes.copy_(axes)
        model.mixture.weights.copy_(fitted.weights)
        model.mixture.means.copy_(fitted.means)
        model.mixture.factors.copy_(factors)
    return model.eval()


def principal_axes(pictures: Pictures, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The mean and the first principal axes, in passes over data that need not fit into memory.

    Args:
        pictures: the data.
        count: axes wanted; fewer where the data has fewer dimensions or records.
        seed: of the random start of the subspace iteration.

    Returns:
        (n,) and (d, n) float32; rows are orthonormal, by falling variance.

    Raises:
        BadInput: fewer than two pictures.

    Reference: Halko, Martinsson and Tropp 2011, algorithm 4.4 (randomized subspace iteration).
    """
    # Sums in float64: of 50,000 pictures the last digits of float32 would be lost.
    total, seen = torch.zeros(()), 0
    for batch in pictures():
        total, seen = total + batch.flatten(1).double().sum(0), seen + len(batch)
    if seen < 2:
        raise BadInput(f"a mixture needs at least two training records, got {seen}")
    centre = (total / seen).float()
    size = len(centre)
    wanted = min(count, seen - 1, size)
    width = min(wanted + _OVERSAMPLED, size, seen)
    start = torch.randn(size, width, generator=_generator(seed, 0))
    basis = torch.linalg.qr(start.to(centre.device))[0]  # (n, width)
    for _ in range(_PASSES):
        # Y = X^T (X Q): the covariance is applied and never formed, since a clip has 10^5 values.
        image = torch.zeros_like(basis)
        for batch in pictures():
            centred = batch.flatten(1) - centre
            image += centred.T @ (centred @ basis)
        basis = torch.linalg.qr(image)[0]
    # Within the subspace that was found, the covariance is small enough to be decomposed in full.
    small = torch.zeros(width, width, dtype=torch.float64, device=centre.device)
    for batch in pictures():
        projected = ((batch.flatten(1) - centre) @ basis).double()
        small += projected.T @ projected
    turned = torch.linalg.eigh(small)[1].flip(1)[:, :wanted]  # eigh sorts upwards; (width, wanted)
    return centre, (basis @ turned.float()).T.contiguous()


def expectation_maximization(x: Tensor, components: int, seed: int = 0) -> Mixture:
    """A full-covariance mixture by EM from a k-means++ start.

    Args:
        x: (n, d) float64.
        components: k, at most n.
        seed: of the start.

    Reference: Bishop 2006, equations 9.23 to 9.27.
    """
    n = len(x)
    variance = x.var(0, correction=0).mean()
    ridge = torch.eye(x.shape[1]).to(x) * (_RIDGE * variance + 1e-12)
    nearest = torch.cdist(x, _spread_centres(x, components, seed)).argmin(1)
    responsibility = torch.nn.functional.one_hot(nearest, components).to(x)  # (n, k)
    before = -math.inf
    mixture = _maximize(x, responsibility, ridge)
    for _ in range(_EM_STEPS):
        joint = _log_joint(x, mixture)  # (n, k)
        evidence = joint.logsumexp(1, keepdim=True)
        mixture = _maximize(x, (joint - evidence).exp(), ridge)
        likelihood = evidence.sum().item() / n
        if likelihood - before < _ENOUGH:
            break
        before = likelihood
    return mixture


def mean_log_likelihood(x: Tensor, mixture: Mixture) -> float:
    """Mean log-density of (n, d) points, in nats."""
    return _log_joint(x, mixture).logsumexp(1).mean().item()


def _spread_centres(x: Tensor, count: int, seed: int) -> Tensor:
    """k-means++ seeding: each centre is drawn in proportion to its squared distance from those before."""
    generator = _generator(seed, 1)
    chosen = [int(torch.randint(len(x), (), generator=generator))]
    distance = (x - x[chosen[0]]).square().sum(1)
    for _ in range(count - 1):
        weights = distance if distance.sum() > 0 else torch.ones_like(distance)
        chosen.append(int(torch.multinomial(weights.cpu(), 1, generator=generator)))
        distance = torch.minimum(distance, (x - x[chosen[-1]]).square().sum(1))
    return x[chosen]


def _maximize(x: Tensor, responsibility: Tensor, ridge: Tensor) -> Mixture:
    # A component that lost all its points keeps a vanishing weight instead of dividing by zero.
    mass = responsibility.sum(0).clamp_min(1e-9)
    means = responsibility.T @ x / mass[:, None]
    covariances = []
    for k in range(len(mass)):
        centred = x - means[k]
        covariances.append(centred.T @ (centred * responsibility[:, k, None]) / mass[k] + ridge)
    return Mixture(mass / mass.sum(), means, torch.stack(covariances))


def _log_joint(x: Tensor, mixture: Mixture) -> Tensor:
    """log p(component, x), shape (n, k)."""
    factors = torch.linalg.cholesky(mixture.covariances)
    columns = []
    for weight, mean, factor in zip(mixture.weights, mixture.means, factors, strict=True):
        # With the covariance as L L^T, (x - m)^T C^-1 (x - m) is the squared length of L^-1 (x - m).
        whitened = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)  # (d, n)
        log_density = -0.5 * (whitened.square().sum(0) + x.shape[1] * math.log(2 * math.pi))
        columns.append(weight.log() + log_density - factor.diagonal().log().sum())
    return torch.stack(columns, 1)


def _generator(*counters: int) -> torch.Generator:
    return torch.Generator().manual_seed(fold(*counters))
