"""Score SDEs: the equations, steps and samplers that a config of Y. Song's published code (2021) names.

Its times run from 1, noise, to a little above 0. A network that was trained on a chain of N steps walks these, any other
N times in equal distances; the predictor's steps are of the chain in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diorama.core.errors import BadInput
from diorama.processes.catalog import AnyProcess
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import UniformSpacing
from diorama.processes.subpreserving import SubPreservingProcess
from diorama.samplers.langevin import LangevinConfig
from diorama.samplers.ode import ODEConfig
from diorama.samplers.predictor_corrector import Predictor, PredictorCorrectorConfig

_PREDICTORS: dict[str, Predictor] = {
    "reverse_diffusion": "reverse_diffusion",
    "ancestral_sampling": "ancestral",
    "euler_maruyama": "euler_maruyama",
    "none": "none",
}


@dataclass(frozen=True, kw_only=True)
class EquationArguments:
    """A published equation, ``training.sde`` with the numbers that ``model`` has for it.

    Args:
        sde: which.
        continuous: the network was trained at all times, not on the steps of a chain.
        num_scales: N, of the chain and of the sampler's steps.
        beta_min: of the variance-preserving equations at time 0.
        beta_max: the same at time 1.
        sigma_min: of the variance-exploding equation.
        sigma_max: the same at time 1.
    """

    sde: Literal["vpsde", "subvpsde", "vesde"]
    continuous: bool = True
    num_scales: int = 1_000
    beta_min: float = 0.1
    beta_max: float = 20.0
    sigma_min: float = 0.01
    sigma_max: float = 50.0

    @property
    def chained(self) -> bool:
        """Whether the network's times are steps; the published code knows no chain of the sub-VP equation."""
        return not self.continuous and self.sde != "subvpsde"

    def process(self) -> AnyProcess:
        """The noise process.

        Raises:
            ValueError: there is none of these numbers; the message names them as our process does.
        """
        if self.sde == "vesde":
            ends = {"sigma_min": self.sigma_min, "sigma_max": self.sigma_max}
            if self.chained:
                return GeometricStepsProcess(steps=self.num_scales, **ends)
            return GeometricProcess(**ends)
        if self.chained:
            first, last = (beta / self.num_scales for beta in (self.beta_min, self.beta_max))
            return DiscreteProcess(steps=self.num_scales, first=first, last=last, between="below")
        kind = PreservingProcess if self.sde == "vpsde" else SubPreservingProcess
        return kind(beta_min=self.beta_min, beta_growth=self.beta_max - self.beta_min)

    def spacing(self, last: float | None = None) -> UniformSpacing:
        """The levels that samplers visit, N of them.

        Args:
            last: the time at which they end, of 1; ``None`` for the published choice.
        """
        last = last or self.least_time
        # Step k of a chain is at time (k - 1) / (N - 1).
        return UniformSpacing(last=1 + last * (self.num_scales - 1) if self.chained else last)

    @property
    def least_time(self) -> float:
        """Where the published samplers end."""
        return 1e-5 if self.sde == "vesde" else 1e-3


@dataclass(frozen=True, kw_only=True)
class SamplingArguments:
    """The section ``sampling`` of a published config.

    Args:
        method: predictor and corrector, or a solver of the probability-flow path.
        predictor: see :data:`~diorama.samplers.predictor_corrector.Predictor`.
        corrector: Langevin dynamics, sized by norms or annealed (``ald``).
        snr: of the corrector.
        n_steps_each: its steps at each level.
        noise_removal: no noise is drawn in the last step.
        probability_flow: the predictor draws none at all.
    """

    method: Literal["pc", "ode"] = "pc"
    predictor: str = "reverse_diffusion"
    corrector: str = "langevin"
    snr: float = 0.16
    n_steps_each: int = 1
    noise_removal: bool = True
    probability_flow: bool = False

    def sampler(self, equation: EquationArguments) -> PredictorCorrectorConfig | ODEConfig:
        """Our sampler.

        Langevin steps compare the norms of each sample, where the published code takes means over the batch: a picture
        of a seed must not depend on those beside it.

        Raises:
            BadInput: the published code knows no such predictor or corrector; the message names the argument.
            ValueError: they cannot go together.
        """
        if self.method == "ode":
            return ODEConfig(denoise=self.noise_removal)
        predictor = _PREDICTORS.get(self.predictor.lower())
        if predictor is None:
            raise BadInput(f"sampling.predictor: {self.predictor!r} is none of {', '.join(_PREDICTORS)}")
        if predictor == "ancestral" and equation.sde == "subvpsde":
            raise BadInput("sampling.predictor: 'ancestral_sampling' is not defined for the sub-VP equation")
        return PredictorCorrectorConfig(
            predictor=predictor,
            corrector=self._corrector(),
            # The published ancestral steps of the variance-preserving chain have the variance that DDPM calls large.
            variance="large" if equation.sde == "vpsde" else "small",
            flow=self.probability_flow and predictor != "none",
            chain=True,
            last_noise=not self.noise_removal,
        )

    def _corrector(self) -> LangevinConfig | None:
        match self.corrector.lower():
            case "langevin":
                return LangevinConfig(snr=self.snr, steps=self.n_steps_each)
            case "ald":
                return LangevinConfig(size="deviation", snr=self.snr, steps=self.n_steps_each)
            case "none":
                return None
        raise BadInput(f"sampling.corrector: {self.corrector!r} is none of langevin, ald, none")
