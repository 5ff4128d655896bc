"""The scheduler of diffusers for Euler's steps with EDM's preconditioning."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from diorama.interop.diffusers_schedule import Schedule
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.samplers.euler import EulerConfig


@dataclass(frozen=True, kw_only=True)
class EDMEulerArguments:
    """Arguments of ``EDMEulerScheduler``; ``num_train_timesteps`` changes nothing that is drawn."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    sigma_data: float = 0.5
    sigma_schedule: Literal["karras", "exponential"] = "karras"
    num_train_timesteps: int = 1000
    prediction_type: Literal["epsilon", "v_prediction"] = "epsilon"
    rho: float = 7.0
    final_sigmas_type: Literal["zero", "sigma_min"] = "zero"

    def schedule(self) -> Schedule:
        """In our words. Samples start with noise beside which data of unit variance count."""
        return Schedule(
            process=ExplodingProcess(sigma_max=self.sigma_max, prior_data=1.0),
            preconditioning=EDMPreconditioning(
                sigma_data=self.sigma_data, reverse=self.prediction_type == "v_prediction"
            ),
            spacing=KarrasSpacing(
                low=self.sigma_min,
                high=self.sigma_max,
                rho=self.rho if self.sigma_schedule == "karras" else math.inf,
                until="clean" if self.final_sigmas_type == "zero" else "start",
            ),
            sampler=EulerConfig(),
            threshold=None,
        )
