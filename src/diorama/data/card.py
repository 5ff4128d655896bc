"""The card of a prepared folder, ``README.md``: for people, and in its head for hubs of data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from diorama import __version__
from diorama.core.contracts import MediaSpec
from diorama.core.files import write_text
from diorama.core.front_matter import front_matter
from diorama.core.numbers import counted
from diorama.data.audit import LEAKS_AT_MOST, Audit
from diorama.data.prepare_options import PrepareOptions
from diorama.data.record_list import RecordList
from diorama.data.sources.base import most_frequent

CARD = "README.md"

_NOT_STATED = "not stated"
_READING = """## Reading it

```python
from diorama.data.dataset import open_dataset

dataset = open_dataset("FOLDER")
```
"""
_LICENCES = re.compile(
    r"mit|isc|zlib|apache-2\.0|bsd|bsd-[23]-clause|unlicense|wtfpl|gpl|a?gpl-3\.0|gpl-2\.0|lgpl|lgpl-(2\.1|3\.0)|mpl-2\.0"
    r"|cc|cc0-1\.0|cc-by-(2\.0|2\.5|3\.0|4\.0)|cc-by-sa-[34]\.0|cc-by-nc(-sa)?-[234]\.0|cc-by-nd-4\.0"
    r"|cc-by-nc-nd-[34]\.0|cdla-(sharing|permissive)-1\.0|cdla-permissive-2\.0|pddl|odbl|odc-by|c-uda|gfdl|openrail"
)
"""Names under which hubs know licences."""
_OTHER_NAMES = {
    "cc0": "cc0-1.0",
    "public-domain": "cc0-1.0",
    "apache": "apache-2.0",
    "apache-license-2.0": "apache-2.0",
}
_MARKS = re.compile(r"([\\`*_\[\]<>|#$~])")
_CLASSES_SHOWN, _PAIRS_SHOWN, _REPORTED_FACTS = 50, 5, ("licence", "license")
_NOT_SETTINGS = ("name", "licence", "source", "workers", "processes", "test")
"""Options that the card states elsewhere, or that make no difference to the data."""


@dataclass(frozen=True)
class Described:
    """What a card tells of.

    Args:
        options: as the user gave them.
        sources: their names.
        media: what one record is.
        records: all of them.
        splits: (n,) the split of every record.
        classes: names, if any.
        labels: (n,) the class of every record.
        audit: what was found.
        sha256: the content hash.
    """

    options: PrepareOptions
    sources: Sequence[str]
    media: MediaSpec
    records: RecordList
    splits: Sequence[str]
    classes: Sequence[str]
    labels: Sequence[int]
    audit: Audit
    sha256: str


def write_card(folder: Path, data: Described) -> None:
    """Write ``README.md``; equal data and options give equal bytes."""
    sections = [
        front_matter(_head(data)),
        f"# {_plain(data.options.name)}\n",
        _beginning(data),
        _splits(data),
        _findings(data.audit),
        _settings(data.options),
        "## Decisions\n\n" + "".join(f"- {_plain(note)}\n" for note in data.audit.notes),
        _READING,
    ]
    write_text(folder / CARD, "\n".join(sections))


def _head(data: Described) -> dict[str, Any]:
    """What hubs read."""
    audit, options = data.audit, data.options
    head: dict[str, Any] = {"pretty_name": options.name, **_licence(options.licence)}
    # The records are in files of Diorama's own, which no hub's viewer knows.
    head |= {"viewer": False, "tags": ["diorama"], "task_categories": _tasks(data)}
    head["size_categories"] = [_size_category(audit.records)]
    features: list[dict[str, Any]] = [{"name": data.media.kind, "dtype": data.media.kind}]
    if data.classes:
        names = {str(number): name for number, name in enumerate(data.classes)}
        features.append({"name": "label", "dtype": {"class_label": {"names": names}}})
    if _captioned(data):
        features.append({"name": "captions", "sequence": "string"})
    splits = [{"name": name, "num_examples": count} for name, count in audit.splits.items()]
    head["dataset_info"] = {"features": features, "splits": splits}
    head["diorama"] = {
        "version": __version__,
        "sha256": data.sha256,
        "source": options.source or _NOT_STATED,
        "read_from": list(data.sources),
        "licence": options.licence or _NOT_STATED,
        "splits": dict(audit.splits),
        "skipped": len(audit.skipped),
        "duplicates": len(audit.duplicates),
        "leaks": len(audit.leaks),
    }
    return head


def _licence(given: str) -> dict[str, str]:
    """The licence as hubs name it: one that they do not know is ``other``, with its own name."""
    if not given.strip():
        return {"license": "unknown"}
    name = re.sub(r"[\s_]+", "-", given.strip().lower())
    name = _OTHER_NAMES.get(name, name)
    return {"license": name} if _LICENCES.fullmatch(name) else {"license": "other", "license_name": given.strip()}


def _tasks(data: Described) -> list[str]:
    video = data.media.kind == "video"
    tasks = [] if video else ["unconditional-image-generation"]
    if _captioned(data):
        tasks.append("text-to-video" if video else "text-to-image")
    if data.classes:
        tasks.append("video-classification" if video else "image-classification")
    if any(entry.objects is not None for entry in data.records.entries):
        tasks += ["object-detection", "image-segmentation"]
    return tasks


def _size_category(count: int) -> str:
    bounds = [(10**3, "1K"), (10**4, "10K"), (10**5, "100K"), (10**6, "1M"), (10**7, "10M"), (10**8, "100M")]
    words = ["", *(word for _, word in bounds)]
    place = sum(count >= bound for bound, _ in bounds)
    if place == len(bounds):
        return "100M<n<1B"
    return f"{words[place]}<n<{words[place + 1]}" if place else f"n<{words[1]}"


def _captioned(data: Described) -> bool:
    return any(entry.captions for entry in data.records.entries)


def _beginning(data: Described) -> str:
    """What the records are, where they are from, and under what licence."""
    media, options = data.media, data.options
    what = "pictures" if media.frames is None else f"clips of {media.frames} frames"
    rate = f", {media.fps:g} frames a second" if media.fps else ""
    channels = counted(media.channels, "channel")
    lines = [
        f"{data.audit.records:,} {what} of {media.width} x {media.height} pixels, {channels}, {media.dtype}{rate}.",
        "",
        f"- **Source:** {_plain(options.source) or f'{_NOT_STATED} (`--source`)'}",
        f"- **Read from:** {', '.join(map(_plain, data.sources))}",
        f"- **Licence:** {_plain(options.licence) or f'{_NOT_STATED} (`--licence`); ask before passing the data on'}",
    ]
    stated = Counter(next((e.facts[k] for k in _REPORTED_FACTS if k in e.facts), "") for e in data.records.entries)
    if set(stated) != {""}:
        shown = ", ".join(f"{_plain(name) or _NOT_STATED} ({count:,})" for name, count in _commonest(stated))
        lines.append(f"- **Licences that the records state:** {shown}")
    lines.append(f"- **Content hash:** {data.sha256}")
    return "\n".join(lines) + "\n"


def _splits(data: Described) -> str:
    """Records of every split and class."""
    names = list(data.audit.splits)
    lines = ["## Splits\n", f"| | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
    lines.append(f"| all | {' | '.join(f'{count:,}' for count in data.audit.splits.values())} |")
    counts = Counter(zip(data.labels, data.splits, strict=True))
    for number, name in enumerate(data.classes[:_CLASSES_SHOWN]):
        lines.append(f"| {_plain(name)} | {' | '.join(f'{counts[number, split]:,}' for split in names)} |")
    if (more := len(data.classes) - _CLASSES_SHOWN) > 0:
        lines.append(f"\nand {more:,} more classes; the head of this file names all.")
    return "\n".join(lines) + "\n"


def _findings(audit: Audit) -> str:
    """What was left out, and what is there twice."""
    skipped = f"{len(audit.skipped):,} of {audit.files:,} files seen, or rows of tables, gave no record"
    leaks = f"at least {LEAKS_AT_MOST:,}" if len(audit.leaks) >= LEAKS_AT_MOST else f"{len(audit.leaks):,}"
    lines = [
        "## Findings\n",
        f"- **Skipped:** {skipped}" + (f": {_plain(most_frequent(audit.skipped))}." if audit.skipped else "."),
        f"- **Duplicates:** {len(audit.duplicates):,} groups of equal or nearly equal records.",
        f"- **Leaks:** {leaks} pairs of equal or nearly equal records in different splits"
        + ("; scores measured across them flatter." if audit.leaks else "."),
    ]
    lines += [f"    - {_plain(one)} and {_plain(other)}" for one, other in audit.leaks[:_PAIRS_SHOWN]]
    return "\n".join([*lines, "", "All of it is in `audit.json`, with pictures in `audit.html`."]) + "\n"


def _settings(options: PrepareOptions) -> str:
    """How the records were made: size and fit, and what differs from the defaults."""
    given: dict[str, Any] = {field.name: getattr(options, field.name) for field in fields(options)}
    defaults: Mapping[str, Any] = {field.name: field.default for field in fields(options)}
    lines = ["## Settings\n"]
    for name, value in given.items():
        if name not in _NOT_SETTINGS and (name in ("size", "fit") or value != defaults[name]):
            word = (
                value.name
                if isinstance(value, Path)
                else " ".join(map(str, value))
                if isinstance(value, tuple)
                else value
            )
            lines.append(f"- {name.replace('_', ' ')}: {_plain(str(word))}")
    return "\n".join(lines) + "\n"


def _commonest(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    yield from sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_PAIRS_SHOWN]


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _MARKS.sub(r"\\\1", " ".join("".join(c if c.isprintable() else " " for c in text).split()))
