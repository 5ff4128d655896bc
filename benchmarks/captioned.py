"""A sheet of pictures that a text model drew, each above its caption.

diorama sample runs/latent --records world --split test --count 12 --out samples
python benchmarks/captioned.py samples docs/images/latent_text.webp
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw

_SIDE, _MARGIN, _LINE, _LINES = 160, 8, 11, 7
_WORDS = 27
"""Characters of a line of a caption."""


def sheet(folder: Path, columns: int) -> Image.Image:
    """The samples of a folder in rows, nearest-neighbour enlarged."""
    rows = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["samples"]
    cell = (_SIDE + _MARGIN, _SIDE + _MARGIN + _LINE * _LINES)
    lines = -(-len(rows) // columns)
    image = Image.new("RGB", (cell[0] * columns + _MARGIN, cell[1] * lines + _MARGIN), "white")
    pen = ImageDraw.Draw(image)
    for place, row in enumerate(rows):
        left, top = _MARGIN + place % columns * cell[0], _MARGIN + place // columns * cell[1]
        picture = Image.open(folder / row["file"]).convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
        image.paste(picture, (left, top))
        words = "\n".join(textwrap.wrap(row["condition"].get("text", ""), _WORDS)[: _LINES - 1])
        pen.multiline_text((left, top + _SIDE + 2), words, fill="black", spacing=1)
    return image


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("samples", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--columns", type=int, default=6)
    arguments = parser.parse_args()
    sheet(arguments.samples, arguments.columns).save(arguments.out, quality=80)


if __name__ == "__main__":
    main()
