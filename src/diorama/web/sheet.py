"""Plots side by side on one sheet, as a file of its own: SVG, or PNG without a plotting library."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw, ImageFont

from diorama.web.marks import COLOURS, Ink, Mark, Path, Words, moved, svg_marks
from diorama.web.plot import HEIGHT, WIDTH, Series, line_plot

_PALETTE = ("#0a6c5d", "#b4471f", "#3a5fb0", "#8a3d85", "#7a6a00", "#0f7fa3", "#a83250", "#5b5b5b")
_PAPER = "#ffffff"
_MARGIN, _TITLE, _HEAD, _GAP, _LEGEND_LINE = 20, 34, 24, 16, 16
_MOST_ACROSS = 3
_LETTER = 6.4
_SCALE = 3
"""Pixels of the PNG for one unit of the plots."""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One plot of a sheet.

    Args:
        title: above it.
        series: its lines, all named in a legend below it.
        y: label of the vertical axis.
    """

    title: str
    series: Sequence[Series]
    y: str


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Everything on a sheet, laid out.

    Args:
        marks: all of them.
        width: of the sheet.
        height: of the sheet.
    """

    marks: Sequence[Mark]
    width: int
    height: int

    def svg(self) -> str:
        """A whole SVG file."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="system-ui, Helvetica, Arial, sans-serif">'
            f'<rect width="100%" height="100%" fill="{_PAPER}"/>{svg_marks(self.marks, _colour)}</svg>\n'
        )

    def png(self) -> bytes:
        """A PNG file, three pixels for every unit."""
        image = Image.new("RGB", (self.width * _SCALE, self.height * _SCALE), _PAPER)
        for mark in self.marks:
            _paint(image, mark)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue()


def sheet_of(panels: Sequence[Panel], *, title: str, x: str) -> Sheet:
    """Lay plots out, two or three in a row.

    Args:
        panels: at least one; those without a finite point are left out.
        title: above all of them.
        x: label of every horizontal axis.

    Raises:
        ValueError: no panel has a finite point.
    """
    plots = [(panel, line_plot(panel.series, x=x, y=panel.y)) for panel in panels]
    drawn = [(panel, plot) for panel, plot in plots if plot]
    if not drawn:
        raise ValueError("there is nothing to draw: no series has a finite point")
    across = min(_MOST_ACROSS, len(drawn)) if len(drawn) != 4 else 2
    marks: list[Mark] = [Words(x=_MARGIN, y=_MARGIN + 14, text=title, ink="ink", size=16)]
    top = float(_MARGIN + _TITLE)
    for start in range(0, len(drawn), across):
        row = drawn[start : start + across]
        for i, (panel, plot) in enumerate(row):
            left = _MARGIN + i * (WIDTH + _GAP)
            marks.append(Words(x=left, y=top + 12, text=panel.title, ink="ink", size=13))
            marks += moved(plot, left, top + _HEAD)
            marks += moved(_legend(panel.series), left, top + _HEAD + HEIGHT)
        top += _HEAD + HEIGHT + max(_legend_height(panel.series) for panel, _ in row) + _GAP
    return Sheet(
        marks=marks, width=2 * _MARGIN + across * WIDTH + (across - 1) * _GAP, height=round(top - _GAP + _MARGIN)
    )


def _legend(series: Sequence[Series]) -> list[Mark]:
    """Names with a stroke of their colour before each, in as many lines as they need."""
    marks: list[Mark] = []
    for each, (x, line) in zip(series, _places(series), strict=True):
        y = line * _LEGEND_LINE + 12
        marks.append(Path(points=[(x, y - 4), (x + 14, y - 4)], ink=each.colour, width=2.5))
        marks.append(Words(x=x + 19, y=y, text=each.name))
    return marks


def _places(series: Sequence[Series]) -> list[tuple[float, int]]:
    places: list[tuple[float, int]] = []
    x, line = 0.0, 0
    for each in series:
        width = 19 + _LETTER * len(each.name) + 14
        if x and x + width > WIDTH:
            x, line = 0.0, line + 1
        places.append((x, line))
        x += width
    return places


def _legend_height(series: Sequence[Series]) -> int:
    return (_places(series)[-1][1] + 1) * _LEGEND_LINE


def _colour(ink: Ink) -> str:
    if isinstance(ink, int):
        return _PALETTE[ink % COLOURS]
    return {"grid": "#e3e0d8", "axis": "#65625b", "words": "#65625b", "ink": "#1d1c1a"}[ink]


def _paint(image: Image.Image, mark: Mark) -> None:
    draw, paint = ImageDraw.Draw(image), _colour(mark.ink)
    if isinstance(mark, Words):
        _write(image, replace(mark, text=_plain(mark.text)), paint)
    elif isinstance(mark, Path):
        points = [(x * _SCALE, y * _SCALE) for x, y in mark.points]
        draw.line(points, fill=paint, width=round(mark.width * _SCALE), joint="curve")
    else:
        corner = [(v + side * mark.radius) * _SCALE for side in (-1, 1) for v in (mark.x, mark.y)]
        draw.ellipse(corner, fill=None if mark.hollow else paint, outline=paint, width=_SCALE)


def _plain(text: str) -> str:
    """The text in the letters that Pillow's own font has."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(c for c in apart if not unicodedata.combining(c)).encode("ascii", "replace").decode()


def _write(image: Image.Image, words: Words, paint: str) -> None:
    font = ImageFont.load_default(words.size * _SCALE)
    at = (words.x * _SCALE, words.y * _SCALE)
    anchor = {"start": "ls", "middle": "ms", "end": "rs"}[words.anchor]
    if not words.turned:
        ImageDraw.Draw(image).text(at, words.text, fill=paint, font=font, anchor=anchor)
        return
    # Pillow writes from left to right alone, so the line is written apart and turned; it is centred, as all that turn.
    left, top, right, bottom = font.getbbox(words.text, anchor="ls")
    line = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
    ImageDraw.Draw(line).text((-left, -top), words.text, fill=255, font=font, anchor="ls")
    turned = line.rotate(90, expand=True)
    corner = (round(at[0] + top), round(at[1] - turned.height / 2))
    image.paste(Image.new("RGB", turned.size, paint), corner, turned)
