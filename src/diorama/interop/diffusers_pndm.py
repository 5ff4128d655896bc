"""The scheduler of diffusers for pseudo linear multistep sampling, as its paper has it or as Stable Diffusion does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import ProcessArguments, Schedule, process_of
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.samplers.pndm import PNDMConfig

_COMBINED: dict[str, Literal["noise", "velocity"]] = {"epsilon": "noise", "v_prediction": "velocity"}


@dataclass(frozen=True, kw_only=True)
class PNDMArguments(ProcessArguments):
    """Arguments of ``PNDMScheduler``."""

    skip_prk_steps: bool = False
    set_alpha_to_one: bool = False

    def schedule(self) -> Schedule:
        """In our words. What the network puts out is combined over steps, and each sum is turned into a step."""
        if self.prediction_type not in _COMBINED:
            known = ", ".join(_COMBINED)
            raise BadInput(f"prediction_type: {self.prediction_type!r} is none of this scheduler's, which are {known}")
        combined = _COMBINED[self.prediction_type]
        return Schedule(
            process=process_of(self),
            preconditioning=TargetPreconditioning(predicts=combined),
            spacing=StepSpacing(
                leap=self.timestep_spacing, offset=self.offset, until="clean" if self.set_alpha_to_one else "first"
            ),
            sampler=PNDMConfig(warm_up="heun" if self.skip_prk_steps else "runge_kutta", combined=combined, even=True),
            threshold=None,
        )
