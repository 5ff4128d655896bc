"""Arguments of the classes that the BigGAN authors' PyTorch code publishes, and what they say in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diorama.core.errors import BadInput
from diorama.networks.adversarial.biggan import BigGANDiscriminatorConfig, BigGANGeneratorConfig
from diorama.networks.adversarial.biggan_deep import BigGANDeepDiscriminatorConfig, BigGANDeepGeneratorConfig
from diorama.nn.initialize import Initial
from diorama.nn.spectral import PowerIteration

_INITIAL: Mapping[str, Initial] = {"ortho": "orthogonal", "N02": "normal", "xavier": "xavier", "glorot": "xavier"}


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """Arguments of ``BigGAN.Generator``.

    Args:
        G_ch: width.
        dim_z: length of z, before what cannot be shared out evenly is dropped.
        bottom_width: side of the coarsest map.
        resolution: of the pictures, where that side is 4.
        G_attn: sides with attention, as ``32_64``; ``0`` for none.
        n_classes: labels.
        num_G_SVs: singular vectors that are followed.
        num_G_SV_itrs: iterations at a pass.
        G_shared: norms read an embedding of labels; else each has a table.
        shared_dim: length of that embedding; 0 for that of z.
        hier: parts of z go to all blocks.
        G_param: ``SN`` for spectral norm, anything else for none.
        BN_eps: of conditional norms.
        SN_eps: of singular vectors.
        G_init: how weights are drawn.
        norm_style: ``bn``.
        cross_replica: statistics of norms were those of all devices in training.
        mybn: norms were computed by other means in training.
        G_kernel_size: not read by the published class.
        G_lr: of the optimizer, as the next four: no part of the network.
        G_B1: of the optimizer.
        G_B2: of the optimizer.
        adam_eps: of the optimizer.
        G_mixed_precision: of the optimizer.
        G_fp16: of training.
        skip_init: of training.
        no_optim: of training.
    """

    G_ch: int = 64
    dim_z: int = 128
    bottom_width: int = 4
    resolution: int = 128
    G_attn: str = "64"
    n_classes: int = 1000
    num_G_SVs: int = 1  # noqa: N815
    num_G_SV_itrs: int = 1  # noqa: N815
    G_shared: bool = True
    shared_dim: int = 0
    hier: bool = False
    G_param: str = "SN"
    BN_eps: float = 1e-5
    SN_eps: float = 1e-12
    G_init: str = "ortho"
    norm_style: str = "bn"
    cross_replica: bool = False
    mybn: bool = False
    G_kernel_size: int = 3
    G_lr: float = 5e-5
    G_B1: float = 0.0
    G_B2: float = 0.999
    adam_eps: float = 1e-8
    G_mixed_precision: bool = False
    G_fp16: bool = False
    skip_init: bool = False
    no_optim: bool = False


@dataclass(frozen=True, kw_only=True)
class DeepGeneratorArguments(GeneratorArguments):
    """Arguments of ``BigGANdeep.Generator``: those of :class:`GeneratorArguments`, and one more.

    Args:
        G_depth: blocks of each stage.
    """

    G_depth: int = 2
    hier: bool = True


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``BigGAN.Discriminator``.

    Args:
        D_ch: width.
        D_wide: blocks are as wide inside as behind them.
        resolution: of the pictures.
        D_attn: sides with attention, as ``32_64``; ``0`` for none.
        n_classes: labels.
        num_D_SVs: singular vectors that are followed.
        num_D_SV_itrs: iterations at a pass.
        SN_eps: of singular vectors.
        output_dim: logits of each picture.
        D_init: how weights are drawn.
        D_param: ``SN``; the published class has nothing else.
        D_kernel_size: not read by the published class.
        D_lr: of the optimizer, as the next four: no part of the network.
        D_B1: of the optimizer.
        D_B2: of the optimizer.
        adam_eps: of the optimizer.
        D_mixed_precision: of the optimizer.
        D_fp16: of training.
        skip_init: of training.
    """

    D_ch: int = 64
    D_wide: bool = True
    resolution: int = 128
    D_attn: str = "64"
    n_classes: int = 1000
    num_D_SVs: int = 1  # noqa: N815
    num_D_SV_itrs: int = 1  # noqa: N815
    SN_eps: float = 1e-12
    output_dim: int = 1
    D_init: str = "ortho"
    D_param: str = "SN"
    D_kernel_size: int = 3
    D_lr: float = 2e-4
    D_B1: float = 0.0
    D_B2: float = 0.999
    adam_eps: float = 1e-8
    D_mixed_precision: bool = False
    D_fp16: bool = False
    skip_init: bool = False


@dataclass(frozen=True, kw_only=True)
class DeepDiscriminatorArguments(DiscriminatorArguments):
    """Arguments of ``BigGANdeep.Discriminator``: those of :class:`DiscriminatorArguments`, and one more.

    Args:
        D_depth: blocks of each stage.
    """

    D_depth: int = 2


