"""What all methods have in common that train a denoising network: who is trained, what is read, what is drawn.

A model draws pixels, or the latents that a frozen codec makes of them: R. Rombach et al., arXiv:2112.10752, section 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from diorama.core.contracts import Batch, Condition, Level, Moment, SideSpec
from diorama.core.errors import BadConfig
from diorama.data.computed_sides import ComputedSide
from diorama.methods.base import Method
from diorama.networks.codecs.spatial import SpatialCodec
from diorama.nn.magnitude import magnitude_layers
from diorama.synthesis.conditions import drawn_key
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig


class DenoiserMethod(Method):
    """One player: a denoising network, with what reads the conditions for it.

    Args:
        model: what is trained.
        denoiser: its network.
        encoder: what reads its conditions, trained along; ``None`` for nothing.
        codec: the frozen codec of a model that draws latents.
        codec_part: name of the frozen part that the codec came with, whose hash names cached latents.
        frozen: all frozen parts.
    """

    def __init__(
        self,
        model: DiffusionSynthesizerConfig,
        denoiser: nn.Module,
        encoder: nn.Module | None,
        codec: SpatialCodec | None,
        codec_part: str,
        frozen: Mapping[str, nn.Module],
    ) -> None:
        if model.guide is not None:
            raise BadConfig("model.guide: a guide is given to a trained model; train without one")
        super().__init__({**frozen, **({} if codec is None else {"codec": codec})})
        self.model, self.codec_part = model, codec_part
        self.denoiser, self.encoder = denoiser, encoder

    @property
    def codec(self) -> SpatialCodec | None:
        """The frozen codec of a model that draws latents."""
        codec = dict(self.frozen.items()).get("codec")
        assert codec is None or isinstance(codec, SpatialCodec)
        return codec

    @property
    def teacher(self) -> DiffusionSynthesizer:
        """The frozen teacher, of a method that has one."""
        teacher = self.frozen["teacher"]
        assert isinstance(teacher, DiffusionSynthesizer)
        return teacher

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        """``denoiser``: the network, and what reads the conditions for it."""
        return {"denoiser": [p for module in self.averaged().values() for p in module.parameters()]}

    def averaged(self) -> Mapping[str, nn.Module]:
        """The networks that are trained."""
        encoder = {} if self.encoder is None else {"encoder": self.encoder}
        return {"denoiser": self.denoiser, **encoder}

    def after_step(self, moment: Moment) -> None:
        """Normalise the weights of layers of which only the directions count; T. Karras et al., arXiv:2312.02696,
        equation 66."""
        for name, module in self.named_children():
            for layer in magnitude_layers(module) if name != "frozen" else ():
                layer.normalize_weight()

    def synthesizer(self) -> DiffusionSynthesizerConfig:
        """The model, with the codec that it was trained with."""
        return self.model

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """What is drawn, and what it is drawn from."""
        drawn = "latent" if "latent" in computed else self._drawn_key
        return (drawn, *(spec.key for spec in self.model.conditions))

    def computed_sides(self) -> Sequence[ComputedSide]:
        """``latent``, of a model that draws latents."""
        if self.codec is None:
            return ()
        spec = SideSpec(key="latent", kind="values", shape=self.model.drawn.shape)
        return (ComputedSide(spec=spec, of=self._drawn_key, encoder=self.codec_part, encode=self.codec.encode),)

    def clean_samples(self, batch: Batch) -> Tensor:
        """What the model is to draw of a batch: its pixels, or their latents, cached or made now by the codec."""
        if self.codec is None:
            return batch[self._drawn_key]
        if "latent" in batch:
            return batch["latent"]
        with torch.no_grad():
            return self.codec.encode(batch[self._drawn_key])

    @property
    def clean_key(self) -> str:
        """The key of a batch under which its clean samples are, or may be cached."""
        return self._drawn_key if self.codec is None else "latent"

    def encoded_condition(self, condition: Condition) -> Condition:
        """A condition with what the encoder makes of it."""
        return condition if self.encoder is None else {**condition, **self.encoder(condition)}

    @property
    def _drawn_key(self) -> str:
        """The key of the pixels that the model draws: one that is given the record's picture draws its partner."""
        return drawn_key(self.model.media, self.model.conditions)


def broadcast(level: Level, dims: int) -> Level:
    """Levels of a batch, (b,), so that they broadcast against samples of so many dimensions."""
    shape = (-1, *[1] * (dims - 1))
    return Level(t=level.t.reshape(shape), alpha=level.alpha.reshape(shape), sigma=level.sigma.reshape(shape))


Reduction = Literal["mean", "half_sum"]
"""Of squared errors to one number: the mean of all, or half their sum in each sample, averaged over samples. The second
is larger by half a sample's number of values, which matters where gradients are clipped."""


def reduced(errors: Tensor, reduction: Reduction) -> Tensor:
    """Squared errors (b, ...) as one number, shape ()."""
    return errors.mean() if reduction == "mean" else errors.flatten(1).sum(1).mean() / 2
