"""What the factor reader says of samples, as rows of numbers that metrics of the built-in world are taken of."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.data.synthetic.geometry import SHAPES, SIZES, TEXTURES
from diorama.data.synthetic.palette import BACKGROUNDS, COLOURS
from diorama.data.synthetic.reader import read_factors
from diorama.data.synthetic.readings import SceneReading, mode_of
from diorama.data.synthetic.scene import PLACES
from diorama.evaluation.extractors import Extractor
from diorama.media.convert import to_uint8
from diorama.text.bytes import decode

COUNTS = (1, 2, 3)
ABSTAINED = -1.0
"""The mode of a sample from which the reader abstains."""

_FACTORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("colour", COLOURS),
    ("shape", SHAPES),
    ("size", SIZES),
    ("texture", TEXTURES),
    ("place", PLACES),
)
VALUES = sum(len(values) for _, values in _FACTORS) + len(BACKGROUNDS) + len(COUNTS)
"""Values of all factors together."""


def load(device: str) -> Extractor:
    """The reader, which runs on the CPU whatever the device."""
    return Extractor(read, dtype="uint8")


def read(batch: Batch) -> Mapping[str, Tensor]:
    """Read pictures, or the first frames of clips.

    Returns:
        By view: ``modes`` (b, 1), the place of the main object's colour and shape among the world's modes, or
        :data:`ABSTAINED`; ``values`` (b, :data:`VALUES`), how often every value of every factor was read; and, where
        the batch says by ``tokens`` what samples were drawn of, ``colours`` (b, 16): 1 for every colour in which an
        object was found, then 1 for every colour that the text names.

    Raises:
        BadInput: they are not square colour pictures of at least 32 pixels.
    """
    pictures = batch["image"] if "image" in batch else batch["video"][:, :, 0]
    if pictures.shape[1] != 3:
        raise BadInput(f"metrics: the factor reader reads colour pictures, these have {pictures.shape[1]} channels")
    readings = read_factors(to_uint8(pictures).permute(0, 2, 3, 1).contiguous().cpu().numpy())
    modes = [mode_of(reading) for reading in readings]
    rows = {
        "modes": torch.tensor([[ABSTAINED if mode is None else float(mode)] for mode in modes]),
        "values": torch.stack([_values_of(reading) for reading in readings]),
    }
    if "tokens" in batch:
        found = [[thing.colour for thing in reading.objects] for reading in readings]
        named = [colours_named(text) for text in decode(batch["tokens"])]
        rows["colours"] = torch.cat([_marked(found), _marked(named)], 1)  # (b, 2 * colours)
    return rows


def colours_named(text: str) -> list[str]:
    """The colours of the world's palette that a text names, in any case and as words of their own."""
    words = set(re.findall(r"\w+", text.lower()))
    return [colour for colour in COLOURS if colour in words]


def _marked(colours: Sequence[Sequence[str]]) -> Float[Tensor, "b k"]:
    return torch.tensor([[float(colour in each) for colour in COLOURS] for each in colours])


def _values_of(reading: SceneReading) -> Float[Tensor, " k"]:
    """How often every value of every factor occurs; factors from which the reader abstains are left out."""
    counts = torch.zeros(VALUES)
    start = 0
    for name, values in _FACTORS:
        for thing in reading.objects:
            value = getattr(thing, name)
            if value is not None:
                counts[start + values.index(value)] += 1
        start += len(values)
    if reading.background is not None:
        counts[start + BACKGROUNDS.index(reading.background)] += 1
    start += len(BACKGROUNDS)
    if reading.count in COUNTS:
        counts[start + COUNTS.index(reading.count)] += 1
    return counts
