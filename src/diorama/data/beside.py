"""What stands beside the pictures of a prepared folder, as the side ``target``: nothing, partners, or a second set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.numbers import counted
from diorama.data.dataset import UNPAIRED, open_dataset
from diorama.data.pack import PackWriter
from diorama.data.pairs import PartnerStore, pair_notes, small_pairs, with_partners
from diorama.data.prepare_options import PrepareOptions
from diorama.data.record_list import ListedRecord
from diorama.data.records import Payload
from diorama.data.side_values import TARGET
from diorama.data.unify import Form


class Beside:
    """What stands beside the records of a folder in the making.

    Partners are added inside a ``with`` block.

    Args:
        folder: the folder; a second set has been prepared in it.
        options: of its preparation.
    """

    def __init__(self, folder: Path, options: PrepareOptions) -> None:
        self._options = options
        self.partners = None if options.pair is None else PartnerStore(folder)
        self.media: MediaSpec | None = None
        self.second: DataInfo | None = None
        self._splits: dict[str, int] = {}
        if options.unpaired is not None:
            second = open_dataset(folder / UNPAIRED)
            self.second, self.media, self._splits = second.info, second.info.media, dict(second.splits)

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, *error: object) -> None:
        if self.partners is not None:
            self.partners.__exit__(*error)

    def add(self, path: str, partner: Payload | None) -> None:
        """Keep the partner of a record where there are partners."""
        if self.partners is not None:
            assert partner is not None, "a record without a partner is left out before"
            self.partners.add(path, partner)

    def agree(self, entries: Sequence[ListedRecord], form: Form) -> tuple[frozenset[str], list[str]]:
        """See :meth:`~diorama.data.pairs.PartnerStore.agree`."""
        return (frozenset(), []) if self.partners is None else self.partners.agree(entries, form, self._options)

    def settle(self, media: MediaSpec, entries: Sequence[ListedRecord], splits: Sequence[str]) -> list[str]:
        """Find out what partners are, once it is known which records are trained on.

        Args:
            media: of the records.
            entries: all of them.
            splits: (n,) the split of each.

        Returns:
            Notes.

        Raises:
            BadInput: there can be no small pictures of these.
        """
        if self.partners is not None:
            train = [entry for entry, split in zip(entries, splits, strict=True) if split == "train"]
            self.media = self.partners.media(train or entries)
        elif self._options.small is not None:
            notes = pair_notes(media, self._options.small)
            self.media = media
            return notes
        lacking = sorted(set(splits) - set(self._splits)) if self.second is not None else []
        return [f"the second set has no {split}, so the {split} of the first has no side {TARGET}" for split in lacking]

    def words(self) -> str:
        """What stands beside the records, in one line; empty for nothing."""
        if self.media is None:
            return ""
        if self.second is None:
            return f"beside each its partner (side {TARGET}): {self.media.in_words()}"
        counts = ", ".join(f"{split} {count:,}" for split, count in self._splits.items())
        count = counted(sum(self._splits.values()), "picture")
        return f"beside them {count} of a second set, drawn on their own (side {TARGET}): {counts}"

    def written(
        self, writer: PackWriter, media: MediaSpec, entries: Sequence[ListedRecord]
    ) -> tuple[PackWriter, MediaSpec]:
        """The writer of the finished records, and what these are.

        Args:
            writer: of the records as they were read; not used any more where another is returned.
            media: of these.
            entries: what is known of them.
        """
        options = self._options
        if options.small is not None:
            return small_pairs(writer, media, options.small, entries, options)
        if self.partners is not None and self.media is not None:
            return with_partners(writer, self.partners, self.media, entries, options.caption_bytes), media
        return writer, media
