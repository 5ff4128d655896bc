"""What stands beside the pictures of data, for recipes that draw it or are given it."""

from __future__ import annotations

from diorama.core.contracts import DataInfo, MediaSpec, SideSpec
from diorama.core.errors import BadConfig

_TARGET = "target"


def beside(info: DataInfo) -> SideSpec | None:
    """What stands beside each picture as the side ``target``; ``None`` for nothing."""
    return next((side for side in info.sides if side.key == _TARGET and side.media is not None), None)


def partner_of(info: DataInfo, *, paired: bool) -> MediaSpec:
    """What the partners of pictures are, each as large as its picture.

    Args:
        info: the data.
        paired: whether each partner must belong to its picture; else a second set does as well.

    Raises:
        BadConfig: the data are clips, have no partners, or have partners of another size.
    """
    if info.media.frames is not None:
        raise BadConfig(f"data: {info.name} holds clips; this recipe translates pictures")
    side = beside(info)
    if side is None or side.media is None:
        others = "" if paired else ", or a second set with --unpaired OTHER"
        raise BadConfig(
            f"data: the pictures of {info.name} have no partners beside them (side {_TARGET}); diorama prepare makes "
            f"them with --pair COLUMN, FOLDER, left or right{others}"
        )
    if paired and side.unpaired:
        raise BadConfig(
            f"data: beside the pictures of {info.name} stands a second set, in which none has a partner of its own; "
            "prepare with --pair COLUMN, FOLDER, left or right, or take cyclegan, which learns without pairs"
        )
    size, other = (info.media.width, info.media.height), (side.media.width, side.media.height)
    if size != other:
        raise BadConfig(
            f"data: the partners of the pictures of {info.name} are {other[0]} x {other[1]}, and the pictures "
            f"{size[0]} x {size[1]}; diorama prepare --size N brings both to one size"
        )
    return side.media


def larger_partner_of(info: DataInfo) -> MediaSpec:
    """What the partners of small pictures are, each larger than its picture.

    Args:
        info: the data.

    Raises:
        BadConfig: the data are clips, have no partners, or have partners that are no larger.
    """
    side = beside(info)
    found = None if side is None or side.unpaired else side.media
    if found is None:
        raise BadConfig(
            f"data: the pictures of {info.name} have no larger ones beside them (side {_TARGET}); prepare makes them "
            "with --size N --small M"
        )
    if found.frames is not None or info.media.frames is not None:
        raise BadConfig(f"data: {info.name} holds clips; this recipe enlarges pictures")
    if found.height <= info.media.height or found.width <= info.media.width:
        raise BadConfig(
            f"data: the partners of the pictures of {info.name} are {found.width} x {found.height}, no larger "
            f"than the pictures' own {info.media.width} x {info.media.height}; prepare with --size N --small M, "
            "where M is less than N"
        )
    return found
