"""``audit.html``: what preparation found, with pictures to look at."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diorama.core.contracts import MediaSpec
from diorama.core.files import write_text
from diorama.data.audit import Audit
from diorama.data.pack import PackWriter
from diorama.data.record_list import RecordList
from diorama.data.splits import SPLITS
from diorama.media.grid import grid
from diorama.media.resize import fit
from diorama.web.page import page

_SHEET, _COLUMNS, _SIDE = 48, 12, 64
_GROUPS_SHOWN, _ROWS_SHOWN = 24, 200
_CLIP_FRAMES = 4
_STYLE = """
.sheet img { image-rendering: pixelated; max-width: 100%; height: auto; }
figure { margin: 0 1rem 1rem 0; display: inline-block; vertical-align: top; max-width: 100%; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
td { overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Shown:
    """What thumbnails are drawn from.

    Args:
        writer: sealed, holds the records.
        records: names them.
        splits: (n,) the split of every record.
        media: what they are.
    """

    writer: PackWriter
    records: RecordList
    splits: Sequence[str]
    media: MediaSpec


def write_audit_page(folder: Path, name: str, audit: Audit, shown: Shown) -> None:
    """Write ``audit.html``: counts, sheets of every split, duplicates and leaks side by side, what was skipped."""
    numbers = {entry.path: i for i, entry in enumerate(shown.records.entries)}
    sections = [
        f"<h1>{escape(name)}</h1>",
        f"<p>{audit.files} files, {audit.kept} kept as {audit.records} records, {len(audit.skipped)} skipped, "
        f"{len(audit.duplicates)} groups of near-equal records, {len(audit.leaks)} leaks across splits.</p>",
        _items("Notes", audit.notes),
        *[_sheet(split, shown) for split in SPLITS if split in audit.splits],
        _alike("Leaks: near-equal records in different splits", audit.leaks, numbers, shown),
        _alike("Duplicates: equal and near-equal records", audit.duplicates, numbers, shown),
        _counts("Labels", audit.labels),
        _counts("Sizes", audit.sizes),
        _counts("Modes", audit.modes),
        _table("Skipped", ("file", "reason"), [(skip.path, skip.reason) for skip in audit.skipped]),
    ]
    write_text(folder / "audit.html", page(f"Audit of {name}", "\n".join(filter(None, sections)), style=_STYLE))


def _sheet(split: str, shown: Shown) -> str:
    members = [i for i, own in enumerate(shown.splits) if own == split]
    # Spread over the split, so that a sheet shows it all and not its first folder.
    chosen = [members[i] for i in np.unique(np.linspace(0, len(members) - 1, _SHEET).round().astype(int))]
    return f"<h2>{escape(split)}: {len(members)} records</h2>\n<p class='sheet'>{_picture(chosen, shown, _COLUMNS)}</p>"


def _alike(title: str, groups: Sequence[Sequence[str]], numbers: Mapping[str, int], shown: Shown) -> str:
    if not groups:
        return ""
    figures = [
        f"<figure class='sheet'>{_picture([numbers[path] for path in group[:_COLUMNS]], shown, _COLUMNS)}"
        f"<figcaption>{'<br>'.join(escape(path) for path in group[:_COLUMNS])}</figcaption></figure>"
        for group in groups[:_GROUPS_SHOWN]
    ]
    more = f"<p>and {len(groups) - _GROUPS_SHOWN} more in audit.json</p>" if len(groups) > _GROUPS_SHOWN else ""
    return f"<h2>{escape(title)}</h2>\n{''.join(figures)}{more}"


def _picture(numbers: Sequence[int], shown: Shown, columns: int) -> str:
    """Thumbnails as one embedded PNG; a clip is shown by four of its frames."""
    thumbnails = [_thumbnail(shown.writer.read(number), shown.media) for number in numbers]
    per_row = max(1, columns // _CLIP_FRAMES) if shown.media.kind == "video" else columns
    sheet = grid(np.stack(thumbnails), columns=min(per_row, len(thumbnails)))
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG", compress_level=1)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"<img alt='' width='{sheet.shape[1]}' height='{sheet.shape[0]}' src='data:image/png;base64,{data}'>"


def _thumbnail(pixels: NDArray[Any], media: MediaSpec) -> NDArray[np.uint8]:
    """(h, w, 3) uint8, at most 64 pixels high."""
    if pixels.ndim == 4:
        frames = np.linspace(0, len(pixels) - 1, _CLIP_FRAMES).round().astype(int)
        # (h, 4 w, 3), side by side
        return np.concatenate([_thumbnail(pixels[frame], media) for frame in frames], axis=1)
    shade = (pixels.astype(np.float32) - media.low) * (255.0 / (media.high - media.low))
    eight = shade.clip(0, 255).round().astype(np.uint8)
    # Of two, four and more channels the first stands for all.
    eight = eight if eight.shape[-1] == 3 else np.repeat(eight[..., :1], 3, axis=-1)
    return fit(eight, (_SIDE, _SIDE), "pad") if max(eight.shape[:2]) > _SIDE else eight


def _counts(title: str, counts: Mapping[str, int]) -> str:
    return _table(title, (title.lower().removesuffix("s"), "count"), [(k, str(v)) for k, v in counts.items()])


def _items(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    return f"<h2>{escape(title)}</h2>\n<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(title: str, head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    if not rows:
        return ""
    body = "".join(f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows[:_ROWS_SHOWN])
    more = f"<p>and {len(rows) - _ROWS_SHOWN} more in audit.json</p>" if len(rows) > _ROWS_SHOWN else ""
    return (
        f"<h2>{escape(title)}</h2>\n<table><thead><tr><th>{escape(head[0])}</th><th>{escape(head[1])}</th></tr></thead>"
        f"<tbody>{body}</tbody></table>{more}"
    )
