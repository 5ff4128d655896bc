"""How a difference of strengths becomes a choice: Bradley–Terry, Davidson, Thurstone.

Each response gives the probabilities of left, right and tie and the derivatives of their logarithms, from which
:mod:`diorama.metrics.judgement.strengths` makes scores and information for all of them alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from diorama.metrics.judgement.paired import Floats

_LOG_ROOT_TWO_PI = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True)
class BradleyTerry:
    """The log odds of left are the difference of strengths; ties count as half a win for each, or not at all.

    Reference: R. A. Bradley, M. E. Terry 1952, Biometrika 39, equation 1.
    """

    title = "Bradley–Terry"
    models_ties = False

    def logs(self, difference: Floats, log_tie: Floats) -> tuple[Floats, Floats]:
        """Log probabilities (…, 3) and their derivatives by the difference (…, 3); those of a tie are of no use."""
        left, right = -np.logaddexp(0.0, -difference), -np.logaddexp(0.0, difference)
        logs = np.stack([left, right, np.full_like(left, -np.inf)], -1)
        slopes = np.stack([np.exp(right), -np.exp(left), np.zeros_like(left)], -1)
        return logs, slopes[..., None]


@dataclass(frozen=True)
class Davidson:
    """Bradley–Terry with ties: P(tie) is proportional to nu times the root of both worths.

    Reference: R. R. Davidson 1970, JASA 65, equations 2.3 and 2.4.
    """

    title = "Davidson"
    models_ties = True

    def logs(self, difference: Floats, log_tie: Floats) -> tuple[Floats, Floats]:
        """Log probabilities (…, 3), and their derivatives by the difference and by log nu (…, 3, 2)."""
        powers = np.stack(np.broadcast_arrays(difference / 2, -difference / 2, log_tie), -1)
        logs = powers - np.logaddexp.reduce(powers, -1)[..., None]
        left, right, tie = np.moveaxis(np.exp(logs), -1, 0)
        mean = (left - right) / 2
        by_difference = np.stack([0.5 - mean, -0.5 - mean, -mean], -1)
        by_tie = np.stack([-tie, -tie, 1 - tie], -1)
        return logs, np.stack([by_difference, by_tie], -1)


@dataclass(frozen=True)
class Thurstone:
    """The probit of left is the difference of strengths: case V in units of the SD of a difference.

    Reference: L. L. Thurstone 1927, Psychological Review 34, case V.
    """

    title = "Thurstone, case V"
    models_ties = False

    def logs(self, difference: Floats, log_tie: Floats) -> tuple[Floats, Floats]:
        """Log probabilities (…, 3) and their derivatives by the difference (…, 3, 1)."""
        left, right = log_ndtr(difference), log_ndtr(-difference)
        density = -0.5 * difference**2 - _LOG_ROOT_TWO_PI
        logs = np.stack([left, right, np.full_like(left, -np.inf)], -1)
        slopes = np.stack([np.exp(density - left), -np.exp(density - right), np.zeros_like(left)], -1)
        return logs, slopes[..., None]


Response = BradleyTerry | Davidson | Thurstone
