"""The report's parts, each from a comparison to HTML."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

import numpy as np

from diorama.comparison.columns import Column, Comparison, TrainingHistory
from diorama.comparison.ranking import groups, references, value_and_interval
from diorama.comparison.showing import CLIPS, PICTURES, columns_of, embedded_grid, stamp_of
from diorama.comparison.tables import colours
from diorama.comparison.verdict import verdict
from diorama.comparison.words import described, listed, title, training_names
from diorama.core.durations import count_words
from diorama.core.numbers import number_words
from diorama.evaluation.people.scores import PEOPLE
from diorama.media.video import UNKNOWN_FPS
from diorama.web.charts import Series, line_chart

PAIRS = 8
"""Samples whose closest training records are shown."""


def opening(comparison: Comparison) -> str:
    """The verdict in sentences, and the facts at a glance."""
    sentences = verdict(comparison)
    lede = ""
    if sentences:
        lede = f'<p class="lede"><strong>{escape(sentences[0])}</strong> {escape(" ".join(sentences[1:]))}</p>'
    media = comparison.data.media
    size = f"{media.width} × {media.height}"
    if media.frames is not None:
        size += f", {media.frames} frames"
    records = "clips" if media.kind == "video" else "pictures"
    count = max((column.count for column in comparison.columns), default=0)
    facts = {
        "Date": _date_words(comparison.began),
        "Data": comparison.data.name,
        "Training records": f"{comparison.data.count:,} {records}",
        "Size": size,
        "Generators": _counts(comparison),
        "Budget each": comparison.budget,
        "Samples of each": f"{count:,}" if count else "",
        "Measured against": f"{comparison.reference:,} {comparison.split} records" if comparison.reference else "",
        "Machine": comparison.device,
    }
    cells = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in facts.items() if v)
    # Each word in a box of its own, since lines would break at its hyphens.
    words = " ".join(f"<span>{escape(word)}</span>" for word in comparison.command.split())
    command = f'<p class="command"><code>{words}</code></p>' if words else ""
    return f'{lede}<dl class="facts">{cells}</dl>{command}{_warnings(comparison)}'


def _date_words(began: str) -> str:
    """``"29 November 2026, 04:40 UTC"``; empty where it is not known."""
    if not began:
        return ""
    at = datetime.fromisoformat(began)
    return f"{at.day} {at:%B %Y, %H:%M} {at.tzname() or ''}".rstrip()


def _counts(comparison: Comparison) -> str:
    """How many take part, by how they came here: ``"3 trained here, 1 finished"``."""
    names = [column.traits.counted for column in comparison.columns if column.traits.counted]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def ordered(comparison: Comparison) -> list[Column]:
    """The generators as tables have them, then what they are held against."""
    return [*(column for group in groups(comparison) for column in group.columns), *references(comparison)]


def _warnings(comparison: Comparison) -> str:
    lines = [*comparison.notes, *comparison.warnings]
    if not lines:
        return ""
    return f'<div class="warnings" role="note"><ul>{"".join(f"<li>{escape(w)}</li>" for w in lines)}</ul></div>'


def gallery(comparison: Comparison, seed: int) -> str:
    """What every generator draws, beside real records."""
    palette, fps = colours(comparison), comparison.data.media.fps or UNKNOWN_FPS
    figures, count = [], _shown(comparison)
    if comparison.real is not None:
        shown = comparison.real[:count]
        html = embedded_grid(shown, alt="Real training records", stamp=None, fps=fps)
        figures.append(
            f"<figure>{html}<figcaption><b>Real</b>Training records, not drawn by a model</figcaption></figure>"
        )
    for column in ordered(comparison):
        if column.pictures is None or not column.traits.shown:
            continue
        shown = column.pictures[:count]
        alt = f"Samples of {title(column)}"
        html = embedded_grid(shown, alt=alt, stamp=stamp_of(column, seed), fps=fps)
        mark = f'<i style="--mark:var(--c{palette[column.name]})"></i>'
        caption = f"<b>{mark}{escape(title(column))}</b>{escape(_caption(comparison, column))}"
        figures.append(f"<figure>{html}<figcaption>{caption}</figcaption></figure>")
    hint = '<p class="soft">A click enlarges a picture, and another makes it small again.</p>'
    return f'{hint}<div class="gallery">{"".join(figures)}</div>'


def _shown(comparison: Comparison) -> int:
    """Pictures in every grid: as many as all have, so that grids can be held against one another, in whole rows."""
    drawn = [column.pictures for column in comparison.columns if column.traits.shown]
    there = [len(pictures) for pictures in (comparison.real, *drawn) if pictures is not None]
    most = min([CLIPS if comparison.data.media.kind == "video" else PICTURES, *there])
    return next((count for count in range(most, 0, -1) if count % columns_of(count) == 0), 0)


def _caption(comparison: Comparison, column: Column) -> str:
    metric = comparison.metrics[0] if comparison.metrics else ""
    result = column.result(metric)
    score = "" if result is None else f"{metric} {value_and_interval(result)[0]} · "
    return f"{score}{column.traits.caption}"


def walks(comparison: Comparison, seed: int) -> str:
    """Samples on their way from noise, of models that draw in steps, and from one seed to the next, of all models."""
    staged = "".join(
        _strip(comparison, column, column.stages, seed, "on the way from noise")
        for column in ordered(comparison)
        if column.stages is not None
    )
    between = "".join(
        _strip(comparison, column, column.between, seed, "between two seeds")
        for column in ordered(comparison)
        if column.between is not None
    )
    html = ""
    if staged:
        html += (
            '<h2 class="part">From noise to sample</h2><p>The first samples on their way: each row begins with noise, '
            f'on the left, and ends with what the gallery shows.</p><div class="pairs">{staged}</div>'
        )
    if between:
        html += (
            f'<h2 class="part">From one seed to the next</h2><p>Each row begins, on the left, with a sample of seed '
            f"{seed}, and walks to the noise of seed {seed + 1} along the arc between the two. A model that has "
            "learned the data passes through likely samples; one that has learned its records by heart jumps or "
            "blends.</p>"
            f'<div class="pairs">{between}</div>'
        )
    return html


def _strip(comparison: Comparison, column: Column, rows: np.ndarray, seed: int, what: str) -> str:
    fps = comparison.data.media.fps or UNKNOWN_FPS
    alt = f"Samples of {title(column)} {what}"
    laid = rows.reshape(-1, *rows.shape[2:])  # (n * k, …), row by row
    html = embedded_grid(laid, columns=rows.shape[1], alt=alt, stamp=stamp_of(column, seed), fps=fps)
    return f"<figure><h4>{escape(title(column))}</h4>{html}</figure>"


def closest(comparison: Comparison, seed: int) -> str:
    """Samples above the training records that are nearest to them; distances alone where data are private."""
    if not comparison.neighbours:
        return ""
    rows = "".join(
        _pair(comparison, column, seed)
        for column in ordered(comparison)
        if column.name in comparison.neighbours and column.pictures is not None
    )
    return (
        '<h2 class="part">Closest training records</h2>'
        f"<p>For the first {PAIRS} samples of each generator, the nearest of {comparison.searched:,} training records "
        "by root mean square difference of pixels (in grey levels). A distance near zero would mean that a "
        f'training record was repeated.</p><div class="pairs">{rows}</div>'
    )


def _pair(comparison: Comparison, column: Column, seed: int) -> str:
    found, fps = comparison.neighbours[column.name], comparison.data.media.fps or UNKNOWN_FPS
    assert column.pictures is not None
    count = len(found.distances)
    low, middle = min(found.distances), float(np.median(found.distances))
    body = ""
    if found.pictures is not None:
        stamp = stamp_of(column, seed)
        drawn = embedded_grid(column.pictures[:count], columns=count, alt="Samples", stamp=stamp, fps=fps)
        real = embedded_grid(found.pictures, columns=count, alt="Nearest training records", stamp=None, fps=fps)
        body = f'<div class="row"><span>drawn</span>{drawn}</div><div class="row"><span>nearest</span>{real}</div>'
    words = f"smallest distance {number_words(low)}, median {number_words(middle)}"
    return f"<figure><h4>{escape(title(column))}</h4>{body}<figcaption>{words}</figcaption></figure>"


def curves(comparison: Comparison) -> str:
    """Losses, and scores measured while training, by images seen; a training that logged none is named."""
    palette, names = colours(comparison), training_names(comparison)
    # A model has one training, however often it is drawn.
    once: dict[str, Column] = {}
    for column in ordered(comparison):
        once.setdefault(column.generator, column)
    trained = [(names[c.generator], palette[c.name], c.history) for c in once.values() if c.history is not None]
    charts = [_loss_chart(name, colour, history) for name, colour, history in trained if history.losses]
    silent = [name for name, _, history in trained if not history.losses]
    if not (charts or silent):
        return ""
    # A single point (the measurement at a run's end) is no curve, and stands in the table already.
    scored = [(name, c, h.scores) for name, c, h in trained if any(len(points) > 1 for points in h.scores.values())]
    for metric in dict.fromkeys(metric for _, _, scores in scored for metric in scores):
        lines = [
            Series(name=name, points=scores[metric], colour=colour)
            for name, colour, scores in scored
            if metric in scores
        ]
        name = described(comparison, metric).title
        charts.append(line_chart(lines, title=f"{name} while training", x="images seen", y=metric))
    return (
        '<h2 class="part">Training</h2><p class="soft">Losses of different systems cannot be compared with one '
        f'another; they show whether a training is steady.</p><div class="charts">{"".join(charts)}</div>'
        f"{_without_curves(silent)}"
    )


def _without_curves(names: Sequence[str]) -> str:
    """Who has no curve, and why."""
    if not names:
        return ""
    whose = "its training" if len(names) == 1 else "their trainings"
    return f'<p class="soft">No curve of {escape(listed(names))}: {whose} ended before a first line of the log.</p>'


def _loss_chart(name: str, colour: int, history: TrainingHistory) -> str:
    """The losses of one training, the first of them in the generator's own colour."""
    lines = [
        Series(name=loss, points=points, colour=colour + i) for i, (loss, points) in enumerate(history.losses.items())
    ]
    return line_chart(lines, title=name, x="images seen", y="loss")


