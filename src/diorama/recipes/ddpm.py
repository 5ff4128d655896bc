"""Diffusion models on pictures: the paper's size for a GPU, small ones for a CPU, with and without labels."""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing
from diorama.processes.times import StepTimes
from diorama.recipes.pictures import pictures_of
from diorama.samplers.unipc import UniPCConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_COARSEST = 4


def ddpm(info: DataInfo) -> Recipe:
    """The paper's model for CIFAR-10 (35.7 M parameters), fitted to the data's size.

    Command: ``diorama train ddpm --data DATA --out runs/ddpm``
    Hardware and time: one GPU; 4,200 pictures of 32 x 32 a second on an H100, so the paper's 102 million take 7 hours.

    Args:
        info: pictures of any number of channels, height and width multiples of 4.

    Raises:
        BadConfig: the data are clips, or of another size.

    Reference: J. Ho, A. Jain, P. Abbeel, arXiv:2006.11239, appendix B. Sampling takes 50 DDIM steps in place of the
    paper's 1,000 (J. Song, C. Meng, S. Ermon, arXiv:2010.02502); ``AncestralConfig()`` is the paper's.
    """
    levels = levels_of(info, patch=1)
    network = DDPMUNetConfig(
        in_channels=info.media.channels,
        out_channels=info.media.channels,
        widths=(128, *[256] * (levels - 1)),
        attention=_attention_at_16(info, levels),
        dropout=0.1,
    )
    return Recipe(
        name="ddpm",
        method=DiffusionMethodConfig(synthesizer=DiffusionSynthesizerConfig(media=info.media, denoiser=network)),
        optimizers={"denoiser": OptimizerConfig(rate=RateConfig(peak=2e-4, warmup=640_000), clip=1.0)},
        images=102_400_000,
        batch_size=128,
        flip=True,
        # 0.9999 after each of the paper's steps of 128 pictures.
        averages={"ema": AverageConfig(half_life=887_000)},
        evaluation=EvaluationConfig(every=2_000_000),
        preview_every=500_000,
        checkpoint_every=1_000_000,
        log_every=12_800,
    )


def ddpm_cpu(info: DataInfo) -> Recipe:
    """A model of at most 3 M parameters that draws recognisable pictures after minutes on two CPU cores.

    Places of the first level are squares of 2x2 pixels (4x4 from 64 pixels on), attention is at the coarsest level
    only, the noise follows a cosine, and the network predicts velocity (T. Salimans, J. Ho, arXiv:2202.00512).

    In a run of minutes many small steps help, an average of weights that soon forgets the first of them, and a time
    that scales features. On CIFAR-10, after about 100 thousand pictures, fd@lite was 49 with batches of 64 and a rate
    of 1e-3, 43 with batches of 32, 39 with a rate of 2e-3 as well, and 33 with an average over a twentieth of the run
    in place of a tenth. After 80 thousand pictures it was 41 where the time is added to features, 29 where it scales
    them. All this was Adam, of which a run with a rate of 3e-3 failed. Muon (K. Jordan et al. 2024) learns more of a
    picture at equal seconds a step: after 30 thousand pictures fd@lite of 500 samples was 38 at a rate of 5e-3 and 62
    by Adam at 2e-3.

    It is drawn by UniPC in nine steps (W. Zhao et al., arXiv:2302.04867) whose levels crowd towards the data. Of 1,000
    pictures of a model of 1.9 million parameters, trained on 1.9 million pictures of CIFAR-10, fd@lite was 11.0 by DDIM
    in 25 steps and 12.0 by Heun in 10; by UniPC in 10 steps it was 12.6 at even times and 7.2 at these levels, where 7,
    8 and 12 steps gave 9.2, 8.1 and 7.1.

    Args:
        info: pictures of any number of channels, height and width multiples of 8.

    Raises:
        BadConfig: the data are clips, or of another size.
    """
    patch = 4 if min(info.media.height, info.media.width) >= 64 else 2
    levels = min(levels_of(info, patch), 3)
    network = DDPMUNetConfig(
        in_channels=info.media.channels,
        out_channels=info.media.channels,
        patch=patch,
        widths=(64, 64, 128)[3 - levels :],
        depth=1,
        attention=(False, False, True)[3 - levels :],
        middle="residual",
        # Groups of 16 channels or a multiple: the normalisation that CPUs do fastest.
        groups=4,
        scale_shift=True,
        # Larger patches take more weights at both ends; a narrower embedding keeps all below 3 million.
        embedding=EmbeddingConfig(width=64 if patch == 2 else 48),
    )
    synthesizer = DiffusionSynthesizerConfig(
        media=info.media,
        denoiser=network,
        process=DiscreteProcess(betas="cosine"),
        # A noise target leaves nearly pure noise nearly undetermined: short runs drew saturated colours with it.
        preconditioning=TargetPreconditioning(predicts="velocity"),
        sampler=UniPCConfig(),
        spacing=KarrasSpacing(low=0.05, high=60.0),
        steps=9,
    )
    rate = RateConfig(peak=5e-3, warmup=10_000)
    return Recipe(
        name="ddpm_cpu",
        method=DiffusionMethodConfig(synthesizer=synthesizer, times=StepTimes(spread=True)),
        optimizers={"denoiser": OptimizerConfig(algorithm="muon", rate=rate, betas=(0.9, 0.999), clip=1.0)},
        images=400_000,
        batch_size=32,
        flip=True,
        averages={"ema": AverageConfig(half_life=20_000, ramp_up=0.035)},
        evaluation=EvaluationConfig(every=100_000, samples=1_000),
        preview_every=50_000,
        checkpoint_every=50_000,
        log_every=2_560,
    )


