"""Inductive moment matching: jumps from any level to any lower one that end at samples of the lower level.

Jumps to a level s from a level t, and from a level r between the two, must end at samples of one distribution. Where r
is s nothing is left to jump, and the samples are noisy data; so by induction all jumps to s end at samples distributed
like noisy data. Distributions are compared by all their moments, in groups of samples whose levels are the same.

Reference: L. Zhou, S. Ermon, J. Song, "Inductive moment matching", arXiv:2503.07565.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Level, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.losses.moment_matching import laplace_discrepancy
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.nn.dropout import DropoutMasks
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.paths import CosineProcess
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.two_times import TwoTimePreconditioning
from diorama.synthesis.conditions import dropped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig

_LEAST_REACH = 1e-6
"""Least c_out(s, t): of a jump that leads nowhere the kernel's scale would be infinite."""
_NEAR = 1e-9
"""By so much times that are meant to be equal may differ."""


@dataclass(frozen=True, kw_only=True)
class MomentMatchingConfig(MethodConfig):
    """Training of a model that jumps between any two levels, from data alone.

    Time t is drawn evenly from ``earliest`` to ``latest``, and s evenly from ``earliest`` to t. At the time r between
    them ``eta = sigma / (alpha sigma_data)`` is lower than at t by ``eta_max / 2^halvings``; r is at least s.

    Args:
        synthesizer: the model: a straight or cosine path with noise of the data's deviation, and a
            :class:`~diorama.processes.two_times.TwoTimePreconditioning`.
        particles: M, samples of a group, whose times are the same. Batches must be made of whole groups.
        earliest: least time; small noise on pixels cannot be seen, and need not be learned.
        latest: largest time; below the process's end, where r would fall together with t.
        eta_max: see above.
        halvings: k, see above. Large values bring r nearer to t, which longer training and more particles bear.
        least_gap: r is at least so far from t; for training in 16 bits, where the network would not tell them apart.
        power: a, of alpha in the weight of a level; 2 favours drawing in several steps, 1 in one.
        bias: b, which moves the weight to levels of more noise.
    """

    synthesizer: DiffusionSynthesizerConfig
    particles: int = 4
    earliest: float = 0.006
    latest: float = 0.994
    eta_max: float = 160.0
    halvings: float = 12.0
    least_gap: float = 0.0
    power: float = 1.0
    bias: float = 5.0

    def __post_init__(self) -> None:
        if self.particles < 1:
            raise ValueError(f"particles must be at least 1, got {self.particles}")
        if not 0 <= self.earliest < self.latest < 1:
            raise ValueError(f"0 <= earliest < latest < 1 must hold, got {self.earliest} and {self.latest}")
        if not (self.eta_max > 0 and self.least_gap >= 0):
            raise ValueError(
                f"eta_max must be positive and least_gap at least 0, got eta_max={self.eta_max} "
                f"least_gap={self.least_gap}"
            )
        for name in ("eta_max", "halvings", "least_gap", "power", "bias"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        self._check_model()

    def _check_model(self) -> None:
        model = self.synthesizer
        process, preconditioning = model.process, model.preconditioning
        if not isinstance(process, FlowProcess | CosineProcess | ScaledNoiseProcess):
            raise ValueError("synthesizer.process: must be a ScaledNoiseProcess, a FlowProcess or a CosineProcess")
        if not isinstance(preconditioning, TwoTimePreconditioning):
            raise ValueError("synthesizer.preconditioning: must be a TwoTimePreconditioning")
        deviation = process.deviation if isinstance(process, ScaledNoiseProcess) else 1.0
        if deviation != preconditioning.sigma_data:
            raise ValueError(
                f"synthesizer.preconditioning.sigma_data: is {preconditioning.sigma_data:g}, and the noise of the "
                f"process has a deviation of {deviation:g}; both must be the data's"
            )
        curve = process.of if isinstance(process, ScaledNoiseProcess) else process
        if preconditioning.form == "euler_fm" and not isinstance(curve, FlowProcess):
            raise ValueError("synthesizer.preconditioning.form: 'euler_fm' is for the path of a FlowProcess")
        times = model.spacing.times(process, model.steps)
        start, end = float(times[0]), float(times[-1])
        if start > self.latest + _NEAR:
            raise ValueError(
                f"synthesizer.spacing: samples start at time {start:g}, and training looks at none beyond latest, "
                f"{self.latest:g}; take a JumpSpacing"
            )
        if end < self.earliest - _NEAR:
            raise ValueError(
                f"synthesizer.spacing: samples end at time {end:g}, and training looks at none before earliest, "
                f"{self.earliest:g}; take a JumpSpacing that ends there"
            )

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> MomentMatching:
        """The method with a freshly initialised network."""
        return MomentMatching(self, frozen)


class Times(NamedTuple):
    """Of each group: jumps from t are compared with jumps from r, and both end at s; s <= r <= t."""

    t: Tensor
    r: Tensor
    s: Tensor


class MomentMatching(DenoiserMethod):
    """See :class:`MomentMatchingConfig`."""

    def __init__(self, config: MomentMatchingConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(*from_scratch(config.synthesizer, frozen), codec_part="codec", frozen=NO_PARTS)
        self.config = config

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "denoiser", self.loss, recorded=True)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean weighted discrepancy between where jumps from t end and where jumps from r end.

        Raises:
            BadConfig: the batch is not made of whole groups.

        Reference: equation 67, algorithm 3.
        """
        clean = self.clean_samples(batch)
        count, particles = len(clean), self.config.particles
        if count % particles:
            raise BadConfig(
                f"batch_size, micro_batch: {count} samples in a pass are no whole groups of {particles} "
                "(method.particles)"
            )
        times = self.times(count // particles, clean.device)
        t, r, s = (
            broadcast(self.model.process.at(time[:, None].expand(-1, particles).flatten()), clean.dim())
            for time in times
        )
        condition, masks = dropped(self.model.conditions, batch), DropoutMasks()
        x = noised(clean, torch.randn_like(clean), t)
        # Dropout must not tell the answers apart.
        with masks.kept():
            found = self.jump(x, t, s, condition)
        with torch.no_grad(), masks.again():
            wanted = self.jump(along_noise(x, clean, t, r), r, s, condition)
        groups = (count // particles, particles)
        apart = laplace_discrepancy(found.unflatten(0, groups), wanted.unflatten(0, groups), self.scale(times))
        return Loss((self.weight(times.t) * apart).mean(), {"discrepancy": apart.detach().mean()})

    def jump(self, x: Tensor, level: Level, end: Level, condition: Condition) -> Tensor:
        """f_{s,t}: where the samples ``x`` at a level end up at a lower one; equation 11 with the network's answer."""
        denoise = NetworkDenoise(self.denoiser, self.model.preconditioning, self.encoded_condition(condition))
        return along_noise(x, denoise(x, replace(level, until=end.t)).clean, level, end)

    def times(self, groups: int, device: torch.device) -> Times:
        """Times of each group, (groups,) each, as shares of the process's end."""
        config = self.config
        t = config.latest - (config.latest - config.earliest) * torch.rand(groups, device=device)
        s = config.earliest + (t - config.earliest) * torch.rand(groups, device=device)
        return Times(t, self.between(s, t), s)

    def between(self, s: Tensor, t: Tensor) -> Tensor:
        """r(s, t): appendix C.6, constant decrement in eta; with the least gap of appendix I.6."""
        config, process = self.config, self.model.process
        level = process.at(t)
        # eta is sigma / alpha in units of sigma_data, and time_of takes sigma / alpha itself.
        decrement = self.sigma_data * config.eta_max / 2**config.halvings
        r = process.time_of((level.sigma / level.alpha - decrement).clamp(min=0))
        return torch.maximum(s, torch.minimum(t - config.least_gap, r))

    def scale(self, times: Times) -> Tensor:
        """The kernel's scale 1 / |c_out(s, t)|, by which outputs of the network are compared whatever the jump."""
        level, end = (self.model.process.at(time) for time in (times.t, times.s))
        of_clean = end.alpha - end.sigma / level.sigma * level.alpha
        reach = of_clean.abs() / self.model.preconditioning.weight(level).sqrt()
        return 1 / reach.clamp(min=_LEAST_REACH)

    def weight(self, t: Tensor) -> Tensor:
        """w(s, t): equation 13."""
        level, (of_alpha, of_sigma) = self.model.process.at(t), self.model.process.slopes(t)
        alpha, sigma = level.alpha, level.sigma / self.sigma_data
        log_snr = 2 * (alpha / sigma).log()
        fall = 2 * (of_sigma / level.sigma - of_alpha / alpha)
        elbo = 0.5 * torch.sigmoid(self.config.bias - log_snr) * fall
        return elbo * alpha**self.config.power / (alpha**2 + sigma**2)

    @property
    def sigma_data(self) -> float:
        """Standard deviation of the data, and of the noise."""
        preconditioning = self.model.preconditioning
        assert isinstance(preconditioning, TwoTimePreconditioning)
        return preconditioning.sigma_data
