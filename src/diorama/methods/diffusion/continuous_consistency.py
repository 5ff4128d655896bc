"""Simplified continuous-time consistency models (sCM): pairs of neighbours that have come so close that they are one.

In place of a second answer stands the derivative of the model's answer along the path, which is taken forwards: from
data alone along the path of the drawn pair of sample and noise, or along that of a trained model. It is taken in
float32, with TF32's products on GPUs that have it, whatever the rest of training is computed in.

With the paper's time, the angle ``u`` with ``tan(u) = sigma / (alpha s)``, its factor ``cos(u) sin(u)`` makes of the
derivative by u that by ``log(sigma / alpha)``. So everything is said of a process's own levels, and of the clean sample
``D`` that a network finds there, which is what the paper writes ``cos(u) x - sin(u) s F``; s is the data's deviation.

Reference: C. Lu, Y. Song, "Simplifying, stabilizing and scaling continuous-time consistency models", arXiv:2410.11081.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Denoise, Level, Loss, Moment, Process
from diorama.losses.uncertainty import uncertain
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.methods.diffusion.students import TEACHER, check_student, jumping_student, refuse_jumping, unfit_for_jumps
from diorama.networks.denoisers.uncertainty import UncertaintyConfig
from diorama.nn.differentiation import with_derivative
from diorama.nn.dropout import DropoutMasks
from diorama.processes.gaussian import noise_of, noised
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.times import LogNormalTimes
from diorama.synthesis.conditions import dropped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class ContinuousObjective:
    """What is descended.

    Args:
        times: at which training looks.
        sigma_data: s, the standard deviation of the data.
        warmup: pictures over which the derivative of the model's own answer comes in, after what is known of the path.
        steady: c in ``g / (|g| + c)``, to which the tangent g is normalised; |g| is the root of its mean square.
        uncertainty: a head, trained along, that weighs levels by how large errors are there; ``None`` for none.
    """

    times: LogNormalTimes = field(default_factory=lambda: LogNormalTimes(mean=-1.0, deviation=1.4))
    sigma_data: float = 0.5
    warmup: int = 0
    steady: float = 0.1
    uncertainty: UncertaintyConfig | None = field(default_factory=UncertaintyConfig)

    def __post_init__(self) -> None:
        for name in ("sigma_data", "steady"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.warmup < 0:
            raise ValueError(f"warmup must be at least 0, got {self.warmup}")

    def share(self, images: int) -> float:
        """Of the derivative, after so many pictures: r in the paper's algorithm 1."""
        return min(images / self.warmup, 1.0) if self.warmup else 1.0


@dataclass(frozen=True, kw_only=True)
class ContinuousTrainingConfig(MethodConfig):
    """Training of such a model from data alone.

    Args:
        synthesizer: the model, which must return the sample that it is given where no noise is left. Waves of high
            frequency in its network's time make the derivative large and training unstable.
        objective: what is descended.
    """

    synthesizer: DiffusionSynthesizerConfig
    objective: ContinuousObjective = field(default_factory=ContinuousObjective)

    def __post_init__(self) -> None:
        if problem := unfit_for_jumps(self.synthesizer.preconditioning):
            raise ValueError(f"synthesizer.preconditioning: {problem}; let the network predict flow or velocity")

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ContinuousTraining:
        """The method with a freshly initialised network."""
        return ContinuousTraining(self, frozen)


@dataclass(frozen=True, kw_only=True)
class ContinuousDistillationConfig(MethodConfig):
    """Distillation of the frozen part ``teacher`` into such a model, which starts from its weights.

    Args:
        objective: what is descended.
        steps: that the model draws in, unless it is asked for another number.
        dropout: in the network; ``None`` for the teacher's.
    """

    objective: ContinuousObjective = field(default_factory=ContinuousObjective)
    steps: int = 1
    dropout: float | None = None

    def __post_init__(self) -> None:
        check_student(self.steps, self.dropout)

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {"teacher": TEACHER}

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ContinuousDistillation:
        """The method with a network that has its teacher's weights."""
        return ContinuousDistillation(self, frozen)


