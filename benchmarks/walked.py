"""A sheet of walks in latent space: strips of edits below one another, and beside them a sheet of mixed styles.

For docs/images/walk.webp (the pictures are test records 3 and 60 of the built-in world at 32 x 32):

diorama train stylegan2_cpu --data world --out runs/world --time 8min
diorama edit runs/world --label all --seeds 0 1 --along sefa.0:-3,-2,-1,0,1,2,3 --strip sefa.png --out sefa
diorama edit runs/world --label all --seeds 2 3 --along pca.0:-3,-2,-1,0,1,2,3 --strip pca.png --out pca
diorama edit runs/world pictures --label all --along pca.0:-2,-1,0,1,2,3 --inversion-steps 300 --strip g.png --out g
diorama mix runs/world --label all --rows 4 5 6 7 --columns 8 9 10 --out mixed.png
python benchmarks/walked.py mixed.png docs/images/walk.webp sefa.png pca.png g.png
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.media.image import read_image, write_image
from diorama.media.stamp import read_stamp

_TIMES, _GAP = 2, 12
"""How often a pixel stands beside itself, and white pixels between the strips and the sheet."""


def sheet(mixed: Path, strips: list[Path]) -> np.ndarray:
    """The strips on the left, the sheet on the right: (h, w, c) uint8."""
    left = [_pixels(strip) for strip in strips]
    width = max(each.shape[1] for each in left)
    column = np.vstack([_filled(each, each.shape[0], width) for each in left])
    right = _pixels(mixed)
    height = max(len(column), len(right))
    return np.hstack([_filled(column, height, width + _GAP), _filled(right, height, right.shape[1])])


def _filled(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """With white below and to the right."""
    more = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
    return np.pad(pixels, more, constant_values=255)


def _pixels(path: Path) -> np.ndarray:
    pixels = read_image(path.read_bytes(), str(path)).pixels
    return pixels.repeat(_TIMES, axis=0).repeat(_TIMES, axis=1)


def main() -> None:
    """Write the sheet, which says that it is synthetic."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("mixed", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("strips", type=Path, nargs="+")
    arguments = parser.parse_args()
    stamp = read_stamp(arguments.strips[-1])
    if stamp is None:
        raise BadInput(f"{arguments.strips[-1]}: carries no mark of the model")
    write_image(arguments.out, sheet(arguments.mixed, arguments.strips), replace(stamp, composite=True))


if __name__ == "__main__":
    main()
