"""The tables and charts of the audit's page: classes by split, sizes, brightness, and what was skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from diorama.core.contracts import MediaSpec
from diorama.data.audit import Audit, by_reason
from diorama.data.findings import size_of
from diorama.data.sources.base import Skip
from diorama.data.splits import SPLITS
from diorama.web.columns import column_chart

_CLASSES_SHOWN, _SIZES_SHOWN, _COLUMNS = 20, 8, 24
_REASONS_SHOWN, _PATHS_SHOWN = 40, 200


def by_split(audit: Audit, media: MediaSpec) -> str:
    """Records of every split, and of every class in it; of many classes the largest, the others folded away."""
    kind = "clips" if media.kind == "video" else "pictures"
    what = "split and class" if audit.labels_by_split else "split"
    head = f'<h2 id="splits">{kind.capitalize()} by {what}</h2>'
    splits = [split for split in SPLITS if split in audit.splits]
    classes = audit.labels_by_split
    if not classes:
        return head + _table("split", [], {split: audit.splits[split] for split in splits}, {})
    totals = {name: sum(own.values()) for name, own in classes.items()}
    whole = _table("class", splits, totals, classes, sums={**audit.splits, "all": audit.records})
    if len(classes) <= _CLASSES_SHOWN:
        return head + whole
    largest = sorted(totals, key=lambda name: -totals[name])
    few = {name: totals[name] for name in largest[:_CLASSES_SHOWN]}
    words = (
        f"<p>{len(classes):,} classes, from {totals[largest[-1]]:,} to {totals[largest[0]]:,} {kind} each, "
        f"median {np.median(list(totals.values())):,.0f}. The {_CLASSES_SHOWN} largest:</p>"
    )
    folded = f"<details><summary>All {len(classes):,} classes</summary>{whole}</details>"
    return f"{head}{words}{_table('class', splits, few, classes)}{folded}"


def pixels(audit: Audit, media: MediaSpec) -> str:
    """Sizes and modes of the files before fitting, and brightness of the records."""
    shades = [100 * i / len(audit.brightness) for i in range(len(audit.brightness) + 1)]
    brightness = column_chart(
        shades,
        audit.brightness,
        title="Mean brightness",
        x="% of the range of values",
        what="clips" if media.kind == "video" else "pictures",
    )
    return f'<h2 id="pixels">Sizes and brightness</h2><div class="charts">{_sizes(audit, media)}{brightness}</div>'


def _sizes(audit: Audit, media: MediaSpec) -> str:
    sizes = [(size, count) for text, count in audit.sizes.items() if (size := size_of(text)) is not None]
    words = {text.replace("x", " × "): count for text, count in audit.sizes.items()}
    few = dict(list(words.items())[:_SIZES_SHOWN])
    table = _table("size before fitting", [], few, {})
    if len(words) > len(few):
        table += f"<details><summary>All {len(words):,} sizes</summary>{_table('size', [], words, {})}</details>"
    modes = ", ".join(f"{mode} {count:,}" for mode, count in audit.modes.items())
    said = f'<p class="modes soft">Pixel formats of the files: {escape(modes)}</p>'
    table = f"<div><h4>Sizes of the files</h4>{table}{said}</div>"
    if len(sizes) < 2:
        return table
    sides = [min(size) for size, _ in sizes]
    low, high = min(sides), max(sides)
    step = max(1, -(-(high - low + 1) // _COLUMNS))
    edges = [low + i * step for i in range((high - low) // step + 2)]
    counts = np.histogram(sides, edges, weights=[count for _, count in sizes])[0]
    chart = column_chart(
        edges,
        [int(count) for count in counts],
        title="Shorter side before fitting",
        x="pixels",
        what="files",
        mark=(min(media.width, media.height), f"prepared at {min(media.width, media.height)}"),
    )
    return chart + table


def _table(
    what: str,
    columns: Sequence[str],
    totals: Mapping[str, int],
    parts: Mapping[str, Mapping[str, int]],
    sums: Mapping[str, int] | None = None,
) -> str:
    """A row for each name: its count in every column, its total, and a bar as long as the total; ``sums`` below."""
    most = max(totals.values(), default=0) or 1
    head = "".join(f'<th class="number">{name}</th>' for name in (*columns, "all" if columns else "count"))
    rows = []
    for name, total in totals.items():
        own = parts.get(name, {})
        cells = "".join(
            f'<td class="number">{own[column]:,}</td>' if own.get(column) else _NOTHING for column in columns
        )
        bar = f'<td class="bar"><i style="width:{100 * total / most:.1f}%"></i></td>'
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}<td class="number">{total:,}</td>{bar}</tr>')
    below = "".join(f'<td class="number">{sums[column]:,}</td>' for column in (*columns, "all")) if sums else ""
    foot = f'<tfoot><tr><th scope="row">all</th>{below}<td></td></tr></tfoot>' if sums else ""
    return (
        f'<div class="scroll"><table class="counts"><thead><tr><th>{what}</th>{head}<th></th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody>{foot}</table></div>"
    )


_NOTHING = '<td class="number soft">0</td>'


def skipped(skips: Sequence[Skip]) -> str:
    """What was left out, by reason, the paths of each folded away."""
    if not skips:
        return ""
    reasons = by_reason(skips)
    parts = [_skipped_for(reason, paths) for reason, paths in reasons[:_REASONS_SHOWN]]
    rest = len(reasons) - _REASONS_SHOWN
    more = f'<p class="soft">and {rest:,} more reasons in audit.json</p>' if rest > 0 else ""
    return f'<h2 id="skipped">Skipped: {len(skips):,}</h2>{"".join(parts)}{more}'


def _skipped_for(reason: str, paths: Sequence[str]) -> str:
    if len(paths) == 1:
        return f'<p class="skip"><b>1</b> {escape(reason)}: <code>{escape(paths[0])}</code></p>'
    lines = "".join(f"<li>{escape(path)}</li>" for path in paths[:_PATHS_SHOWN])
    rest = len(paths) - _PATHS_SHOWN
    more = f"<li>and {rest:,} more in audit.json</li>" if rest > 0 else ""
    return (
        f'<details class="skip"><summary><b>{len(paths):,}</b> {escape(reason)}</summary>'
        f'<ul class="paths">{lines}{more}</ul></details>'
    )