class _Continuous(DenoiserMethod):
    """Both methods of the paper."""

    objective: ContinuousObjective
    recorded = True

    def _begin(self, objective: ContinuousObjective) -> None:
        self.objective = objective
        self.uncertainty = None if objective.uncertainty is None else objective.uncertainty.build()
        # In memory, where a recorded turn reads it.
        self.register_buffer("share", torch.tensor(objective.share(0)))
        self.share: Tensor

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``denoiser``: the network, what reads the conditions for it, and the head that weighs levels."""
        head = [] if self.uncertainty is None else list(self.uncertainty.parameters())
        return {"denoiser": [*super().players()["denoiser"], *head]}

    def phases(self) -> Sequence[Phase]:
        """One turn, whose gradients go through a first derivative only."""
        return [Phase("loss", "denoiser", self.loss, recorded=self.recorded)]

    def after_step(self, moment: Moment) -> None:
        """More of the derivative counts."""
        super().after_step(moment)
        self.share.fill_(self.objective.share(moment.images))

    def path(self, x: Tensor, clean: Tensor, level: Level, condition: Condition) -> Tensor:
        """The clean sample towards which the path through ``x`` leads at its level: the drawn one."""
        return clean

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Weighted squared error of what the normalised tangent asks of the network.

        Reference: algorithm 1. Written for F, whose error it is, as the change of D over ``-s sin(u)``.
        """
        objective, process = self.objective, self.model.process
        clean = self.clean_samples(batch)
        t = objective.times.draw(process, len(clean), clean.device)
        level = broadcast(process.at(t), clean.dim())
        x = noised(clean, torch.randn_like(clean), level)
        given = dropped(self.model.conditions, batch)
        condition, masks = self.encoded_condition(given), DropoutMasks()
        with masks.kept():
            found = self.denoise(condition)(x, level).clean.float()
        with torch.no_grad():
            towards = self.path(x, clean, level, given)
            plain = {key: value.detach() for key, value in condition.items()}
            with masks.again():
                change = self.change(x, t, towards, plain)
            sine = _sine(level, objective.sigma_data)
            known = (1 - sine.square()) * (found - towards)
            tangent = torch.lerp(known, change, self.share) / sine
            size = tangent.flatten(1).square().mean(1).sqrt().reshape(sine.shape)
            wanted = tangent / (size + objective.steady)
        # The same answer with and without gradients, so that rounding of neither is an error.
        error = ((found - found.detach()) / (objective.sigma_data * sine) + wanted).square().flatten(1).mean(1)
        told = {"tangent": size.mean()}
        if self.uncertainty is None:
            return Loss(error.mean(), told)
        said = self.uncertainty(self.model.preconditioning.time(level).reshape(-1).float()).float()
        return Loss(uncertain(error, said).mean(), told)

    def change(self, x: Tensor, t: Tensor, towards: Tensor, condition: Condition) -> Tensor:
        """The derivative of the clean sample that the network finds, by log(sigma / alpha), along a path.

        Args:
            x: (b, ...) samples.
            t: (b,) their times.
            towards: of the shape of ``x``, the clean samples that the path leads to there.
            condition: what the network is given.

        Returns:
            Of the shape of ``x``.
        """
        process, denoise = self.model.process, self.denoise(condition)
        at, along = broadcast(process.at(t), x.dim()), _slopes(process, t, x.dim())
        toward = along.alpha * towards + along.sigma * noise_of(x, towards, at)

        def clean(x: Tensor, t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
            return denoise(x, Level(t=t, alpha=alpha, sigma=sigma)).clean

        # Of bfloat16 a derivative has two digits left, and PyTorch's autocast does not reach into it anyway.
        with torch.autocast(x.device.type, enabled=False):
            _, change = with_derivative(
                clean, (x, at.t, at.alpha, at.sigma), (toward, along.t, along.alpha, along.sigma)
            )
        return change

    def denoise(self, condition: Condition) -> Denoise:
        """The network, for conditions that are encoded already."""
        return NetworkDenoise(self.denoiser, self.model.preconditioning, condition)


class ContinuousTraining(_Continuous):
    """See :class:`ContinuousTrainingConfig`."""

    def __init__(self, config: ContinuousTrainingConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(*from_scratch(config.synthesizer, frozen), codec_part="codec", frozen=NO_PARTS)
        self._begin(config.objective)


class ContinuousDistillation(_Continuous):
    """See :class:`ContinuousDistillationConfig`."""

    def __init__(self, config: ContinuousDistillationConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher, student = jumping_student(frozen["teacher"], config.steps, config.dropout)
        # The path that it is followed along is the teacher's.
        refuse_jumping(teacher.config, TEACHER)
        super().__init__(*student, teacher.codec, codec_part="teacher", frozen={"teacher": teacher})
        # A guided teacher looks at what its samples are given, for which it waits for the device.
        self.recorded = teacher.config.guidance == 1
        self._begin(config.objective)

    def path(self, x: Tensor, clean: Tensor, level: Level, condition: Condition) -> Tensor:
        """The one that the teacher finds."""
        return self.teacher.denoise(condition)(x, level).clean.float()


def _sine(level: Level, sigma_data: float) -> Tensor:
    """sin(u)."""
    return level.sigma / (level.sigma.square() + (level.alpha * sigma_data).square()).sqrt()


def _slopes(process: Process, t: Tensor, dims: int) -> Level:
    """Derivatives of a level by log(sigma / alpha)."""
    level = process.at(t)
    alpha, sigma = process.slopes(t)
    by_time = 1 / (sigma / level.sigma - alpha / level.alpha)
    return broadcast(Level(t=by_time, alpha=alpha * by_time, sigma=sigma * by_time), dims)
