"""The scheduler of diffusers for RePaint, whose way up and down is chosen for each picture: ``samplers/repaint.py``."""

from __future__ import annotations

from dataclasses import dataclass

from diorama.interop.diffusers_schedule import ProcessArguments, Schedule, process_of
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.ddim import DDIMConfig


@dataclass(frozen=True, kw_only=True)
class RePaintArguments:
    """Arguments of ``RePaintScheduler``."""

    num_train_timesteps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    beta_schedule: str = "linear"
    eta: float = 0.0
    trained_betas: tuple[float, ...] | None = None
    clip_sample: bool = True

    def schedule(self) -> Schedule:
        """In our words: the steps down, which are DDIM's."""
        process = ProcessArguments(
            num_train_timesteps=self.num_train_timesteps,
            beta_start=self.beta_start,
            beta_end=self.beta_end,
            beta_schedule=self.beta_schedule,
            trained_betas=self.trained_betas,
        )
        return Schedule(
            process=process_of(process),
            preconditioning=TargetPreconditioning(),
            spacing=StepSpacing(leap="leading"),
            sampler=DDIMConfig(eta=self.eta, clipped_noise=False),
            threshold=StaticThreshold() if self.clip_sample else None,
        )
