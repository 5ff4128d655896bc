"""What recipes that draw pictures ask of the data."""

from __future__ import annotations

from collections.abc import Collection

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig


def pictures_of(info: DataInfo, drawer: str = "this recipe") -> MediaSpec:
    """What the records are.

    Args:
        info: the data.
        drawer: what draws them, for people.

    Raises:
        BadConfig: they are clips.
    """
    if info.media.kind != "image":
        raise BadConfig(
            f"data: {info.name} holds clips; {drawer} draws pictures: take mocogan, or prepare without --frames"
        )
    return info.media


def side_of(info: DataInfo, drawer: str, sides: Collection[int]) -> int:
    """The side of square pictures, in pixels.

    Args:
        info: the data.
        drawer: what draws them, for people.
        sides: that it draws.

    Raises:
        BadConfig: the data are clips, or pictures that are no squares or of another side.
    """
    media = pictures_of(info, drawer)
    if media.height != media.width or media.height not in sides:
        raise BadConfig(
            f"data: pictures of {media.height} x {media.width} pixels; {drawer} draws squares of "
            f"{', '.join(map(str, sides))} (diorama prepare --size cuts them)"
        )
    return media.height
