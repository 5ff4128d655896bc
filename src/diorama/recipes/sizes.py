"""Which recipes take pictures of a size, and which sizes a recipe takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diorama.core.errors import BadConfig
from diorama.core.numbers import counted
from diorama.recipes.catalog import ENTRIES

if TYPE_CHECKING:
    from diorama.core.contracts import DataInfo
    from diorama.recipes.entry import RecipeFunction

_SMALLEST, _FURTHEST = 4, 128
"""Sizes that are tried: from so many pixels to so many more than the data have."""


_FIRST = ("edm_upscale_cpu", "pix2pix_cpu", "cyclegan_cpu", "ddpm_cpu", "dcgan_cpu", "vae_cpu", "mocogan_cpu")
"""Recipes for a first training, in the order in which they are proposed."""


def first_for(info: DataInfo) -> str | None:
    """A small recipe that takes the data, for a first training; ``None`` where none does."""
    functions = {entry.name: entry.function() for entry in ENTRIES if entry.name in _FIRST}
    return next((name for name in _FIRST if _takes(functions[name], info)), None)


def recipes_for(info: DataInfo) -> str:
    """Which shipped recipes make a generator of such records, in a sentence.

    Labels and captions that a recipe needs are taken for granted: only what a record is like counts.
    """
    from diorama.core.contracts import SideSpec

    media = info.media
    captions = (SideSpec(key="tokens", kind="text", shape=(64,), ragged=True),)
    info = replace(info, classes=info.classes or ("one", "other"), sides=captions)
    functions = {entry.name: entry.function() for entry in ENTRIES if entry.kind == media.kind and entry.from_data}
    refused = [name for name, function in functions.items() if not _takes(function, info)]
    taken = [name for name in functions if name not in refused]
    kind = "clips" if media.kind == "video" else "pictures"
    what = f"{kind} of {media.width} x {media.height} with {counted(media.channels, 'channel')}"
    if not refused:
        return f"every recipe for {kind} takes {what}"
    resized = [functions[name] for name in refused if _nearest([functions[name]], info)]
    nearest = _nearest(resized, info) if resized else ()
    if not taken:
        return f"no recipe for {kind} takes {what}{f'; prepare with {_options(nearest)}' if nearest else ''}"
    if len(refused) < len(taken):
        remedy = f"; these take {_options(nearest)}" if nearest else ""
        return f"every recipe for {kind} but {', '.join(refused)} takes {what}{remedy}"
    remedy = f"; the others take {_options(nearest)}" if nearest else ""
    return f"{what} are taken by {', '.join(taken)}{remedy}"


def sizes_instead(function: RecipeFunction, info: DataInfo) -> str:
    """The sizes nearest to the data's that a recipe takes, as the end of a message; empty where no size helps.

    Args:
        function: the recipe's, which has refused the data.
        info: what the data are.
    """
    nearest = _nearest([function], info)
    if not nearest:
        return ""
    options = [_with_partners(size, info) for size in nearest]
    return (
        f"; the nearest sizes that it takes: prepare anew with {' or '.join(options)}, "
        f"as in: diorama prepare SOURCE --out FOLDER {options[0]}"
    )


def _with_partners(size: int, info: DataInfo) -> str:
    """Options of prepare for pictures of a size; partners that are larger than their pictures keep their size."""
    own = info.media.height
    sides = [spec.media.height for spec in info.sides if spec.media is not None and spec.media.height > own]
    return f"--size {sides[0]} --small {size}" if sides else f"--size {size}"


def _options(sizes: Sequence[int]) -> str:
    return " or ".join(f"--size {size}" for size in sizes)


def _nearest(functions: Sequence[RecipeFunction], info: DataInfo) -> tuple[int, ...]:
    """The next smaller and the next larger square size that all take."""
    side = max(info.media.height, info.media.width)
    lower, upper = (
        range(min(side, info.media.height, info.media.width), _SMALLEST - 1, -1),
        range(side, side + _FURTHEST),
    )
    found = [next((s for s in sizes if _all_take(functions, info, s)), None) for sizes in (lower, upper)]
    return tuple(dict.fromkeys(s for s in found if s is not None))


def _all_take(functions: Sequence[RecipeFunction], info: DataInfo, side: int) -> bool:
    resized = _resized(info, side)
    return all(_takes(function, resized) for function in functions)


def _resized(info: DataInfo, side: int) -> DataInfo:
    """The data at another size; partners that are as large as their pictures are prepared at the same."""
    size = (info.media.height, info.media.width)
    sides = []
    for spec in info.sides:
        media = spec.media
        if media is not None and (media.height, media.width) == size:
            media = replace(media, height=side, width=side)
            spec = replace(spec, media=media, shape=media.shape)
        sides.append(spec)
    return replace(info, media=replace(info.media, height=side, width=side), sides=tuple(sides))


def _takes(function: RecipeFunction, info: DataInfo) -> bool:
    try:
        function(info)
    except BadConfig:
        return False
    return True
