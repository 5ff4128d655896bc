"""StyleGAN2, StyleGAN2-ADA and StyleGAN3: recipes for a GPU, whose settings follow the size, and one for a CPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.path_length import PathLengthConfig
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.networks.adversarial.stylegan3 import StyleGAN3GeneratorConfig
from diorama.networks.catalog import Generator
from diorama.recipes.pictures import pictures_of
from diorama.training.recipe import AverageConfig, EvaluationConfig, OptimizerConfig, RateConfig, Recipe

_R1_INTERVAL = 16
_PATH_LENGTH = PathLengthConfig()
_TWO_LAYERS = StyleMappingConfig(layers=2)
_NARROW, _WIDE = 16384, 32768
"""Channels of a resolution, times its side."""


def stylegan2(info: DataInfo) -> Recipe:
    """StyleGAN2's configuration F, for square pictures whose side is a power of two, meant for 128 pixels and more.

    Pictures with several labels are drawn by label.

    Command: ``diorama train stylegan2 --data DATA --out runs/stylegan2``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Karras, Laine, Aittala, Hellsten, Lehtinen, Aila 2020, arXiv 1912.04958, configuration F (batches of 32,
        rates of 2e-3, mixed styles, path lengths every 4 and R1 every 16 steps); the weight of R1 by the formula of the
        authors' later code, 0.0002 side² / batch; ramp-up of the average as Karras et al. 2020, arXiv 2006.06676.

    Raises:
        BadConfig: the data are clips, or pictures that are no squares or of another side.
    """
    batch = 32
    generator = StyleGAN2GeneratorConfig(**_drawn(info), channel_base=_WIDE)
    method = replace(
        _method(info, generator, channel_base=_WIDE, r1=_r1(info, 0.0002, batch)),
        style_mixing=0.9,
        path_length=_PATH_LENGTH,
    )
    return _recipe("stylegan2", method, _optimizers(2e-3, 2e-3, lazy_generator=True), batch)


def stylegan2_ada(info: DataInfo) -> Recipe:
    """StyleGAN2 with adaptive augmentation, for data sets of some hundred to some ten thousand pictures.

    Sizes and labels as of :func:`stylegan2`, from 64 pixels on.

    Command: ``diorama train stylegan2_ada --data DATA --out runs/stylegan2_ada``
    Hardware and time: one GPU; 1,000 pictures of 256 x 256 take 3.1 s on an H200 without augmentation, which is a third
        of what the authors' code takes (benchmarks/results/styled_gans.md); a run of all 25 million is not measured.
    Reference: Karras, Aittala, Hellsten, Laine, Lehtinen, Aila 2020, arXiv 2006.06676; settings by size as the
        authors' PyTorch code chooses them for one GPU: batches of 32 and fewer from 256 pixels on, half the width below
        512, two layers of mapping, rates of 2.5e-3.

    Raises:
        BadConfig: as :func:`stylegan2`.
    """
    size = _size(info)
    batch = max(min(4096 // size, 32), 1)
    width, rate = _NARROW if size < 512 else _WIDE, 2.5e-3 if size < 1024 else 2e-3
    generator = StyleGAN2GeneratorConfig(**_drawn(info), channel_base=width, mapping=_TWO_LAYERS)
    method = replace(
        _method(info, generator, channel_base=width, r1=_r1(info, 0.0002, batch), mbstd_group_size=min(batch, 4)),
        augment=AdaptiveAugmentationConfig(),
        style_mixing=0.9,
        path_length=_PATH_LENGTH,
    )
    return _recipe("stylegan2_ada", method, _optimizers(rate, rate, lazy_generator=True), batch)


def stylegan2_cifar(info: DataInfo) -> Recipe:
    """StyleGAN2-ADA as tuned for CIFAR-10, for pictures of 32 pixels and near it, with mirrored ones.

    Command: ``diorama train stylegan2_cifar --data DATA --out runs/stylegan2_cifar``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Karras et al. 2020, arXiv 2006.06676, appendix C (CIFAR-10), and the authors' PyTorch code: no shortcuts
        in the discriminator, no path lengths, no mixed styles, R1 of 0.01, a slow average, two layers of mapping.

    Raises:
        BadConfig: as :func:`stylegan2`.
    """
    generator = StyleGAN2GeneratorConfig(**_drawn(info), channel_base=_WIDE, mapping=_TWO_LAYERS)
    method = _method(info, generator, channel_base=_WIDE, r1=0.01, architecture="orig", mbstd_group_size=32)
    # The generator's rate is that of lazy regularisation here too, as in the authors' code.
    recipe = _recipe("stylegan2_cifar", method, _optimizers(2.5e-3, 2.5e-3, lazy_generator=True), 64)
    return replace(
        recipe,
        method=replace(method, augment=AdaptiveAugmentationConfig()),
        images=100_000_000,
        flip=True,
        averages={"ema": AverageConfig(half_life=500_000, buffers="copied")},
    )


def stylegan2_cpu(info: DataInfo) -> Recipe:
    """A narrow StyleGAN2-ADA, for pictures of 32 pixels and near it, that shows shapes and colours within minutes.

    Command: ``diorama train stylegan2_cpu --data DATA --out runs/stylegan2``
    Hardware and time: two CPU cores; 200,000 pictures of 32 x 32 take about half an hour (90 a second on one core).
    Reference: as :func:`stylegan2_cifar`, at a few per cent of the width and with shortcuts, augmentation that follows
        five times as fast, and an average of 10,000 pictures.

    Raises:
        BadConfig: as :func:`stylegan2`.
    """
    narrow: dict[str, Any] = {"channel_base": 512, "channel_max": 64}
    generator = StyleGAN2GeneratorConfig(**_drawn(info), **narrow, latent=64, style=64, mapping=_TWO_LAYERS)
    method = replace(
        _method(info, generator, **narrow, r1=0.01),
        augment=AdaptiveAugmentationConfig(images=100_000),
    )
    recipe = _recipe("stylegan2_cpu", method, _optimizers(2.5e-3, 2.5e-3, lazy_generator=False), 32)
    return replace(
        recipe,
        images=200_000,
        evaluation=EvaluationConfig(every=100_000, samples=2_000),
        preview_every=20_000,
        checkpoint_every=50_000,
    )


def stylegan3(info: DataInfo) -> Recipe:
    """StyleGAN3's configuration T, whose details move with what they belong to; sizes and labels as of stylegan2.

    Configuration R also turns them: ``--method.generator.bands.conv-kernel 1
    --method.generator.bands.use-radial-filters --method.generator.channel-base 65536
    --method.generator.channel-max 1024 --method.blur.sigma 10``.

    Command: ``diorama train stylegan3 --data DATA --out runs/stylegan3``
    Hardware and time: one GPU; how long it takes is not measured yet.
    Reference: Karras, Aittala, Laine, Härkönen, Hellsten, Lehtinen, Aila 2021, arXiv 2106.12423, and the authors' code:
        batches of 32, rates of 2.5e-3 and 2e-3, R1 of 0.001 side² / batch, adaptive augmentation.

    Raises:
        BadConfig: as :func:`stylegan2`.
    """
    batch = 32
    generator = StyleGAN3GeneratorConfig(**_drawn(info, 16), magnitude_ema_beta=0.5 ** (batch / 20_000))
    method = replace(
        _method(info, generator, channel_base=_WIDE, r1=_r1(info, 0.001, batch)), augment=AdaptiveAugmentationConfig()
    )
    return _recipe("stylegan3", method, _optimizers(2.5e-3, 2e-3, lazy_generator=False), batch)


def _size(info: DataInfo, least: int = 8) -> int:
    media = pictures_of(info, "StyleGAN")
    size = media.width
    if media.height != size or size < least or size & (size - 1):
        raise BadConfig(
            f"data: pictures of {media.height} x {size} pixels; StyleGAN draws squares with a side of {least}, "
            f"{2 * least}, {4 * least} and so on (diorama prepare --size cuts them)"
        )
    return size


def _drawn(info: DataInfo, least: int = 8) -> dict[str, Any]:
    """What the data say of a network; a single class is told to nobody."""
    classes = len(info.classes) if len(info.classes) > 1 else 0
    return {"size": _size(info, least), "channels": info.media.channels, "classes": classes}


def _r1(info: DataInfo, share: float, batch: int) -> float:
    """The weight of R1 that the authors' code takes for a size."""
    return share * _size(info) ** 2 / batch


