"""Fréchet distance between two sets of features, each summed up as a Gaussian.

Reference: D. C. Dowson, B. V. Landau, "The Fréchet distance between multivariate normal distributions", Journal of
Multivariate Analysis 12, 1982, equation 4; M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter,
"GANs trained by a two time-scale update rule", NeurIPS 2017, arXiv:1706.08500, equation 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class GaussianStatistics:
    """Count, mean (d,) and unbiased covariance (d, d) of features, float64 on the CPU."""

    count: int
    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]


class RunningStatistics:
    """Mean and covariance of features that arrive in batches of any size.

    Batches are merged by their own means, so that neither the batch size nor a mean far from zero costs digits.

    Reference: T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
    sample variances", 1979, equations 1.5.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean = torch.zeros(0, dtype=torch.float64)
        self._scatter = torch.zeros(0, 0, dtype=torch.float64)

    def update(self, features: Float[Tensor, "b d"]) -> None:
        """Take in a batch (b, d); an empty one changes nothing."""
        if not len(features):
            return
        batch = features.detach().cpu().double()
        mean = batch.mean(0)
        centred = batch - mean
        if not self.count:
            self._mean, self._scatter = mean, centred.T @ centred
        else:
            share = len(batch) / (self.count + len(batch))
            shift = mean - self._mean
            self._scatter += centred.T @ centred + torch.outer(shift, shift) * (self.count * share)
            self._mean = self._mean + shift * share
        self.count += len(batch)

    def result(self) -> GaussianStatistics:
        """The statistics of everything so far.

        Raises:
            ValueError: fewer than two samples have been seen.
        """
        if self.count < 2:
            raise ValueError(f"a covariance needs at least two samples, got {self.count}")
        return GaussianStatistics(self.count, self._mean, self._scatter / (self.count - 1))


def statistics(features: Float[Tensor, "n d"] | Iterable[Float[Tensor, "b d"]]) -> GaussianStatistics:
    """Statistics of features (n, d), or of batches (b, d) of them."""
    running = RunningStatistics()
    for batch in [features] if isinstance(features, Tensor) else features:
        running.update(batch)
    return running.result()


def square_root(covariance: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    """The symmetric root of a positive semi-definite matrix; eigenvalues that rounding made negative count as 0."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def shared_spectrum(first: Float[Tensor, "d d"], second: Float[Tensor, "d d"]) -> Float[Tensor, " d"]:
    """Eigenvalues, ascending, of (A^1/2 B A^1/2)^1/2 for two covariances: their sum is the trace that FD needs."""
    root = square_root(first)
    return torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt()


def frechet_distance(first: GaussianStatistics, second: GaussianStatistics) -> float:
    """|mean difference|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2), from float64 eigenvalues; at least 0.

    The plug-in value that the literature reports: of finite samples it is biased upwards, so it is comparable
    only at equal sample counts. :func:`diorama.evaluation.frechet_interval.frechet_interval` estimates the true
    distance.
    """
    shift = first.mean - second.mean
    traces = first.covariance.trace() + second.covariance.trace()
    shared = shared_spectrum(first.covariance, second.covariance).sum()
    return max(float(shift @ shift + traces - 2 * shared), 0.0)


def frechet_distance_of(first: Float[Tensor, "n d"], second: Float[Tensor, "m d"]) -> float:
    """:func:`frechet_distance` of the statistics of two sets of features, quickly where they have few rows.

    With X and Y the centred rows, each divided by the root of its count less one, A = XᵀX and B = YᵀY, and the
    eigenvalues of (A^1/2 B A^1/2)^1/2 are the singular values of X Yᵀ, which is (n, m) in place of (d, d).

    Raises:
        ValueError: fewer than two rows on one side.
    """
    if max(len(first), len(second)) > first.shape[1] or min(len(first), len(second)) < 2:
        return frechet_distance(statistics(first), statistics(second))
    x, y = (rows.detach().cpu().double() for rows in (first, second))
    shift = x.mean(0) - y.mean(0)
    x, y = ((rows - rows.mean(0)) / (len(rows) - 1) ** 0.5 for rows in (x, y))
    shared = torch.linalg.svdvals(x @ y.T).sum()
    return max(float(shift @ shift + x.square().sum() + y.square().sum() - 2 * shared), 0.0)