def ddpm_class(info: DataInfo) -> Recipe:
    """:func:`ddpm` with labels and classifier-free guidance (J. Ho, T. Salimans, arXiv:2207.12598).

    Raises:
        BadConfig: as :func:`ddpm`, or the data have no labels.
    """
    return with_labels(ddpm(info), info, "ddpm_class")


def ddpm_class_cpu(info: DataInfo) -> Recipe:
    """:func:`ddpm_cpu` with labels and classifier-free guidance.

    Raises:
        BadConfig: as :func:`ddpm_cpu`, or the data have no labels.
    """
    return with_labels(ddpm_cpu(info), info, "ddpm_class_cpu")


def levels_of(info: DataInfo, patch: int) -> int:
    """How often the size can be halved, down to 4 places, plus one; at least 3 for single pixels, else 2."""
    media = pictures_of(info)
    least = 3 if patch == 1 else 2
    multiple = patch * 2 ** (least - 1)
    if media.height % multiple or media.width % multiple:
        raise BadConfig(
            f"data: pictures of {media.height} x {media.width} pixels; height and width must be multiples of "
            f"{multiple} for this recipe (diorama prepare --size chooses one)"
        )
    height, width, levels = media.height // patch, media.width // patch, 1
    while levels < least or (height % 2 == 0 and width % 2 == 0 and min(height, width) >= 2 * _COARSEST):
        height, width, levels = height // 2, width // 2, levels + 1
    return levels


def with_labels(recipe: Recipe, info: DataInfo, name: str, *, guidance: float = 1.5) -> Recipe:
    """A recipe with this U-Net that knows labels and can be guided towards them.

    Args:
        recipe: without labels.
        info: the data.
        name: of the new recipe.
        guidance: scale that samples are drawn at; 1 is none.

    Raises:
        BadConfig: the data have no labels.
    """
    label = info.condition("label")
    if label is None:
        raise BadConfig(f"data: {info.name} has no labels; use {recipe.name}")
    method = recipe.method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    # The label table has one more row than there are classes, for the null label.
    classes = len(label.names)
    embedding = replace(network.embedding, label="table", classes=classes, unconditional=True)
    synthesizer = replace(
        method.synthesizer,
        conditions=(replace(label, null=classes, dropout=0.1),),
        denoiser=replace(network, embedding=embedding),
        guidance=guidance,
    )
    return replace(
        recipe,
        name=name,
        method=replace(method, synthesizer=synthesizer),
    )


def _attention_at_16(info: DataInfo, levels: int) -> tuple[bool, ...]:
    sizes = [min(info.media.height, info.media.width) >> level for level in range(levels)]
    return tuple(8 < size <= 16 for size in sizes)
