"""What the folders of a source mean, told from where all of its records lie: splits, classes, what lies beside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

Parts = tuple[str, ...]

_SPLITS = {
    **dict.fromkeys(("train", "training", "trn", "trainval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "development"), "val"),
    **dict.fromkeys(("eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst", "holdout", "heldout"), "test"),
}
_DOUBTFUL = frozenset(("dev", "development", "eval", "evaluation", "holdout", "heldout"))
"""Names of splits only where a folder with a plainer name stands beside them."""
_EVALUATION = frozenset(("eval", "evaluation"))
"""The test split where another is for validation already."""

_THINGS = "sets?|data|dataset|split|folder|images?|imgs?|pictures?|photos?|videos?|clips?|frames?"
_WORD = "|".join(sorted(_SPLITS, key=len, reverse=True))
_NAME = re.compile(
    rf"(?:\d{{1,3}}[ _.-])?(?:(?:seg|my|{_THINGS})[ _.-]?)??(?P<word>{_WORD})"
    rf"(?:[ _.-]?(?:{_THINGS}))?(?:[ _.-]?\d{{1,4}})?(?P<domain>[ _.-]?[AB])?",
    re.IGNORECASE,
)
"""``train``, ``training_set``, ``train2017``, ``01_train``, ``images_test``, ``trainA`` …"""

_CONTAINERS = frozenset(
    (
        "images",
        "image",
        "imgs",
        "img",
        "pictures",
        "photos",
        "frames",
        "jpg",
        "jpeg",
        "jpegimages",
        "png",
        "rgb",
        "data",
    )
)
"""Folders that say of what kind their files are, and so name no class below one that does."""

MASKS = re.compile(
    r"(?:.*[ _.-])?(?:masks?|labels?(?:tr|ts)?|annotations?|segmentation(?:s|class|object)?|seg|gt(?:fine|coarse)?|"
    r"ground[ _-]?truth|trimaps?|depth|edges?|targets?)",
    re.IGNORECASE,
)
_ENDED = re.compile(r".+[ _.-](?P<word>train|training|val|valid|validation|test|testing)", re.IGNORECASE)

_SHARE_IN_SPLITS = 0.5
_PREVIEWS_SHARE = 0.2
_SHOWN = 3


@dataclass(frozen=True)
class SplitName:
    """A folder's name as that of a split.

    Args:
        split: train, val or test.
        domain: ``A`` or ``B`` of ``trainA`` and ``testB``, the two sides of a translation; else empty.
        word: that says so.
    """

    split: str
    domain: str
    word: str


def split_named(name: str) -> str | None:
    """The split (train, val or test) that an archive or a table's cell names."""
    found = _split_name(name)
    return found.split if found else None


def _split_name(name: str) -> SplitName | None:
    found = _NAME.fullmatch(name.strip())
    if found is None:
        return None
    domain = (found["domain"] or "")[-1:]
    # A small letter that follows without a gap belongs to a word: `traina` is none.
    if domain.islower() and len(found["domain"]) == 1:
        return None
    word = found["word"].lower()
    return SplitName(_SPLITS[word], domain.upper(), word)


