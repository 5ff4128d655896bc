"""A first look over a whole container: what decisions about one file need to know of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from diorama.core.errors import BadInput
from diorama.data.sources.array_files import ArrayFiles, NamedStacks
from diorama.data.sources.arrays import peek_shape
from diorama.data.sources.base import Skip, SourceOptions
from diorama.data.sources.coco import beside_pictures, may_be_coco, read_coco
from diorama.data.sources.entries import Container, Entry
from diorama.data.sources.layout import Layout
from diorama.data.sources.matching import match
from diorama.data.sources.names import LOOK_LIKE_TABLES, MEDIA, Content, content_of, is_hidden, parent, stem
from diorama.data.sources.parquet import table_of_paths
from diorama.data.sources.partners import Files, Partners
from diorama.data.sources.sidecars import LISTS, SAMPLES, Sidecars, read_list, without_numbers
from diorama.data.sources.split_lists import SplitLists
from diorama.data.sources.strips import looks_like_strip
from diorama.data.sources.tables import Table, columns_of, parse_table
from diorama.media.image import is_animated
from diorama.media.kinds import HEAD_BYTES, foreign_kind, kind_by_content

_HEAD_BYTES, _TABLE_HEAD = 65_536, 4_096
_CLIP_DIMS, _STACK_OF_CLIPS_DIMS = 4, 5


@dataclass(frozen=True)
class Survey:
    """What a container holds.

    Args:
        clips: its records are clips.
        strips: its pictures are film strips.
        mixed: still pictures and clips are both there.
        lone_array: it holds one array file and no other media.
        files: path of each record's file (of a folder of frames, the folder's) and what its archive calls it.
        layout: what its folders mean.
        tables: found in it, by path.
        broken_tables: path and reason.
        beside: what files beside the records tell of one each.
        sidecars: their paths.
        kinds: what files are by their content whose names say nothing.
        foreign: what other files are that are not read, and how they can be.
        listed_frames: a list of samples names folders of pictures, which are clips.
        unread: paths of files that look like tables and are none of those that are read unasked.
        stacks: arrays that are stacks of pictures by their names.
        maps: pictures that are masks of others.
        unlisted: files that lists of splits leave out.
        pooled: files in folders that tell nothing, which links in folders of splits or classes lead to.
        partners: of its pictures.
    """

    clips: bool
    strips: bool
    mixed: bool
    lone_array: bool
    files: Sequence[tuple[str, str]]
    layout: Layout
    tables: dict[str, Table] = field(default_factory=dict)
    broken_tables: Sequence[Skip] = ()
    beside: Table | None = None
    sidecars: frozenset[str] = frozenset()
    kinds: Mapping[str, Content] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    listed_frames: bool = False
    unread: Sequence[str] = ()
    stacks: NamedStacks = field(default_factory=NamedStacks)
    maps: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    pooled: frozenset[str] = frozenset()
    partners: Partners = field(default_factory=Partners)

    @property
    def holds_rows(self) -> bool:
        """Whether some of its files are Parquet, whose rows are records with columns of their own."""
        return any(self.content(path) == "parquet" for path, _ in self.files)

    def content(self, path: str) -> Content:
        """What a file holds, by its name, or where that says nothing, by its first bytes."""
        return self.kinds.get(path) or content_of(path)


class _Tally:
    """Counts and first impressions, gathered entry by entry."""

    def __init__(self, options: SourceOptions) -> None:
        self.options = options
        self.counts: Counter[Content] = Counter()
        self.tables: dict[str, Table] = {}
        self.broken: list[Skip] = []
        self.strips: bool | None = None
        self.animated: bool | None = None
        self.dims: int | None = None
        self.folders: dict[Content, Counter[str]] = {kind: Counter() for kind in MEDIA}
        self.files: list[tuple[str, str]] = []
        self.sidecars = Sidecars()
        self.kinds: dict[str, Content] = {}
        self.foreign: dict[str, str] = {}
        self.coco: set[str] = set()
        self.annotations: list[Table] = []
        self.unread: list[str] = []
        self.array_files = ArrayFiles()
        self.stacks = NamedStacks()
        self.lists = SplitLists()
        self.of_paths: dict[str, Table] = {}
        self.alike: dict[str, set[str]] = {}
        self.unlabelled: set[str] = set()

    def add(self, entry: Entry) -> None:
        content = content_of(entry.path)
        if content == "other":
            content = self._by_content(entry)
        if content == "other":
            self._add_other(entry)
            if entry.path.lower().endswith(LOOK_LIKE_TABLES):
                content = self._table_of_partners(entry)
        self.counts[content] += 1
        if content in self.folders:
            self.folders[content][parent(entry.path)] += 1
            self.files.append((entry.path, entry.inner))
            if entry.same_as:
                self.alike.setdefault(entry.same_as, {entry.same_as}).add(entry.path)
        # One picture that is no strip settles it, and the others need not be measured.
        if content == "picture" and self.options.strip is None and self.strips is not False:
            self._measure(entry)
        elif content == "animation" and self.animated is None:
            self.animated = self._moves(entry)
        elif content == "array":
            self._add_array(entry)
        elif content == "parquet" and self.options.table is None:
            if (table := table_of_paths(entry, self.options.columns, self.options.limits)) is not None:
                self.of_paths[entry.path] = table
        elif content == "table" and self.options.table is None:
            try:
                self.tables[entry.path] = parse_table(
                    entry.content(self.options.limits), entry.path, parent(entry.path), self.options.columns
                )
            except BadInput as problem:
                self.broken.append(Skip.because(entry.path, problem))

    def _table_of_partners(self, entry: Entry) -> Content:
        """``table`` for a table of another name than the usual ones that has the column which is asked for."""
        pair = self.options.pair
        asked_for = pair is not None and self.options.table is None
        if asked_for and pair in columns_of(entry.read(min(_TABLE_HEAD, entry.size)), entry.path):
            return "table"
        self.unread.append(entry.path)
        return "other"

    def _add_array(self, entry: Entry) -> None:
        self.array_files.add(entry, self.options.limits)
        # Labels have fewer dimensions than pictures.
        if self.dims is None or self.dims < _CLIP_DIMS - 1:
            shape = peek_shape(entry)
            self.dims = self.dims if shape is None else len(shape)

    def pair_arrays(self) -> None:
        """Take what is labels of other arrays out of what gives records."""
        self.stacks = self.array_files.stacks()
        for path in self.stacks.label_files:
            self.counts["array"] -= 1
            self.folders["array"][parent(path)] -= 1
        self.files = [file for file in self.files if file[0] not in self.stacks.label_files]

    def leave_out_maps(self) -> frozenset[str]:
        """Take pictures that are masks of others out of what gives records."""
        maps: set[str] = set()
        for table in self.annotations:
            pictures = {row.rpartition("/")[2] for row in table.rows}
            for path, _ in self.files if table.maps else ():
                folder, _, name = path.rpartition("/")
                # Where masks are called like their pictures, only the folder tells them apart.
                if name in table.maps and (name not in pictures or folder.rpartition("/")[2] == stem(table.name)):
                    maps.add(path)
        return self.without(maps)

    def leave_out_tables(self) -> None:
        """Take Parquet files that name other files of the container out of what gives records, and among the tables."""
        files = [file for file in self.files if file[0] not in self.of_paths]
        for path, table in self.of_paths.items():
            matching = match(tuple(table.rows), files, table.folder, None)
            if 2 * len(set(matching.rows.values())) >= len(table.rows) > 0:
                self.tables[path] = replace(table, matching=matching)
        self.without({path for path in self.of_paths if path in self.tables})

    def leave_out_pool(self, layout: Layout) -> frozenset[str]:
        """Take files out of what gives records whose folders tell nothing, where links in folders that do lead to them.

        Read twice, such a picture would be trained on whichever split its link is in.
        """
        pooled: set[str] = set()
        for alike in self.alike.values():
            silent = {path for path in alike if not layout.facts(parent(path))}
            pooled |= silent if silent != alike else set()
        return self.without(pooled)

    def without(self, paths: set[str]) -> frozenset[str]:
        """Take files out of what gives records; those of them that were there."""
        found = frozenset(path for path, _ in self.files if path in paths)
        for path in found:
            content = self.kinds.get(path) or content_of(path)
            self.counts[content] -= 1
            self.folders[content][parent(path)] -= 1
        self.files = [file for file in self.files if file[0] not in found]
        return found

    def _by_content(self, entry: Entry) -> Content:
        try:
            head = entry.read(min(HEAD_BYTES, entry.size))
        except BadInput:
            return "other"
        kind, foreign = kind_by_content(head), foreign_kind(head)
        if entry.path.lower().endswith(".json") and may_be_coco(head):
            self.coco.add(entry.path)
        if kind is not None:
            self.kinds[entry.path] = kind
        elif foreign is not None:
            self.foreign[entry.path] = foreign
        return kind or "other"

    def _add_other(self, entry: Entry) -> None:
        limits, found = self.options.limits, None
        try:
            if entry.path in self.coco and self.options.table is None:
                found = read_coco(entry, limits)
                self.annotations += [] if found is None else [found]
            elif entry.path.rpartition("/")[2] in LISTS and self.options.table is None:
                found = read_list(entry, limits)
                if found is not None and not found.rows:
                    self.unlabelled.add(found.folder)
                    return
        except BadInput as problem:
            self.broken.append(Skip.because(entry.path, problem))
            return
        if found is not None:
            self.tables[entry.path] = found
        elif entry.path.rpartition("/")[2] not in LISTS:
            self.sidecars.add(entry, limits)
            if self.options.table is None:
                self.lists.add(entry, limits)

    def _measure(self, entry: Entry) -> None:
        limits = self.options.limits
        try:
            # The size stands near the beginning, save after long metadata, for which files on disk are read again.
            strip = looks_like_strip(entry.read(_HEAD_BYTES), entry.path, limits)
            if strip is None and entry.size > _HEAD_BYTES and not entry.streamed:
                strip = looks_like_strip(entry.content(limits), entry.path, limits)
        except BadInput:
            return
        if strip is not None:
            self.strips = strip

    def _moves(self, entry: Entry) -> bool | None:
        try:
            return is_animated(entry.content(self.options.limits), entry.path, self.options.limits)
        except BadInput:
            return None

    def stills_and_clips(self) -> tuple[int, int]:
        """Animated pictures are clips where they are among clips or by themselves."""
        stills, clips, animations = self.counts["picture"], self.counts["video"], self.counts["animation"]
        stills += self.counts["volume"]
        return (stills + animations, clips) if stills or not self.animated else (stills, clips + animations)

    def holds_clips(self, strips: bool) -> bool:
        if strips or self.options.clips is not None:
            return strips or bool(self.options.clips)
        if self.lists_frame_folders():
            return True
        stills, clips = self.stills_and_clips()
        if self.options.axes is not None and not (stills or clips):
            return "t" in self.options.axes
        if stills or clips:
            return clips > stills
        # What is a stack by its name is no record.
        others = self.counts["array"] - len(self.stacks.splits)
        each_alone = others > (0 if self.stacks.splits else 1) or self.samples()
        return self.dims == _STACK_OF_CLIPS_DIMS or (bool(each_alone) and self.dims == _CLIP_DIMS)

    def lists_frame_folders(self) -> bool:
        """Whether ``samples.json`` names folders of pictures: clips that were drawn as their frames."""
        places = self.samples()
        return bool(places) and places <= self.folders["picture"].keys()

    def samples(self) -> set[str]:
        """What the lists of samples name."""
        lists = [table for path, table in self.tables.items() if path.rpartition("/")[2] == SAMPLES]
        return {f"{table.folder}/{row}" if table.folder else row for table in lists for row in table.rows}

    def records_by_folder(self, clips: bool, strips: bool) -> Counter[str]:
        """Records of each folder; a folder of frames is one, in the folder around it."""
        kinds = [kind for kind in MEDIA if clips or kind != "video"]
        found = sum((self.folders[kind] for kind in kinds if kind != "picture"), Counter[str]())
        pictures = Counter[str]()
        for folder, count in self.folders["picture"].items():
            pictures[without_numbers(folder, self.unlabelled)] += count
        return found + (Counter(map(parent, pictures)) if clips and not strips else pictures)


def survey(
    container: Container,
    options: SourceOptions,
    pairing: Callable[[Files, Sequence[Table]], Partners] | None = None,
) -> Survey:
    """Look over the container once; where it breaks off, the look ends.

    Args:
        container: a folder, archive or single file.
        options: how it is read.
        pairing: finds the partners among all files with the tables that were found; ``None`` where there are none.
    """
    tally = _Tally(options)
    try:
        for entry in container.entries():
            if isinstance(entry, Entry) and not is_hidden(entry.path):
                tally.add(entry)
    except BadInput:
        pass  # the reading that follows meets the same break and reports it
    tally.pair_arrays()
    tally.leave_out_tables()
    maps = tally.leave_out_maps()
    partners = Partners() if pairing is None else pairing(tally.files, list(tally.tables.values()))
    # Partners are no records, so that their folders tell nothing of labels and splits.
    tally.without({*partners.used, *partners.left_out})
    strips = bool(tally.strips) if options.strip is None else options.strip
    media = sum(tally.counts[kind] for kind in MEDIA)
    lone = media == 1 and tally.counts["array"] == 1 and not tally.samples()
    mixed = all(tally.stills_and_clips())
    clips = tally.holds_clips(strips)
    layout = Layout(tally.records_by_folder(clips, strips))
    if pooled := tally.leave_out_pool(layout):
        layout = Layout(tally.records_by_folder(clips, strips))
    files = tally.files
    if clips and not strips:
        # Of frames a table may name the folder.
        files = [*files, *{(parent(path), parent(inner)): None for path, inner in files if parent(path)}]
    for table in tally.annotations:
        beside_pictures(table, {parent(path) for path, _ in files})
    lists = tally.lists.table(files, layout)
    beside, sidecars = tally.sidecars.table(files)
    return Survey(
        clips,
        strips,
        mixed,
        lone,
        files,
        layout,
        tally.tables | ({} if lists is None else {lists.table.name: lists.table}),
        tuple(tally.broken),
        beside=beside,
        sidecars=sidecars | tally.stacks.label_files | (frozenset() if lists is None else lists.paths),
        kinds=tally.kinds,
        foreign=tally.foreign,
        listed_frames=options.clips is None and tally.lists_frame_folders(),
        unread=tuple(tally.unread),
        stacks=tally.stacks,
        maps=maps,
        unlisted=frozenset() if lists is None else lists.unlisted,
        pooled=pooled,
        partners=partners,
    )
