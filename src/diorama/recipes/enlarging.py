"""SRResNet, SRGAN and ESRGAN, which enlarge pictures in one pass.

Data for them hold small pictures, each with the larger one as its side ``target``: ``diorama prepare --small N``. What
they train enlarges pictures of any size: ``diorama upscale``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.enlarging import EnlargingConfig
from diorama.methods.adversarial.esrgan import EnlargingDiscriminator, ESRGANConfig
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import SRResNetConfig
from diorama.recipes.partners import larger_partner_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_UNMEASURED = EvaluationConfig(samples=0)
"""fd@lite of whole pictures does not tell which of two enlargements is the closer one: the last model is kept."""
_STAGES: Mapping[int, tuple[int, ...]] = {2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}
_CROP, _SMALL_CROP = 32, 16
_JUDGED = 8
"""Sides that a U-Net of three halvings judges are multiples of this."""


def srresnet(info: DataInfo) -> Recipe:
    """SRResNet as ESRGAN's authors train it: absolute differences of random squares, and no batch norm.

    Command: ``diorama train srresnet --data DATA --out runs/srresnet``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Ledig et al. 2017, arXiv 1609.04802, figure 4 (16 blocks of 64 features); Wang et al. 2018, arXiv
        1809.00219, section 4.1 (absolute differences, Adam at 2e-4, squares of 128 pixels, batches of 16). The authors
        train a million steps and lower the rate in steps; here it falls along a cosine.

    Args:
        info: small pictures with partners that are 2, 3 or 4 times as large as their side ``target``.

    Raises:
        BadConfig: the data have no such partners.
    """
    large = larger_partner_of(info)
    network = _srresnet(info, large, features=64, blocks=16)
    return _first_stage("srresnet", info, large, network, small=False)


def srresnet_cpu(info: DataInfo) -> Recipe:
    """A narrow SRResNet for two CPU cores.

    Command: ``diorama train srresnet_cpu --data DATA --out runs/srresnet``
    Reference: as :func:`srresnet`, with 4 blocks of 24 features, squares of half the side, and Muon (K. Jordan et al.
        2024) in place of Adam.

    Muon learns more of each picture at equal seconds a step: after 8,000 pictures, in 64 to 81 seconds of one core,
    Set5 enlarged four times came to 30.48 dB by Muon at 5e-3 and at 1e-2, to 30.16 dB by Adam at 3e-3 and to 29.83 dB
    by Adam at 1e-3; bicubic comes to 28.42 dB (benchmarks/results/enlarging.md). Longer runs were not compared.

    Raises:
        BadConfig: as :func:`srresnet`.
    """
    large = larger_partner_of(info)
    network = _srresnet(info, large, features=24, blocks=4)
    return _first_stage("srresnet_cpu", info, large, network, small=True)


def srgan(info: DataInfo) -> Recipe:
    """SRGAN: what ``srresnet`` has trained goes on against a discriminator that judges each picture by itself.

    What is seen of a picture is taken from ``lite`` or, where torchvision's file is at hand, from VGG19, as in
    :func:`esrgan`; the discriminator is ESRGAN's or Real-ESRGAN's, by the same rule. The network has no batch norm,
    and features are compared by absolute and not by squared differences, as in the code of ESRGAN's authors.

    Command: ``diorama train srgan --data DATA --from runs/srresnet --out runs/srgan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Ledig et al. 2017, arXiv 1609.04802, equation 3 (features, and the game with a weight of 1e-3) and
        section 3.2 (Adam at 1e-4, batches of 16, 200,000 steps). The authors divide the rate by ten after half of
        them; here it falls along a line.

    Args:
        info: as :func:`srresnet` takes them.

    Raises:
        BadConfig: the data have no such partners.
    """
    large = larger_partner_of(info)
    network = _srresnet(info, large, features=64, blocks=16)
    method = _against_each(_second_stage(info, large, network, crop=_CROP, width=64))
    return _game("srgan", method, images=3_200_000, small=False)


def srgan_cpu(info: DataInfo) -> Recipe:
    """A narrow SRGAN for two CPU cores; it starts from what ``srresnet_cpu`` has trained.

    Command: ``diorama train srgan_cpu --data DATA --from runs/srresnet --out runs/srgan``
    Reference: as :func:`srgan`, with the network of :func:`srresnet_cpu` and a narrow discriminator of Real-ESRGAN.

    Raises:
        BadConfig: as :func:`srresnet`.
    """
    large = larger_partner_of(info)
    network = _srresnet(info, large, features=24, blocks=4)
    method = _against_each(_second_stage(info, large, network, crop=_SMALL_CROP, width=16))
    return _game("srgan_cpu", method, images=50_000, small=True)


def rrdb_psnr(info: DataInfo) -> Recipe:
    """RRDBNet by absolute differences: ESRGAN's first stage, which comes closest to the originals.

    Command: ``diorama train rrdb_psnr --data DATA --out runs/psnr``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Wang et al. 2018, arXiv 1809.00219, section 4.1 (23 blocks of 64 features; as :func:`srresnet`).

    Args:
        info: small pictures with partners that are 2, 3, 4 or 8 times as large as their side ``target``.

    Raises:
        BadConfig: the data have no such partners.
    """
    large = larger_partner_of(info)
    network = _rrdb(info, large, features=64, growth=32, blocks=23)
    return _first_stage("rrdb_psnr", info, large, network, small=False)


def rrdb_psnr_cpu(info: DataInfo) -> Recipe:
    """A narrow RRDBNet for two CPU cores, by absolute differences.

    Command: ``diorama train rrdb_psnr_cpu --data DATA --out runs/psnr``
    Reference: as :func:`rrdb_psnr`, with 2 blocks of 24 features, squares of half the side, and Muon (K. Jordan et al.
        2024) in place of Adam.

    After 5,000 pictures, in 77 seconds of one core, Set5 enlarged four times came to 29.77 dB by Muon at 5e-3 and to
    27.63 dB by Adam at 1e-3; bicubic comes to 28.42 dB (benchmarks/results/enlarging.md).

    Raises:
        BadConfig: as :func:`rrdb_psnr`.
    """
    large = larger_partner_of(info)
    network = _rrdb(info, large, features=24, growth=12, blocks=2)
    return _first_stage("rrdb_psnr_cpu", info, large, network, small=True)


def esrgan(info: DataInfo) -> Recipe:
    """ESRGAN's second stage, which draws what pixels alone leave open; it starts from what ``rrdb_psnr`` has trained.

    What is seen of a picture is taken from ``lite``, which comes with the package. The paper looks with VGG19: so does
    ``--method.looker vgg19`` where torchvision's file is at hand. Squares of 128 pixels are judged by ESRGAN's
    discriminator; where large pictures are smaller, or are no power of two times as large, by Real-ESRGAN's.

    Command: ``diorama train esrgan --data DATA --from runs/psnr --out runs/esrgan``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Wang et al. 2018, arXiv 1809.00219, sections 3.2 to 4.1 (relativistic average loss of weight 5e-3,
        absolute differences of weight 0.01, features of weight 1, Adam at 1e-4, batches of 16, 400,000 steps). The
        authors halve the rate four times; here it falls along a line.

    Args:
        info: as :func:`rrdb_psnr` takes them.

    Raises:
        BadConfig: the data have no such partners.
    """
    large = larger_partner_of(info)
    network = _rrdb(info, large, features=64, growth=32, blocks=23)
    method = _second_stage(info, large, network, crop=_CROP, width=64)
    return _game("esrgan", method, images=6_400_000, small=False)


def esrgan_cpu(info: DataInfo) -> Recipe:
    """A narrow second stage for two CPU cores; it starts from what ``rrdb_psnr_cpu`` has trained.

    Command: ``diorama train esrgan_cpu --data DATA --from runs/psnr --out runs/esrgan``
    Reference: as :func:`esrgan`, with the network of :func:`rrdb_psnr_cpu` and a narrow discriminator of Real-ESRGAN.

    Raises:
        BadConfig: as :func:`rrdb_psnr`.
    """
    large = larger_partner_of(info)
    network = _rrdb(info, large, features=24, growth=12, blocks=2)
    method = _second_stage(info, large, network, crop=_SMALL_CROP, width=16)
    return _game("esrgan_cpu", method, images=50_000, small=True)


def _first_stage(
    name: str, info: DataInfo, large: MediaSpec, network: RRDBNetConfig | SRResNetConfig, *, small: bool
) -> Recipe:
    """Absolute differences alone.

    Args:
        name: of the recipe.
        info: small pictures.
        large: their partners.
        network: what enlarges.
        small: in minutes on a CPU.
    """
    crop, images, every = (_SMALL_CROP, 200_000, 20_000) if small else (_CROP, 16_000_000, 200_000)
    optimizer = _optimizer(5e-3, "cosine", "muon") if small else _optimizer(2e-4, "cosine")
    return Recipe(
        name=name,
        method=EnlargingConfig(small=info.media, large=large, network=network, crop=_crop(info, crop)),
        optimizers={"generator": optimizer},
        images=images,
        batch_size=16,
        averages=_average(half_life=2_000) if small else _average(),
        evaluation=_UNMEASURED,
        preview_every=every,
        checkpoint_every=every,
    )


def _game(name: str, method: ESRGANConfig, *, images: int, small: bool) -> Recipe:
    """A second stage.

    Args:
        name: of the recipe.
        method: with its discriminator.
        images: seen in all.
        small: in minutes on a CPU.
    """
    peak, batch, every = (2e-4, 8, 10_000) if small else (1e-4, 16, 100_000)
    return Recipe(
        name=name,
        method=method,
        optimizers=dict.fromkeys(("discriminator", "generator"), _optimizer(peak, "linear")),
        images=images,
        batch_size=batch,
        averages=_average(half_life=2_000) if small else _average(),
        evaluation=_UNMEASURED,
        preview_every=every,
        checkpoint_every=every,
    )


def _against_each(method: ESRGANConfig) -> ESRGANConfig:
    """SRGAN's losses: each picture is judged by itself, and pixels are not compared."""
    return replace(method, loss="non_saturating", adversarial=1e-3, l1=0.0)


