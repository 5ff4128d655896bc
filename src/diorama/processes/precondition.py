"""What goes into a network and what comes out of it, at every level: the one place where its target is derived.

The same value is used by the method that trains a network and by the synthesizer that draws with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Protocol

import torch
from torch import Tensor

from diorama.core.config import LATER
from diorama.core.contracts import Condition, Level, Prediction
from diorama.processes.gaussian import LEAST_VARIANCE, Target, clean_of, like, on, target_of, weight_of
from diorama.processes.threshold import Threshold

TimeInput = Literal["step", "clamped_step", "time", "sigma", "log_sigma", "log_half_sigma", "reverse_time"]
"""What a network is told of a level: ``t - 1``, the same but at least 0, ``t``, ``sigma / alpha``, a quarter of the
latter's logarithm, the logarithm of its half, or ``1 - t``."""

LearnedVariance = Literal["none", "share", "log", "plain"]
"""What a network says of the reverse step's variance, in as many further channels as the sample has: nothing; where it
lies between the posterior's variance, -1, and that of the step, 1, in their logarithms (A. Nichol, P. Dhariwal,
arXiv:2102.09672, equation 15); its logarithm; itself."""

Network = Callable[[Tensor, Tensor, Condition], Tensor]
"""``(x, t (b,), condition) -> output`` of the shape of x, with t as its preconditioning says, (b, 2) for two times; of
twice as many channels where the variance is learned."""


