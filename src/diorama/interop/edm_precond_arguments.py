"""Arguments of the published preconditionings of EDM and EDM2, and what each stands for.

A preconditioning is a noise process and what :mod:`diorama.processes.precondition` has for it: arXiv:2206.00364, table
1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from diorama.interop.edm import DHARIWAL_UNET, SONG_UNET
from diorama.interop.edm2 import EDM2_UNET
from diorama.interop.layout import Layout, refuse_below
from diorama.processes.catalog import AnyPreconditioning, AnyProcess
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess

_EDM_NETWORKS: Mapping[str, Layout[Any, Any]] = {"SongUNet": SONG_UNET, "DhariwalUNet": DHARIWAL_UNET}


@dataclass(frozen=True, kw_only=True)
class PrecondArguments(ABC):
    """Arguments that all have.

    Args:
        img_channels: of the noisy picture and of the clean one.
        label_dim: classes; 0 for none.
        use_fp16: half precision on GPUs. It is not followed: whoever runs the network chooses its precision.
    """

    img_resolution: int
    img_channels: int
    label_dim: int = 0
    use_fp16: bool = False

    network: ClassVar[str]
    """Name of the published class."""
    publisher: ClassVar[str] = "edm"
    inside: ClassVar[str] = "model."
    """What the names of the network's tensors begin with."""

    @property
    @abstractmethod
    def layout(self) -> Layout[Any, Any]:
        """The network's class; it takes all arguments that are not the preconditioning's."""

    @property
    @abstractmethod
    def levels(self) -> tuple[float, float]:
        """The least and the largest sigma / alpha that the published sampler visits."""

    @abstractmethod
    def of_network(self) -> Mapping[str, Any]:
        """Arguments of the network that follow from the preconditioning's."""

    @abstractmethod
    def process(self) -> AnyProcess:
        """The noise process.

        Raises:
            ValueError: there can be none; the message names the argument.
        """

    @abstractmethod
    def preconditioning(self) -> AnyPreconditioning:
        """What goes into the network and what comes out.

        Raises:
            ValueError: there can be none; the message names the argument.
        """


@dataclass(frozen=True, kw_only=True)
class EDMFamilyArguments(PrecondArguments):
    """Arguments that the four of EDM have.

    Args:
        model_type: the network's class.
    """

    model_type: Literal["SongUNet", "DhariwalUNet"]

    outputs: ClassVar[int] = 1
    """The network's channels, in multiples of the picture's; the first are the prediction."""

    @property
    def layout(self) -> Layout[Any, Any]:
        return _EDM_NETWORKS[self.model_type]

    def of_network(self) -> Mapping[str, Any]:
        return {
            "img_resolution": self.img_resolution,
            "in_channels": self.img_channels,
            "out_channels": self.img_channels * self.outputs,
            "label_dim": self.label_dim,
        }


def _refuse_levels(low: float, high: float) -> None:
    if not 0 <= low < high:
        raise ValueError(f"sigma_min, sigma_max: 0 <= sigma_min < sigma_max must hold, got {low:g} and {high:g}")


@dataclass(frozen=True, kw_only=True)
class VPPrecondArguments(EDMFamilyArguments):
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

    @property
    def levels(self) -> tuple[float, float]:
        level = self.process().at(torch.tensor([self.epsilon_t, 1.0], dtype=torch.float64))
        low, high = (level.sigma / level.alpha).tolist()
        return low, high

    def preconditioning(self) -> TargetPreconditioning:
        refuse_below(self, 1, "M")
        return TargetPreconditioning(predicts="noise", time_input="time", time_scale=self.M - 1)


@dataclass(frozen=True, kw_only=True)
class VEPrecondArguments(EDMFamilyArguments):
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

    @property
    def levels(self) -> tuple[float, float]:
        return self.sigma_min, self.sigma_max

    def preconditioning(self) -> TargetPreconditioning:
        return TargetPreconditioning(predicts="scaled_score", time_input="log_half_sigma")


@dataclass(frozen=True, kw_only=True)
class IDDPMPrecondArguments(EDMFamilyArguments):
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

    @property
    def levels(self) -> tuple[float, float]:
        level = self.process().at(torch.tensor([1.0, self.M], dtype=torch.float64))
        low, high = (level.sigma / level.alpha).tolist()
        return low, high

    def preconditioning(self) -> TargetPreconditioning:
        return TargetPreconditioning(predicts="noise", time_input="step", variance="share")


@dataclass(frozen=True, kw_only=True)
class EDMPrecondArguments(EDMFamilyArguments):
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

    @property
    def levels(self) -> tuple[float, float]:
        return self.sigma_min, self.sigma_max

    def preconditioning(self) -> EDMPreconditioning:
        return _edm_preconditioning(self.sigma_data)


@dataclass(frozen=True, kw_only=True)
class EDM2PrecondArguments(PrecondArguments):
    """``Precond`` of EDM2: as ``EDMPrecond``, with a head that says how uncertain the network is at a noise level.

    Args:
        sigma_data: standard deviation of the data.
        logvar_channels: waves that tell the head the level.
    """

    use_fp16: bool = True
    sigma_data: float = 0.5
    logvar_channels: int = 128
    network = "Precond"
    publisher = "edm2"
    inside = "unet."

    @property
    def layout(self) -> Layout[Any, Any]:
        return EDM2_UNET

    def of_network(self) -> Mapping[str, Any]:
        return {
            "img_resolution": self.img_resolution,
            "img_channels": self.img_channels,
            "label_dim": self.label_dim,
        }

    def process(self) -> ExplodingProcess:
        refuse_below(self, 1, "logvar_channels")
        return ExplodingProcess(sigma_max=math.inf)

    @property
    def levels(self) -> tuple[float, float]:
        return 0.0, math.inf

    def preconditioning(self) -> EDMPreconditioning:
        return _edm_preconditioning(self.sigma_data)


def _edm_preconditioning(sigma_data: float) -> EDMPreconditioning:
    if not 0 < sigma_data < math.inf:
        raise ValueError(f"sigma_data: must be positive and finite, got {sigma_data:g}")
    return EDMPreconditioning(sigma_data=sigma_data)


PRECONDITIONINGS: Mapping[str, type[PrecondArguments]] = {
    kind.network: kind
    for kind in (
        VPPrecondArguments,
        VEPrecondArguments,
        IDDPMPrecondArguments,
        EDMPrecondArguments,
        EDM2PrecondArguments,
    )
}
"""By the name of the published class."""
