"""Has an extractor been trained on the very pictures that it is to measure?

Data may be prepared under any name, so pictures are recognised by a difference hash, which survives a change of
size: 8 x 8 bits that say whether brightness rises from one place to the next.
"""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import torch.nn.functional as F
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from diorama.data.dataset import Split
from diorama.data.sources.world import WORLD
from diorama.data.synthetic.geometry import SHAPES
from diorama.evaluation.records import PIXELS, batches
from diorama.media.convert import to_uint8
from diorama.networks.features.lite import fingerprints_content

LOOKED_AT = 200
"""Records of a reference that are looked at."""
MOST_BITS, LEAST_SHARE = 2, 0.4
_TELLING = (16, 48)
_OURS = ("lite", "lite2")


def fingerprints(pictures: UInt8[Tensor, "b c h w"]) -> NDArray[np.uint64]:
    """(b,) 64-bit difference hashes of pictures."""
    grey = pictures.float().mean(1, keepdim=True)
    small = F.interpolate(grey, size=(8, 9), mode="area")[:, 0]
    bits = (small[:, :, 1:] > small[:, :, :-1]).flatten(1).numpy()
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def familiar_share(found: NDArray[np.uint64], known: NDArray[np.uint64]) -> float:
    """The share of pictures that are among the known ones, within two bits.

    Hashes of nearly flat pictures tell nothing and count as unknown.
    """
    bits = np.bitwise_count(found)
    telling = found[(bits >= _TELLING[0]) & (bits <= _TELLING[1])]
    if not len(telling):
        return 0.0
    nearest = np.array([np.bitwise_count(known ^ each).min() for each in telling])
    return float((nearest <= MOST_BITS).sum() / len(found))


def is_world(split: Split) -> bool:
    """Whether the records are scenes of the built-in world: their preparation says so, or, where it is older than
    that, their classes are the world's shapes."""
    older = split.generator is None
    return split.generator == WORLD or (older and set(split.info.classes) == set(SHAPES))


def warnings_of(split: Split, indices: NDArray[np.int64], extractors: list[str]) -> list[str]:
    """A warning where ``lite`` or ``lite2`` was trained on the records, or ``lite`` on the world that drew them."""
    ours = [name for name in _OURS if name in extractors]
    if not ours or not len(indices):
        return []
    if is_world(split):
        return [_warning("lite", "the built-in world")] if "lite" in ours else []
    few = indices[np.linspace(0, len(indices) - 1, min(LOOKED_AT, len(indices))).astype(np.int64)]
    (batch,) = batches(split, few, len(few), PIXELS)
    pictures = to_uint8(batch["image"] if "image" in batch else batch["video"][:, :, 0])
    share = familiar_share(fingerprints(pictures), _known())
    return [_warning(name, "pictures among these") for name in ours] if share >= LEAST_SHARE else []


def _warning(extractor: str, what: str) -> str:
    return f"the extractor {extractor!r} was trained on {what}: its numbers on these data flatter"


@cache
def _known() -> NDArray[np.uint64]:
    return np.load(io.BytesIO(fingerprints_content()), allow_pickle=False)