class Preconditioning(Protocol):
    """How a raw network becomes a denoiser. Tensors that are returned broadcast like the level's."""

    @property
    def variance(self) -> LearnedVariance:
        """What the network says of the reverse step's variance."""
        ...

    @property
    def two_times(self) -> bool:
        """Whether the network is also told how far it is to a second, earlier time, ``level.until``."""
        ...

    def input(self, level: Level) -> Tensor:
        """What the noisy sample is multiplied by before the network sees it."""
        ...

    def time(self, level: Level) -> Tensor:
        """What the network is told of the level."""
        ...

    def target(self, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """What a perfect network would put out, of the shape of ``clean``."""
        ...

    def clean(self, output: Tensor, x: Tensor, level: Level) -> Tensor:
        """The clean sample that an output for the noisy sample ``x`` implies."""
        ...

    def weight(self, level: Level) -> Tensor:
        """The square of how much an output moves for a change of the clean sample: a squared error of clean samples
        times this weight is the squared error of outputs."""
        ...


@dataclass(frozen=True, kw_only=True)
class TargetPreconditioning:
    """The network sees the noisy sample as it is, and puts out one of the targets.

    Args:
        predicts: what it puts out, see :data:`~diorama.processes.gaussian.Target`.
        time_input: what it is told of a level.
        time_scale: multiplies that.
        variance: what the second half of its channels says of the reverse step's variance.
        whole: whether it is told a whole number: the nearest, of two the even one, or the one below; never less than 0.
        time_offset: is added to what it is told.
        two_times: the network is also told how far it is to a second, earlier time, ``level.until``, by which what it
            puts out is an average over the way there; 0 where the level has none.
    """

    predicts: Target = "noise"
    time_input: TimeInput = "step"
    time_scale: float = 1.0
    variance: LearnedVariance = field(default="none", metadata={LATER: True})
    whole: Literal["no", "nearest", "below"] = field(default="no", metadata={LATER: True})
    time_offset: float = field(default=0.0, metadata={LATER: True})
    two_times: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.two_times and (self.time_input != "time" or self.predicts != "flow"):
            raise ValueError(
                "two_times: a network of two times is told 'time' and predicts 'flow', got "
                f"{self.time_input!r} and {self.predicts!r}"
            )
        if self.two_times and (self.whole != "no" or self.time_offset):
            raise ValueError("two_times: both times are told as they are, without 'whole' and 'time_offset'")

    def input(self, level: Level) -> Tensor:
        """1."""
        return torch.ones_like(level.sigma)

    def time(self, level: Level) -> Tensor:
        """See :data:`TimeInput`."""
        told = self.time_scale * _time_of(self.time_input, level) + self.time_offset
        if self.whole == "no":
            return told
        return (told.round() if self.whole == "nearest" else told.floor()).clamp(min=0)

    def target(self, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """See :func:`~diorama.processes.gaussian.target_of`."""
        return target_of(self.predicts, clean, noise, level)

    def clean(self, output: Tensor, x: Tensor, level: Level) -> Tensor:
        """See :func:`~diorama.processes.gaussian.clean_of`."""
        return clean_of(self.predicts, output, x, level)

    def weight(self, level: Level) -> Tensor:
        """See :func:`~diorama.processes.gaussian.weight_of`."""
        return weight_of(self.predicts, level)


@dataclass(frozen=True, kw_only=True)
class EDMPreconditioning:
    """Input and target of the network have unit variance at every level.

    Written for ``x / alpha``, whose noise has the standard deviation ``sigma / alpha``, so that it serves any process
    at levels with some signal; the paper's has ``alpha = 1``.

    Args:
        sigma_data: standard deviation of the data.
        time_scale: multiplies what the network is told of a level.
        reverse: the network's output has the other sign. With a ``sigma_data`` of 1 it is then the velocity.

    Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, table 1 (column "Ours") and equation 7.
    """

    variance: ClassVar[LearnedVariance] = "none"
    two_times: ClassVar[bool] = False
    sigma_data: float = 0.5
    time_scale: float = field(default=1.0, metadata={LATER: True})
    reverse: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not self.sigma_data > 0:
            raise ValueError(f"sigma_data must be positive, got {self.sigma_data}")

    def input(self, level: Level) -> Tensor:
        """c_in."""
        return 1 / (level.alpha * self._total(level))

    def time(self, level: Level) -> Tensor:
        """c_noise."""
        return self.time_scale * _time_of("log_sigma", level)

    def target(self, clean: Tensor, noise: Tensor, level: Level) -> Tensor:
        """(clean - c_skip x) / c_out."""
        x = clean + level.sigma / level.alpha * noise
        return (clean - self._skip(level) * x) / self._out(level)

    def clean(self, output: Tensor, x: Tensor, level: Level) -> Tensor:
        """c_skip x + c_out output."""
        return self._skip(level) * (x / level.alpha) + self._out(level) * output

    def weight(self, level: Level) -> Tensor:
        """1 / c_out², the paper's loss weight lambda."""
        return self._out(level) ** -2

    def _total(self, level: Level) -> Tensor:
        """Standard deviation of the noisy sample."""
        return ((level.sigma / level.alpha) ** 2 + self.sigma_data**2).sqrt()

    def _skip(self, level: Level) -> Tensor:
        return (self.sigma_data / self._total(level)) ** 2

    def _out(self, level: Level) -> Tensor:
        out = level.sigma / level.alpha * self.sigma_data / self._total(level)
        return -out if self.reverse else out


def _time_of(kind: TimeInput, level: Level) -> Tensor:
    if kind == "step":
        return level.t - 1
    if kind == "clamped_step":
        return (level.t - 1).clamp(min=0)
    if kind == "time":
        return level.t
    if kind == "reverse_time":
        return 1 - level.t
    ratio = level.sigma / level.alpha
    if kind == "sigma":
        return ratio
    return ratio.log() / 4 if kind == "log_sigma" else (ratio / 2).log()


class NetworkDenoise:
    """A network as ``denoise(x, level)``.

    Args:
        network: see :data:`Network`.
        preconditioning: of its input and output.
        condition: what the samples are given, with their batch size.
        threshold: how the clean sample is limited; ``None`` leaves it as it is.
    """

    def __init__(
        self,
        network: Network,
        preconditioning: Preconditioning,
        condition: Condition,
        *,
        threshold: Threshold | None = None,
    ) -> None:
        self.network, self.preconditioning = network, preconditioning
        self.condition, self.threshold = condition, threshold

    def __call__(self, x: Tensor, level: Level) -> Prediction:
        """Predict the clean sample of x (b, ...)."""
        # Time and scales are worked out in the level's own float64 and only then brought to the network's type.
        t = self._told(x, self.preconditioning.time(level))
        if self.preconditioning.two_times:
            earlier = level.t if level.until is None else level.until
            gap = self.preconditioning.time(replace(level, t=level.t - earlier))
            t = torch.stack([t, self._told(x, gap)], dim=1)
        scaled = like(self.preconditioning.input(level), x) * x
        output = self.network(scaled, t, self.condition).to(x.dtype)
        return limited(predicted(output, x, on(level, x), self.preconditioning), self.threshold)

    @staticmethod
    def _told(x: Tensor, told: Tensor) -> Tensor:
        """(b,) of the type of ``x``, of one number or one for each sample."""
        if told.dim() == 0 and told.device.type == "cpu":
            # Filling in a number, unlike copying a tensor, does not wait for the device.
            return torch.full((x.shape[0],), told.item(), device=x.device, dtype=x.dtype)
        return told.reshape(-1).to(device=x.device, dtype=x.dtype).expand(x.shape[0])


def halves(output: Tensor, variance: LearnedVariance) -> tuple[Tensor, Tensor | None]:
    """What a network says of the sample, (b, c, …), and of the variance, likewise, where it learns one."""
    if variance == "none":
        return output, None
    mean, said = output.chunk(2, dim=1)
    return mean, said


def predicted(output: Tensor, x: Tensor, level: Level, preconditioning: Preconditioning) -> Prediction:
    """What a network's output for the noisy sample x (b, c, …) at a level says."""
    kind = preconditioning.variance
    output, said = halves(output, kind)
    clean = preconditioning.clean(output, x, level)
    if said is None:
        return Prediction(clean)
    if kind == "share":
        return Prediction(clean, variance_share=(said + 1) / 2)
    return Prediction(clean, log_variance=said if kind == "log" else said.clamp(min=LEAST_VARIANCE).log())


def limited(prediction: Prediction, threshold: Threshold | None) -> Prediction:
    """The prediction with its clean sample limited, and what it was before kept beside it."""
    if threshold is None:
        return prediction
    return prediction._replace(clean=threshold.limit(prediction.clean), unclipped=prediction.clean)
