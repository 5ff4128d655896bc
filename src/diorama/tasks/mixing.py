"""``mix``: a sheet of pictures with the coarse styles of one sample and the fine styles of another.

Reference: T. Karras, S. Laine, T. Aila, "A style-based generator architecture for generative adversarial networks",
arXiv:1812.04948, section 3.1 and figure 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diorama.core.errors import BadConfig
from diorama.media.convert import displayable
from diorama.media.formats import PICTURE_SUFFIXES
from diorama.media.grid import grid
from diorama.media.image import write_image
from diorama.media.stamp import SyntheticStamp
from diorama.synthesis.sample_place import writing
from diorama.synthesis.sheets import check_shown
from diorama.tasks.edit import AT_ONCE
from diorama.tasks.latents import Sample, Styles

_WHITE = 1.0


def mixed(coarse: Tensor, fine: Tensor, layers: int) -> Tensor:
    """Styles whose first layers are those of one sample, and whose others are those of another.

    Args:
        coarse: (…, n, style).
        fine: likewise.
        layers: how many are of ``coarse``.
    """
    return torch.cat([coarse[..., :layers, :], fine[..., layers:, :]], dim=-2)


@torch.no_grad()
def mixing_sheet(
    styles: Styles, rows: Sequence[Sample], columns: Sequence[Sample], coarse: int | None, still: Sample
) -> Tensor:
    """Pictures of a sheet, row by row: (rows + 1) x (columns + 1).

    The first row holds the columns' own samples after an empty place, the first column the rows' own. Every other place
    has the coarse styles of its row and the fine ones of its column.

    Args:
        styles: of the model.
        rows: samples.
        columns: samples.
        coarse: how many layers, the coarsest first, are of the row; ``None`` for half of them, rounded down.
        still: the sample whose noise all layers add.

    Returns:
        (n, c, h, w) in [-1, 1].

    Raises:
        BadConfig: there are not so many layers.
    """
    places = styles.places([*rows, *columns])
    of_rows, of_columns = places.split([len(rows), len(columns)])
    layers = checked_coarse(coarse, places.shape[1])
    within = mixed(of_rows[:, None].expand(-1, len(columns), -1, -1), of_columns.expand(len(rows), -1, -1, -1), layers)
    wanted = torch.cat([of_columns, *(torch.cat([own[None], row]) for own, row in zip(of_rows, within, strict=True))])
    drawn = torch.cat([styles.draw(lot, still).float().clamp(-1, 1) for lot in wanted.split(AT_ONCE)])
    return torch.cat([torch.full_like(drawn[:1], _WHITE), drawn])


def checked_coarse(coarse: int | None, layers: int) -> int:
    """How many of a generator's layers have the styles of the row.

    Raises:
        BadConfig: there are not so many.
    """
    if coarse is None:
        return layers // 2
    if not 0 <= coarse <= layers:
        raise BadConfig(f"coarse: must be in 0 … {layers}, which are the layers of this generator, got {coarse}")
    return coarse


def write_mixing_sheet(path: Path, pictures: Tensor, columns: int, stamp: SyntheticStamp) -> None:
    """Write a sheet that :func:`mixing_sheet` made.

    Args:
        path: of a picture; folders above it are made.
        pictures: row by row.
        columns: samples, without the first column.
        stamp: of all of it.

    Raises:
        BadInput: it cannot be written.
    """
    laid: np.ndarray = grid(displayable(pictures), columns + 1)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, laid, replace(stamp, index=None))


def check_mixing_sheet(path: Path) -> None:
    """See that a sheet can be written, before anything is drawn.

    Raises:
        BadInput: it cannot.
    """
    check_shown(path, tuple(PICTURE_SUFFIXES), "sheet")
