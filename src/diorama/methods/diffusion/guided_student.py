"""One player: a network that answers at once what a guided teacher takes two answers for, at any scale.

Reference: C. Meng, R. Rombach, R. Gao, D. P. Kingma, S. Ermon, J. Ho, T. Salimans, "On distillation of guided diffusion
models", arXiv:2210.03142, section 3.1 (its first stage; the second halves steps, as progressive distillation does).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, ConditionSpec, Level, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.core.worded import network_name
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.students import Student, diffusion_model, student_of
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.gaussian import noised
from diorama.processes.precondition import NetworkDenoise
from diorama.synthesis.conditions import without
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.guides import network_denoise
from diorama.synthesis.told_scale import KEY

_NEW = "embedding.guidance.weight"
"""What the student has and its teacher has not."""


@dataclass(frozen=True, kw_only=True)
class GuidedStudentConfig(MethodConfig):
    """Training of a student that is told the scale of guidance, by the frozen part ``teacher``.

    The student starts from the teacher's weights and draws by its sampler, with one pass through the network where the
    teacher takes two.

    Args:
        low: the least scale that it is taught; 1 is no guidance.
        high: the largest.
        usual: at which it draws where nobody asks for another.
    """

    low: float = 1.0
    high: float = 5.0
    usual: float = 3.0

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.usual <= self.high or self.low == self.high:
            raise ValueError(
                f"low, usual, high: 0 <= low <= usual <= high must hold, and low < high, got {self.low:g}, "
                f"{self.usual:g}, {self.high:g}"
            )

    def parts_wanted(self) -> Mapping[str, str]:
        """``teacher``."""
        return {
            "teacher": "a diffusion model that was trained with labels and without, such as a run of ddpm_class_cpu"
        }

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> GuidedStudent:
        """The method with a student that answers, at every scale, as its teacher does without guidance."""
        return GuidedStudent(self, frozen)


class GuidedStudent(DenoiserMethod):
    """See :class:`GuidedStudentConfig`."""

    def __init__(self, config: GuidedStudentConfig, frozen: Mapping[str, nn.Module]) -> None:
        teacher = _checked(frozen["teacher"])
        student = _told(teacher, config)
        super().__init__(*student, teacher.codec, codec_part="teacher", frozen={"teacher": teacher})
        self.config = config
        own = teacher.config
        # From each level that is visited to the next; below the last one there is none.
        times = own.spacing.times(own.process, own.steps).float()[:-1]
        self.register_buffer("starts", times, persistent=False)
        self.register_buffer("ends", torch.cat([times[1:], times[-1:]]), persistent=False)
        self.starts: Tensor
        self.ends: Tensor

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """What the teacher's training reads; the scale is drawn here."""
        return tuple(key for key in super().reads(computed) if key != KEY)

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "denoiser", self.loss)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Mean squared error of the network's output, whose truth is the teacher's guided one.

        Reference: equation 7 of the paper, with the weights of an error of the network's output.
        """
        clean, config = self.clean_samples(batch), self.config
        preconditioning = self.model.preconditioning
        level = broadcast(self.model.process.at(self._times(len(clean), clean.device)), clean.dim())
        x = noised(clean, torch.randn_like(clean), level)
        scale = config.low + (config.high - config.low) * torch.rand(len(clean), device=clean.device)
        given = {spec.key: batch[spec.key] for spec in self.teacher.config.conditions}
        with torch.no_grad():
            target = self.guided(given, scale)(x, level)
        condition = self.encoded_condition({**given, KEY: scale})
        found = NetworkDenoise(self.denoiser, preconditioning, condition)(x, level).clean
        return Loss((preconditioning.weight(level) * (found - target).square()).mean())

    def guided(self, condition: Condition, scale: Tensor) -> _Guided:
        """The teacher's clean samples at a scale (b,) for each sample."""
        return _Guided(self.teacher, condition, scale)

    def _times(self, count: int, device: torch.device) -> Tensor:
        """Anywhere between the levels that are visited, (count,)."""
        step = torch.randint(len(self.starts), (count,), device=device)
        return torch.lerp(self.starts[step], self.ends[step], torch.rand(count, device=device))


class _Guided:
    """Classifier-free guidance at a scale for each sample: J. Ho, T. Salimans, arXiv:2207.12598, equation 6."""

    def __init__(self, teacher: DiffusionSynthesizer, condition: Condition, scale: Tensor) -> None:
        config = teacher.config
        self.scale = scale
        self.towards, self.away = (
            network_denoise(teacher.denoiser, teacher.encoder, config.preconditioning, given)
            for given in (condition, without(config.conditions, condition))
        )

    def __call__(self, x: Tensor, level: Level) -> Tensor:
        away = self.away(x, level).clean
        scale = self.scale.reshape(-1, *(1,) * (x.dim() - 1))
        return away + scale * (self.towards(x, level).clean - away)


def _told(teacher: DiffusionSynthesizer, config: GuidedStudentConfig) -> Student:
    """The teacher's copy with a layer, silent at first, that reads the scale."""
    student = student_of(teacher, steps=teacher.sampling.steps or 1, sampler=teacher.config.sampler)
    network = student.model.denoiser
    assert isinstance(network, DDPMUNetConfig), "the teacher was checked"
    spec = ConditionSpec(key=KEY, null=config.usual, bounds=(config.low, config.high))
    model = replace(
        student.model,
        conditions=(*student.model.conditions, spec),
        denoiser=replace(network, embedding=replace(network.embedding, guidance=True)),
    )
    denoiser = model.denoiser.build()
    state = {**teacher.denoiser.state_dict(), _NEW: torch.zeros_like(denoiser.state_dict()[_NEW])}
    denoiser.load_state_dict(state)
    return Student(model, denoiser, student.encoder)


def _checked(part: nn.Module) -> DiffusionSynthesizer:
    """A diffusion model that can be guided away from no condition, and told the scale.

    Raises:
        BadConfig: it is none.
    """
    teacher = diffusion_model(part, "a trained diffusion model")
    model = teacher.config
    if all(spec.null is None for spec in model.conditions):
        raise BadConfig(
            "frozen.teacher: cannot be guided, since in training none of its conditions was ever left out; take a "
            "model that was trained with dropout of its label, such as a run of ddpm_class_cpu"
        )
    if not isinstance(model.denoiser, DDPMUNetConfig) or model.denoiser.embedding.guidance:
        raise BadConfig(
            "frozen.teacher: only a DDPMUNet that is not told a scale yet can be told one, as the recipes ddpm_class "
            f"have it; this is a {network_name(model.denoiser)}"
        )
    if model.preconditioning.variance != "none" or model.preconditioning.two_times:
        raise BadConfig("frozen.teacher: learned a variance or is told two times, of which guidance says nothing")
    return teacher
