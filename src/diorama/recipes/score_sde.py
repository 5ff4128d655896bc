"""Score-based models in continuous time: the variance-preserving equation and the variance-exploding one."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.processes.catalog import AnyPreconditioning
from diorama.processes.geometric import GeometricProcess
from diorama.processes.kinds import AnyProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import LogNormalTimes, UniformTimes
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.recipes.ddpm import ddpm, ddpm_cpu
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import AverageConfig, Recipe

_LEAST_TIME = 1e-5
"""From which on training looks, of the end."""
_STEPS, _SMALL_STEPS = 1_000, 100
_WIDE = GeometricProcess(sigma_min=0.02, sigma_max=100.0)
"""The paper's noise of CIFAR-10, of pictures in [-1, 1] twice that of pictures in [0, 1]."""
_TOLD_TIME = TargetPreconditioning(predicts="noise", time_input="time", time_scale=999.0)
_TOLD_SIGMA = TargetPreconditioning(predicts="score", time_input="sigma")
_LIKE_COSINE = LogNormalTimes(mean=0.0, deviation=1.6)
"""Levels about as likely as those of the cosine schedule, whose log(sigma / alpha) has mean 0.04 and deviation 1.5."""


def score_sde_vp(info: DataInfo) -> Recipe:
    """The paper's DDPM++ for CIFAR-10, trained in continuous time on the variance-preserving equation.

    Command: ``diorama train score_sde_vp --data DATA --out runs/score_sde_vp``
    Hardware and time: one GPU; the paper's 166 million pictures.

    Args:
        info: pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: Y. Song et al., arXiv:2011.13456, appendix H (DDPM++ cont. (VP)); the sampler is Euler and Maruyama's of
    a thousand steps.
    """
    recipe = ddpm(info)
    network = replace(_published_network(info), encoder="standard", taps=None, time="sinusoidal", divide_by="nothing")
    sampler = PredictorCorrectorConfig(predictor="euler_maruyama", corrector=None, chain=True)
    model = DiffusionSynthesizerConfig(
        media=info.media,
        denoiser=network,
        process=PreservingProcess(),
        preconditioning=_TOLD_TIME,
        spacing=TruncatedSpacing(last=1e-3),
        steps=_STEPS,
        sampler=sampler,
        clip=False,
    )
    method = DiffusionMethodConfig(synthesizer=model, times=UniformTimes(low=_LEAST_TIME))
    return replace(recipe, name="score_sde_vp", method=method, images=166_400_000)


def score_sde_ve(info: DataInfo) -> Recipe:
    """The paper's NCSN++ for CIFAR-10, trained in continuous time on the variance-exploding equation.

    Command: ``diorama train score_sde_ve --data DATA --out runs/score_sde_ve``
    Hardware and time: one GPU; the paper's 166 million pictures.

    Args:
        info: as of :func:`score_sde_vp`.

    Raises:
        BadConfig: as there.

    Reference: Y. Song et al., arXiv:2011.13456, appendix H (NCSN++ cont. (VE)); the sampler is the reverse diffusion of
    a thousand steps with a Langevin step at each.
    """
    recipe = ddpm(info)
    model = DiffusionSynthesizerConfig(
        media=info.media,
        denoiser=_published_network(info),
        process=_WIDE,
        preconditioning=_TOLD_SIGMA,
        spacing=TruncatedSpacing(last=_LEAST_TIME),
        steps=_STEPS,
        sampler=PredictorCorrectorConfig(chain=True),
        clip=False,
    )
    method = DiffusionMethodConfig(
        synthesizer=model, times=UniformTimes(low=_LEAST_TIME), space="scaled_score", reduction="half_sum"
    )
    # 0.999 after each of the paper's steps of 128 pictures.
    averages = {"ema": AverageConfig(half_life=88_700)}
    return replace(recipe, name="score_sde_ve", method=method, images=166_400_000, averages=averages)


