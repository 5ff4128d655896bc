"""Small pictures with the larger ones that they were made of beside them, for models that learn to enlarge.

Reference: J. Ho et al., arXiv:2106.15282, section 3.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace

from diorama.core.contracts import MediaSpec, SideSpec
from diorama.core.errors import BadInput
from diorama.data.captions import TOKENS, fitted
from diorama.data.pack import PackWriter
from diorama.data.prepare_options import PrepareOptions
from diorama.data.record_list import ListedRecord
from diorama.data.records import encode_record
from diorama.data.side_writer import SideValues
from diorama.media.resize import resize

TARGET = "target"
"""The side that holds the larger pictures."""


def pair_notes(media: MediaSpec, side: int | None) -> list[str]:
    """What becomes of pictures, for people.

    Args:
        media: of the whole pictures.
        side: of the small ones in pixels; ``None`` for no small ones.

    Raises:
        BadInput: there can be no such pairs.
    """
    if side is None:
        return []
    if media.frames is not None:
        raise BadInput("--small: is of pictures, and these are clips")
    if media.height != media.width:
        raise BadInput(f"--small: pictures of {media.width} x {media.height} are not square; give --size as well")
    if not 1 <= side < media.height:
        raise BadInput(f"--small: {side} must be less than the {media.height} pixels of a side that pictures have")
    return [
        f"records are the pictures shrunk to {side} x {side}; those of {media.width} x {media.height} are their "
        "partners (side target), which a model learns to draw of them"
    ]


def paired(
    writer: PackWriter, media: MediaSpec, entries: Sequence[ListedRecord], options: PrepareOptions
) -> tuple[PackWriter, MediaSpec]:
    """Write all pictures anew: shrunk ones as records, whole ones as their partners.

    Args:
        writer: of the whole pictures; it is not used any more.
        media: theirs.
        entries: what is known of the records.
        options: of which ``small`` is the side of the shrunk ones; ``None`` leaves all as it is.

    Returns:
        The writer and the media of the shrunk ones, which keep the units of the whole ones.
    """
    side = options.small
    if side is None:
        return writer, media
    target = SideSpec(key=TARGET, kind="picture", shape=media.shape, media=media)
    with PackWriter(writer.folder, "paired", sides=[TOKENS, target]) as pairs:
        for number, entry in enumerate(entries):
            whole = writer.read(number)
            facts = {key: fact for key, fact in writer.facts(number).items() if key != "path"}
            if entry.objects is not None:
                facts["objects"] = entry.objects.fitted(entry.size, (side, side), options.fit)
            sides: dict[str, SideValues] = {TARGET: whole}
            if entry.captions:
                sides[TOKENS.key] = fitted(entry.captions, options.caption_bytes)
            pairs.append(encode_record(resize(whole, (side, side))), entry.path, facts, sides)
    shutil.rmtree(writer.discard())
    return pairs, replace(media, height=side, width=side)
