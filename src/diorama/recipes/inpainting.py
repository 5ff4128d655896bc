"""Networks that fill holes in pictures in one pass.

The pictures themselves are the data: holes are drawn while training. What is trained fills holes of any shape:
``diorama inpaint``.
"""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.freeform import FreeFormConfig
from diorama.networks.adversarial.freeform import FreeFormGeneratorConfig, SNPatchDiscriminatorConfig
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_LEAST_SIDE = 16
"""Of a picture whose smallest map still has places beside one another."""
_MOST_LAYERS = 6


def inpaint_gan(info: DataInfo) -> Recipe:
    """Gated convolutions in two stages, contextual attention and SN-PatchGAN, at the paper's width.

    Pictures whose sides are no multiples of 8 are filled without the attention. Samples, previews and fd@lite are of
    held-out pictures that are filled under masks drawn from each sample's noise.

    Command: ``diorama train inpaint_gan --data DATA --out runs/inpaint``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Yu et al. 2019, arXiv 1806.03589, section 3 (hinge loss and absolute differences of the same weight);
        Yu et al. 2018, arXiv 1801.07892, section 4.1 (attention); Adam at 1e-4 with beta1 0.5 and batches of 16
        as in the authors' program, which averages no weights.

    Raises:
        BadConfig: the data are clips, or pictures whose sides are no multiples of 4 of at least 16 pixels.
    """
    return Recipe(
        name="inpaint_gan",
        method=_method(info, generator=24, discriminator=64, attention=True),
        optimizers=_optimizers(1e-4),
        images=4_000_000,
        batch_size=16,
        flip=True,
        averages={"ema": AverageConfig(half_life=10_000)},
        evaluation=EvaluationConfig(every=200_000, samples=2_000),
        preview_every=100_000,
        checkpoint_every=100_000,
    )


def inpaint_gan_cpu(info: DataInfo) -> Recipe:
    """A narrow network that fills holes, for two CPU cores.

    Command: ``diorama train inpaint_gan_cpu --data DATA --out runs/inpaint``
    Reference: as :func:`inpaint_gan`, at a third of the generator's width and a quarter of the discriminator's, without
        attention and with twice the rate.

    Raises:
        BadConfig: as :func:`inpaint_gan`.
    """
    return Recipe(
        name="inpaint_gan_cpu",
        method=_method(info, generator=8, discriminator=16),
        optimizers=_optimizers(2e-4),
        images=50_000,
        batch_size=8,
        flip=True,
        averages={"ema": AverageConfig(half_life=2_000)},
        evaluation=EvaluationConfig(every=10_000, samples=500),
        preview_every=5_000,
        checkpoint_every=10_000,
    )


def _method(info: DataInfo, *, generator: int, discriminator: int, attention: bool = False) -> FreeFormConfig:
    media = info.media
    if media.kind != "image":
        raise BadConfig(f"data: {info.name} holds clips, and this recipe fills holes in pictures")
    least = min(media.height, media.width)
    if media.height % 4 or media.width % 4 or least < _LEAST_SIDE:
        raise BadConfig(
            f"data: the pictures of {info.name} are {media.width} x {media.height}, and this recipe takes sides that "
            f"are multiples of 4 and at least {_LEAST_SIDE}; prepare with --size {max(_LEAST_SIDE, least - least % 4)}"
        )
    attention = attention and media.height % 8 == media.width % 8 == 0
    network = FreeFormGeneratorConfig(
        inputs=media.channels + 1, outputs=media.channels, width=generator, attention=attention
    )
    # Every logit is to see all of a picture, as those of the paper's six layers do: smaller patches tell filled holes
    # badly, and the spectral norm keeps their logits near 0.
    layers = min(_MOST_LAYERS, (least - 1).bit_length())
    judge = SNPatchDiscriminatorConfig(channels=media.channels + 1, width=discriminator, layers=layers)
    return FreeFormConfig(media=media, generator=network, discriminator=judge)


def _optimizers(peak: float) -> dict[str, OptimizerConfig]:
    optimizer = OptimizerConfig(rate=RateConfig(peak=peak), betas=(0.5, 0.999))
    return dict.fromkeys(("discriminator", "generator"), optimizer)
