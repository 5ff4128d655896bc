"""A step backwards, as a prediction has it: the mean and the variance of what the sample was a level below."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor

from diorama.core.contracts import Prediction, Process
from diorama.processes.gaussian import LEAST_VARIANCE, Posterior, like, posterior

Variance = Literal["small", "large"]
"""Of a step backwards: ``small`` is the posterior's, the best if all data are one point; ``large`` that of the step,
the best if data are N(0, I). Ho et al. 2020, section 3.2."""


class ReverseStep(NamedTuple):
    """p(x_below | x), normal; tensors that broadcast against x.

    Attributes:
        mean: of the shape of x.
        variance: of each pixel.
        log_variance: its logarithm, that of a small positive number where the variance is 0.
    """

    mean: Tensor
    variance: Tensor
    log_variance: Tensor


def reverse_step(
    prediction: Prediction,
    x: Tensor,
    step: Posterior,
    variance: Variance,
    *,
    first: float | None = None,
    clipped: bool = True,
) -> ReverseStep:
    """The step that a prediction for ``x`` implies.

    Args:
        prediction: what the denoiser said; a variance that it learned takes the place of ``variance``, and a gradient
            moves the mean by the variance times it.
        x: (b, ...) the noisy sample.
        step: the true step backwards.
        variance: of the step, where none was learned.
        first: the variance that stands in a step to clean data for the posterior's, which is 0 there, and for that of
            the step, see :func:`second_variance`; ``None`` leaves them.
        clipped: the mean leads to the clean sample as it was limited, else to what the network found.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, equation 11; A. Nichol, P. Dhariwal, arXiv:2102.09672,
    equation 15, with ``first`` as in their code; with a gradient arXiv:2105.05233, algorithm 1.
    """
    clean = prediction.clean if clipped or prediction.unclipped is None else prediction.unclipped
    mean = like(step.of_x, x) * x + like(step.of_clean, x) * clean
    variance_of_step, log_variance = _variances(prediction, x, step, variance, first)
    if prediction.gradient is not None:
        mean = mean + variance_of_step * prediction.gradient
    return ReverseStep(mean, variance_of_step, log_variance)


def _variances(
    prediction: Prediction, x: Tensor, step: Posterior, variance: Variance, first: float | None
) -> tuple[Tensor, Tensor]:
    """The variance of a step and its logarithm."""
    if prediction.log_variance is not None:
        return prediction.log_variance.exp(), prediction.log_variance
    low, high = step.variance, step.step_variance
    floor = low.clamp(min=LEAST_VARIANCE) if first is None else low.masked_fill(low <= 0, first)
    if prediction.variance_share is not None:
        low_log, high_log = like(floor.log(), x), like(high.log(), x)
        learned = prediction.variance_share * (high_log - low_log) + low_log
        return learned.exp(), learned
    if variance == "small":
        return like(low, x), like(floor.log(), x)
    large = high if first is None else high.masked_fill(low <= 0, first)
    return like(large, x), like(large.log(), x)


def second_variance(process: Process, times: Tensor) -> float | None:
    """The posterior's variance in the step before the last; ``None`` where there is one step.

    Args:
        process: that is walked.
        times: of the levels, falling from noise to data, (n + 1,) float64 on the CPU.
    """
    if len(times) < 3:
        return None
    return posterior(process.at(times[-3]), process.at(times[-2])).variance.item()
