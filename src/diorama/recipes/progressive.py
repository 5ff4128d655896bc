"""Progressive GAN: the paper's settings, and a narrow one for a CPU."""

from __future__ import annotations

from diorama.core.contracts import DataInfo
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.growth import Growth
from diorama.methods.adversarial.joint import JointPenalties
from diorama.networks.adversarial.progressive import ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig
from diorama.recipes.lengths import STEPS_OF_HALF_LIFE
from diorama.recipes.pictures import side_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_WIDTHS = (512, 512, 512, 512, 256, 128, 64, 32, 16)
"""Of the maps of each scale, from 4 to 1024 pixels."""
_SIDES = tuple(4 << scale for scale in range(1, len(_WIDTHS)))
_BATCH = 16


def progressive(info: DataInfo) -> Recipe:
    """Progressive GAN, for squares of a power of two from 8 to 1024 pixels.

    Training begins with pictures of 4 x 4, shown at the full size; scale after scale fades in as images are seen
    (``--method.growth.steady``, ``--method.growth.fading``).

    Command: ``diorama train progressive --data DATA --out runs/progressive``
    Hardware and time: one GPU; how long it takes is not measured yet. All scales are computed from the first step on.
    Reference: Karras, Aila, Laine, Lehtinen 2018, arXiv 1710.10196, appendix A.1: WGAN-GP with a drift of 0.001, Adam
        at 1e-3 with betas of 0 and 0.99, batches of 16, 800,000 pictures for each scale and for each fade, an average
        of the generator with a decay of 0.999. As in the authors' program Adam begins anew where a scale begins or
        ends to fade in.

    Raises:
        BadConfig: the data are clips, or pictures of another size.
    """
    return _recipe(info, "progressive", widths=_WIDTHS, latent=512, span=800_000)


def progressive_cpu(info: DataInfo) -> Recipe:
    """A narrow Progressive GAN for two CPU cores.

    Command: ``diorama train progressive_cpu --data DATA --out runs/progressive``
    Hardware and time: two CPU cores; 50,000 pictures of 32 x 32 take three quarters of an hour (19 a second on one
        core).
    Reference: as :func:`progressive`, with an eighth of the width, and 5,000 pictures for each scale and each fade.

    Raises:
        BadConfig: as :func:`progressive`.
    """
    widths = tuple(max(8, width // 8) for width in _WIDTHS)
    return _recipe(info, "progressive_cpu", widths=widths, latent=64, span=5_000)


def _recipe(info: DataInfo, name: str, *, widths: tuple[int, ...], latent: int, span: int) -> Recipe:
    media, side = info.media, side_of(info, "Progressive GAN", _SIDES)
    used, growth = widths[: side.bit_length() - 2], Growth(steady=span, fading=span)
    images = growth.end(len(used)) + 4 * span
    adam = OptimizerConfig(rate=RateConfig(peak=1e-3), betas=(0.0, 0.99))
    return Recipe(
        name=name,
        method=GANConfig(
            media=media,
            generator=ProgressiveGeneratorConfig(widths=used, channels=media.channels, latent=latent, grows=True),
            discriminator=ProgressiveDiscriminatorConfig(widths=used, channels=media.channels, grows=True),
            loss="wasserstein",
            joint=JointPenalties(gradient=10.0, drift=0.001),
            growth=growth,
        ),
        optimizers={"discriminator": adam, "generator": adam},
        images=images,
        batch_size=_BATCH,
        flip=True,
        averages={"ema": AverageConfig(half_life=STEPS_OF_HALF_LIFE * _BATCH)},
        evaluation=EvaluationConfig(every=images // 4, samples=2_000, beside=("recall@lite",)),
        preview_every=span,
        checkpoint_every=2 * span,
    )
