"""pix2pix, pix2pixHD and CycleGAN, which draw pictures of one kind of pictures of another.

Data for them hold pictures with partners beside them: ``diorama prepare --pair``, for CycleGAN also ``--unpaired``.
What is drawn are the partners; with ``--method.direction to_record`` the records of their partners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.cyclegan import CycleGANConfig
from diorama.methods.adversarial.pix2pix import Pix2PixConfig
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig
from diorama.networks.adversarial.pix2pix import LEAST_HALVINGS, Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import GlobalGeneratorConfig, MultiScaleDiscriminatorConfig
from diorama.recipes.partners import partner_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_LAST_ALONE = {"last": AverageConfig(half_life=0)}
"""These papers average no weights."""
_PLAYERS, _PAIRS = ("discriminator", "generator"), ("discriminators", "generators")
_MOST_HALVINGS = 8
_LEAST_SIDE = 32
"""Of a picture that discriminators of patches see in several places."""


def pix2pix(info: DataInfo) -> Recipe:
    """pix2pix at the authors' settings: a U-Net that is held to the partner of each picture and to a PatchGAN.

    Batch norm in batches of one picture is instance norm with gains, and so it is drawn with. The authors also drop
    values while they draw, which changes little: the model of this recipe does not, and draws the same picture every
    time. They cut pictures at random out of larger ones; here they are mirrored only.

    Command: ``diorama train pix2pix --data DATA --out runs/pix2pix``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Isola, Zhu, Zhou, Efros 2017, arXiv 1611.07004, sections 3.3 and 6.1 (L1 weight 100, Adam at 2e-4 with
        beta1 0.5, batches of one); the rate falls to zero over the second half, and 80,000 pictures are the 200 epochs
        of 400 facades, as in the authors' PyTorch code.

    Raises:
        BadConfig: the data have no pairs, or pictures of a size that the U-Net cannot halve five times.
    """
    method = _pix2pix(info, width=64)
    return _recipe("pix2pix", method, _PLAYERS, images=80_000, evaluated=20_000, previewed=5_000, saved=10_000)


def pix2pix_cpu(info: DataInfo) -> Recipe:
    """A narrow pix2pix for two CPU cores.

    Command: ``diorama train pix2pix_cpu --data DATA --out runs/pix2pix``
    Reference: as :func:`pix2pix`, at a quarter of the width.

    Raises:
        BadConfig: as :func:`pix2pix`.
    """
    return _small("pix2pix_cpu", _pix2pix(info, width=16), _PLAYERS)


def pix2pixhd(info: DataInfo) -> Recipe:
    """pix2pixHD with its global generator: two discriminators, at full and at half size, whose features are matched.

    Pictures are given as they are; the authors give maps of labels one channel a label, and the edges between
    instances beside them. Their loss on features of VGG is left out, since no such network comes with Diorama.

    Command: ``diorama train pix2pixhd --data DATA --out runs/pix2pixhd``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Wang et al. 2018, arXiv 1711.11585, sections 3.2 and 4 (squared distances, feature matching of weight 10,
        Adam at 2e-4 with beta1 0.5, batches of one, a rate that falls to zero over the second half); two scales and
        four halvings as in the authors' program, and 595,000 pictures, the 200 epochs of Cityscapes.

    Raises:
        BadConfig: the data have no pairs, or pictures whose sides are no multiples of 16 of at least 32 pixels.
    """
    partner = _halved(info, 4, "pix2pixHD's generator", partner_of(info, paired=True))
    inputs, outputs = info.media.channels, partner.channels
    method = Pix2PixConfig(
        record=info.media,
        partner=partner,
        generator=GlobalGeneratorConfig(inputs=inputs, outputs=outputs, halvings=4),
        discriminator=MultiScaleDiscriminatorConfig(channels=inputs + outputs),
        loss="least_squares",
        l1=0.0,
        feature_matching=10.0,
        generator_first=True,
        zeroed=False,
    )
    return _recipe("pix2pixhd", method, _PLAYERS, images=595_000, evaluated=60_000, previewed=20_000, saved=30_000)


def cyclegan(info: DataInfo) -> Recipe:
    """CycleGAN at the paper's settings: two kinds of pictures, and no pairs.

    Where the two kinds differ in channels, the identity loss is left out, which compares them. The authors cut pictures
    at random out of larger ones; here they are mirrored only.

    Command: ``diorama train cyclegan --data DATA --out runs/cyclegan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Zhu, Park, Isola, Efros 2017, arXiv 1703.10593, section 4 and appendix 7 (squared distances, cycles of
        weight 10, a history of 50 pictures, Adam at 2e-4 with beta1 0.5, batches of one, a rate that falls to zero over
        the second half; 6 residual blocks below 256 pixels, 9 from there on); identity of weight 0.5 as in the authors'
        PyTorch code, and 270,000 pictures, about the 200 epochs of horses and zebras.

    Raises:
        BadConfig: the data have no partners and no second set, or pictures whose sides are no multiples of 4 of at
            least 32 pixels.
    """
    large = min(info.media.height, info.media.width) >= 256
    method = _cyclegan(info, width=64, blocks=9 if large else 6, layers=3)
    return _recipe("cyclegan", method, _PAIRS, images=270_000, evaluated=30_000, previewed=10_000, saved=20_000)


def cyclegan_cpu(info: DataInfo) -> Recipe:
    """A narrow CycleGAN for two CPU cores.

    Command: ``diorama train cyclegan_cpu --data DATA --out runs/cyclegan``
    Reference: as :func:`cyclegan`, at a quarter of the width, with three residual blocks and discriminators of smaller
        patches (34 pixels).

    Raises:
        BadConfig: as :func:`cyclegan`.
    """
    return _small("cyclegan_cpu", _cyclegan(info, width=16, blocks=3, layers=2), _PAIRS)


def _pix2pix(info: DataInfo, *, width: int) -> Pix2PixConfig:
    partner = _halved(info, LEAST_HALVINGS, "pix2pix's U-Net", partner_of(info, paired=True))
    inputs, outputs, sides = info.media.channels, partner.channels, (info.media.height, info.media.width)
    halvings = LEAST_HALVINGS
    while halvings < _MOST_HALVINGS and not any(side % (2 << halvings) for side in sides):
        halvings += 1
    return Pix2PixConfig(
        record=info.media,
        partner=partner,
        generator=Pix2PixGeneratorConfig(
            inputs=inputs, outputs=outputs, width=width, halvings=halvings, norm="affine_instance"
        ),
        discriminator=PatchDiscriminatorConfig(channels=inputs + outputs, width=width, norm="affine_instance"),
    )


def _cyclegan(info: DataInfo, *, width: int, blocks: int, layers: int) -> CycleGANConfig:
    partner = _halved(info, 2, "CycleGAN's generator", partner_of(info, paired=False))
    alike = info.media.channels == partner.channels
    return CycleGANConfig(
        record=info.media,
        partner=partner,
        generator=CycleGANGeneratorConfig(
            inputs=info.media.channels, outputs=partner.channels, width=width, blocks=blocks
        ),
        discriminator=PatchDiscriminatorConfig(channels=partner.channels, width=width, layers=layers, norm="instance"),
        identity=0.5 if alike else 0.0,
    )


def _halved(info: DataInfo, times: int, network: str, partner: MediaSpec) -> MediaSpec:
    """The partner, where pictures can be halved so many times.

    Raises:
        BadConfig: they cannot.
    """
    width, height, multiple = info.media.width, info.media.height, 1 << times
    if width % multiple or height % multiple or min(width, height) < _LEAST_SIDE:
        raise BadConfig(
            f"data: pictures of {width} x {height} pixels; {network} halves them {times} times: sides must be "
            f"multiples of {multiple} and at least {_LEAST_SIDE} (diorama prepare --size N)"
        )
    return partner


def _recipe(
    name: str,
    method: Pix2PixConfig | CycleGANConfig,
    players: Sequence[str],
    *,
    images: int,
    evaluated: int,
    previewed: int,
    saved: int,
) -> Recipe:
    """Batches of one picture, Adam for all players, a rate that falls over the second half.

    Args:
        name: of the recipe.
        method: what is trained.
        players: of the method.
        images: length of the run.
        evaluated: images between two measurements.
        previewed: images between two previews.
        saved: images between two states.
    """
    rate = RateConfig(peak=2e-4, decay="linear", hold=0.5)
    return Recipe(
        name=name,
        method=method,
        optimizers=dict.fromkeys(players, OptimizerConfig(rate=rate, betas=(0.5, 0.999))),
        images=images,
        batch_size=1,
        flip=True,
        averages=_LAST_ALONE,
        exported_average="last",
        evaluation=EvaluationConfig(every=evaluated, samples=2_000),
        preview_every=previewed,
        checkpoint_every=saved,
    )


def _small(name: str, method: Pix2PixConfig | CycleGANConfig, players: Sequence[str]) -> Recipe:
    """In minutes on a CPU."""
    recipe = _recipe(name, method, players, images=20_000, evaluated=5_000, previewed=2_000, saved=5_000)
    return replace(recipe, evaluation=replace(recipe.evaluation, samples=500), log_every=500)