def models(comparison: Comparison) -> str:
    """What each system is, with its paper."""
    articles = []
    for column in ordered(comparison):
        if not column.traits.shown:
            continue
        articles.append(f"<article><h3>{escape(title(column))}</h3>{_about(column)}</article>")
    return f'<h2 class="part">What they are</h2><div class="models">{"".join(articles)}</div>'


def _about(column: Column) -> str:
    if column.traits.about:
        return f"<p>{escape(column.traits.about)}</p>"
    entry = column.entry
    size = f"{count_words(column.parameters)} parameters" if column.parameters is not None else ""
    model = f"model <code>{escape(column.model[:12])}</code>" if column.model else ""
    facts = " · ".join(part for part in (size, model, escape(column.origin)) if part)
    about = entry.about if entry is not None and entry.about else column.traits.caption
    papers = entry.papers if entry is not None else ()
    cited = "".join(
        f"<li>{escape(paper.title)}. {escape(paper.short())}"
        + (f", arXiv {escape(paper.arxiv)}" if paper.arxiv else "")
        + "</li>"
        for paper in papers
    )
    bibtex = "\n\n".join(paper.bibtex() for paper in papers)
    sources = (
        f"<ul>{cited}</ul><details><summary>BibTeX</summary><pre>{escape(bibtex)}</pre></details>" if papers else ""
    )
    return f'<p>{escape(about)}</p><p class="soft">{facts}</p>{sources}'


