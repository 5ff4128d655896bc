"""Where generated samples should drift so that their distribution becomes that of data, and the loss that moves them.

A sample is drawn to the data around it, and pushed away by the generated samples around it. Where both are distributed
alike the two cancel.

Reference: M. Deng, H. Li, T. Li, Y. Du, K. He, "Generative modeling via drifting", arXiv:2602.04770.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from diorama.core.device import at_least_float32

_LEAST = 1e-12
"""Scales are divided by, and may be 0 where all samples are the same."""
_LEAST_SIZE = 1e-30
"""So are sizes of fields, which may be this small and point the right way: see :func:`_size`."""
_PAIRS_AT_ONCE = 1 << 27
"""Of which distances are held at a time."""
_LEAST_VARIANCE = 1e-8
"""Added under the root, whose slope is infinite where a patch is flat."""


def drifting_field(
    x: Float[Tensor, "l n c"],
    data: Float[Tensor, "l m c"],
    temperature: float,
    others: Float[Tensor, "l k c"] | None = None,
) -> Float[Tensor, "l n c"]:
    """The field V at samples, apart for each of ``l`` sets.

    The kernel ``exp(-|x - y| / temperature)`` is normalised over all y and over all x, and the geometric mean of the
    two is taken. With data and others exchanged the field has the other sign.

    In the PyTorch code that the authors publish the product of the two is at least 1e-6 for every pair, and also for a
    sample and itself. Algorithm 2 has no such bound, and neither has this.

    Args:
        x: samples, where the field is asked for.
        data: what they are drawn to.
        temperature: of the kernel.
        others: what they are pushed away from; ``None`` for the samples themselves, each from all but itself.

    Reference: algorithm 2; equations 10 to 12.
    """
    away = _apart_from_others(x) if others is None else _distances(x, others)
    return _field(data, x if others is None else others, (_distances(x, data), away), temperature)


class DriftingLoss(NamedTuple):
    """What a step descends, and what it may log.

    Attributes:
        value: shape ().
        drift: root mean square of the field before it was normalised, mean over temperatures: shape (), without
            gradient. It falls as the distributions become alike.
    """

    value: Tensor
    drift: Tensor


def drifting_loss(
    x: Float[Tensor, "l n c"], data: Float[Tensor, "l m c"], temperatures: Sequence[float]
) -> DriftingLoss:
    """Squared error of generated samples from where their normalised field takes them, summed over ``l`` features.

    Features are divided by a scale that makes the mean distance of a generated sample from all others ``sqrt(c)``, and
    the field of each temperature by another that gives it unit mean square. Both scales are shared by the ``l``
    features, as places of one map share them.

    Distances and weights of all pairs are some tensors of ``l n (m + n)`` float32. Of more than 2^27 pairs (0.5 GB a
    tensor: 1,024 places of a map with 256 samples and as many data) they are worked out for some of the ``l`` features
    after others, which changes no number but for rounding. The memory of one feature, ``n (m + n)``, stays: it grows
    with the square of the batch.

    Args:
        x: features of generated samples, at least two in a set.
        data: those of data.
        temperatures: tau of the kernels, in units of the mean distance; their fields are added up.

    Reference: appendix A.6; equations 18 to 26.
    """
    x, data = at_least_float32(x), at_least_float32(data)
    # Of 16 bits the field, a small difference of means, would have few left.
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        pieces = _Pieces(x, data)
        pairs = x.shape[0] * x.shape[1] * (data.shape[1] + x.shape[1] - 1)
        total = sum(to_data.sum() + apart.nan_to_num(posinf=0).sum() for _, _, to_data, apart in pieces)
        root = x.shape[2] ** 0.5
        scale = (total / pairs / root).clamp(min=_LEAST)
        # The field scales with the features where its temperature does.
        found = [
            [_field(wanted, own, (to_data, apart), tau * root * scale) / scale for tau in temperatures]
            for own, wanted, to_data, apart in pieces
        ]
        fields = [torch.cat(parts) for parts in zip(*found, strict=True)]
        sizes = [_size(field) for field in fields]
        field = torch.stack([one / size.clamp(min=_LEAST_SIZE) for one, size in zip(fields, sizes, strict=True)]).sum(0)
        target = x / scale + field
    # Each of the l features has a mean of its own, and these are added up.
    value = (x / scale - target).square().mean((1, 2)).sum()
    return DriftingLoss(value, torch.stack(sizes).mean())


class _Pieces:
    """Features in pieces: samples and data of some sets, their distances, and those of samples from one another.

    They are worked out at every turn, since all together may not fit; of one piece alone they are kept.

    Args:
        x: (l, n, c).
        data: (l, m, c).
    """

    def __init__(self, x: Tensor, data: Tensor) -> None:
        at_once = max(1, _PAIRS_AT_ONCE // (x.shape[1] * (data.shape[1] + x.shape[1])))
        self._sets = list(zip(x.split(at_once), data.split(at_once), strict=True))
        self._kept = [self._piece(0)] if len(self._sets) == 1 else []

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        return iter(self._kept) if self._kept else map(self._piece, range(len(self._sets)))

    def _piece(self, number: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, data = self._sets[number]
        return x, data, _distances(x, data), _apart_from_others(x)


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """Of all pairs in each set, (l, n, m)."""
    # A matrix product would leave rounding where samples are near each other, to which the kernel is sensitive.
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _apart_from_others(x: Tensor) -> Tensor:
    """Of all pairs of different samples; a sample is infinitely far from itself."""
    itself = torch.eye(x.shape[1], dtype=torch.bool, device=x.device)
    return _distances(x, x).masked_fill(itself, torch.inf)


def _field(data: Tensor, others: Tensor, distances: tuple[Tensor, Tensor], temperature: Tensor | float) -> Tensor:
    """The field, of the distances of samples from data and from others."""
    logits = -torch.cat(distances, dim=2) / temperature
    # The product of the two underflows where samples are all far from the data; its root does not.
    weights = (0.5 * (logits.log_softmax(2) + logits.log_softmax(1))).exp()
    attracting, repelling = weights.split([data.shape[1], others.shape[1]], dim=2)
    # Equation 11: every pair of a data sample and another one moves a sample from the second towards the first.
    towards = attracting * repelling.sum(2, keepdim=True)
    away = repelling * attracting.sum(2, keepdim=True)
    return towards @ data - away @ others


def _size(field: Tensor) -> Tensor:
    """Root mean square, shape ().

    Of samples that are all alike and far from the data the field of a temperature tau is about ``exp(-1 / tau)``, 2e-22
    at 0.02, whose square float32 does not hold.
    """
    largest = field.abs().amax().clamp(min=_LEAST_SIZE)
    return largest * (field / largest).square().mean().sqrt()


def map_features(features: Float[Tensor, "n c h w"]) -> list[Float[Tensor, "l n c"]]:
    """Vectors of a map, of which each is a feature by itself, in sets that share a scale.

    Returns:
        Those of all places; the mean and the standard deviation of the whole map; and those of its patches of 2x2 and
        of 4x4 places, where it has such patches. (l, n, c) each, of a number l of its own.

    Reference: appendix A.5, (a) to (d).
    """
    sets = [features.flatten(2).permute(2, 0, 1)]
    for patch in (tuple(features.shape[2:]), (2, 2), (4, 4)):
        if patch[0] <= features.shape[2] and patch[1] <= features.shape[3]:
            mean = F.avg_pool2d(features, patch)
            variance = F.avg_pool2d(features.square(), patch) - mean.square()
            deviation = (variance.clamp(min=0) + _LEAST_VARIANCE).sqrt()
            sets += [kind.flatten(2).permute(2, 0, 1) for kind in (mean, deviation)]
    return sets
