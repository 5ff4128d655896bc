"""Schedulers of diffusers for flows: Euler's steps, with fresh noise or without, and Heun's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from diorama.core.errors import BadInput
from diorama.interop.diffusers_schedule import Schedule, curve_of
from diorama.processes.flow import FlowProcess
from diorama.processes.flow_spacing import FlowSpacing, SizedShift
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import shifted
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.euler import EulerConfig
from diorama.samplers.heun import HeunConfig


@dataclass(frozen=True, kw_only=True)
class _FlowArguments:
    num_train_timesteps: int = 1000
    shift: float = 1.0

    def _spacing(self) -> FlowSpacing:
        """Even times down to that of the first of all steps, which the library shifts twice."""
        if self.num_train_timesteps < 1:
            raise BadInput(f"num_train_timesteps: must be at least 1, got {self.num_train_timesteps}")
        if not self.shift > 0:
            raise BadInput(f"shift must be positive, got {self.shift}")
        first = torch.tensor(1 / self.num_train_timesteps, dtype=torch.float64, device="cpu")
        return FlowSpacing(low=shifted(first, self.shift).item(), shift=self.shift)


@dataclass(frozen=True, kw_only=True)
class FlowEulerArguments(_FlowArguments):
    """Arguments of ``FlowMatchEulerDiscreteScheduler``."""

    use_dynamic_shifting: bool = False
    base_shift: float | None = 0.5
    max_shift: float | None = 1.15
    base_image_seq_len: int = 256
    max_image_seq_len: int = 4096
    invert_sigmas: bool = False
    shift_terminal: float | None = None
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False
    time_shift_type: Literal["exponential", "linear"] = "exponential"
    stochastic_sampling: bool = False

    def schedule(self) -> Schedule:
        """In our words. A dynamic shift waits for the latent's size: :meth:`FlowSpacing.at_size`."""
        if self.invert_sigmas and self.stochastic_sampling:
            raise BadInput("stochastic_sampling: is not followed where invert_sigmas holds, whose sigma is the signal")
        network = TargetPreconditioning(
            predicts="reverse_flow" if self.invert_sigmas else "flow",
            time_input="reverse_time" if self.invert_sigmas else "time",
            time_scale=float(self.num_train_timesteps),
        )
        return Schedule(
            process=FlowProcess(),
            preconditioning=network,
            spacing=self._full_spacing(),
            sampler=ConsistencyConfig(sigma_min=0.0) if self.stochastic_sampling else EulerConfig(),
            threshold=None,
        )

    def _full_spacing(self) -> FlowSpacing:
        curve = curve_of(
            karras=self.use_karras_sigmas, exponential=self.use_exponential_sigmas, beta=self.use_beta_sigmas
        )
        stretched_to = self.shift_terminal or None
        if not self.use_dynamic_shifting:
            plain = self._spacing()
            return FlowSpacing(low=plain.low, shift=plain.shift, stretched_to=stretched_to, curve=curve)
        if self.base_shift is None or self.max_shift is None:
            raise BadInput("base_shift, max_shift: a dynamic shift needs both")
        sized = SizedShift(
            low=self.base_shift,
            high=self.max_shift,
            low_places=self.base_image_seq_len,
            high_places=self.max_image_seq_len,
            kind=self.time_shift_type,
        )
        low = 1 / self.num_train_timesteps
        return FlowSpacing(low=low, sized=sized, stretched_to=stretched_to, curve=curve)


@dataclass(frozen=True, kw_only=True)
class FlowHeunArguments(_FlowArguments):
    """Arguments of ``FlowMatchHeunDiscreteScheduler``."""

    def schedule(self) -> Schedule:
        """In our words."""
        return Schedule(
            process=FlowProcess(),
            preconditioning=TargetPreconditioning(
                predicts="flow", time_input="time", time_scale=float(self.num_train_timesteps)
            ),
            spacing=self._spacing(),
            sampler=HeunConfig(),
            threshold=None,
        )
