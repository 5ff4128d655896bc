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
        Yu et al. 2018, arXiv 1801.07892, section 4.1 (attention). The authors' program moves both networks by Adam at
        a constant rate of 1e-4 with beta1 0.5, takes batches of 16 and averages no weights. Muon is not theirs: see
        :func:`inpaint_gan_cpu` for what it was taken for.

    Raises:
        BadConfig: the data are clips, or pictures whose sides are no multiples of 4 of at least 16 pixels.
    """
    return Recipe(
        name="inpaint_gan",
        method=_method(info, generator=24, discriminator=64, attention=True),
        optimizers=_optimizers(generator=3e-3, discriminator=4e-4, warmup=10_000),
        images=1_500_000,
        batch_size=32,
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
        attention, at higher rates and in batches of 4.

    Few pictures teach it where Muon (K. Jordan et al. 2024) moves the generator, in small batches. On 4,000 faces of 64
    pixels, after 5,000 pictures in some 250 seconds of one core, an interval of 95 % for fd@lite of 500 held-out faces
    (``benchmarks/inpainting.py``) was 1.1 to 1.7; by Adam at a constant 2e-4 in batches of 8, in about as long, it was
    15.5 to 18.7, and of biharmonic filling 6.3 to 9.1. PSNR in holes was 19.8 dB, 13.0 dB and 20.5 dB. On faces of 32
    pixels, after 7,500 pictures in batches of 8, where biharmonic filling has 3.0 to 4.7, it was

    - 1.2 to 2.9 by Muon at 5e-3, 4.1 to 6.7 by Adam at 1e-3 that falls as well, and 6.1 to 9.0 by Adam at 2e-4;
    - by Muon, where differences in holes counted six times, 1.2 to 3.1; then without the discriminator 1.2 to 2.9, so
      that the game adds nothing in so short a run; and in batches of 16, which are half as many steps, 5.5 to 8.2;
    - 2.1 to 4.3, after 14,000 pictures, where Muon moved the discriminator as well.

    Raises:
        BadConfig: as :func:`inpaint_gan`.
    """
    return Recipe(
        name="inpaint_gan_cpu",
        method=_method(info, generator=8, discriminator=16),
        optimizers=_optimizers(generator=5e-3, discriminator=1e-3, warmup=0),
        images=20_000,
        batch_size=4,
        flip=True,
        averages={"ema": AverageConfig(half_life=2_000)},
        evaluation=EvaluationConfig(every=5_000, samples=500),
        preview_every=5_000,
        checkpoint_every=5_000,
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


def _optimizers(generator: float, discriminator: float, warmup: int) -> dict[str, OptimizerConfig]:
    """Muon for the generator and Adam for the discriminator, at rates that fall to nothing along the run."""
    drawn, judged = (RateConfig(peak=peak, warmup=warmup, decay="linear") for peak in (generator, discriminator))
    return {
        "discriminator": OptimizerConfig(rate=judged, betas=(0.5, 0.999)),
        "generator": OptimizerConfig(algorithm="muon", rate=drawn, betas=(0.5, 0.999)),
    }
