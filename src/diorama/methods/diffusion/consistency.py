"""Consistency models: a network that gives the same clean sample from everywhere on a path.

It learns from pairs of neighbours on a path, of which the less noisy one is the judge: from data alone, or along the
path of a trained diffusion model.

Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, algorithms 2 and 3; as improved by Y. Song,
P. Dhariwal, arXiv:2310.14189.
"""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Denoise, Level, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.losses.consistency import Distance
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.curriculum import AnyCurriculum, DoublingCurriculum
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.methods.diffusion.students import diffusion_model, refuse_jumping, student_of
from diorama.nn.dropout import DropoutMasks
from diorama.processes.catalog import AnyWeighting
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.precondition import EDMPreconditioning, NetworkDenoise
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import LogNormalTimes
from diorama.processes.weighting import UniformWeighting
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.heun import heun_step
from diorama.synthesis.conditions import dropped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class ConsistencyObjective:
    """Which pairs are compared, and how.

    Args:
        spacing: of the levels; its lowest is the least noise, at which the model returns what it is given.
        curriculum: how many levels there are, by pictures seen.
        pairs: levels of which neighbours are likely; ``None`` for all alike.
        distance: of the two answers.
        weighting: of levels, by the noisier of a pair.
        by_gap: the distance is divided by how far apart the pair's ratios sigma / alpha are.
    """

    spacing: KarrasSpacing = field(default_factory=KarrasSpacing)
    curriculum: AnyCurriculum
    pairs: LogNormalTimes | None = field(default_factory=lambda: LogNormalTimes(mean=-1.1, deviation=2.0))
    distance: Distance = field(default_factory=Distance)
    weighting: AnyWeighting = field(default_factory=UniformWeighting)
    by_gap: bool = True

    def chances(self, levels: int) -> Tensor:
        """How likely each pair of neighbours is, the noisiest first: (levels - 1,) float64.

        Reference: Song & Dhariwal 2023, section 3.5.
        """
        if self.pairs is None:
            return torch.ones(levels - 1, dtype=torch.float64) / (levels - 1)
        places = (self.spacing.ratios(levels).log() - self.pairs.mean) / (math.sqrt(2) * self.pairs.deviation)
        chances = -places.erf().diff()
        return chances / chances.sum()


@dataclass(frozen=True, kw_only=True)
class ConsistencyTrainingConfig(MethodConfig):
    """Consistency training: from data alone.

    Args:
        synthesizer: the model, whose preconditioning has the boundary condition at the spacing's lowest level.
        objective: the pairs.
    """

    synthesizer: DiffusionSynthesizerConfig
    objective: ConsistencyObjective

    def __post_init__(self) -> None:
        preconditioning, low = self.synthesizer.preconditioning, self.objective.spacing.low
        if not isinstance(preconditioning, ConsistencyPreconditioning) or preconditioning.sigma_min != low:
            raise ValueError(
                "synthesizer.preconditioning: must be a ConsistencyPreconditioning whose sigma_min is the lowest "
                f"level, {low:g}, at which a consistency model returns what it is given"
            )

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ConsistencyTraining:
        """The method with a freshly initialised network."""
        return ConsistencyTraining(self, frozen)


@dataclass(frozen=True, kw_only=True)
class ConsistencyDistillationConfig(MethodConfig):
    """Consistency distillation: along the path of the frozen part ``teacher``, by Heun's method.

    The model is the teacher with the boundary condition, starts from its weights, and has its guidance built in.

    Args:
        objective: the pairs.
    """

    objective: ConsistencyObjective

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {"teacher": _TEACHER}

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ConsistencyDistillation:
        """The method with a network that has its teacher's weights."""
        return ConsistencyDistillation(self, frozen)


_TEACHER = "a trained diffusion model with EDM's preconditioning, such as a run of edm_cpu"
"""Whose preconditioning is moved so that it has the boundary condition at the lowest level."""


