"""Guided diffusion: ADM's network with learned variances, and the noisy classifiers that guide it."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.classifying import NoisyClassifierMethodConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.sections import SectionSpacing
from diorama.recipes.ddpm import ddpm_cpu, levels_of
from diorama.samplers.ancestral import AncestralConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_PROCESS = DiscreteProcess(steps=4_000, betas="cosine")
_TOLD = TargetPreconditioning(time_scale=1_000 / 4_000)
_SMALL_PROCESS = DiscreteProcess(betas="cosine")


def adm(info: DataInfo) -> Recipe:
    """ADM's network at the width, the process and the losses of improved DDPM on CIFAR-10, drawn in 100 steps.

    Command: ``diorama train adm --data DATA --out runs/adm``
    Hardware and time: one GPU; the paper's 64 million pictures were not trained here.

    Args:
        info: pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 3 (network); A. Nichol, P. Dhariwal, arXiv:2102.09672,
    section 3 and appendix A (4,000 steps along a cosine, hybrid loss, 500 thousand steps of 128 pictures).
    """
    _check_bytes(info)
    levels = min(levels_of(info, patch=1), 4)
    channels = info.media.channels
    network = ADMUNetConfig(
        in_channels=channels,
        out_channels=2 * channels,
        channels=128,
        widths=(128, *[256] * (levels - 1)),
        depth=3,
        attention=_attention(info, levels),
        dropout=0.3,
    )
    model = DiffusionSynthesizerConfig(
        media=info.media,
        denoiser=network,
        process=_PROCESS,
        preconditioning=replace(_TOLD, variance="share"),
        spacing=SectionSpacing(),
        steps=100,
        sampler=AncestralConfig(),
    )
    return Recipe(
        name="adm",
        method=DiffusionMethodConfig(synthesizer=model, objective="hybrid"),
        optimizers={"denoiser": OptimizerConfig(algorithm="adamw", rate=RateConfig(peak=1e-4))},
        images=64_000_000,
        batch_size=128,
        flip=True,
        # 0.9999 after each of the paper's steps of 128 pictures.
        averages={"ema": AverageConfig(half_life=887_000)},
        evaluation=EvaluationConfig(every=2_000_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
        log_every=12_800,
    )


def adm_cpu(info: DataInfo) -> Recipe:
    """ADM's network with at most 3 M parameters, trained as :func:`~diorama.recipes.ddpm.ddpm_cpu` is.

    It predicts velocity, and where the variance of a step lies, which ``--sampler ancestral`` reads; both halves are
    trained by the hybrid loss. Classifiers of ``adm_classifier_cpu`` look through the same noise.

    The network sees single pixels, where that of ``ddpm_cpu`` sees squares of them: a step takes one and a half times
    as long.

    Command: ``diorama train adm_cpu --data DATA --out runs/adm``

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    _check_bytes(info)
    recipe = ddpm_cpu(info)
    channels, levels = info.media.channels, min(levels_of(info, patch=2), 3)
    network = ADMUNetConfig(
        in_channels=channels,
        out_channels=2 * channels,
        channels=64,
        widths=(32, 64, 96)[3 - levels :],
        depth=1,
        attention=(False, False, True)[3 - levels :],
        # Residual blocks between levels, as the paper has them, draw half as many pictures a second on a CPU.
        resample="pool",
        head_channels=32,
        dropout=0.0,
    )
    assert isinstance(recipe.method, DiffusionMethodConfig)
    # Drawn as ddpm_cpu is: 300 samples of one such network had an fd@lite of 17.8 so, and of 64 in 25 ancestral steps
    # at the same levels (benchmarks/results/small_diffusion.md).
    model = replace(
        recipe.method.synthesizer,
        denoiser=network,
        preconditioning=TargetPreconditioning(predicts="velocity", variance="share"),
    )
    return replace(recipe, name="adm_cpu", method=replace(recipe.method, synthesizer=model, objective="hybrid"))


def adm_class(info: DataInfo) -> Recipe:
    """:func:`adm` with labels, which a classifier then shows more plainly: the paper's best samples are drawn so.

    Command: ``diorama train adm_class --data DATA --out runs/adm``, and ``diorama sample runs/adm --guide
    runs/classifier --guidance 2 --label all`` with a classifier of :func:`adm_classifier`.
    Hardware and time: as :func:`adm`.

    Raises:
        BadConfig: as :func:`adm`, or the data have no labels.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 4.3, table 4.
    """
    return _labelled(adm(info), info, "adm_class")


def adm_class_cpu(info: DataInfo) -> Recipe:
    """:func:`adm_cpu` with labels, which a classifier of ``adm_classifier_cpu`` then shows more plainly.

    After half an hour on CIFAR-10 and one CPU core, fd@lite fell from 20.4 to 17.9 by guidance at a scale of 4
    (benchmarks/results/small_diffusion.md).

    Command: ``diorama train adm_class_cpu --data DATA --out runs/adm``

    Raises:
        BadConfig: as :func:`adm_cpu`, or the data have no labels.
    """
    return _labelled(adm_cpu(info), info, "adm_class_cpu")