AnyGenerator = BigGANGeneratorConfig | BigGANDeepGeneratorConfig
AnyDiscriminator = BigGANDiscriminatorConfig | BigGANDeepDiscriminatorConfig


def our_generator(arguments: GeneratorArguments, sides: Sequence[int]) -> dict[str, Any]:
    """The fields that both of our generators have.

    Args:
        arguments: as published.
        sides: of maps that attention may follow.

    Raises:
        BadInput: we have no such network; the message names the argument.
    """
    if arguments.norm_style != "bn":
        raise BadInput(f"norm_style: is {arguments.norm_style!r}; only batch norm, 'bn', is read")
    power = PowerIteration(
        vectors=arguments.num_G_SVs, iterations=arguments.num_G_SV_itrs, eps=arguments.SN_eps
    )  # fmt: skip
    return {
        "resolution": arguments.resolution,
        "bottom": arguments.bottom_width,
        "width": arguments.G_ch,
        "classes": arguments.n_classes,
        "attention": _attention(arguments.G_attn, "G_attn", sides),
        "spectral": power if arguments.G_param == "SN" else None,
        "norm_eps": arguments.BN_eps,
        "initial": _initial(arguments.G_init, "G_init"),
    }


def published_generator(config: AnyGenerator, network: str) -> dict[str, Any]:
    """The arguments that both published generators have, without those of z and the labels' embedding.

    Raises:
        BadInput: the publisher has no such network; the message names the field.
    """
    _only_colour(config.channels, network)
    if config.resolution < 32:
        raise BadInput(f"resolution: the published {network} has 32 and more, this network {config.resolution}")
    power = config.spectral or PowerIteration()
    return {
        "G_ch": config.width,
        "bottom_width": config.bottom,
        "resolution": config.resolution,
        "G_attn": attention_words(config.attention),
        "n_classes": config.classes,
        "num_G_SVs": power.vectors,
        "num_G_SV_itrs": power.iterations,
        "SN_eps": power.eps,
        "G_param": "none" if config.spectral is None else "SN",
        "BN_eps": config.norm_eps,
        "G_init": _published_initial(config.initial),
        "dim_z": config.latent,
    }


def our_discriminator(arguments: DiscriminatorArguments, sides: Sequence[int]) -> dict[str, Any]:
    """The fields that both of our discriminators have; arguments as :func:`our_generator`."""
    if arguments.D_param != "SN":
        raise BadInput(f"D_param: is {arguments.D_param!r}; the published class has 'SN' alone")
    return {
        "resolution": arguments.resolution,
        "width": arguments.D_ch,
        "classes": arguments.n_classes,
        "attention": _attention(arguments.D_attn, "D_attn", sides),
        "spectral": PowerIteration(
            vectors=arguments.num_D_SVs, iterations=arguments.num_D_SV_itrs, eps=arguments.SN_eps
        ),
        "outputs": arguments.output_dim,
        "initial": _initial(arguments.D_init, "D_init"),
    }


def published_discriminator(config: AnyDiscriminator, network: str) -> dict[str, Any]:
    """The arguments that both published discriminators have.

    Raises:
        BadInput: the publisher has no such network; the message names the field.
    """
    _only_colour(config.channels, network)
    return {
        "D_ch": config.width,
        "resolution": config.resolution,
        "D_attn": attention_words(config.attention),
        "n_classes": config.classes,
        "num_D_SVs": config.spectral.vectors,
        "num_D_SV_itrs": config.spectral.iterations,
        "SN_eps": config.spectral.eps,
        "output_dim": config.outputs,
        "D_init": _published_initial(config.initial),
    }


def attention_words(sides: Sequence[int]) -> str:
    """Sides with attention as the published code writes them."""
    return "_".join(map(str, sorted(set(sides)))) or "0"


def _attention(words: str, name: str, sides: Sequence[int]) -> tuple[int, ...]:
    """Sides with attention; those that no map has are passed over, as the published code does."""
    try:
        asked = {int(word) for word in words.split("_")}
    except ValueError:
        raise BadInput(f"{name}: sides joined by '_', such as 32_64, or 0; got {words!r}") from None
    return tuple(sorted(asked & set(sides)))


def _initial(word: str, name: str) -> Initial:
    if word not in _INITIAL:
        raise BadInput(f"{name}: is one of {', '.join(_INITIAL)}, got {word!r}")
    return _INITIAL[word]


def _published_initial(initial: Initial) -> str:
    return next(word for word, ours in _INITIAL.items() if ours == initial)


def _only_colour(channels: int, network: str) -> None:
    if channels != 3:
        raise BadInput(f"channels: the published {network} is of 3 channels, this network of {channels}")
