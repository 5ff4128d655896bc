"""``audit.html``: what preparation found, what it means, and pictures to look at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from diorama import __version__
from diorama.core.contracts import MediaSpec
from diorama.core.files import write_text
from diorama.core.numbers import counted
from diorama.data.audit import Audit
from diorama.data.audit_pictures import Shown, sheet
from diorama.data.audit_tables import by_split, pixels, skipped
from diorama.data.findings import Finding, findings, further_notes
from diorama.data.splits import SPLITS
from diorama.web.page import breakable, page

_PICTURES, _CLIPS = 48, 16
_GROUPS_SHOWN, _MEMBERS_SHOWN = 24, 12


def write_audit_page(
    folder: Path, name: str, audit: Audit, shown: Shown, *, cropped: bool, measured: bool = True
) -> None:
    """Write ``audit.html``.

    Args:
        folder: where it goes.
        name: of the data set.
        audit: what was found.
        shown: what pictures are drawn from.
        cropped: whether other shapes were cut to the middle rather than padded.
        measured: whether training measures models of such data.
    """
    numbers = {path: number for number, path in enumerate(shown.names)}
    found = findings(audit, shown.media, cropped=cropped, measured=measured)
    sections = [
        _opening(name, audit, shown.media),
        _findings(found),
        _notes(further_notes(audit, found)),
        by_split(audit, shown.media),
        pixels(audit, shown.media),
        *[_split(split, shown) for split in SPLITS if split in audit.splits],
        _alike("leaks", "Leaks: nearly equal records in different splits", audit.leaks, numbers, shown),
        _alike("duplicates", "Duplicates: equal and nearly equal records", audit.duplicates, numbers, shown),
        skipped(audit.skipped),
        f"<footer>Written by Diorama {escape(__version__)}. Everything on this page, in full: <code>audit.json</code> "
        "beside it.</footer>",
    ]
    style = files("diorama.data").joinpath("audit.css").read_text(encoding="utf-8")
    write_text(folder / "audit.html", page(f"Audit of {name}", "\n".join(filter(None, sections)), style=style))


def _opening(name: str, audit: Audit, media: MediaSpec) -> str:
    size = f"{media.width} × {media.height}"
    length = f", {media.frames} frames" if media.frames else ""
    rate = f" at {media.fps:g} a second" if media.fps else ""
    facts = {
        "Files seen": f"{audit.files:,}",
        "Kept": f"{audit.kept:,}",
        "Skipped": f"{len(audit.skipped):,}",
        "Clips" if media.kind == "video" else "Pictures": f"{audit.records:,}",
        "Size": f"{size}{length}{rate}",
        "Values": f"{media.dtype}, {counted(media.channels, 'channel')}",
        "Classes": f"{len(audit.labels):,}" if audit.labels else "none",
        **{split: f"{audit.splits[split]:,}" for split in SPLITS if split in audit.splits},
    }
    cells = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())
    return f'<p class="brand">Diorama · audit</p><h1>{breakable(name)}</h1><dl class="facts">{cells}</dl>'


def _findings(found: Sequence[Finding]) -> str:
    if not found:
        return '<h2 id="findings">What stands out</h2><p>Nothing: no leaks, no duplicates, nothing skipped.</p>'
    cards = "".join(map(_card, found))
    return f'<h2 id="findings">What stands out</h2><div class="findings">{cards}</div>'


def _card(finding: Finding) -> str:
    kind = ' class="grave"' if finding.grave else ""
    link = f'<a href="#{finding.section}">Look at it</a>' if finding.section else ""
    return (
        f"<article{kind}><h3>{escape(finding.title)}</h3><p>{escape(finding.meaning)}</p>"
        f'<p class="remedy">{_with_code(finding.remedy)}</p>{link}</article>'
    )


def _with_code(text: str) -> str:
    """HTML of a sentence in which backticks stand around what is to be typed."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return ""
    lines = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<h2 id="notes">What was decided for you</h2><ul class="notes">{lines}</ul>'


def _split(split: str, shown: Shown) -> str:
    members = [i for i, own in enumerate(shown.splits) if own == split]
    most = _CLIPS if shown.media.kind == "video" else _PICTURES
    # Spread over the split, so that a sheet shows it all and not its first folder.
    chosen = [members[i] for i in np.unique(np.linspace(0, len(members) - 1, most).round().astype(int))]
    many = f"all {len(members)}" if len(chosen) == len(members) else f"{len(chosen)} of {len(members):,}"
    kind = "clips" if shown.media.kind == "video" else "pictures"
    return f'<h2 id="{split}">{split}: {many} {kind}</h2>{sheet(chosen, shown)}'


def _alike(key: str, title: str, groups: Sequence[Sequence[str]], numbers: Mapping[str, int], shown: Shown) -> str:
    if not groups:
        return ""
    cards = []
    for group in groups[:_GROUPS_SHOWN]:
        members = sheet([numbers[path] for path in group[:_MEMBERS_SHOWN]], shown, of_split=True)
        paths = "".join(f"<li>{escape(path)}</li>" for path in group[:_MEMBERS_SHOWN])
        rest = len(group) - _MEMBERS_SHOWN
        more = f"<li>and {rest:,} more in audit.json</li>" if rest > 0 else ""
        cards.append(f"<article>{members}<ul>{paths}{more}</ul></article>")
    rest = len(groups) - _GROUPS_SHOWN
    more = f'<p class="soft">and {rest:,} more in audit.json</p>' if rest > 0 else ""
    return f'<h2 id="{key}">{escape(title)}</h2><div class="groups">{"".join(cards)}</div>{more}'
