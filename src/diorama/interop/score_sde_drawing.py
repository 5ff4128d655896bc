"""How pictures in [-1, 1] are drawn with a published score SDE, whose own may lie in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diorama.core.errors import BadInput
from diorama.interop.score_sde_arguments import ScoreSDEArguments
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.processes.kinds import AnyProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import StepSpacing
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.ode import ODEConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig

_LARGEST_LABEL = 999.0
"""What networks in continuous time are told of the variance-preserving equations' end."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What a synthesizer is made of.

    Args:
        network: as it sees pictures in [-1, 1], with the published tensors.
        process: of these pictures.
        preconditioning: of the network.
        spacing: which levels the sampler visits.
        steps: how many; ``None`` for all of a chain.
        sampler: the published one.
    """

    network: ScoreUNetConfig
    process: AnyProcess
    preconditioning: TargetPreconditioning
    spacing: StepSpacing | TruncatedSpacing
    steps: int | None
    sampler: PredictorCorrectorConfig | ODEConfig


def drawing(arguments: ScoreSDEArguments, network: ScoreUNetConfig) -> Drawing:
    """How a published network draws.

    Args:
        arguments: its config.
        network: as :meth:`~diorama.interop.layout.Layout.config_of` reads it.

    Raises:
        BadInput: its scores cannot be told as those of pictures in [-1, 1]; the message names the setting.
        ValueError: there is no such process or sampler.
    """
    equation = arguments.equation
    if network.time == "fourier" and not equation.continuous:
        raise BadInput("training.continuous: random waves of the level's logarithm are for continuous training alone")
    if equation.sde != "vesde":
        if not arguments.data.centered:
            raise BadInput("data.centered: a variance-preserving equation of values in [0, 1] is not drawn with")
        told = TargetPreconditioning(predicts="noise")
        if not equation.chained:
            told = TargetPreconditioning(predicts="noise", time_input="time", time_scale=_LARGEST_LABEL)
        return _drawing(arguments, network, told, scale=1)
    # Twice as wide, pictures have noise of twice the deviation.
    scale = 1 if arguments.data.centered else 2
    told = TargetPreconditioning(predicts="score", time_input="sigma", time_scale=1 / scale)
    if equation.chained:
        told = replace(told, time_input="time", time_scale=-1.0, time_offset=float(equation.num_scales))
    if arguments.model.scale_by_sigma and equation.chained == (network.time == "sinusoidal"):
        # Before it is divided by the level's own sigma, the output is the score times sigma, on any scale.
        told, network = replace(told, predicts="scaled_score"), replace(network, divide_by="nothing")
    elif scale != 1:
        raise BadInput("data.centered: a score of values in [0, 1] that is not divided by sigma is not drawn with")
    return _drawing(arguments, replace(network, centre_input=False), told, scale=scale)


def _drawing(
    arguments: ScoreSDEArguments, network: ScoreUNetConfig, told: TargetPreconditioning, *, scale: int
) -> Drawing:
    equation = arguments.equation
    wide = replace(equation, sigma_min=scale * equation.sigma_min, sigma_max=scale * equation.sigma_max)
    # The label of a step of SMLD is a whole number.
    whole = equation.chained and equation.sde == "vesde"
    return Drawing(
        network=network,
        process=wide.process(),
        preconditioning=told,
        spacing=StepSpacing() if whole else equation.spacing(),
        steps=None if whole else equation.num_scales,
        sampler=arguments.sampling.sampler(equation),
    )
