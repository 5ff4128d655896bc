"""``upscale``: larger pictures of given small ones, by models that were trained to enlarge.

Reference: J. Ho et al., "Cascaded diffusion models for high fidelity image generation", arXiv:2106.15282, section 3.
X. Wang et al., "ESRGAN: Enhanced super-resolution generative adversarial networks", arXiv:1809.00219 (one pass).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadInput, WrongValue
from diorama.core.seeds import fold
from diorama.media.convert import to_stored
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.cascade import CascadeSynthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.picture import TILE, PictureSynthesizer
from diorama.tasks.edit import Edit, GivenBatch
from diorama.tasks.one_pass import InOnePass


class Upscale(Edit):
    """Enlarges pictures.

    Args:
        model: a diffusion model that is given a picture and draws a larger one, or a cascade, whose first member is
            left out.

    Raises:
        BadInput: the model reads no low-resolution picture.
    """

    verb = "upscale"

    def __init__(self, model: Synthesizer) -> None:
        self._model = model
        members = list(model.then) if isinstance(model, CascadeSynthesizer) else [model]
        self.members = [member for member in members if isinstance(member, DiffusionSynthesizer)]
        spec = next((s for m in self.members[:1] for s in m.config.conditions if s.key == "image"), None)
        if spec is None:
            raise BadInput("upscale: this model reads no low-resolution picture, so it cannot enlarge one")
        channels, height, width = spec.shape
        self._reads = replace(model.config.media, channels=channels, height=height, width=width)

    @property
    def model(self) -> Synthesizer:
        """What draws."""
        return self._model

    @property
    def reads(self) -> MediaSpec:
        """The small pictures."""
        return self._reads

    @property
    def specs(self) -> Sequence[ConditionSpec]:
        """All but the small picture."""
        return [spec for spec in self._model.config.conditions if spec.key != "image"]

    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        x = given.x
        for number, member in enumerate(self.members):
            keys = {spec.key for spec in member.config.conditions} - {"image"}
            condition = {**{key: given.condition[key] for key in keys}, "image": x}
            # Members draw noise of the same shape at times, and so have seeds of their own.
            seed = fold(given.seed, number) if number else given.seed
            x = member.sample(len(x), seed=seed, first=given.first, condition=condition)
        return to_stored(x, self._model.config.media)


class UpscaleInOnePass(InOnePass):
    """Enlarges pictures of any size by a network from picture to picture.

    Args:
        model: the network.
        tile: side of the squares that larger pictures are given to the network in; ``None`` for whole pictures.

    Raises:
        BadInput: what the network makes is as large as what it is given.
        WrongValue: the network cannot be given squares of that side.
    """

    verb = "upscale"

    def __init__(self, model: PictureSynthesizer, tile: int | None = TILE) -> None:
        super().__init__(model)
        network = model.config.picture
        if network.scale == 1:
            raise BadInput("upscale: this model makes pictures as large as those that it is given; use translate")
        if tile is not None and (tile < 1 or tile % network.multiple):
            raise WrongValue(f"tile: must be a multiple of {network.multiple} for this network, got {tile}")
        self.tile = tile

    def settings(self) -> Mapping[str, Any]:
        """The side of the squares."""
        return {"tile": self.tile}

    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        return to_stored(self.picture_model.of_picture(given.x, tile=self.tile), self.model.config.media)
