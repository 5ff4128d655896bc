"""``translate``: what a network from picture to picture makes of given ones, as large as they are.

Reference: J.-Y. Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks",
arXiv:1703.10593. P. Isola et al., "Image-to-image translation with conditional adversarial networks", arXiv:1611.07004.
T.-C. Wang et al., "High-resolution image synthesis and semantic manipulation with conditional GANs", arXiv:1711.11585.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diorama.core.errors import BadInput
from diorama.media.convert import to_stored
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import draws_partners
from diorama.synthesis.picture import PictureSynthesizer
from diorama.tasks.edit import GivenBatch
from diorama.tasks.one_pass import InOnePass


class Translate(InOnePass):
    """Makes other pictures of given ones, of any size.

    Pictures are given to the network whole wherever each pixel depends on all of them, as with instance norm.

    Args:
        model: a network from picture to picture that keeps the size.
        back: with the network of the other way, which CycleGANs have beside their own.

    Raises:
        BadInput: the model is none, or has no other way.
    """

    verb = "translate"

    def __init__(self, model: Synthesizer, *, back: bool = False) -> None:
        enlarges = draws_partners(model.config.media, model.config.conditions)
        if isinstance(model, PictureSynthesizer):
            enlarges = model.config.picture.scale > 1
        if enlarges:
            raise BadInput("translate: this model enlarges pictures that it is given; use upscale")
        if not isinstance(model, PictureSynthesizer):
            raise BadInput(
                "translate: needs a network from picture to picture, such as CycleGAN's generator, and this is a "
                f"{model.kind}"
            )
        super().__init__(model.turned() if back else model)
        self.back = back

    def settings(self) -> Mapping[str, Any]:
        """Which way, where it is not the model's own."""
        return {"back": True} if self.back else {}

    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        return to_stored(self.picture_model.of_picture(given.x), self.model.config.media)
