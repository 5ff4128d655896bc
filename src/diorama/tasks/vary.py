"""``vary``: other pictures like a given one.

Reference: C. Meng et al., "SDEdit: guided image synthesis and editing with stochastic differential equations",
arXiv:2108.01073, algorithm 1.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.media.convert import to_stored
from diorama.processes.gaussian import noised, on
from diorama.samplers.partial import for_part, last_part
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.edit import Edit, GivenBatch, in_latents, in_pixels, require_diffusion


class Vary(Edit):
    """Noises a picture to the middle of the way, and draws it anew from there.

    Args:
        model: a diffusion model of pictures.
        strength: share of the model's way from noise that is walked, in (0, 1]: small values keep the picture, 1 keeps
            nearly nothing of it.

    Raises:
        BadInput: the model is none that can, or the strength leaves no step.
    """

    verb = "vary"

    def __init__(self, model: Synthesizer, strength: float) -> None:
        self._model, self.strength = require_diffusion(model, self.verb), strength
        if not 0 < strength <= 1:
            raise BadInput(f"strength must be in (0, 1], got {strength:g}")
        config = self._model.config
        self._whole = config.spacing.times(config.process, config.steps)
        try:
            self._times = last_part(self._whole, strength)
        except ValueError as problem:
            raise BadInput(str(problem)) from problem

    @property
    def model(self) -> DiffusionSynthesizer:
        """What draws."""
        return self._model

    def settings(self) -> Mapping[str, Any]:
        """``strength``."""
        return {"strength": self.strength}

    @torch.no_grad()
    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        model, times, count = self._model, self._times, len(given.x)
        config = model.config
        clean = in_latents(model, given.x)
        noise = model.noise(count, seed=given.seed, first=given.first)
        x = noised(clean, noise, on(config.process.at(times[0]), clean))
        draws = StepNoise(model.noise_shape, seed=given.seed, first=given.first, count=count, device=x.device)
        sampler = for_part(config.sampler, len(times) - 1, len(self._whole) - 1)
        stages = sampler.run(model.denoise(given.condition), x, config.process, times, draws)
        (last,) = deque(stages, maxlen=1)
        return to_stored(in_pixels(model, last.x).float(), config.media)
