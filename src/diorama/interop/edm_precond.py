"""Denoisers of Karras et al. 2022 (EDM) in the layout of NVIDIA's code: a network inside one of four preconditionings.

``VPPrecond``, ``VEPrecond``, ``iDDPMPrecond`` and ``EDMPrecond`` hold the network's tensors under ``model.``; their
arguments are their own and the network's in one flat config. A preconditioning is a noise process and what
:mod:`diorama.processes.precondition` has for it: arXiv:2206.00364, table 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from diorama.core.config import decode
from diorama.core.contracts import NOTHING_GIVEN, Condition, Level, Process
from diorama.core.errors import BadConfig, BadInput
from diorama.interop.edm import DHARIWAL_UNET, PUBLISHER, SONG_UNET
from diorama.interop.layout import Layout, refuse_below
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import (
    EDMPreconditioning,
    NetworkDenoise,
    Preconditioning,
    TargetPreconditioning,
)
from diorama.processes.preserving import PreservingProcess

_NETWORKS: Mapping[str, Layout[Any, Any]] = {"SongUNet": SONG_UNET, "DhariwalUNet": DHARIWAL_UNET}
_INSIDE = "model."
_TABLE = "u"
"""The tensor in which ``iDDPMPrecond`` keeps the noise levels of its steps."""


@dataclass(frozen=True, kw_only=True)
class PrecondArguments(ABC):
    """Arguments that all four have.

    Args:
        img_channels: of the noisy picture and of the clean one.
        label_dim: classes; 0 for none.
        use_fp16: half precision on GPUs. It is not followed: whoever runs the network chooses its precision.
        model_type: the network's class; it takes all arguments that are not the preconditioning's.
    """

    img_resolution: int
    img_channels: int
    label_dim: int = 0
    use_fp16: bool = False
    model_type: Literal["SongUNet", "DhariwalUNet"]

    network: ClassVar[str]
    """Name of the published class."""
    outputs: ClassVar[int] = 1
    """The network's channels, in multiples of the picture's; the first are the prediction."""

    @abstractmethod
    def process(self) -> Process:
        """The noise process.

        Raises:
            ValueError: there can be none; the message names the argument.
        """

    @abstractmethod
    def preconditioning(self) -> Preconditioning:
        """What goes into the network and what comes out.

        Raises:
            ValueError: there can be none; the message names the argument.
        """


def _refuse_levels(low: float, high: float) -> None:
    if not 0 <= low < high:
        raise ValueError(f"sigma_min, sigma_max: 0 <= sigma_min < sigma_max must hold, got {low:g} and {high:g}")


@dataclass(frozen=True, kw_only=True)
class VPPrecondArguments(PrecondArguments):
    """``VPPrecond``: DDPM++ of Song et al. 2021 in continuous time.

    Args:
        beta_d: how much the rate of noise grows.
        beta_min: the rate at time 0.
        M: steps that the network counts to.
        epsilon_t: the least time that training and sampling look at; the denoiser does not read it.
    """

    beta_d: float = 19.9
    beta_min: float = 0.1
    M: int = 1_000
    epsilon_t: float = 1e-5
    model_type: Literal["SongUNet", "DhariwalUNet"] = "SongUNet"
    network = "VPPrecond"

    def process(self) -> PreservingProcess:
        for name in ("beta_d", "beta_min"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: must be positive and finite, got {getattr(self, name):g}")
        if not 0 < self.epsilon_t < 1:
            raise ValueError(f"epsilon_t: must be in (0, 1), got {self.epsilon_t:g}")
        return PreservingProcess(beta_min=self.beta_min, beta_growth=self.beta_d)

    def preconditioning(self) -> TargetPreconditioning:
        refuse_below(self, 1, "M")
        return TargetPreconditioning(predicts="noise", time_input="time", time_scale=self.M - 1)


@dataclass(frozen=True, kw_only=True)
class VEPrecondArguments(PrecondArguments):
    """``VEPrecond``: NCSN++ of Song et al. 2021.

    Args:
        sigma_min: the least noise level that sampling looks at; the denoiser does not read it.
        sigma_max: the largest.
    """

    sigma_min: float = 0.02
    sigma_max: float = 100.0
    model_type: Literal["SongUNet", "DhariwalUNet"] = "SongUNet"
    network = "VEPrecond"

    def process(self) -> ExplodingProcess:
        _refuse_levels(self.sigma_min, self.sigma_max)
        return ExplodingProcess(sigma_max=self.sigma_max)

    def preconditioning(self) -> TargetPreconditioning:
        return TargetPreconditioning(predicts="scaled_score", time_input="log_half_sigma")


@dataclass(frozen=True, kw_only=True)
class IDDPMPrecondArguments(PrecondArguments):
    """``iDDPMPrecond``: the networks of Nichol, Dhariwal 2021, which know whole steps and put out variances as well.

    Args:
        C_1: one less the largest variance of a step.
        C_2: offset of the cosine.
        M: steps.
    """

    C_1: float = 0.001
    C_2: float = 0.008
    M: int = 1_000
    model_type: Literal["SongUNet", "DhariwalUNet"] = "DhariwalUNet"
    network = "iDDPMPrecond"
    outputs = 2

    def process(self) -> DiscreteProcess:
        refuse_below(self, 1, "M")
        if not 0 < self.C_1 < 1:
            raise ValueError(f"C_1: must be in (0, 1), got {self.C_1:g}")
        if not 0 <= self.C_2 < math.inf:
            raise ValueError(f"C_2: must be at least 0 and finite, got {self.C_2:g}")
        return DiscreteProcess(steps=self.M, betas="cosine", offset=self.C_2, largest=1 - self.C_1)

    def preconditioning(self) -> TargetPreconditioning:
        return TargetPreconditioning(predicts="noise", time_input="step")


@dataclass(frozen=True, kw_only=True)
class EDMPrecondArguments(PrecondArguments):
    """``EDMPrecond``: the paper's own.

    Args:
        sigma_min: the least noise level that sampling looks at; the denoiser does not read it.
        sigma_max: the largest.
        sigma_data: standard deviation of the data.
    """

    sigma_min: float = 0.0
    sigma_max: float = math.inf
    sigma_data: float = 0.5
    model_type: Literal["SongUNet", "DhariwalUNet"] = "DhariwalUNet"
    network = "EDMPrecond"

    def process(self) -> ExplodingProcess:
        _refuse_levels(self.sigma_min, self.sigma_max)
        return ExplodingProcess(sigma_max=self.sigma_max)

    def preconditioning(self) -> EDMPreconditioning:
        if not 0 < self.sigma_data < math.inf:
            raise ValueError(f"sigma_data: must be positive and finite, got {self.sigma_data:g}")
        return EDMPreconditioning(sigma_data=self.sigma_data)


PRECONDITIONINGS: Mapping[str, type[PrecondArguments]] = {
    kind.network: kind for kind in (VPPrecondArguments, VEPrecondArguments, IDDPMPrecondArguments, EDMPrecondArguments)
}
"""By the name of the published class."""


class PublishedDenoiser(NamedTuple):
    """A network with its noise process and preconditioning.

    Attributes:
        network: in evaluation mode.
        process: of the noise.
        preconditioning: of the network.
        classes: that it has labels for.
    """

    network: nn.Module
    process: Process
    preconditioning: Preconditioning
    classes: int

    def rounded(self, sigma: Tensor) -> Tensor:
        """The noise level that the network is told for each (b,): of whole steps the nearest, else the same."""
        if not isinstance(self.process, DiscreteProcess):
            return sigma
        level = self.process.at(self.process.nearest(sigma).double())
        return (level.sigma / level.alpha).to(sigma)

    def denoise(self, x: Tensor, sigma: Tensor, condition: Condition = NOTHING_GIVEN) -> Tensor:
        """The clean pictures in noisy ones whose data have kept their scale, as the published classes have it.

        Args:
            x: (b, c, h, w), data and noise of standard deviation ``sigma``.
            sigma: (b,), or one for all.
            condition: ``label``, and what else the network reads; a missing label is that of no class.
        """
        ratio = sigma.double().reshape(-1, 1, 1, 1)
        if isinstance(self.process, DiscreteProcess):
            # The network is told a whole step, but its output counts for the level itself, also beyond the last step.
            alpha = (1 + ratio**2).rsqrt()
            level = Level(t=self.process.nearest(ratio).double(), alpha=alpha, sigma=ratio * alpha)
        else:
            level = self.process.at(self.process.time_of(ratio))
        if self.classes and "label" not in condition:
            condition = {**condition, "label": torch.zeros(len(x), self.classes, device=x.device)}
        denoise = NetworkDenoise(self._mean, self.preconditioning, condition)
        return denoise(level.alpha.to(x) * x, level).clean

    def _mean(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        """The network's prediction without the variances that may lie behind it."""
        mean: Tensor = self.network(x, t, condition)[:, : x.shape[1]]
        return mean


