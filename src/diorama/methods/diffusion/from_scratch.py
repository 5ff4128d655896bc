"""What all methods have in common that train a diffusion or flow model from data alone: new networks, and a codec that
stays as it is where the model draws latents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from torch import nn

from diorama.core.errors import BadConfig
from diorama.networks.codecs.spatial import SpatialCodec
from diorama.synthesis.base import kind_of
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.vae import VAESynthesizer


class FromScratch(NamedTuple):
    """A model that has learned nothing yet.

    Attributes:
        model: what it is, with the codec that it was given.
        denoiser: its network.
        encoder: what reads its conditions, if anything does.
        codec: of a model that draws latents.
    """

    model: DiffusionSynthesizerConfig
    denoiser: nn.Module
    encoder: nn.Module | None
    codec: SpatialCodec | None


def from_scratch(model: DiffusionSynthesizerConfig, frozen: Mapping[str, nn.Module]) -> FromScratch:
    """A model with freshly initialised networks.

    Args:
        model: what it is to be; another codec may take the place of its own.
        frozen: the trained parts, of which a model that draws latents takes ``codec``.

    Raises:
        BadConfig: the codec is none, or draws other media or other latents than the model.
    """
    codec = None if model.codec is None else _codec_of(frozen["codec"], model)
    model = model if codec is None else replace(model, codec=codec.config)
    denoiser = model.denoiser.build()
    return FromScratch(model, denoiser, None if model.encoder is None else model.encoder.build(), codec)


def codec_wanted(model: DiffusionSynthesizerConfig) -> Mapping[str, str]:
    """What a method wants as its frozen parts to train this model from data: ``codec``, where it draws latents."""
    return {} if model.codec is None else {"codec": f"{_CODEC}, such as a run of vae_spatial_cpu"}


_CODEC = "an autoencoder with spatial latents"


def _codec_of(part: nn.Module, model: DiffusionSynthesizerConfig) -> SpatialCodec:
    """The codec in a frozen part: a VAE with spatial latents, or a codec by itself.

    Raises:
        BadConfig: it is neither, or draws other media or other latents than the model.
    """
    if isinstance(part, VAESynthesizer):
        part = part.codec()
    if not isinstance(part, SpatialCodec):
        raise BadConfig(f"frozen.codec: is a {kind_of(part)}, and must be {_CODEC}")
    size = part.config.encoder.size
    if size != (model.media.height, model.media.width):
        raise BadConfig(
            f"frozen.codec: was trained on pictures of {size[0]} x {size[1]}, and the model draws "
            f"{model.media.height} x {model.media.width}"
        )
    shape = part.config.latent(model.media).shape
    if shape != model.drawn.shape or part.config.encoder.channels != model.media.channels:
        raise BadConfig(
            f"frozen.codec: makes latents of shape {shape} of {part.config.encoder.channels}-channel pictures, and the "
            f"model draws {model.drawn.shape} for pictures of shape {model.media.shape}"
        )
    return part