def _method(info: DataInfo, generator: Generator, *, r1: float, **discriminator: Any) -> GANConfig:
    label = info.condition("label")
    return GANConfig(
        media=info.media,
        generator=generator,
        discriminator=StyleGAN2DiscriminatorConfig(**_drawn(info), **discriminator),
        r1=r1,
        r1_interval=_R1_INTERVAL,
        conditions=(label,) if label is not None and generator.reads else (),
    )


def _optimizers(generator: float, discriminator: float, *, lazy_generator: bool) -> dict[str, OptimizerConfig]:
    """Adam for both; the discriminator takes lazy steps for R1, the generator perhaps for path lengths."""
    return {
        "discriminator": _lazily(_adam(discriminator), _R1_INTERVAL),
        "generator": _lazily(_adam(generator), _PATH_LENGTH.interval) if lazy_generator else _adam(generator),
    }


def _adam(peak: float) -> OptimizerConfig:
    return OptimizerConfig(rate=RateConfig(peak=peak), betas=(0.0, 0.99))


def _lazily(optimizer: OptimizerConfig, interval: int) -> OptimizerConfig:
    """The optimizer for a player that takes one more step in every so many, as if it took them all at once.

    Reference: Karras et al. 2020, arXiv 1912.04958, appendix B (lazy regularisation).
    """
    share = interval / (interval + 1)
    first, second = optimizer.betas
    rate = replace(optimizer.rate, peak=optimizer.rate.peak * share)
    return replace(optimizer, rate=rate, betas=(first**share, second**share))


def _recipe(name: str, method: GANConfig, optimizers: dict[str, OptimizerConfig], batch: int) -> Recipe:
    return Recipe(
        name=name,
        method=method,
        optimizers=optimizers,
        images=25_000_000,
        batch_size=batch,
        averages={"ema": AverageConfig(half_life=round(10_000 * batch / 32), buffers="copied")},
        evaluation=EvaluationConfig(every=500_000, samples=5_000),
        preview_every=100_000,
        checkpoint_every=200_000,
    )
