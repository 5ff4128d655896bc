"""The noise process, the respacing and the losses of guided-diffusion, by the names that its code has for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from diorama.core.errors import BadInput
from diorama.processes.catalog import AnyPreconditioning
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import LearnedVariance, TargetPreconditioning
from diorama.processes.sections import SectionSpacing, StrideSpacing
from diorama.processes.step_mean import StepMeanPreconditioning
from diorama.samplers.ancestral import AncestralConfig

_LEARNED: dict[str, LearnedVariance] = {"LEARNED": "log", "LEARNED_RANGE": "share"}
_FIXED: dict[str, Any] = {"FIXED_SMALL": "small", "FIXED_LARGE": "large"}


@dataclass(frozen=True, kw_only=True)
class DiffusionArguments:
    """Arguments of ``SpacedDiffusion`` and of what makes its betas and its steps.

    Args:
        diffusion_steps: of the process.
        noise_schedule: ``linear`` or ``cosine``; the linear one's variances grow with 1 / ``diffusion_steps``.
        timestep_respacing: ``ddimN``, counts of sections between commas, or empty for every step.
        model_mean_type: what the network predicts.
        model_var_type: where the variance of its steps comes from.
        loss_type: what it is trained on.
        rescale_timesteps: the network is told times in [0, 1000), whatever the number of steps.
    """

    diffusion_steps: int = 1000
    noise_schedule: Literal["linear", "cosine"] = "linear"
    timestep_respacing: str = ""
    model_mean_type: Literal["PREVIOUS_X", "START_X", "EPSILON"] = "EPSILON"
    model_var_type: Literal["LEARNED", "FIXED_SMALL", "FIXED_LARGE", "LEARNED_RANGE"] = "LEARNED_RANGE"
    loss_type: Literal["MSE", "RESCALED_MSE", "KL", "RESCALED_KL"] = "RESCALED_MSE"
    rescale_timesteps: bool = False

    @property
    def process(self) -> DiscreteProcess:
        """The noise process with all its steps.

        Raises:
            BadInput: so few linear steps that the last would take all signal away, or too few of any.
        """
        steps = self.diffusion_steps
        least = 21 if self.noise_schedule == "linear" else 1
        if steps < least:
            raise BadInput(f"diffusion_steps: must be at least {least} with noise_schedule={self.noise_schedule!r}")
        if self.noise_schedule == "cosine":
            return DiscreteProcess(steps=steps, betas="cosine")
        return DiscreteProcess(steps=steps, first=1e-4 * 1000 / steps, last=0.02 * 1000 / steps)

    @property
    def spacing(self) -> SectionSpacing | StrideSpacing:
        """Which steps are visited; as many as :attr:`steps` says.

        Raises:
            BadInput: the respacing is no such word.
        """
        given = self.timestep_respacing
        if given.startswith("ddim"):
            return StrideSpacing()
        return SectionSpacing(counts=tuple(self._whole(part) for part in given.split(",")) if given else ())

    @property
    def steps(self) -> int | None:
        """How many steps are visited; ``None`` where the spacing says it."""
        given = self.timestep_respacing
        return self._whole(given.removeprefix("ddim")) if given.startswith("ddim") else None

    @property
    def visited(self) -> tuple[int, ...]:
        """The times of the steps that are visited, rising; 1 is the first.

        Raises:
            BadInput: the process cannot be respaced like that.
        """
        try:
            times = self.spacing.times(self.process, self.steps)
        except ValueError as problem:
            raise BadInput(f"timestep_respacing: {self.timestep_respacing!r}: {problem}") from problem
        return tuple(int(t) for t in reversed(times[:-1].tolist()))

    @property
    def preconditioning(self) -> AnyPreconditioning:
        """What the network predicts and is told."""
        scale = 1000 / self.diffusion_steps if self.rescale_timesteps else 1.0
        variance = _LEARNED.get(self.model_var_type, "none")
        if self.model_mean_type == "PREVIOUS_X":
            return StepMeanPreconditioning(
                process=self.process, visited=self.visited, time_scale=scale, variance=variance
            )
        predicts: Literal["clean", "noise"] = "clean" if self.model_mean_type == "START_X" else "noise"
        return TargetPreconditioning(predicts=predicts, time_scale=scale, variance=variance)

    @property
    def sampler(self) -> AncestralConfig:
        """Of ``p_sample``."""
        return AncestralConfig(
            variance=_FIXED.get(self.model_var_type, "small"), clipped_mean=self.model_mean_type != "PREVIOUS_X"
        )

    @property
    def error_weight(self) -> float:
        """What the squared error of the network's mean counts in the loss."""
        return float(self.loss_type in ("MSE", "RESCALED_MSE"))

    @property
    def bound_weight(self) -> float:
        """What one term of the variational bound counts in the loss, in bits per dimension."""
        count = len(self.visited)
        if self.loss_type in ("KL", "RESCALED_KL"):
            return float(count) if self.loss_type == "RESCALED_KL" else 1.0
        if self.model_var_type not in _LEARNED:
            return 0.0
        return count / 1000 if self.loss_type == "RESCALED_MSE" else 1.0

    def _whole(self, part: str) -> int:
        try:
            return int(part)
        except ValueError as problem:
            raise BadInput(
                f"timestep_respacing: {self.timestep_respacing!r} is neither ddimN nor numbers between commas"
            ) from problem
