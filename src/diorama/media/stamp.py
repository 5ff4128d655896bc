"""The mark that says a picture or clip is synthetic, and which model drew it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class SyntheticStamp:
    """What a drawn picture or clip says of its origin.

    Args:
        model: the model's SHA-256, hexadecimal.
        seed: the sample's seed.
        recipe: the recipe's name.
        composite: the sample is an edit of a real picture.
    """

    model: str
    seed: int
    recipe: str
    composite: bool = False


def read_stamp(path: Path) -> SyntheticStamp | None:
    """The stamp of a picture or clip; ``None`` where it carries none."""
    ...
