"""A source divided by label, for two sets of pictures out of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from diorama.core.errors import BadInput
from diorama.core.suggestions import in_a_line
from diorama.data.sources.base import Chosen, Item, Source


class OfLabel(Chosen):
    """The records of one label, or all others.

    Args:
        source: of all.
        label: the label.
        kept: its records are kept, and not the others.
        needed: there must be some of them.
    """

    def __init__(self, source: Source, label: str, *, kept: bool, needed: bool) -> None:
        super().__init__(source)
        self._label, self._kept, self._needed = label, kept, needed

    def words(self) -> Sequence[str]:
        """Which set of the two this is."""
        others = "only these records are here" if self._kept else "they are the second set"
        return [f"of the records with the label {self._label!r}: {others}"]

    def items(self) -> Iterator[Item]:
        """Its records.

        Raises:
            BadInput: there are none, though some are needed.
        """
        seen: dict[str, None] = {}
        some = False
        for item in self._source.items():
            label = item.facts.get("label", "")
            seen[label] = None
            if (label == self._label) == self._kept:
                some = True
                yield item
        if self._needed and not some:
            raise self._refusal([label for label in seen if label])

    def _refusal(self, labels: Sequence[str]) -> BadInput:
        if not self._kept:
            return BadInput(
                f"--unpaired {self._label}: all records of {self.name} have this label; none is left beside"
            )
        known = f"its labels are {in_a_line(labels)}" if labels else "it has no labels"
        return BadInput(
            f"--unpaired {self._label}: there is no such file or folder, and no record of {self.name} has this label; "
            f"{known}"
        )
