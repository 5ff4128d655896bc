"""A sheet of edits: pictures, the same with their mask, what `inpaint` drew, and what `vary` drew.

For docs/images/edit.webp the pictures are test records 3, 60, 150 and 300 of `med_chest_xray128` (CC BY 4.0), prepared
at 32 px, and the mask is white in rows 6 to 25 and columns 3 to 15:

diorama train ddpm_toy --data xrays --out runs/xrays
diorama inpaint runs/xrays pictures --mask mask.png --rounds 10 --count 3 --out inpainted
diorama vary runs/xrays pictures --strength 0.5 --count 3 --out varied
python benchmarks/edited.py pictures mask.png inpainted varied docs/images/edit.webp
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from diorama.media.image import read_image, write_image
from diorama.media.stamp import SyntheticStamp
from diorama.tasks.pictures import picture_files

_TIMES, _MARGIN, _GAP = 3, 2, 6
"""How often a pixel stands beside itself, and white pixels between pictures and between kinds of them."""


def sheet(pictures: Path, mask: Path, edited: list[Path]) -> np.ndarray:
    """One row for each picture: (h, w, c) uint8."""
    hidden = _pixels(mask)[..., :1] > 127
    rows = []
    for picture in picture_files(pictures):
        given = _pixels(picture)
        kinds = [[given, np.where(hidden, np.uint8(255), given)]]
        for folder in edited:
            kinds.append([_pixels(folder / row["file"]) for row in _listed(folder) if _is_of(row, picture)])
        cells = [np.hstack([_framed(one) for one in kind]) for kind in kinds]
        rows.append(np.hstack([np.pad(cell, ((0, 0), (0, _GAP), (0, 0)), constant_values=255) for cell in cells]))
    return np.vstack(rows)


def _framed(pixels: np.ndarray) -> np.ndarray:
    large = pixels.repeat(_TIMES, axis=0).repeat(_TIMES, axis=1)
    return np.pad(large, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), constant_values=255)


def _pixels(path: Path) -> np.ndarray:
    return read_image(path.read_bytes(), str(path)).pixels


def _listed(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "samples.json").read_text(encoding="utf-8"))["samples"]
    return rows


def _is_of(row: dict[str, Any], picture: Path) -> bool:
    return Path(row["condition"]["input"]).name == picture.name


def main() -> None:
    """Write the sheet, which says that it is synthetic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("pictures", "mask", "inpainted", "varied", "out"):
        parser.add_argument(name, type=Path)
    arguments = parser.parse_args()
    document = json.loads((arguments.inpainted / "samples.json").read_text(encoding="utf-8"))
    stamp = SyntheticStamp(
        model=document["model"], seed=document["samples"][0]["seed"], recipe=document["recipe"], composite=True
    )
    write_image(
        arguments.out, sheet(arguments.pictures, arguments.mask, [arguments.inpainted, arguments.varied]), stamp
    )


if __name__ == "__main__":
    main()