class PairMethod(DenoiserMethod):
    """What all methods have in common that compare a network's answers to two neighbours on a path."""

    distance: Distance
    recorded: bool = False
    """Whether how far training is reaches the loss through buffers alone, so that its turn may be recorded."""

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "denoiser", self.loss, recorded=self.recorded)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean weighted distance of the answer at the noisier level from that at the other one."""
        clean = self.clean_samples(batch)
        level, below = (broadcast(one, clean.dim()) for one in self.pair(len(clean), moment, clean.device))
        noise = torch.randn_like(clean)
        condition = dropped(self.model.conditions, batch)
        x = noised(clean, noise, level)
        # Dropout must not tell the answers apart.
        masks = DropoutMasks()
        with masks.kept():
            found = self.denoise(condition)(x, level).clean
        with torch.no_grad():
            x_below = self.below(x, clean, (level, below), condition)
            with masks.again():
                wanted = self.judge(condition)(x_below, below).clean
        distances = self.distance.between(found, wanted)
        return Loss((self.weight(level, below).reshape(-1) * distances).mean())

    @abstractmethod
    def pair(self, count: int, moment: Moment, device: torch.device) -> tuple[Level, Level]:
        """Levels (count,) of pairs, the noisier first."""

    @abstractmethod
    def weight(self, level: Level, below: Level) -> Tensor:
        """Of each pair."""

    @abstractmethod
    def below(self, x: Tensor, clean: Tensor, levels: tuple[Level, Level], condition: Condition) -> Tensor:
        """The sample at the lower level on the path through ``x``."""

    def denoise(self, condition: Condition) -> Denoise:
        """The network."""
        return NetworkDenoise(self.denoiser, self.model.preconditioning, self.encoded_condition(condition))

    def judge(self, condition: Condition) -> Denoise:
        """The network that answers at the lower level."""
        return self.denoise(condition)


class _Consistency(PairMethod):
    """Both methods of the paper."""

    objective: ConsistencyObjective

    def _keep_target(self, objective: ConsistencyObjective) -> None:
        self.objective, self.distance = objective, objective.distance
        # The improved training has no other target than the network itself, which needs no copy.
        followed = {} if isinstance(objective.curriculum, DoublingCurriculum) else self.averaged()
        self.target = nn.ModuleDict({name: copy.deepcopy(part) for name, part in followed.items()})
        self.target.requires_grad_(False)

    def pair(self, count: int, moment: Moment, device: torch.device) -> tuple[Level, Level]:
        """Neighbours among the levels of the curriculum."""
        levels = self.objective.curriculum.at(moment.images).levels
        chances = self.objective.chances(levels).to(device=device, dtype=torch.float32)
        place = torch.multinomial(chances, count, replacement=True)
        times = self.model.process.time_of(self.objective.spacing.ratios(levels)).float().to(device)
        return self.model.process.at(times[place]), self.model.process.at(times[place + 1])

    def weight(self, level: Level, below: Level) -> Tensor:
        """See :class:`ConsistencyObjective`."""
        weight = self.objective.weighting.weight(level, self.model.preconditioning)
        return weight / (level.sigma / level.alpha - below.sigma / below.alpha) if self.objective.by_gap else weight

    def judge(self, condition: Condition) -> Denoise:
        """The target network, which follows the trained one slowly."""
        if not len(self.target):
            return self.denoise(condition)
        encoded = {**condition, **self.target["encoder"](condition)} if "encoder" in self.target else condition
        return NetworkDenoise(self.target["denoiser"], self.model.preconditioning, encoded)

    def after_step(self, moment: Moment) -> None:
        """The target network moves on, once weights of which only directions count are normalised."""
        super().after_step(moment)
        decay = self.objective.curriculum.at(moment.images).decay
        for name, part in self.target.items():
            for mine, new in zip(part.parameters(), self.averaged()[name].parameters(), strict=True):
                mine.lerp_(new.detach(), 1 - decay)
            for own, kept in zip(part.buffers(), self.averaged()[name].buffers(), strict=True):
                own.copy_(kept)


class ConsistencyTraining(_Consistency):
    """See :class:`ConsistencyTrainingConfig`."""

    def __init__(self, config: ConsistencyTrainingConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(*from_scratch(config.synthesizer, frozen), codec_part="codec", frozen=NO_PARTS)
        self._keep_target(config.objective)

    def below(self, x: Tensor, clean: Tensor, levels: tuple[Level, Level], condition: Condition) -> Tensor:
        """The same clean sample with less of the same noise."""
        return along_noise(x, clean, *levels)


class ConsistencyDistillation(_Consistency):
    """See :class:`ConsistencyDistillationConfig`."""

    def __init__(self, config: ConsistencyDistillationConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher = diffusion_model(frozen["teacher"], _TEACHER)
        edm, spacing = teacher.config.preconditioning, config.objective.spacing
        if not isinstance(edm, EDMPreconditioning):
            raise BadConfig(f"frozen.teacher: has another preconditioning, and must be {_TEACHER}")
        refuse_jumping(teacher.config, _TEACHER)
        model, denoiser, encoder = student_of(
            teacher,
            steps=1,
            sampler=ConsistencyConfig(sigma_min=spacing.low),
            spacing=replace(spacing, with_low=False),
        )
        settings = {setting.name: getattr(edm, setting.name) for setting in fields(EDMPreconditioning)}
        boundary = ConsistencyPreconditioning(**settings, sigma_min=spacing.low)
        super().__init__(
            replace(model, preconditioning=boundary),
            denoiser,
            encoder,
            teacher.codec,
            codec_part="teacher",
            frozen={"teacher": teacher},
        )
        self._keep_target(config.objective)

    def below(self, x: Tensor, clean: Tensor, levels: tuple[Level, Level], condition: Condition) -> Tensor:
        """A step of the teacher."""
        return heun_step(self.teacher.denoise(condition), x, *levels)
