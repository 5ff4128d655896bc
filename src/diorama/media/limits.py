"""How much a hostile or broken file may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that are checked against headers, before anything is decoded.

    Args:
        pixels: pixels of one picture or of one frame of a clip. Pillow itself refuses above 178 million.
        stack_pixels: pixels of all frames together, where a clip is decoded into one array or comes from an
            animated picture.
        entry_bytes: size of one file that is read into memory: an archive's entry, unpacked, or a loose file.
        table_bytes: size of one table of labels or captions.
        annotation_bytes: size of one file of annotations; that of COCO's training pictures has 470 million.
    """

    pixels: int = 100_000_000
    stack_pixels: int = 268_435_456
    entry_bytes: int = 268_435_456
    table_bytes: int = 268_435_456
    annotation_bytes: int = 1_073_741_824


DEFAULT_LIMITS = Limits()