def protocol(comparison: Comparison) -> str:
    """How every number was measured."""
    results = [result for column in comparison.columns for result in column.results]
    if not results:
        return ""
    rows = []
    for metric in comparison.metrics:
        r = next(result for result in results if result.metric == metric)
        about = described(comparison, metric)
        extractor = f"extractor {r.extractor.name} ({r.extractor.sha256[:12]}), " if r.extractor.name else ""
        held = f" against {r.reference.count:,} {comparison.split} records ({r.reference.sha256[:12]})"
        real = held if r.reference.count else ""
        if metric in PEOPLE:
            text = f"{about.meaning} {r.samples:,} answers; interval: {r.interval.method}, {r.interval.level:.0%}."
            rows.append(_measured(about.title, metric, text))
            continue
        text = (
            f"{about.meaning} {r.samples:,} samples{real}; {extractor}resize {r.resize}, {r.dtype}, seed {r.seed}; "
            f"interval: {r.interval.method}, {r.interval.level:.0%}."
        )
        rows.append(_measured(about.title, metric, text))
    hash_words = f" Data {escape(comparison.data.sha256[:12])}." if comparison.data.sha256 else ""
    return (
        '<h2 class="part">How it was measured</h2><p>Every generator was measured on the same number of samples, '
        f"against the same records, by the same code.{hash_words}</p>"
        f'<dl class="protocol">{"".join(rows)}</dl>'
    )


def _measured(name: str, metric: str, text: str) -> str:
    return f"<dt>{escape(name)} <code>{escape(metric)}</code></dt><dd>{escape(text)}</dd>"