def load_denoiser(network: str, published: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PublishedDenoiser:
    """A preconditioned network with published weights.

    Args:
        network: name of the published class, of :data:`PRECONDITIONINGS`.
        published: its arguments and, beside them, those of the network inside.
        tensors: by their published names.

    Raises:
        BadInput: there is no such class, or the config or a tensor is not what the class has; the message names the
            argument or the tensor.
    """
    own = PRECONDITIONINGS.get(network)
    if own is None:
        raise BadInput(f"{network!r} is none of EDM's preconditionings, {', '.join(PRECONDITIONINGS)}")
    given = {key: value for key, value in published.items() if not key.startswith("_")}
    names = {field.name for field in fields(own)}
    try:
        arguments = decode(own, {k: v for k, v in given.items() if k in names}, f"{network} config")
        process, preconditioning = arguments.process(), arguments.preconditioning()
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    except (ValueError, BadInput) as problem:
        raise BadInput(f"{network} config: {problem}") from problem
    of_network = {
        "img_resolution": arguments.img_resolution,
        "in_channels": arguments.img_channels,
        "out_channels": arguments.img_channels * arguments.outputs,
        "label_dim": arguments.label_dim,
    }
    rest = {key: value for key, value in given.items() if key not in names}
    if twice := sorted(rest.keys() & of_network.keys()):
        raise BadInput(f"{network} config: {', '.join(twice)}: follows from img_channels, and cannot be given")
    inside = _inside(network, tensors, process)
    built = _NETWORKS[arguments.model_type].load(rest | of_network, inside)
    return PublishedDenoiser(built, process, preconditioning, arguments.label_dim)


def _inside(network: str, tensors: Mapping[str, Tensor], process: Process) -> dict[str, Tensor]:
    """The network's tensors; those of the preconditioning are checked."""
    rest = dict(tensors)
    if isinstance(process, DiscreteProcess):
        levels = process.at(torch.arange(process.steps, -1, -1, dtype=torch.float64))
        wanted, found = levels.sigma / levels.alpha, rest.pop(_TABLE, None)
        if found is None:
            raise BadInput(f"{PUBLISHER} {network}: tensor {_TABLE!r} is missing")
        # The published table is worked out in float32, which costs the smallest levels three digits.
        if found.shape != wanted.shape or not torch.allclose(found.double(), wanted, rtol=2e-3, atol=1e-6):
            raise BadInput(
                f"{PUBLISHER} {network}: tensor {_TABLE!r} has other levels than the config's M, C_1 and C_2"
            )
    for name in rest:
        if not name.startswith(_INSIDE):
            raise BadInput(f"{PUBLISHER} {network}: tensor {name!r} is none of the model's")
    return {name.removeprefix(_INSIDE): tensor for name, tensor in rest.items()}
