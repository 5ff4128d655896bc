"""Pictures of a source together with their partners."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from diorama.core.errors import BadInput
from diorama.data.sources.archives import open_archive
from diorama.data.sources.base import Item, Skip, SourceOptions
from diorama.data.sources.entries import Container, Entry
from diorama.data.sources.facts import FactReader
from diorama.data.sources.folder import FolderContainer
from diorama.data.sources.partners import (
    PARTNER,
    Files,
    Partners,
    folders_of,
    no_such_pair,
    partners_by_column,
    partners_by_folder,
    partners_elsewhere,
)
from diorama.data.sources.records import RecordBuilder
from diorama.data.sources.survey import Survey, survey
from diorama.data.sources.tables import Table
from diorama.media.limits import Limits

_HELD_BYTES = 256 << 20


def find_partners(
    options: SourceOptions, name: str, files: Files, tables: Sequence[Table], root: Path | None
) -> Partners:
    """The partners that ``options.pair`` means: a column of a table, else a folder inside the source, else elsewhere.

    Args:
        options: of the source.
        name: of the source, for messages.
        files: in it.
        tables: that were read.
        root: where it lies on disk.

    Raises:
        BadInput: there is neither such a column nor such a folder, or two pictures have the same partner.
    """
    pair = options.pair or ""
    table = next((table for table in tables if pair in table.columns), None)
    if table is not None:
        return partners_by_column(pair, table, files, root)
    place = Path(pair)
    inside = pair.strip("/")
    if root is not None and place.is_dir() and place.resolve().is_relative_to(root.resolve()):
        inside = place.resolve().relative_to(root.resolve()).as_posix()
    if inside in folders_of(files):
        return partners_by_folder(inside, files)
    if not place.exists() or (root is not None and place.resolve().is_relative_to(root.resolve())):
        raise no_such_pair(pair, name, tables, files)
    return partners_elsewhere(pair, files, _surveyed(options)[1].files)


class PartnerFiles:
    """Gives every picture of a source its partner.

    Args:
        container: of the source.
        found: what it holds, its partners included.
        options: of the source.
    """

    def __init__(self, container: Container, found: Survey, options: SourceOptions) -> None:
        self._partners = found.partners
        if found.partners.elsewhere:
            container, found = _surveyed(options)
        alone = replace(found, partners=Partners())
        self._builder = RecordBuilder(alone, FactReader([], found.layout), options)
        wanted = set(self._partners.of.values())
        self._entries: dict[str, Entry] = {}
        held = 0
        for entry in container.entries():
            if isinstance(entry, Entry) and entry.path in wanted and entry.path not in self._entries:
                held += entry.size if entry.streamed else 0
                if held > _HELD_BYTES:
                    raise BadInput(
                        f"--pair: the partners in a tar are more than the {_HELD_BYTES >> 20} MiB that are held, and "
                        "a tar cannot be gone back in; unpack it first"
                    )
                self._entries[entry.path] = _kept(entry, options.limits) if entry.streamed else entry

    def joined(self, result: Item | Skip) -> Item | Skip:
        """A picture with its partner; a Skip where that cannot be."""
        if isinstance(result, Skip):
            return result
        path = self._partners.of.get(result.path)
        if path is None:
            return Skip(result.path, "one of several records of a file, and partners are of files of one picture")
        try:
            found = list(self._builder.take(self._entries[path]))
        except BadInput as problem:
            found = [Skip.because(path, problem)]
        if len(found) == 1 and isinstance(found[0], Item):
            return replace(result, partner=found[0], facts={PARTNER: path, **result.facts})
        why = found[0].reason if found and isinstance(found[0], Skip) else "it is not one picture"
        return Skip(result.path, f"its partner {path} cannot be read ({why})")


def _kept(entry: Entry, limits: Limits) -> Entry:
    """An entry of a stream that can be read later as well."""
    content = entry.content(limits)
    return replace(entry, read=lambda size: content[:size], streamed=False)


def _surveyed(options: SourceOptions) -> tuple[Container, Survey]:
    """The folder or archive of partners that lies elsewhere."""
    place = Path(options.pair or "")
    container = FolderContainer(place, follow_links=options.follow_links) if place.is_dir() else open_archive(place)
    own = SourceOptions(strip=False, clips=False, axes=options.axes, limits=options.limits)
    return container, survey(container, own)
