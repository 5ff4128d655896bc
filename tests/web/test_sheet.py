"""A sheet of plots names every line, as SVG and as PNG, with nothing beyond its edges."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from PIL import Image

from diorama.web.plot import Series
from diorama.web.sheet import Panel, sheet_of


def panels(count: int) -> list[Panel]:
    names = ("generator", "a/rather_long_name_of_a_scalar", "Fréchet ↓")
    series = [
        Series(name=name, points=[(i * 500.0, i % 7) for i in range(50)], colour=k) for k, name in enumerate(names)
    ]
    return [Panel(title=f"Plot {i}", series=series, y="loss") for i in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_every_name_stands_on_the_sheet_and_nothing_leaves_it(count: int) -> None:
    sheet = sheet_of(panels(count), title="a <run>", x="images seen")
    svg = ElementTree.fromstring(sheet.svg())
    words = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert words.count("generator") == words.count("images seen") == count
    assert "a <run>" in words
    for line in svg.iter("{http://www.w3.org/2000/svg}polyline"):
        for pair in line.attrib["points"].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= sheet.width
            assert 0 <= y <= sheet.height
    image = Image.open(io.BytesIO(sheet.png()))
    assert image.size == (3 * sheet.width, 3 * sheet.height)
    # Paper, ink and the colours of three lines at least.
    assert len(image.getcolors(1 << 20) or ()) > 8


def test_nothing_to_draw_is_no_sheet() -> None:
    empty = Panel(title="Losses", series=[Series(name="a", points=[])], y="loss")
    with pytest.raises(ValueError, match="nothing to draw"):
        sheet_of([empty], title="t", x="images seen")
    assert "Losses" not in sheet_of([empty, *panels(1)], title="t", x="images seen").svg()