def _published_network(info: DataInfo) -> ScoreUNetConfig:
    """NCSN++ with as many of its four levels as the size can be halved."""
    side, channels = info.media.height, info.media.channels
    growth = (1, 2, 2, 2) if info.media.height % 8 == 0 and info.media.width % 8 == 0 else (1, 2, 2)
    return ScoreUNetConfig(
        size=side,
        in_channels=channels,
        out_channels=channels,
        growth=growth,
        attention=tuple(side >> level == 16 for level in range(len(growth))),
    )


def score_sde_vp_cpu(info: DataInfo) -> Recipe:
    """The variance-preserving equation with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`: at most 3 M
    parameters, trained in continuous time and drawn by predictor and corrector. In training, levels are about as likely
    as there: evenly drawn times spend half of a short run where nearly all or nothing is seen.

    As there, the network predicts velocity, of which the score follows: short runs that predict noise draw saturated
    colours.

    The predictor is DDIM's step, in a hundred steps with a Langevin step before each. The paper's reverse diffusion
    needs many more: where each picture had one value, its samples kept up to 4.5 times the noise of their level on this
    equation, and 1.07 times on the exploding one.

    Where the data are the Gaussian of CIFAR-10's covariance and the score is exact, the standard deviations that are
    drawn can be held against the true ones. In directions of variance above 1, and from 0.1, 0.01 and 0.001 on, samples
    have 0.98, 0.98, 0.98 and 0.93 of it by DDIM's step at levels that crowd towards the data; 0.99, 0.98, 0.94 and 0.83
    at even times; and 0.98, 0.94, 0.87 and 0.71 by the ancestral predictor at even times. So drawn, after 1.5 million
    pictures on a GPU, samples lacked variety: recall was 0.447 and fd@lite 9.62, of ``ddpm_cpu`` 0.552 and 6.64
    (benchmarks/results/small_diffusion.md).

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    return _small(
        info,
        "score_sde_vp_cpu",
        process=PreservingProcess(),
        preconditioning=replace(_TOLD_TIME, predicts="velocity"),
        spacing=KarrasSpacing(low=0.02, high=80.0),
    )


def score_sde_ve_cpu(info: DataInfo) -> Recipe:
    """The variance-exploding equation with the small U-Net of :func:`~diorama.recipes.ddpm.ddpm_cpu`, as
    :func:`score_sde_vp_cpu`.

    EDM's preconditioning stands in front of the network. Told the sigma and shown the noisy pictures as they are, whose
    values reach the hundreds, the same network drew saturated patches after 13 thousand pictures of CIFAR-10, while its
    loss rose again. After 24 thousand pictures with 48, 48 and 96 channels, 128 samples had a kid@lite of 1.67 where
    times were drawn evenly and the time was told unscaled, and of 1.43 with both as they are here; the error of clean
    pictures at sigma 0.5 was 0.176 and 0.158.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    return _small(
        info,
        "score_sde_ve_cpu",
        process=_WIDE,
        # The embedding was made for DDPM's thousand steps; log(sigma) / 4 alone spans two.
        preconditioning=EDMPreconditioning(time_scale=250.0),
        spacing=TruncatedSpacing(last=_LEAST_TIME),
    )


def _small(
    info: DataInfo,
    name: str,
    *,
    process: AnyProcess,
    preconditioning: AnyPreconditioning,
    spacing: TruncatedSpacing | KarrasSpacing,
) -> Recipe:
    recipe = ddpm_cpu(info)
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    model = replace(
        method.synthesizer,
        process=process,
        preconditioning=preconditioning,
        spacing=spacing,
        steps=_SMALL_STEPS,
        # The published predictor adds a step's whole noise: after a hundred steps that is more than the level has.
        sampler=PredictorCorrectorConfig(predictor="ddim"),
        clip=False,
    )
    return replace(recipe, name=name, method=replace(method, synthesizer=model, times=_LIKE_COSINE))
