"""Intervals that take raters, not judgements, as independent.

The judgements of one rater resemble one another, so that an interval which counts each of them as independent is too
narrow, the more so the more judgements a rater gives. Here a rater is one draw: variances are made of the raters' sums
of scores (a sandwich), mended for few raters (CR2), and the quantile is Student's.

Reference: R. M. Bell, D. F. McCaffrey 2002, Survey Methodology 28 (CR2); G. Kauermann, R. J. Carroll 2001, JASA 96
(the same for likelihoods); L. Kish 1965, "Survey Sampling", section 8.2 (effective number of unequal draws).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from diorama.metrics.judgement.paired import Floats

_ALONE = 1e-8
"""Where a rater's information is all there is, his score is zero there and needs no mending."""


@dataclass(frozen=True)
class Clustered:
    """How estimates vary over draws of raters.

    Args:
        covariance: (…, p, p) of the parameters.
        influence: (…, g, p, p) each rater's share of the variance under independence, for the degrees of freedom.
    """

    covariance: Floats
    influence: Floats

    def spread(self, contrast: Floats) -> tuple[Floats, Floats]:
        """Standard error of ``contrast @ parameters`` and its degrees of freedom.

        Args:
            contrast: (k, p).

        Returns:
            Both (…, k). Raters of equal weight have one degree of freedom less than there are.
        """
        variance = np.einsum("kp,...pq,kq->...k", contrast, self.covariance, contrast)
        shares = np.einsum("kp,...gpq,kq->...gk", contrast, self.influence, contrast)
        squares = (shares**2).sum(-2)
        effective = np.divide(shares.sum(-2) ** 2, squares, out=np.full_like(squares, 2.0), where=squares > 0)
        return np.sqrt(np.maximum(variance, 0.0)), np.maximum(effective - 1, 1.0)


def clustered(information: Floats, scores: Floats) -> Clustered:
    """The covariance of maximum-likelihood estimates over draws of raters.

    Args:
        information: (…, g, p, p) of each rater at the estimate.
        scores: (…, g, p) each rater's gradient of the log likelihood there; they sum to zero.
    """
    total = information.sum(-3)
    values, vectors = np.linalg.eigh(total)
    inverse_root = (vectors * np.maximum(values, 1e-300)[..., None, :] ** -0.5) @ np.swapaxes(vectors, -1, -2)
    leverage = inverse_root[..., None, :, :] @ information @ inverse_root[..., None, :, :]
    shares, axes = np.linalg.eigh(leverage)
    mending = np.where(shares < 1 - _ALONE, np.maximum(1 - shares, _ALONE) ** -0.5, 1.0)
    white = scores @ inverse_root
    along = np.einsum("...gpk,...gp->...gk", axes, white) * mending
    mended = np.einsum("...gpk,...gk->...gp", axes, along)
    spread = np.einsum("...gp,...gq->...pq", mended, mended)
    return Clustered(
        covariance=inverse_root @ spread @ inverse_root,
        influence=inverse_root[..., None, :, :] @ leverage @ inverse_root[..., None, :, :],
    )


def quantile(freedom: Floats | float, level: float = 0.95) -> Floats:
    """Student's two-sided quantile of a level."""
    return np.asarray(stdtrit(freedom, 0.5 + level / 2))
