"""Captions of records: the side ``tokens``, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diorama.core.contracts import SideSpec
from diorama.data.record_list import ListedRecord
from diorama.text.bytes import cut

TOKENS = SideSpec(key="tokens", kind="text", shape=(0,), ragged=True)
"""Captions as bytes, as long as the longest of a set."""


def fitted(captions: Sequence[str], most: int) -> list[str]:
    """Captions of at most so many bytes."""
    return [cut(caption, most).decode() for caption in captions]


def caption_notes(records: Sequence[ListedRecord], most: int) -> Iterator[str]:
    """What was read as captions and what was not; nothing where no record has one.

    Args:
        records: all that are kept.
        most: bytes that a caption was cut to.
    """
    counts = [len(record.captions) for record in records]
    if not any(counts):
        return
    several = f", {sum(count > 1 for count in counts)} of them several (up to {max(counts)})" if max(counts) > 1 else ""
    yield f"{sum(map(bool, counts)):,} records have captions{several}; they are read as `tokens`"
    if not all(counts):
        yield f"{counts.count(0)} records have no caption and are read with an empty one"
    # Counted in bytes, as they are cut; half of a surrogate pair is written as one.
    long = sum(len(caption.encode(errors="replace")) > most for record in records for caption in record.captions)
    if long:
        yield f"{long} captions of more than {most} bytes were cut to that (--caption-bytes)"
