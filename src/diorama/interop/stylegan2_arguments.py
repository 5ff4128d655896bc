"""Arguments of StyleGAN2's published classes, and how they stand to our configs.

The same network is published by two generations of NVIDIA's code. The older one keeps the arguments of the synthesis
under ``synthesis_kwargs`` and has other defaults there: no limit, no half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diorama.core.errors import BadInput
from diorama.networks.adversarial.style_mapping import StyleMappingConfig
from diorama.networks.adversarial.stylegan2 import Architecture, StyleGAN2GeneratorConfig
from diorama.networks.adversarial.stylegan2_discriminator import StyleGAN2DiscriminatorConfig
from diorama.nn.bias_act import ActivationName

NESTED = "synthesis_kwargs"
"""Where the older generation keeps the arguments of the synthesis."""
_OLDER: Mapping[str, Any] = {"num_fp16_res": 0, "conv_clamp": None}


@dataclass(frozen=True, kw_only=True)
class MappingArguments:
    """``mapping_kwargs`` of both classes. ``w_avg_beta`` is the generator's alone."""

    num_layers: int = 8
    embed_features: int | None = None
    layer_features: int | None = None
    activation: ActivationName = "lrelu"
    lr_multiplier: float = 0.01
    w_avg_beta: float = 0.998

    def to_ours(self) -> StyleMappingConfig:
        """Our config."""
        return StyleMappingConfig(
            layers=self.num_layers,
            embedding=self.embed_features,
            hidden=self.layer_features,
            activation=self.activation,
            lr_multiplier=self.lr_multiplier,
            w_avg_beta=self.w_avg_beta,
        )

    @staticmethod
    def of(config: StyleMappingConfig) -> MappingArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        return MappingArguments(
            num_layers=config.layers,
            embed_features=config.embedding,
            layer_features=config.hidden,
            activation=config.activation,
            lr_multiplier=config.lr_multiplier,
            w_avg_beta=config.w_avg_beta,
        )


@dataclass(frozen=True, kw_only=True)
class GeneratorArguments:
    """Arguments of ``Generator`` with their defaults.

    ``fp16_channels_last``, ``fused_modconv_default`` and ``c_dim``'s kind of labels change no number.
    """

    z_dim: int
    c_dim: int
    w_dim: int
    img_resolution: int
    img_channels: int
    mapping_kwargs: MappingArguments = MappingArguments()
    channel_base: int = 32768
    channel_max: int = 512
    num_fp16_res: int = 4
    architecture: Architecture = "skip"
    resample_filter: tuple[float, ...] = (1, 3, 3, 1)
    conv_clamp: float | None = 256
    kernel_size: int = 3
    use_noise: bool = True
    activation: ActivationName = "lrelu"
    fp16_channels_last: bool = False
    fused_modconv_default: bool | str = True

    def to_ours(self) -> StyleGAN2GeneratorConfig:
        """Our config."""
        return StyleGAN2GeneratorConfig(
            size=self.img_resolution,
            channels=self.img_channels,
            latent=self.z_dim,
            style=self.w_dim,
            classes=self.c_dim,
            mapping=self.mapping_kwargs.to_ours(),
            channel_base=self.channel_base,
            channel_max=self.channel_max,
            architecture=self.architecture,
            resample_filter=self.resample_filter,
            kernel=self.kernel_size,
            use_noise=self.use_noise,
            activation=self.activation,
            conv_clamp=self.conv_clamp,
            num_fp16_res=self.num_fp16_res,
        )

    @staticmethod
    def of(config: StyleGAN2GeneratorConfig) -> GeneratorArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        return GeneratorArguments(
            z_dim=config.latent,
            c_dim=config.classes,
            w_dim=config.style,
            img_resolution=config.size,
            img_channels=config.channels,
            mapping_kwargs=MappingArguments.of(config.mapping),
            channel_base=config.channel_base,
            channel_max=config.channel_max,
            num_fp16_res=config.num_fp16_res,
            architecture=config.architecture,
            resample_filter=config.resample_filter,
            conv_clamp=config.conv_clamp,
            kernel_size=config.kernel,
            use_noise=config.use_noise,
            activation=config.activation,
        )


