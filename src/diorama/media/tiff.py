"""What TIFFs say of themselves beyond what Pillow reads."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

_STARTS = (b"II*\0", b"MM\0*")
_SUBFILE, _BITS, _SAMPLES, _FORMAT, _DNG = 254, 258, 277, 339, 50706
_REDUCED = 1
_FORMATS = {1: "unsigned integers", 2: "signed integers", 3: "floats", 5: "complex integers", 6: "complex numbers"}
_MOST_CHANNELS = 1_000


def tiff_words(content: bytes) -> str | None:
    """What a TIFF holds that Pillow does not read, and what to do; ``None`` for other files and broken ones."""
    if not content.startswith(_STARTS):
        return None
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        samples, bits = int(tags.get(_SAMPLES, 1)), tags.get(_BITS, (1,))
        kind = _FORMATS.get(int(tags.get(_FORMAT, (1,))[0]), "values")
    except Exception:  # a directory can be broken in every way there is
        return None
    if not 0 < samples <= _MOST_CHANNELS:
        return None
    channels = "channel" if samples == 1 else "channels"
    return (
        f"a TIFF with {samples} {channels} of {bits[0]}-bit {kind}, which is not read; save each as NPY "
        "(height, width, channels)"
    )


def is_thumbnail(image: Image.Image) -> bool:
    """Whether a TIFF's first picture is a small one of others: raw files of cameras begin so."""
    tags = getattr(image, "tag_v2", {})
    return image.format == "TIFF" and (_DNG in tags or bool(int(tags.get(_SUBFILE, 0) or 0) & _REDUCED))


def left_out_channels(image: Image.Image) -> Iterator[str]:
    """A note where a TIFF has more channels than Pillow reads, such as infrared beside colour."""
    samples = getattr(image, "tag_v2", {}).get(_SAMPLES, 1) if image.format == "TIFF" else 1
    read = len(image.getbands())
    if isinstance(samples, int) and samples > read:
        yield f"only {read} of its {samples} channels were read; save it as NPY to keep all"
