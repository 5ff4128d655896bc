"""The scheduler of diffusers for score models of the variance-exploding equation: predictor and corrector."""

from __future__ import annotations

from dataclasses import dataclass

from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.geometric import GeometricProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.langevin import LangevinConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig


@dataclass(frozen=True, kw_only=True)
class ScoreSdeVeArguments:
    """Arguments of ``ScoreSdeVeScheduler``; ``num_train_timesteps`` is how many steps are taken where nobody says."""

    num_train_timesteps: int = 2000
    snr: float = 0.15
    sigma_min: float = 0.01
    sigma_max: float = 1348.0
    sampling_eps: float = 1e-5
    correct_steps: int = 1

    def schedule(self) -> Schedule:
        """In our words: the score's network is told sigma, and a last step draws noise like the others.

        Langevin steps compare the means of lengths over the batch, as the library does.
        """
        return Schedule(
            process=GeometricProcess(sigma_min=self.sigma_min, sigma_max=self.sigma_max, rounded_chain=True),
            preconditioning=TargetPreconditioning(predicts="score", time_input="sigma"),
            spacing=TruncatedSpacing(last=self.sampling_eps),
            sampler=PredictorCorrectorConfig(
                corrector=LangevinConfig(snr=self.snr, steps=self.correct_steps, over="batch")
                if self.correct_steps
                else None,
                chain=True,
                last_noise=True,
            ),
            threshold=None,
        )