class Layout:
    """The pattern that the folders of most records follow, such as ``SPLIT/CLASS/images``.

    - A level of folders holds splits where at least two of them are named there, or where all its folders are one, or
      the only one with folders of classes below it; and half of the records or more lie below. Levels above it that
      are alike for all are a wrapper.
    - A class is the deepest folder whose names differ and mostly stand under one folder each: of ``person/session``
      with the same sessions everywhere it is the person, of ``animals/cat`` the cat. ``images`` and the like name
      none, and neither does a folder around everything.

    Args:
        folders: number of records in each folder, posix.
    """

    def __init__(self, folders: Mapping[str, int]) -> None:
        self._counts = {_parts(folder): count for folder, count in folders.items()}
        self._level, self._names = _split_level(self._counts)
        befores = [parts[: self._level] for parts in self._counts if self._split_of(parts) is not None]
        self._wrapper = _common(befores) if self._level is not None else _common(self._counts)
        self._rests = Counter[Parts]()
        for parts, count in self._counts.items():
            if (rest := self._rest(parts)) is not None:
                self._rests[rest] += count
        self._depth = _commonest_depth(self._rests)
        self._class = _class_level(self._rests, self._depth)
        if self._class is None and self._level is not None:
            # Below a split a folder is a class even where it is the only one.
            self._class = _innermost(self._rests, self._depth)

    def facts(self, folder: str) -> Mapping[str, str]:
        """``split`` and ``label`` of the records in a folder, as far as it names them."""
        parts, facts = _parts(folder), {}
        name, rest = self._split_of(parts), self._rest(parts)
        if name is not None:
            facts["split"] = name.split
        if rest is not None and self._class is not None and len(rest) > self._class:
            facts["label"] = rest[self._class]
        return facts

    def is_preview(self, folder: str) -> bool:
        """Whether loose pictures in this folder, beside those of the splits, are so few that they only show data."""
        return len(_parts(folder)) in self._preview_depths

    def notes(self) -> Iterator[str]:
        """How the folders were read, and what lies beside the pattern, with its count."""
        if self._level is not None or self._class is not None:
            yield f"folders were read as {self._pattern()}"
        elif self._wrapper:
            yield f"all records lie in the folder {'/'.join(self._wrapper)!r}, which therefore names no class"
        if self._level is not None:
            yield from self._beside_splits()
        if self._class is not None:
            bare = {parts: n for parts, n in self._counts.items() if "label" not in self.facts("/".join(parts))}
            bare = {parts: n for parts, n in bare.items() if not self.is_preview("/".join(parts))}
            if bare:
                yield f"{_records(bare)} in {_shown(bare)} lie beside the folders of classes and have no label"
            yield from doubtful_classes({rest[self._class] for rest in self._rests if len(rest) > self._class})

    def _beside_splits(self) -> Iterator[str]:
        names = ", ".join(sorted(self._names))
        level = self._level or 0
        beside = {p: n for p, n in self._counts.items() if len(p) > level and self._split_of(p) is None}
        loose = {p: n for p, n in self._counts.items() if len(p) <= level and len(p) not in self._preview_depths}
        for some in (beside, loose):
            if some:
                yield f"{_records(some)} in {_shown(some)} lie beside the folders of splits ({names})"

    @cached_property
    def _preview_depths(self) -> frozenset[int]:
        """Lengths of the paths of folders in which the loose pictures are previews."""
        if self._level is None:
            return frozenset()
        loose = {p: n for p, n in self._counts.items() if len(p) <= self._level}
        inside = sum(self._counts.values()) - sum(loose.values())
        return frozenset(map(len, loose)) if sum(loose.values()) <= _PREVIEWS_SHARE * inside else frozenset()

    def _split_of(self, parts: Parts) -> SplitName | None:
        if self._level is None or len(parts) <= self._level:
            return None
        return self._names.get(parts[self._level])

    def _rest(self, parts: Parts) -> Parts | None:
        """What may name classes: without wrapper and split; ``None`` for what lies beside the splits."""
        if self._level is None:
            return parts[len(self._wrapper) :]
        if len(parts) <= self._level:
            return None
        name = self._split_of(parts)
        domain = (name.domain,) if name is not None and name.domain else ()
        return (*domain, *parts[len(self._wrapper) : self._level], *parts[self._level + 1 :])

    def _pattern(self) -> str:
        levels = [self._word(level) for level in range(self._depth)]
        if self._level is None:
            return "/".join([*self._wrapper, *levels])
        domains = any(name.domain for name in self._names.values())
        if domains:
            split, levels = f"SPLIT+{levels[0]}", levels[1:]
        else:
            split = "SPLIT"
        between = self._level - len(self._wrapper)
        return "/".join([*self._wrapper, *levels[:between], split, *levels[between:]])

    def _word(self, level: int) -> str:
        if level == self._class:
            return "CLASS"
        names = {rest[level] for rest in self._rests if len(rest) == self._depth}
        return names.pop() if len(names) == 1 else "*"