@dataclass(frozen=True, kw_only=True)
class BlockArguments:
    """``block_kwargs``. ``fp16_channels_last`` and ``freeze_layers`` change no number of a network that is used."""

    activation: ActivationName = "lrelu"
    resample_filter: tuple[float, ...] = (1, 3, 3, 1)
    fp16_channels_last: bool = False
    freeze_layers: int = 0


@dataclass(frozen=True, kw_only=True)
class EpilogueArguments:
    """``epilogue_kwargs``."""

    mbstd_group_size: int | None = 4
    mbstd_num_channels: int = 1
    activation: ActivationName = "lrelu"


@dataclass(frozen=True, kw_only=True)
class DiscriminatorArguments:
    """Arguments of ``Discriminator`` with the defaults of the newer generation; older files say theirs."""

    c_dim: int
    img_resolution: int
    img_channels: int
    architecture: Architecture = "resnet"
    channel_base: int = 32768
    channel_max: int = 512
    num_fp16_res: int = 4
    conv_clamp: float | None = 256
    cmap_dim: int | None = None
    block_kwargs: BlockArguments = BlockArguments()
    mapping_kwargs: MappingArguments = MappingArguments()
    epilogue_kwargs: EpilogueArguments = EpilogueArguments()

    def to_ours(self) -> StyleGAN2DiscriminatorConfig:
        """Our config."""
        return StyleGAN2DiscriminatorConfig(
            size=self.img_resolution,
            channels=self.img_channels,
            classes=self.c_dim,
            architecture=self.architecture,
            channel_base=self.channel_base,
            channel_max=self.channel_max,
            resample_filter=self.block_kwargs.resample_filter,
            activation=self.block_kwargs.activation,
            conv_clamp=self.conv_clamp,
            num_fp16_res=self.num_fp16_res,
            cmap_dim=self.cmap_dim,
            mapping=self.mapping_kwargs.to_ours(),
            mbstd_group_size=self.epilogue_kwargs.mbstd_group_size,
            mbstd_num_channels=self.epilogue_kwargs.mbstd_num_channels,
            last_activation=self.epilogue_kwargs.activation,
        )

    @staticmethod
    def of(config: StyleGAN2DiscriminatorConfig) -> DiscriminatorArguments:
        """The published arguments; :meth:`to_ours` reads them back."""
        return DiscriminatorArguments(
            c_dim=config.classes,
            img_resolution=config.size,
            img_channels=config.channels,
            architecture=config.architecture,
            channel_base=config.channel_base,
            channel_max=config.channel_max,
            num_fp16_res=config.num_fp16_res,
            conv_clamp=config.conv_clamp,
            cmap_dim=config.cmap_dim,
            block_kwargs=BlockArguments(activation=config.activation, resample_filter=config.resample_filter),
            mapping_kwargs=MappingArguments.of(config.mapping),
            epilogue_kwargs=EpilogueArguments(
                mbstd_group_size=config.mbstd_group_size,
                mbstd_num_channels=config.mbstd_num_channels,
                activation=config.last_activation,
            ),
        )


def flattened(published: Mapping[str, Any]) -> Mapping[str, Any]:
    """The generator's arguments of either generation as those of the newer one.

    Raises:
        BadInput: an argument stands in both places, or the nested ones are no object.
    """
    if NESTED not in published:
        return published
    nested = published[NESTED]
    if not isinstance(nested, Mapping):
        raise BadInput(f"Generator config.{NESTED}: expected an object, got {nested!r}")
    twice = sorted(set(nested) & set(published))
    if twice:
        raise BadInput(f"Generator config: {', '.join(twice)} stand beside {NESTED} and in it")
    outside = {key: value for key, value in published.items() if key != NESTED}
    return {**_OLDER, **outside, **nested}