def _second_stage(
    info: DataInfo, large: MediaSpec, network: RRDBNetConfig | SRResNetConfig, *, crop: int, width: int
) -> ESRGANConfig:
    side = _crop(info, crop)
    judged = side * network.scale
    judge: EnlargingDiscriminator
    if judged in (128, 256):
        judge = VGGDiscriminatorConfig(channels=large.channels, features=width, side=128 if judged == 128 else 256)
    else:
        judge = UNetDiscriminatorConfig(channels=large.channels, features=width, skips=judged % _JUDGED == 0)
    return ESRGANConfig(small=info.media, large=large, network=network, crop=side, discriminator=judge)


def _crop(info: DataInfo, side: int) -> int:
    return min(side, info.media.height, info.media.width)


def _srresnet(info: DataInfo, large: MediaSpec, *, features: int, blocks: int) -> SRResNetConfig:
    scale = _scale(info, large, (2, 3, 4))
    if info.media.channels not in (1, large.channels):
        raise BadConfig(f"data: SRResNet adds to the small picture, and the partners of {info.name} have more channels")
    factor: Literal[2, 3, 4] = 2 if scale == 2 else 3 if scale == 3 else 4
    return SRResNetConfig(
        inputs=info.media.channels, outputs=large.channels, features=features, blocks=blocks, factor=factor
    )


