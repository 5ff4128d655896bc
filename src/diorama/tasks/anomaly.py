"""``anomaly``: what of a picture a model would draw otherwise.

Reference: J. Wyatt, A. Leach, S. M. Schmon, C. G. Willcocks, "AnoDDPM", CVPR workshops 2022, with normal noise in place
of simplex noise, and with several draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from diorama.media.convert import to_stored
from diorama.nn.similarity import gaussian_window
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.tasks.edit import require_way
from diorama.tasks.examine import Examination, Examined, GivenPicture
from diorama.tasks.vary import checked_strength, drawn_anew

SMOOTHING = 1 / 64
"""Deviation of the Gaussian by which maps are smoothed, of a picture's shorter side."""
HIGHEST = 0.01
"""Share of a map's pixels whose mean is the picture's score."""


class Anomaly(Examination):
    """Noises a picture part of the way, draws it anew several times, and tells where it differs from what was drawn.

    Args:
        model: a diffusion model that was trained on normal pictures.
        strength: share of the model's way from noise that is walked, in (0, 1]: what is small is replaced at a small
            one, what is large at a large one, and with it more of what is normal.

    Raises:
        BadInput: the model is none that can.
        BadConfig: there is no such strength, or it leaves no step.
    """

    verb = "anomaly"

    def __init__(self, model: Synthesizer, strength: float) -> None:
        self._model = require_way(model, self.verb)
        self.strength = checked_strength(self._model, strength)
        self._drawing = self._model.recorded(torch.float32)

    @property
    def model(self) -> DiffusionSynthesizer:
        """What draws."""
        return self._model

    def settings(self) -> Mapping[str, Any]:
        """Strength, and how maps and scores are made."""
        return {"strength": self.strength, "smoothing": SMOOTHING, "highest": HIGHEST}

    @torch.no_grad()
    def examine(self, given: GivenPicture) -> Examined:
        """See :meth:`Examination.examine`."""
        drawn = []
        for indices, condition in given.draws:
            x = given.x.expand(len(indices), *given.x.shape[1:])
            found = drawn_anew(self._drawing, x, self.strength, indices, seed=given.seed, condition=condition)
            drawn.append(found.clamp(-1, 1))
        samples, media = torch.cat(drawn), self._model.config.media
        scale = (media.high - media.low) / 2
        found = difference_map(given.x, samples) * scale
        return Examined(
            drawn={"normal": to_stored(samples.mean(0, keepdim=True), media)[0]},
            maps={"anomaly": found.cpu().numpy()},
            facts={"score": score_of(found)},
        )

    def summary(self, facts: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """The places of the pictures, the most unusual first."""
        order = sorted(range(len(facts)), key=lambda place: -facts[place]["score"])
        return {"most_unusual_first": [f"{place:06d}" for place in order]}


def difference_map(x: Tensor, samples: Tensor) -> Tensor:
    """How far a picture is from the mean of what was drawn of it, smoothed.

    Args:
        x: (1, c, h, w) in [-1, 1].
        samples: (b, c, h, w).

    Returns:
        (h, w), root mean square over channels, at least 0.
    """
    error = (samples.mean(0, keepdim=True) - x).square().mean(1, keepdim=True).sqrt()
    sigma = SMOOTHING * min(x.shape[-2:])
    reach = max(1, round(3 * sigma))
    window = gaussian_window(2 * reach + 1, max(sigma, 1e-3)).to(error)
    padded = F.pad(error, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, window.view(1, 1, 1, -1)), window.view(1, 1, -1, 1))[0, 0]


def score_of(found: Tensor) -> float:
    """The mean of the highest :data:`HIGHEST` of a map's values (h, w), at least of one."""
    count = max(1, round(HIGHEST * found.numel()))
    return float(found.flatten().topk(count).values.mean())