def doubtful_classes(names: Iterable[str]) -> Iterator[str]:
    """What to say of folders that were read as classes, and may be masks of the others, or splits of a class."""
    names = sorted(names)
    masks = [name for name in names if MASKS.fullmatch(name)]
    if masks and len(masks) < len(names):
        yield (
            f"the folder {masks[0]!r} was read as a class like the others; if it holds masks or targets of their "
            "pictures, take it out of the source"
        )
    ended = {name: found for name in names if (found := _ENDED.fullmatch(name))}
    if len({found["word"].lower() for found in ended.values()}) > 1:
        shown = ", ".join(list(ended)[:_SHOWN])
        yield f"folders such as {shown} were read as classes, not as splits; SPLIT/CLASS or a column split says which"


def _split_level(counts: Mapping[Parts, int]) -> tuple[int | None, dict[str, SplitName]]:
    """The level of folders that are splits, the uppermost there is, and what each name there means."""
    total = sum(counts.values())
    for level in range(max(map(len, counts), default=0)):
        deep = {parts: count for parts, count in counts.items() if len(parts) > level}
        names = _resolved({parts[level] for parts in deep})
        inside = sum(count for parts, count in deep.items() if parts[level] in names)
        alone = all(parts[level] in names for parts in deep) or _holds_classes(deep, level, names)
        if names and inside >= _SHARE_IN_SPLITS * total and (alone or len({n.split for n in names.values()}) > 1):
            return level, names
    return None, {}


def _holds_classes(deep: Mapping[Parts, int], level: int, names: Mapping[str, SplitName]) -> bool:
    """Whether the folders that are named like splits have several folders below them, and the others none."""
    below = {parts[level + 1] for parts in deep if parts[level] in names and len(parts) > level + 1}
    return len(below) > 1 and not any(len(parts) > level + 1 for parts in deep if parts[level] not in names)


def _resolved(folders: Iterable[str]) -> dict[str, SplitName]:
    """The folders of one level that are splits, and which."""
    found = {folder: name for folder in folders if (name := _split_name(folder)) is not None}
    if all(name.word in _DOUBTFUL for name in found.values()):
        return {}
    plain = {name.split for name in found.values() if name.word not in _EVALUATION}
    if "val" in plain and "test" not in plain:
        for folder, name in found.items():
            if name.word in _EVALUATION:
                found[folder] = SplitName("test", name.domain, name.word)
    return found


def _commonest_depth(rests: Mapping[Parts, int]) -> int:
    """How many folders most records lie in, those in none left out."""
    depths = Counter[int]()
    for rest, count in rests.items():
        if rest:
            depths[len(rest)] += count
    return max(depths, key=lambda depth: (depths[depth], -depth), default=0)


def _class_level(rests: Mapping[Parts, int], depth: int) -> int | None:
    """Which folder of the records at the commonest depth names their class."""
    at_depth = [rest for rest in rests if len(rest) == depth]
    telling = [level for level in _naming(at_depth, depth) if len({rest[level] for rest in at_depth}) > 1]
    for level in reversed(telling):
        parents: dict[str, set[Parts]] = {}
        for rest in at_depth:
            parents.setdefault(rest[level], set()).add(rest[:level])
        recurring = sum(len(above) > 1 for above in parents.values())
        if level == telling[0] or 2 * recurring <= len(parents):
            return level
    return None


def _innermost(rests: Mapping[Parts, int], depth: int) -> int | None:
    """The deepest level that may name a class."""
    return max(_naming([rest for rest in rests if len(rest) == depth], depth), default=None)


def _naming(paths: Sequence[Parts], depth: int) -> list[int]:
    """The levels that do not merely say of what kind the files are."""
    return [level for level in range(depth) if not all(path[level].lower() in _CONTAINERS for path in paths)]


def _common(paths: Iterable[Parts]) -> Parts:
    """The folders that all paths begin with."""
    paths = list(paths)
    first, last = min(paths, default=()), max(paths, default=())
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]


def _parts(folder: str) -> Parts:
    return tuple(folder.split("/")) if folder else ()


def _records(counts: Mapping[Parts, int]) -> str:
    total = sum(counts.values())
    return "1 record" if total == 1 else f"{total:,} records"


def _shown(counts: Mapping[Parts, int]) -> str:
    names: Sequence[str] = sorted("/".join(parts) or "the top folder" for parts in counts)
    more = f" and {len(names) - _SHOWN} more folders" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
