"""Styles that draw given pictures again.

Reference: T. Karras et al., "Analyzing and improving the image quality of StyleGAN", arXiv:1912.04958, appendix D (W,
and the noise of layers). R. Abdal, Y. Qin, P. Wonka, "Image2StyleGAN", arXiv:1904.03189, section 3 (W+: a style for
every layer).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from diorama.core.errors import BadConfig
from diorama.core.rng import STEP, normal
from diorama.losses.projection import correlation, of_maps, over_resolutions
from diorama.networks.features.lite import pretrained
from diorama.tasks.directions import StyleStatistics
from diorama.tasks.latents import Styles

Space = Literal["w", "w+"]

LOSS = "pixels at several resolutions and feature maps of the network lite, not LPIPS"
_FEATURES, _WHITE = 0.1, 1e5
"""Weights beside that of pixels."""
_PERTURBED, _STILL = 0.05, 0.75
"""Noise added to styles at first, in their spread; and when it has gone, as a share of all steps."""
_RAMP_UP, _RAMP_DOWN = 0.05, 0.25
_OWN_SEED = (1 << 64) - 3


@dataclass(frozen=True, kw_only=True)
class Inversion:
    """How pictures are inverted; the defaults but the space are those of the paper.

    Args:
        space: ``w`` looks for one style for all layers, ``w+`` for one for each: nearer to the picture, and edits less
            sure to look like one.
        steps: of Adam.
        rate: its largest.
    """

    space: Space = "w+"
    steps: int = 1000
    rate: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadConfig(f"inversion-steps: must be at least 1, got {self.steps}")

    def in_json(self) -> Mapping[str, Any]:
        """For the list of samples."""
        return {"space": self.space, "steps": self.steps, "rate": self.rate, "loss": LOSS}


@dataclass(frozen=True, kw_only=True)
class Inverted:
    """What draws pictures again.

    Args:
        styles: (b, n, style).
        noise: of each layer, (b, 1, h, w); ``None`` where layers add none.
    """

    styles: Tensor
    noise: list[Tensor] | None


@torch.enable_grad()
def inverted(
    styles: Styles,
    statistics: StyleStatistics,
    target: Tensor,
    first: int,
    how: Inversion,
    *,
    progress: Callable[[float], None],
) -> Inverted:
    """Find styles of pictures by descent, from the mean style on.

    Args:
        styles: of the model.
        statistics: of its styles.
        target: (b, c, h, w) in [-1, 1] on the model's device.
        first: number of the first picture, for the noise.
        how: space, steps.
        progress: called with the share of the steps that are done.
    """
    count, device = len(target), target.device
    layers, width = styles.shape
    start = statistics.mean.float().to(device).expand(count, layers if how.space == "w+" else 1, width)
    w = start.clone().requires_grad_()
    noise = [
        normal(shape, seed=_OWN_SEED, first=first, count=count, step=layer, device=device).requires_grad_()
        for layer, shape in enumerate(styles.gan.config.generator.layer_noise)
    ]
    features = pretrained().to(device).requires_grad_(False)
    wanted = features.maps(target)
    optimizer = torch.optim.Adam([w, *noise], lr=how.rate)
    for step in range(how.steps):
        t = step / how.steps
        optimizer.param_groups[0]["lr"] = how.rate * _ramp(t)
        moved = normal(
            tuple(w.shape[1:]), seed=_OWN_SEED, first=first, count=count, step=step, stream=STEP, device=device
        )
        near = w + moved * (statistics.spread * _PERTURBED * max(0.0, 1 - t / _STILL) ** 2)
        drawn = styles.gan.of_styles(near.expand(-1, layers, -1), noise or None).float()
        loss = over_resolutions(drawn, target) + _FEATURES * of_maps(features.maps(drawn), wanted, count)
        if noise:
            loss = loss + _WHITE * correlation(noise)
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
        _whiten(noise)
        progress((step + 1) / how.steps)
    return Inverted(styles=w.detach().expand(-1, layers, -1), noise=[each.detach() for each in noise] or None)


def _ramp(t: float) -> float:
    """Of the rate at a share of all steps: up at first, and down along a cosine at last."""
    down = min(1.0, (1 - t) / _RAMP_DOWN)
    return (0.5 - 0.5 * math.cos(down * math.pi)) * min(1.0, t / _RAMP_UP)


@torch.no_grad()
def _whiten(noise: list[Tensor]) -> None:
    """Each map of each picture has mean 0 and variance 1 again."""
    for each in noise:
        each -= each.mean(dim=(1, 2, 3), keepdim=True)
        each *= each.square().mean(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12).rsqrt()
