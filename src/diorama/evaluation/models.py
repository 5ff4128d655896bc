"""What only a model can be asked for: samples of its own, reconstructions, bounds on the code length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.data.dataset import Split
from diorama.evaluation.intervals import mean_interval
from diorama.evaluation.measures import Measured
from diorama.evaluation.records import batches
from diorama.media.convert import to_uint8
from diorama.nn.similarity import psnr, ssim
from diorama.synthesis.abilities import BoundsBits, Reconstructs
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.conditions import usual
from diorama.synthesis.drawing import DrawOptions, pixels_of
from diorama.synthesis.drawing import draw as draw_batches

HIGHEST_PSNR = 100.0
"""dB that pictures without any difference count as."""


def draw(model: Synthesizer, count: int, *, seed: int, batch_size: int) -> Iterator[Tensor]:
    """Batches of samples 0 to ``count - 1`` of a seed, in [-1, 1]; labels take turns."""
    conditions, options = usual(model.config.conditions, None), DrawOptions(batch_size=batch_size)
    for batch in draw_batches(model, count, seed=seed, conditions=conditions, options=options):
        yield pixels_of(batch)


def measure_model(
    model: Synthesizer, metrics: list[str], split: Split, indices: np.ndarray, *, seed: int, batch_size: int
) -> dict[str, Measured]:
    """PSNR and SSIM of reconstructions, and bits per dimension, averaged over real records.

    Args:
        model: on its device.
        metrics: of ``psnr``, ``ssim`` and ``bpd``.
        split: the real records.
        indices: (n,) which of them.
        seed: of bounds that draw noise.
        batch_size: records at a time.

    Raises:
        BadInput: the model cannot reconstruct, or has no bound.
    """
    taken: dict[str, list[Tensor]] = {name: [] for name in metrics}
    for number, batch in enumerate(batches(split, indices, batch_size)):
        x = batch.to(model.device)
        if taken.keys() & {"psnr", "ssim"}:
            again = _grey_levels(_reconstruct(model, x))
            real = _grey_levels(x)
            if "psnr" in taken:
                taken["psnr"].append(psnr(again, real, span=255).clamp(max=HIGHEST_PSNR))
            if "ssim" in taken:
                taken["ssim"].append(ssim(again, real, span=255, size=_window(real)))
        if "bpd" in taken:
            taken["bpd"].append(_bits(model, x, seed=seed, first=number * batch_size).cpu())
    values = {name: torch.cat(parts).double() for name, parts in taken.items()}
    return {name: (float(found.mean()), mean_interval(found)) for name, found in values.items()}


@torch.no_grad()
def _reconstruct(model: Synthesizer, x: Tensor) -> Tensor:
    if not isinstance(model, Reconstructs):
        raise BadInput(f"metrics: psnr and ssim are of reconstructions, and {type(model).__name__} makes none")
    return model.reconstruct(x)


@torch.no_grad()
def _bits(model: Synthesizer, x: Tensor, *, seed: int, first: int) -> Tensor:
    if not isinstance(model, BoundsBits):
        raise BadInput(f"metrics: bpd needs a bound on the code length, and {type(model).__name__} has none")
    return model.bits_per_dim(x, seed=seed, first=first)


def _grey_levels(x: Tensor) -> Tensor:
    """8-bit values as float, (b, c, h, w); the frames of a clip lie beside one another in the channels."""
    levels = to_uint8(x).cpu().float()
    return levels if levels.dim() == 4 else levels.flatten(1, 2)


def _window(x: Tensor) -> int:
    """11 pixels as in the paper, less where pictures are smaller, always odd."""
    return min(11, (min(x.shape[-2:]) - 1) // 2 * 2 + 1)
