"""Pictures with partners beside them, as the side ``target``: the larger ones that they were made of, or others.

Reference: J. Ho et al., arXiv:2106.15282, section 3 (small pictures and larger ones); P. Isola et al.,
arXiv:1611.07004 (pictures of one place or thing in two kinds).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.contracts import MediaSpec, SideSpec
from diorama.core.errors import BadInput
from diorama.data.captions import TOKENS, fitted
from diorama.data.pack import PackWriter
from diorama.data.prepare_options import PrepareOptions
from diorama.data.record_list import ListedRecord
from diorama.data.records import Payload, encode_record
from diorama.data.side_values import TARGET
from diorama.data.side_writer import SideValues
from diorama.data.unify import Form, common_form, converted, media_of, takes
from diorama.media.resize import Fit, resize


def pair_notes(media: MediaSpec, side: int | None) -> list[str]:
    """What becomes of pictures that small ones are made of, for people.

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


class PartnerStore:
    """The partners of records, as they came, while preparation does not know yet what all are to be.

    Partners are added inside a ``with`` block and read after it; :meth:`agree` comes first.

    Args:
        folder: an existing folder, in which they wait in a folder of their own.
    """

    def __init__(self, folder: Path) -> None:
        self._writer = PackWriter(folder, "partners")
        self._numbers: dict[str, int] = {}
        self._form: Form | None = None
        self._fitted = False
        self._policy: Fit = "crop"

    def __enter__(self) -> PartnerStore:
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(*error)

    def add(self, path: str, payload: Payload) -> None:
        """Keep the partner of the record of this path."""
        self._numbers[path] = self._writer.append(payload, path)

    def agree(
        self, entries: Sequence[ListedRecord], records: Form, options: PrepareOptions
    ) -> tuple[frozenset[str], list[str]]:
        """Find out what all partners are to be; their size, type and number of channels may differ from the records'.

        With a size all have been fitted to it with their pictures. Without one, where all pictures are of one size and
        all partners of one, both keep theirs; else every partner is brought to the size of its picture.

        Args:
            entries: all records.
            records: what these are to be.
            options: of preparation.

        Returns:
            Paths of records whose partner cannot be made like the others, and notes.

        Raises:
            BadInput: the partners' values have several scales.
        """
        rows = self._writer.rows()
        form, notes = common_form(rows, self._writer.ranges(), list(self._numbers), options.values)
        own = [(int(row["height"]), int(row["width"])) for row in rows]
        sizes = [entry.size for entry in entries]
        if options.size is None and (len(set(own)) > 1 or len(set(sizes)) > 1):
            self._fitted = True
            form = replace(form, height=records.height, width=records.width)
            notes = [note for note in notes if not note.endswith(f"{form.width}x{form.height}")]
            other = sum(own[self._numbers[entry.path]] != entry.size for entry in entries)
            notes += [f"{other:,} of another size than their pictures were fitted to them"] if other else []
        self._form, self._policy = form, options.fit
        unfit = [path for path, number in self._numbers.items() if not takes(form, int(rows[number]["channels"]))]
        return frozenset(unfit), [f"partners: {note}" for note in notes]

    def media(self, train: Sequence[ListedRecord]) -> MediaSpec:
        """What one partner is; the window of values is that of the training records' partners."""
        assert self._form is not None
        low, high = 0.0, 0.0
        if self._form.scale.dtype != "uint8":  # whose window is known
            ends = [(float(pixels.min()), float(pixels.max())) for pixels in map(self.read, train)]
            low, high = min(end[0] for end in ends), max(end[1] for end in ends)
        return media_of(self._form, (low, high), np.zeros(0, np.float32), None)

    def as_it_came(self, entry: ListedRecord) -> NDArray[Any]:
        """The partner of a record before all are made alike, (h, w, c)."""
        return self._writer.read(self._numbers[entry.path])

    def read(self, entry: ListedRecord) -> NDArray[Any]:
        """The partner of a record as it will be stored, (h, w, c)."""
        assert self._form is not None, "nothing has been agreed on"
        pixels = self.as_it_came(entry)
        return converted(resize(pixels, entry.size) if self._fitted else pixels, self._form, self._policy)[0]

    def discard(self) -> None:
        """Remove what waited."""
        shutil.rmtree(self._writer.discard())


def small_pairs(
    writer: PackWriter, media: MediaSpec, side: int, entries: Sequence[ListedRecord], options: PrepareOptions
) -> tuple[PackWriter, MediaSpec]:
    """Write all pictures anew: shrunk ones as records, whole ones as their partners.

    Args:
        writer: of the whole pictures; it is not used any more.
        media: theirs.
        side: of the shrunk ones in pixels.
        entries: what is known of the records.
        options: of preparation.

    Returns:
        The writer and the media of the shrunk ones, which keep the units of the whole ones.
    """

    def both(number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        whole = writer.read(number)
        return resize(whole, (side, side)), whole

    def facts(number: int) -> dict[str, Any]:
        known: dict[str, Any] = dict(writer.facts(number))
        entry = entries[number]
        if entry.objects is None:
            return known
        return known | {"objects": entry.objects.fitted(entry.size, (side, side), options.fit)}

    written = _written(writer, media, both, facts, entries, options.caption_bytes)
    return written, replace(media, height=side, width=side)


def with_partners(
    writer: PackWriter, partners: PartnerStore, media: MediaSpec, entries: Sequence[ListedRecord], caption_bytes: int
) -> PackWriter:
    """Write all records anew, with their partners beside them.

    Args:
        writer: of the records; it is not used any more.
        partners: of all of them; not used any more.
        media: of partners.
        entries: what is known of the records.
        caption_bytes: of a caption, at most.
    """

    def both(number: int) -> tuple[NDArray[Any], NDArray[Any]]:
        return writer.read(number), partners.read(entries[number])

    written = _written(writer, media, both, writer.facts, entries, caption_bytes)
    partners.discard()
    return written


def _written(
    writer: PackWriter,
    media: MediaSpec,
    both: Callable[[int], tuple[NDArray[Any], NDArray[Any]]],
    facts_of: Callable[[int], Mapping[str, Any]],
    entries: Sequence[ListedRecord],
    caption_bytes: int,
) -> PackWriter:
    """Records and partners (of ``media``) in the place of what a writer holds."""
    target = SideSpec(key=TARGET, kind="picture", shape=media.shape, media=media)
    with PackWriter(writer.folder, "paired", sides=[TOKENS, target]) as pairs:
        for number, entry in enumerate(entries):
            record, partner = both(number)
            facts = {key: fact for key, fact in facts_of(number).items() if key != "path"}
            sides: dict[str, SideValues] = {TARGET: partner}
            if entry.captions:
                sides[TOKENS.key] = fitted(entry.captions, caption_bytes)
            pairs.append(encode_record(record), entry.path, facts, sides)
    shutil.rmtree(writer.discard())
    return pairs
