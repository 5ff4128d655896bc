"""``inpaint``: what a mask marks is drawn anew, and fits the rest.

Reference: A. Lugmayr et al., "RePaint", arXiv:2201.09865. J. Yu et al., "Free-form image inpainting with gated
convolution", arXiv:1806.03589.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diorama.core.contracts import ConditionSpec
from diorama.core.errors import BadConfig
from diorama.core.rng import StepNoise
from diorama.media.convert import to_stored
from diorama.processes.gaussian import like
from diorama.samplers.inpainting import Known, inpaint, mask_of_size, one_at_a_time
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.inpainting import InpaintingSynthesizer
from diorama.tasks.edit import Edit, GivenBatch, in_latents, in_pixels, require_way
from diorama.tasks.seeds import seed_for_given

ROUNDS = 5
"""How often each step of a diffusion model is taken where nobody says."""


class UnderMasks(Edit):
    """Draws under masks; what is outside them comes back as it was, in stored units, bit for bit, but for pictures of
    another size, which are fitted first.

    Args:
        masks: (h, w) for each given picture, true where something is to be drawn.
    """

    verb = "inpaint"

    def __init__(self, masks: Sequence[NDArray[np.bool_]]) -> None:
        self.masks = masks

    @property
    def fitted(self) -> bool:
        """Yes, as masks are."""
        return True

    @torch.no_grad()
    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        masks = np.stack([self.masks[place] for place in given.places])  # (b, h, w)
        x = self.drawn(given, torch.from_numpy(masks)[:, None].to(given.x))
        return np.where(masks[..., None], to_stored(x, self.model.config.media), given.pixels)

    @abstractmethod
    def drawn(self, given: GivenBatch, mask: Tensor) -> Tensor:
        """Pictures (b, c, h, w) in [-1, 1] of which what lies under the mask (b, 1, h, w), 1 there, is taken."""


class Inpaint(UnderMasks):
    """Draws under masks with a diffusion model.

    Args:
        model: a diffusion model of pictures.
        masks: (h, w) for each given picture, true where something is to be drawn.
        rounds: how often each step is taken, see :func:`~diorama.samplers.inpainting.inpaint`; more cost more time, and
            make what is drawn fit better.

    Raises:
        BadInput: the model is none that can.
        BadConfig: its sampler does not take its steps one at a time, or there are fewer rounds than one.
    """

    def __init__(self, model: Synthesizer, masks: Sequence[NDArray[np.bool_]], rounds: int = ROUNDS) -> None:
        super().__init__(masks)
        self._model, self.rounds = require_way(model, self.verb), rounds
        try:
            one_at_a_time(self._model.config.sampler, self._model.sampling.steps or 1)
        except ValueError as problem:
            raise BadConfig(f"{problem}; name one with --sampler") from problem
        if rounds < 1:
            raise BadConfig(f"rounds must be at least 1, got {rounds}")

    @property
    def model(self) -> DiffusionSynthesizer:
        """What draws."""
        return self._model

    def settings(self) -> Mapping[str, Any]:
        """``rounds``."""
        return {"rounds": self.rounds}

    def drawn(self, given: GivenBatch, mask: Tensor) -> Tensor:
        """See :meth:`UnderMasks.drawn`."""
        model, count = self._model, len(given.x)
        config = model.config
        times = config.spacing.times(config.process, config.steps)
        clean = in_latents(model, given.x)
        seed = seed_for_given(given.seed)
        noise = model.noise(count, seed=seed, first=given.first)
        x = like(config.process.prior_scale(times[0]), noise) * noise
        stages = inpaint(
            model.denoise(given.condition, sampler=config.sampler),
            x,
            config.process,
            times,
            StepNoise(model.noise_shape, seed=seed, first=given.first, count=count, device=x.device),
            sampler=config.sampler,
            known=Known(clean=clean, mask=mask_of_size(mask.to(clean), (clean.shape[2], clean.shape[3]))),
            rounds=self.rounds,
        )
        (last,) = deque(stages, maxlen=1)
        return in_pixels(model, last.x).float()


class InpaintInOnePass(UnderMasks):
    """Draws under masks with a network that was trained to.

    Args:
        model: the network.
        masks: as of :class:`UnderMasks`.
    """

    def __init__(self, model: InpaintingSynthesizer, masks: Sequence[NDArray[np.bool_]]) -> None:
        super().__init__(masks)
        self._model = model

    @property
    def model(self) -> InpaintingSynthesizer:
        """What draws."""
        return self._model

    @property
    def specs(self) -> Sequence[ConditionSpec]:
        """Nothing beside picture and mask."""
        return []

    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def drawn(self, given: GivenBatch, mask: Tensor) -> Tensor:
        """See :meth:`UnderMasks.drawn`."""
        return self._model.fill(given.x, mask).float()


def inpainting(model: Synthesizer, masks: Sequence[NDArray[np.bool_]], rounds: int | None = None) -> UnderMasks:
    """Inpainting with a diffusion model of pictures, or with a network that was trained to.

    Args:
        model: draws.
        masks: as of :class:`UnderMasks`.
        rounds: as of :class:`Inpaint`; ``None`` for 5.

    Raises:
        BadInput: the model is none that can.
        BadConfig: as :class:`Inpaint`; or there are rounds, and the model draws in one pass.
    """
    if not isinstance(model, InpaintingSynthesizer):
        return Inpaint(model, masks, ROUNDS if rounds is None else rounds)
    if rounds is not None:
        raise BadConfig("rounds: this model draws in one pass and takes no steps; leave that out")
    return InpaintInOnePass(model, masks)
