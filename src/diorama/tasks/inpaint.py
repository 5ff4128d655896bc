"""``inpaint``: what a mask marks is drawn anew, and fits the rest.

Reference: A. Lugmayr et al., "RePaint", arXiv:2201.09865.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from diorama.core.errors import BadConfig
from diorama.core.rng import StepNoise
from diorama.media.convert import to_stored
from diorama.processes.gaussian import like
from diorama.samplers.inpainting import Known, inpaint, mask_of_size, one_at_a_time
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.edit import Edit, GivenBatch, in_latents, in_pixels, require_diffusion
from diorama.tasks.seeds import seed_for_given


class Inpaint(Edit):
    """Draws under masks; what is outside them comes back as it was, in stored units, bit for bit.

    Args:
        model: a diffusion model of pictures.
        masks: (h, w) for each given picture, true where something is to be drawn.
        rounds: how often each step is taken, see :func:`~diorama.samplers.inpainting.inpaint`; more cost more time, and
            make what is drawn fit better.

    Raises:
        BadInput: the model is none that can.
        BadConfig: its sampler keeps earlier steps, or there are fewer rounds than one.
    """

    verb = "inpaint"

    def __init__(self, model: Synthesizer, masks: Sequence[NDArray[np.bool_]], rounds: int = 5) -> None:
        self._model, self.masks, self.rounds = require_diffusion(model, self.verb), masks, rounds
        try:
            one_at_a_time(self._model.config.sampler, 1)
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

    @torch.no_grad()
    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        model, count = self._model, len(given.x)
        config = model.config
        times = config.spacing.times(config.process, config.steps)
        clean = in_latents(model, given.x)
        masks = np.stack([self.masks[place] for place in given.places])  # (b, h, w)
        mask = torch.from_numpy(masks)[:, None].to(clean)
        seed = seed_for_given(given.seed)
        noise = model.noise(count, seed=seed, first=given.first)
        x = like(config.process.prior_scale(times[0]), noise) * noise
        stages = inpaint(
            model.denoise(given.condition),
            x,
            config.process,
            times,
            StepNoise(model.noise_shape, seed=seed, first=given.first, count=count, device=x.device),
            sampler=config.sampler,
            known=Known(clean=clean, mask=mask_of_size(mask, (clean.shape[2], clean.shape[3]))),
            rounds=self.rounds,
        )
        (last,) = deque(stages, maxlen=1)
        drawn = to_stored(in_pixels(model, last.x).float(), config.media)
        return np.where(masks[..., None], drawn, given.pixels)
