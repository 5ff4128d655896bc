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
from torch import Tensor

from diorama.core.contracts import Condition
from diorama.core.errors import BadConfig
from diorama.core.numbers import counted
from diorama.core.rng import StepNoise
from diorama.media.convert import to_stored
from diorama.processes.gaussian import noised, on
from diorama.samplers.catalog import AnySampler, check_serves
from diorama.samplers.partial import for_part, last_part
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.tasks.edit import Edit, GivenBatch, in_latents, in_pixels, require_way
from diorama.tasks.seeds import seed_for_given


class Vary(Edit):
    """Noises a picture to the middle of the way, and draws it anew from there.

    Args:
        model: a diffusion model of pictures.
        strength: share of the model's way from noise that is walked, in (0, 1]: small values keep the picture, 1 keeps
            nearly nothing of it.

    Raises:
        BadInput: the model is none that can.
        BadConfig: there is no such strength, or it leaves no step.
    """

    verb = "vary"

    def __init__(self, model: Synthesizer, strength: float) -> None:
        self._model = require_way(model, self.verb)
        self.strength = checked_strength(self._model, strength)

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
        indices = range(given.first, given.first + len(given.x))
        drawn = drawn_anew(self._model, given.x, self.strength, indices, seed=given.seed, condition=given.condition)
        return to_stored(drawn, self._model.config.media)


def checked_strength(model: DiffusionSynthesizer, strength: float) -> float:
    """A share of a model's way from noise, if it can be walked.

    Raises:
        BadConfig: there is no such share, it leaves no step, or fewer than the model's sampler needs, or the sampler
            walks no part of its way.
    """
    if not 0 < strength <= 1:
        raise BadConfig(f"strength must be in (0, 1], got {strength:g}")
    try:
        _part(model.config, strength)
    except ValueError as problem:
        raise BadConfig(str(problem)) from problem
    return strength


def _part(config: DiffusionSynthesizerConfig, strength: float) -> tuple[AnySampler, Tensor]:
    """The end of a model's way: by which sampler, and at which times.

    Raises:
        ValueError: it cannot be walked; saying why.
    """
    whole = config.spacing.times(config.process, config.steps)
    times = last_part(whole, strength)
    count = len(times) - 1
    sampler = for_part(config.sampler, count, len(whole) - 1)
    try:
        check_serves(sampler, config.process, times)
    except ValueError as problem:
        left = counted(count, "step")
        raise ValueError(f"strength: {strength:g} leaves {left}, and {problem}; take more") from problem
    return sampler, times


def drawn_anew(
    model: DiffusionSynthesizer, x: Tensor, strength: float, indices: range, *, seed: int, condition: Condition
) -> Tensor:
    """Pictures noised to the middle of the way and drawn anew from there.

    Args:
        model: a diffusion model of pictures.
        x: (b, c, h, w) in [-1, 1].
        strength: see :func:`checked_strength`.
        indices: of the samples, b of them.
        seed: names the noise.
        condition: what they are given, with batch size b.

    Returns:
        (b, c, h, w) float32, about [-1, 1].
    """
    config, count = model.config, len(indices)
    sampler, times = _part(config, strength)
    clean = in_latents(model, x)
    seed = seed_for_given(seed)
    noise = model.noise(count, seed=seed, first=indices.start)
    noisy = noised(clean, noise, on(config.process.at(times[0]), clean))
    draws = StepNoise(model.noise_shape, seed=seed, first=indices.start, count=count, device=noisy.device)
    denoise = model.denoise(condition, sampler=sampler)
    (last,) = deque(sampler.run(denoise, noisy, config.process, times, draws), maxlen=1)
    return in_pixels(model, last.x).float()