def adm_classifier(info: DataInfo) -> Recipe:
    """A classifier of noisy pictures that guides the model of :func:`adm`.

    Command: ``diorama train adm_classifier --data DATA --out runs/classifier``
    Hardware and time: one GPU; the paper's 300 thousand steps of 256 pictures were not trained here.

    Args:
        info: labelled pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, of another size or without labels.

    Reference: P. Dhariwal, A. Nichol, arXiv:2105.05233, section 4 and appendix I, table 12.
    """
    levels = min(levels_of(info, patch=1), 4)
    network = replace(
        _network(info),
        channels=128,
        widths=(128, 256, 384, 512)[:levels],
        depth=2,
        attention=_attention(info, levels),
        head_channels=64,
    )
    rate = RateConfig(peak=3e-4, decay="linear")
    return Recipe(
        name="adm_classifier",
        method=_method(info, network, _PROCESS, _TOLD),
        optimizers={"classifier": OptimizerConfig(algorithm="adamw", rate=rate, weight_decay=0.05)},
        images=76_800_000,
        batch_size=256,
        flip=True,
        averages={"ema": AverageConfig(half_life=0)},
        evaluation=EvaluationConfig(samples=0),
        checkpoint_every=1_000_000,
        log_every=25_600,
    )


def adm_classifier_cpu(info: DataInfo) -> Recipe:
    """A classifier of noisy pictures of at most 3 M parameters, that guides the model of :func:`adm_cpu`.

    It looks through the noise of ``ddpm_cpu`` as well, which is the same.

    Command: ``diorama train adm_classifier_cpu --data DATA --out runs/classifier``

    Args:
        info: labelled pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, of another size or without labels.
    """
    levels = min(levels_of(info, patch=1), 4)
    network = replace(
        _network(info),
        channels=64,
        widths=(32, 64, 128, 128)[:levels],
        depth=1,
        attention=(*[False] * (levels - 1), True),
        head_channels=32,
    )
    rate = RateConfig(peak=1e-3, warmup=5_000, decay="linear")
    return Recipe(
        name="adm_classifier_cpu",
        method=_method(info, network, _SMALL_PROCESS, TargetPreconditioning()),
        optimizers={"classifier": OptimizerConfig(algorithm="adamw", rate=rate, weight_decay=0.05, clip=1.0)},
        images=200_000,
        batch_size=64,
        flip=True,
        averages={"ema": AverageConfig(half_life=5_000)},
        evaluation=EvaluationConfig(samples=0),
        checkpoint_every=50_000,
        log_every=2_560,
    )


def _labelled(recipe: Recipe, info: DataInfo, name: str) -> Recipe:
    """A recipe with this network that is always told the label."""
    label, method = info.condition("label"), recipe.method
    if label is None:
        raise BadConfig(f"data: {info.name} has no labels; use {recipe.name}")
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, ADMUNetConfig)
    model = replace(method.synthesizer, conditions=(label,), denoiser=replace(network, classes=len(label.names)))
    return replace(recipe, name=name, method=replace(method, synthesizer=model))


def _network(info: DataInfo) -> ADMClassifierConfig:
    """What the data decide of a classifier: its channels, its labels and how it pools."""
    if not info.classes:
        raise BadConfig(f"data: {info.name} has no labels, which a classifier learns to tell apart")
    media = info.media
    square = media.height == media.width
    return ADMClassifierConfig(
        in_channels=media.channels,
        classes=len(info.classes),
        pooling="attention" if square else "mean",
        side=media.height if square else None,
    )


def _method(
    info: DataInfo, network: ADMClassifierConfig, process: DiscreteProcess, told: TargetPreconditioning
) -> NoisyClassifierMethodConfig:
    return NoisyClassifierMethodConfig(
        synthesizer=NoisyClassifierConfig(
            media=info.media, names=info.classes, classifier=network, process=process, preconditioning=told
        )
    )


def _check_bytes(info: DataInfo) -> None:
    """Refuse data whose bound, which trains the variance, is not known."""
    if info.media.dtype != "uint8":
        raise BadConfig(
            f"data: {info.name} holds {info.media.dtype}, and learned variances are trained by a bound of 8-bit "
            "pixels; take ddpm or edm"
        )


def _attention(info: DataInfo, levels: int) -> tuple[bool, ...]:
    """At maps of 8 to 16 places a side, as in the papers; at the coarsest where there is none of that size."""
    sizes = [min(info.media.height, info.media.width) >> level for level in range(levels)]
    found = tuple(8 <= size <= 16 for size in sizes)
    return found if any(found) else (*[False] * (levels - 1), True)