def _rrdb(info: DataInfo, large: MediaSpec, *, features: int, growth: int, blocks: int) -> RRDBNetConfig:
    return RRDBNetConfig(
        inputs=info.media.channels,
        outputs=large.channels,
        features=features,
        growth=growth,
        blocks=blocks,
        stages=_STAGES[_scale(info, large, tuple(_STAGES))],
    )


def _scale(info: DataInfo, large: MediaSpec, known: tuple[int, ...]) -> int:
    """How many times larger the partners are.

    Raises:
        BadConfig: none of the factors that there are networks for.
    """
    small = info.media
    scale = large.height // small.height
    if scale not in known or (large.height, large.width) != (small.height * scale, small.width * scale):
        factors = ", ".join(map(str, known[:-1]))
        raise BadConfig(
            f"data: the partners of the pictures of {info.name} are {large.width} x {large.height}, and the pictures "
            f"{small.width} x {small.height}; this recipe enlarges {factors} or {known[-1]} times: prepare with "
            f"--size N --small N/{known[-1]}"
        )
    return scale


def _optimizer(
    peak: float, decay: Literal["cosine", "linear"], algorithm: Literal["adam", "muon"] = "adam"
) -> OptimizerConfig:
    return OptimizerConfig(algorithm=algorithm, rate=RateConfig(peak=peak, decay=decay), betas=(0.9, 0.99))


def _average(half_life: int = 10_000) -> dict[str, AverageConfig]:
    return {"ema": AverageConfig(half_life=half_life)}
