"""``colour``: grey pictures in colours that a model finds likely.

Reference: Y. Song, P. Dhariwal, M. Chen, I. Sutskever, arXiv:2303.01469, algorithm 4 and appendix D, with any sampler
in place of that of consistency models.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.media.convert import to_stored
from diorama.processes.gaussian import like
from diorama.samplers.constrained import Constrained, known_grey
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.edit import Edit, GivenBatch, require_diffusion
from diorama.tasks.seeds import seed_for_given


class Colour(Edit):
    """Draws colours for grey pictures: every clean sample on the way is given the grey values that are known.

    Args:
        model: a diffusion model of colour pictures, without a codec.

    Raises:
        BadInput: the model is none that can.
    """

    verb = "colour"

    def __init__(self, model: Synthesizer) -> None:
        self._model = require_diffusion(model, self.verb)
        media = self._model.config.media
        if self._model.codec is not None:
            raise BadInput("colour: this model draws latents, which have no grey values of their own")
        if media.channels != 3:
            raise BadInput(f"colour: needs a model of colour pictures, and this one draws {media.in_words()}")
        self._reads = replace(media, channels=1)

    @property
    def model(self) -> DiffusionSynthesizer:
        """What draws."""
        return self._model

    @property
    def reads(self) -> MediaSpec:
        """Grey pictures of the size that the model draws."""
        return self._reads

    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    @torch.no_grad()
    def draw(self, given: GivenBatch) -> np.ndarray:
        """See :meth:`Edit.draw`."""
        model, config, count = self._model, self._model.config, len(given.x)
        known = known_grey(given.x.expand(-1, 3, -1, -1))
        times = config.spacing.times(config.process, config.steps)
        seed = seed_for_given(given.seed)
        noise = model.noise(count, seed=seed, first=given.first)
        x = like(config.process.prior_scale(times[0]), noise) * noise
        draws = StepNoise(model.noise_shape, seed=seed, first=given.first, count=count, device=x.device)
        denoise = Constrained(model.denoise(given.condition, sampler=config.sampler), known)
        (last,) = deque(config.sampler.run(denoise, x, config.process, times, draws), maxlen=1)
        # A sampler may end a little above clean data.
        return to_stored(known(last.x.float()), config.media)
