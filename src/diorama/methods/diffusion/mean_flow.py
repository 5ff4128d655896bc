"""Mean flows: a network that knows the average slope of a flow's path between any two times, and so can jump.

The average is tied to the slope itself by its derivative along the path, which is taken forwards.

Reference: Z. Geng, M. Deng, X. Bai, J. Z. Kolter, K. He, "Mean flows for one-step generative modeling",
arXiv:2505.13447; Z. Geng et al., "Improved mean flows", arXiv:2512.02012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Loss, Moment
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.nn.differentiation import with_derivative
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import noised
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.times import LogitNormalTimes, UniformTimes
from diorama.synthesis.conditions import dropped
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class MeanFlowConfig(MethodConfig):
    """Training of a mean flow, from data alone.

    Args:
        synthesizer: the model: a flow whose network takes two times.
        times: two are drawn for each sample.
        equal: share of samples whose times are one, of which the network learns the slope itself.
        along: the direction in which the average's derivative is taken: the slope that the network itself says, a
            function of the noisy sample alone (improved mean flows), or that of the drawn pair of sample and noise
            (mean flows).
        power: samples count by ``1 / (squared error + steady)^power``.
        steady: see there.
    """

    synthesizer: DiffusionSynthesizerConfig
    times: LogitNormalTimes | UniformTimes = field(default_factory=lambda: LogitNormalTimes(mean=-0.4, deviation=1.0))
    equal: float = 0.5
    along: Literal["said", "drawn"] = "said"
    power: float = 1.0
    steady: float = 1e-3

    def __post_init__(self) -> None:
        model = self.synthesizer
        flow = isinstance(model.process, FlowProcess) and isinstance(model.preconditioning, TargetPreconditioning)
        if not flow or not model.preconditioning.two_times:
            raise ValueError("synthesizer: a mean flow has a FlowProcess, and a network that is told two times")
        if not 0 <= self.equal < 1:
            raise ValueError(f"equal must be in [0, 1), got {self.equal}")
        if not (self.power >= 0 and self.steady > 0):
            raise ValueError(
                f"power must be at least 0 and steady positive, got power={self.power} steady={self.steady}"
            )

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> MeanFlow:
        """The method with a freshly initialised network."""
        return MeanFlow(self, frozen)


class MeanFlow(DenoiserMethod):
    """See :class:`MeanFlowConfig`."""

    def __init__(self, config: MeanFlowConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(*from_scratch(config.synthesizer, frozen), codec_part="codec", frozen=NO_PARTS)
        self.config = config

    def phases(self) -> Sequence[Phase]:
        """One turn, whose layers must have derivatives forwards; their fast kernels have none."""
        return [Phase("loss", "denoiser", self.loss, second_order=True, recorded=True)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Weighted squared error of the slope that the average implies.

        Reference: equation 11 of the first paper; the improved one writes it as an error of the slope, algorithm 1.
        """
        clean = self.clean_samples(batch)
        t, earlier = self._times(len(clean), clean.device)
        noise = torch.randn_like(clean)
        z = noised(clean, noise, broadcast(self.model.process.at(t), clean.dim()))
        condition = self.encoded_condition(dropped(self.model.conditions, batch))
        slope = noise - clean
        with torch.no_grad():
            along = self.average(z, t, t, condition) if self.config.along == "said" else slope
        average, change = self.average_and_change(z, (t, earlier), along, condition)
        gap = (t - earlier).reshape(-1, *(1,) * (clean.dim() - 1))
        error = (average + gap * change.detach() - slope).square().flatten(1)
        weight = (error.detach().sum(1) + self.config.steady) ** -self.config.power
        return Loss((weight * error.sum(1)).mean(), {"error": error.detach().mean()})

    def average(self, z: Tensor, t: Tensor, earlier: Tensor, condition: Condition) -> Tensor:
        """The average slope between two times (b,) of the path through ``z`` at the later one."""
        preconditioning = self.model.preconditioning
        assert isinstance(preconditioning, TargetPreconditioning)
        told = preconditioning.time_scale * torch.stack([t, t - earlier], dim=1)
        output: Tensor = self.denoiser(z, told, condition)
        return output.float()

    def average_and_change(
        self, z: Tensor, times: tuple[Tensor, Tensor], along: Tensor, condition: Condition
    ) -> tuple[Tensor, Tensor]:
        """The average slope, and its derivative by the later time where the sample moves along ``along``."""

        def average(z: Tensor, t: Tensor) -> Tensor:
            return self.average(z, t, times[1], condition)

        return with_derivative(average, (z, times[0]), (along, torch.ones_like(times[0])))

    def _times(self, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """The later and the earlier time of each sample, each (count,)."""
        first, second = (self.config.times.draw(self.model.process, count, device) for _ in range(2))
        later, earlier = torch.maximum(first, second), torch.minimum(first, second)
        return later, torch.where(torch.rand(count, device=device) < self.config.equal, later, earlier)
