"""One form for all records: what a mixture of sizes, types, channels and lengths becomes, and saying so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.clips import DEFAULT_FRAMES
from diorama.data.records import DTYPES
from diorama.data.scales import BIT_DEPTHS, Scale, Values, common_scale
from diorama.media.resize import Fit, fit
from diorama.media.volume import Window

Dtype = Literal["uint8", "uint16", "float16", "float32"]


class SeveralForms(BadInput):
    """Records that must be alike are not.

    Args:
        what: they differ in, ``size`` or ``length``.
        message: how many have which, for people.
    """

    def __init__(self, what: Literal["size", "length"], message: str) -> None:
        super().__init__(message)
        self.what = what


_SAID = 3
"""Sizes that a message names."""


@dataclass(frozen=True)
class Form:
    """What every record is to be.

    Args:
        frames: of clips; 0 for pictures.
        height: pixels.
        width: pixels.
        channels: colour channels.
        scale: type of the stored values, and what makes them one scale.
    """

    frames: int
    height: int
    width: int
    channels: int
    scale: Scale

    def words(self) -> str:
        """For people."""
        what = f"clips of {self.frames} frames" if self.frames else "pictures"
        return f"{what}, {self.width}x{self.height}, {self.channels} channels, {self.scale.dtype}"


def common_form(
    rows: NDArray[np.void],
    ranges: NDArray[np.float64],
    names: Sequence[str],
    values: Values = "check",
    *,
    alike: bool = False,
) -> tuple[Form, list[str]]:
    """The form that all records can take, and what that means for those of another.

    Pictures among clips (or clips among pictures), whichever are fewer, are left out; so are records with a number
    of channels that is neither the commonest nor, among grey and colour, convertible.

    Args:
        rows: (n,) index rows, n >= 1.
        ranges: (n, 2) smallest and largest value of each record.
        names: of the records.
        values: as :func:`~diorama.data.scales.common_scale` takes them.
        alike: all must have one size and one length.

    Raises:
        BadInput: the values have several scales.
        SeveralForms: with ``alike``, records have several sizes or lengths.
    """
    notes = []
    clips = rows["frames"] > 0
    if clips.any() and not clips.all():
        fewer, more = ("clips", "pictures") if clips.sum() * 2 <= len(rows) else ("pictures", "clips")
        notes.append(f"{min(clips.sum(), (~clips).sum())} {fewer} among {more} are left out")
        kept = ~clips if more == "pictures" else clips
        rows, ranges, names = rows[kept], ranges[kept], [name for name, one in zip(names, kept, strict=True) if one]
    channels = Counter(rows["channels"].tolist())
    # Of equally frequent ones the larger, here and of sizes: nothing is thrown away that could be kept.
    wanted = max(channels, key=lambda count: (channels[count], count))
    if 3 in channels and 1 in channels:
        wanted = 3
        notes.append(f"grey among colour became colour ({channels[1]} of {len(rows)} records)")
    for count in sorted(set(channels) - {wanted, 1 if wanted == 3 else wanted}):
        notes.append(f"{channels[count]} records with {count} channels among those with {wanted} are left out")
    fits = np.isin(rows["channels"], (wanted, 1 if wanted == 3 else wanted))
    kept_names = [name for name, one in zip(names, fits, strict=True) if one]
    scale, type_notes = common_scale(rows[fits], ranges[fits], kept_names, values)
    sizes = Counter(zip(rows["height"].tolist(), rows["width"].tolist(), strict=True))
    height, width = max(sizes, key=lambda size: (sizes[size], size))
    if alike:
        _check_alike(rows[fits], kept_names)
    if len(sizes) > 1:
        notes.append(f"{len(sizes)} different sizes became the commonest, {width}x{height}")
    frames, length_notes = _common_length(rows["frames"])
    return Form(frames, height, width, wanted, scale), notes + type_notes + length_notes


def _check_alike(rows: NDArray[np.void], names: Sequence[str]) -> None:
    sizes = [f"{row['width']}x{row['height']}" for row in rows]
    lengths = [f"{row['frames']} frames" for row in rows]
    alike: tuple[tuple[Literal["size", "length"], list[str]], ...] = (("size", sizes), ("length", lengths))
    for what, kinds in alike:
        counts = Counter(kinds)
        if len(counts) > 1:
            said = [f"{count:,} of {kind} ({names[kinds.index(kind)]!r})" for kind, count in counts.most_common(_SAID)]
            more = f" and {len(counts) - _SAID} more" if len(counts) > _SAID else ""
            raise SeveralForms(what, f"records have {len(counts)} {what}s: {', '.join(said)}{more}")


def has_form(rows: NDArray[np.void], form: Form) -> bool:
    """Whether all records are of this form already."""
    return bool(
        (rows["frames"] == form.frames).all()
        and (rows["height"] == form.height).all()
        and (rows["width"] == form.width).all()
        and (rows["channels"] == form.channels).all()
        and (rows["dtype"] == DTYPES.index(form.scale.dtype)).all()
    )


def converted(pixels: NDArray[Any], form: Form, policy: Fit) -> list[NDArray[Any]]:
    """What one record becomes: itself, several clips, or nothing where it cannot take the form.

    Args:
        pixels: (h, w, c) or (t, h, w, c).
        form: the wanted one.
        policy: how another size is fitted.

    Returns:
        Records of the form's shape and type.
    """
    if (pixels.ndim == 4) != (form.frames > 0) or not takes(form, pixels.shape[-1]):
        return []
    if pixels.shape[-1] != form.channels:
        pixels = np.repeat(pixels, 3, axis=-1)
    pixels = fit(form.scale.converted(pixels), (form.height, form.width), policy)
    if not form.frames:
        return [pixels]
    # Clips end to end; what is left over at the end is dropped.
    return [pixels[i : i + form.frames] for i in range(0, len(pixels) - form.frames + 1, form.frames)]


def takes(form: Form, channels: int) -> bool:
    """Whether records of so many channels can take the form: of its number, or grey where it is colour."""
    return channels == form.channels or (form.channels == 3 and channels == 1)


def window(dtype: str, low: float, high: float) -> tuple[float, float]:
    """The stored values that stand for -1 and +1.

    8-bit data have 0 and 255. 16-bit data have 0 and the largest value of the smallest depth (8, 10, 12, 14 or 16
    bits) that holds them all. Float data have [0, 1], [-1, 1] or [0, 255] where they lie within, tried in this
    order, else their own smallest and largest value.

    Args:
        dtype: of the stored values.
        low: smallest value of the training records.
        high: largest value of the training records.
    """
    if dtype == "uint8":
        return 0.0, 255.0
    if dtype == "uint16":
        return 0.0, float(next((1 << bits) - 1 for bits in BIT_DEPTHS if high < 1 << bits))
    for bounds in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)):
        if bounds[0] <= low and high <= bounds[1]:
            return bounds
    return (low, high) if high > low else (low, low + 1.0)


def media_of(form: Form, ends: tuple[float, float], rates: NDArray[np.float32], kept: Window | None) -> MediaSpec:
    """What one record is; clips that differ in rate have no common clock.

    Args:
        form: of all records.
        ends: smallest and largest value of the training records.
        rates: (n,) frames a second of all records, 0 where it is not known.
        kept: the window that the files state, if any.
    """
    low, high = kept or window(form.scale.dtype, *ends)
    clocks = np.unique(rates)
    return MediaSpec(
        kind="video" if form.frames else "image",
        channels=form.channels,
        height=form.height,
        width=form.width,
        frames=form.frames or None,
        fps=float(clocks[0]) if form.frames and len(clocks) == 1 and clocks[0] > 0 else None,
        dtype=cast(Dtype, form.scale.dtype),
        low=low,
        high=high,
    )


def _common_length(frames: NDArray[np.uint32]) -> tuple[int, list[str]]:
    lengths = np.unique(frames)
    if len(lengths) == 1:
        return int(lengths[0]), []
    wanted = min(DEFAULT_FRAMES, int(lengths[-1]))
    return wanted, [f"clips of {lengths[0]} to {lengths[-1]} frames were cut to {wanted}, shorter ones left out"]
