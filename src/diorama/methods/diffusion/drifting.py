"""Drifting models: a generator of one pass whose samples drift, step by step of its training, to where the data are.

No process is reversed and no path is followed: the network sees noise alone. It is held as a denoiser that is asked at
one level, so that it is saved, loaded and drawn from as all others, of pictures or of latents.

Reference: M. Deng, H. Li, T. Li, Y. Du, K. He, "Generative modeling via drifting", arXiv:2602.04770.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Batch, Loss, Moment
from diorama.core.errors import BadConfig
from diorama.losses.drifting import DriftingLoss, drifting_loss, map_features
from diorama.methods.base import NO_PARTS, MethodConfig, Phase
from diorama.methods.diffusion.denoiser import DenoiserMethod, broadcast
from diorama.methods.diffusion.from_scratch import codec_wanted, from_scratch
from diorama.networks.features import lite
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.samplers.consistency import ConsistencyConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig

_FEATURES = "features"


@dataclass(frozen=True, kw_only=True)
class DriftingConfig(MethodConfig):
    """Training of a generator by drifting, from data alone.

    Each micro-batch of each process is a set of its own: as many samples are generated as it has data, and the field is
    that of both. Memory for the distances of all pairs grows with the square of the micro-batch, see
    :func:`~diorama.losses.drifting.drifting_loss`.

    Args:
        synthesizer: the model: a network without conditions that answers at one level (a
            :class:`~diorama.processes.ratio_spacing.RatioSpacing` of one ratio), drawn from in one step.
        space: where samples drift: as they are, all values of one as one vector; or also in the maps of ``lite``, the
            feature network that comes with the package.
        depths: whose maps are looked at, of the feature network's four, the finest first.
        temperatures: of the kernels, in units of the samples' mean distance.
    """

    synthesizer: DiffusionSynthesizerConfig
    space: Literal["values", "features"] = "features"
    depths: tuple[int, ...] = (0, 1, 2, 3)
    temperatures: tuple[float, ...] = (0.02, 0.05, 0.2)

    def __post_init__(self) -> None:
        model = self.synthesizer
        one_level = isinstance(model.spacing, RatioSpacing) and len(model.spacing.ratios) == 1
        if not one_level or not isinstance(model.sampler, ConsistencyConfig):
            raise ValueError(
                "synthesizer: a drifting model draws in one step; take a RatioSpacing of one ratio and a "
                "ConsistencyConfig as its sampler"
            )
        if model.conditions:
            raise ValueError(
                "synthesizer.conditions: a drifting model of labels is trained on batches of one label each, which are "
                "not made yet; leave conditions out"
            )
        if self.space == "features" and (model.codec is not None or model.media.kind != "image"):
            raise ValueError("space: 'features' are those of pictures, and this model draws others; let it be 'values'")
        known = range(len(lite.LITE.config.widths))
        if not self.depths or len(set(self.depths)) < len(self.depths) or not set(self.depths) <= set(known):
            raise ValueError(f"depths: must be some of {list(known)}, each once, got {self.depths}")
        if not self.temperatures or not all(0 < tau < float("inf") for tau in self.temperatures):
            raise ValueError(f"temperatures must be positive and finite, got {self.temperatures}")

    def parts_wanted(self) -> Mapping[str, str]:
        """``codec``, of a model that draws latents."""
        return codec_wanted(self.synthesizer)

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> Drifting:
        """The method with a freshly initialised network."""
        return Drifting(self, frozen)


class Drifting(DenoiserMethod):
    """See :class:`DriftingConfig`."""

    def __init__(self, config: DriftingConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        # Not a part of the recipe: it comes with the package, and no model is saved with it.
        parts = {_FEATURES: lite.pretrained()} if config.space == "features" else NO_PARTS
        super().__init__(*from_scratch(config.synthesizer, frozen), codec_part="codec", frozen=parts)
        self.config = config
        # On the device, where a recorded turn reads it.
        self.register_buffer("time", self.model.spacing.times(self.model.process, 1)[0].float(), persistent=False)
        self.time: Tensor

    def phases(self) -> Sequence[Phase]:
        """One turn."""
        return [Phase("loss", "denoiser", self.loss, recorded=True)]

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Sum over all features of how far samples are from where they drift; logs the field's size, without features.

        Raises:
            BadConfig: a pass has one sample alone, which has no other to drift away from.

        Reference: algorithm 1, equation 14; the "vanilla" loss beside that of features: appendix A.5.
        """
        clean = self.clean_samples(batch)
        if len(clean) < 2:
            raise BadConfig("batch_size, micro_batch: a pass needs at least 2 samples, which drift from each other")
        x = self.generated(clean)
        plain = self._loss(x.flatten(1)[None], clean.flatten(1)[None])
        told = {"drift": plain.drift}
        if self.config.space == "values":
            return Loss(plain.value, told)
        with torch.no_grad():
            wanted = self._features(clean)
        losses = [self._loss(ours, theirs).value for ours, theirs in zip(self._features(x), wanted, strict=True)]
        return Loss(plain.value + torch.stack(losses).sum(), told)

    def generated(self, like_these: Tensor) -> Tensor:
        """As many samples as these are, drawn as the synthesizer draws them."""
        process, times = self.model.process, self.time.expand(len(like_these))
        level = broadcast(process.at(times), like_these.dim())
        x = process.prior_scale(level.t) * torch.randn_like(like_these)
        return NetworkDenoise(self.denoiser, self.model.preconditioning, NOTHING_GIVEN)(x, level).clean

    def _loss(self, x: Tensor, data: Tensor) -> DriftingLoss:
        return drifting_loss(x, data, self.config.temperatures)

    def _features(self, pictures: Tensor) -> list[Tensor]:
        """Sets of features, (l, b, c) each: mean squares of the pictures themselves, and the vectors of each map."""
        network = cast(lite.LiteFeatures, self.frozen[_FEATURES])
        # Of pictures whose channels are seen apart a map has the channels of all.
        seen = network.maps(pictures)
        maps = [seen[depth].reshape(len(pictures), -1, *seen[depth].shape[2:]) for depth in self.config.depths]
        squares = pictures.square().mean((2, 3))[None]
        return [squares, *(vectors for one in maps for vectors in map_features(one.float()))]
