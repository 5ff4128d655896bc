"""How close enlarged pictures come to the originals, and how real they look: models beside bicubic, four times larger.

    python -m benchmarks.enlarging runs/srresnet runs/esrgan

Set5 and Set14 are `sr_set5_set14` with the small pictures that lie there, the photographs `sr_bsd100_crops`, both under
the folder that DIORAMA_DATA names. Of Set5 and Set14 it prints the PSNR of brightness in whole steps, with 4 pixels cut
off at each rim, the mean over pictures; a picture in grey is compared in grey. Of the photographs, whose small versions
are made here, it prints the Fréchet distance of `lite` between patches of 64 pixels of what is drawn and of the
originals, and the PSNR of brightness. Bicubic must come to 28.42 dB on Set5 and 25.99 dB on Set14.
"""

from __future__ import annotations

import argparse
import csv
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from diorama.core.errors import BadInput, DioramaError
from diorama.evaluation.extractors import lite_extractor
from diorama.media.convert import to_uint8
from diorama.media.image import read_image
from diorama.media.resize import resize
from diorama.metrics.frechet import frechet_distance, statistics
from diorama.nn.similarity import luma_psnr
from diorama.synthesis.picture import PictureSynthesizer
from diorama.synthesis.store import load

SCALE, PATCH = 4, 64
Enlarge = Callable[[np.ndarray], np.ndarray]
"""(h, w, c) uint8 to (4 h, 4 w, c) uint8."""


def bicubic(small: np.ndarray) -> np.ndarray:
    """What models are measured beside."""
    return resize(small, (small.shape[0] * SCALE, small.shape[1] * SCALE))


def by_model(path: Path, device: str) -> Enlarge:
    """The model of a run or model folder; grey pictures are given in three channels, of which the mean is taken.

    Raises:
        BadInput: it does not enlarge four times in one pass.
    """
    model = load(path).to(device)
    if not isinstance(model, PictureSynthesizer) or model.config.picture.scale != SCALE:
        raise BadInput(f"{path}: is no network that enlarges pictures {SCALE} times in one pass")
    channels = model.config.picture.inputs

    def enlarge(small: np.ndarray) -> np.ndarray:
        given = np.repeat(small, channels, axis=2) if small.shape[2] == 1 else small
        levels = to_uint8(model.of_picture(as_batch(given).to(device) / 127.5 - 1)).cpu()
        if small.shape[2] == 1:
            levels = levels.float().mean(1, keepdim=True).round().to(torch.uint8)
        return levels[0].permute(1, 2, 0).numpy()

    return enlarge


def as_batch(pixels: np.ndarray) -> Tensor:
    """(h, w, c) uint8 to (1, c, h, w) float32 in 8-bit values."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def pairs_of_sets(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The set, the small picture and the original of each row."""
    with zipfile.ZipFile(folder / "sr_set5_set14.zip") as archive, (folder / "index.csv").open() as rows:
        for row in csv.DictReader(rows):
            small, large = (read_image(archive.read(row[key]), row[key]).pixels for key in ("lr_path", "path"))
            yield row["set"], small, large


def photographs(folder: Path, most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The small picture and the original, whose sides are cut to multiples of four."""
    with zipfile.ZipFile(folder / "test.zip") as archive:
        for name in sorted(name for name in archive.namelist() if name.endswith(".jpg"))[:most]:
            large = read_image(archive.read(name), name).pixels
            height, width = (side // SCALE for side in large.shape[:2])
            large = large[: height * SCALE, : width * SCALE]
            yield resize(large, (height, width)), large


def patches(pixels: np.ndarray) -> Tensor:
    """Squares of 64 pixels that lie side by side from the upper left on; (n, c, 64, 64) in [-1, 1]."""
    x = as_batch(pixels)[0].unfold(1, PATCH, PATCH).unfold(2, PATCH, PATCH)  # (c, rows, columns, 64, 64)
    return x.permute(1, 2, 0, 3, 4).flatten(0, 1) / 127.5 - 1


def measure(enlarge: Enlarge, data: Path, most: int, device: str) -> dict[str, float]:
    """All numbers of one way to enlarge, in the order in which they are printed."""
    found: dict[str, list[float]] = {}
    for name, small, large in pairs_of_sets(data / "sr_set5_set14"):
        value = luma_psnr(as_batch(enlarge(small)), as_batch(large), border=SCALE)
        found.setdefault(name, []).append(float(value))
    features: tuple[list[Tensor], list[Tensor]] = ([], [])
    extractor = lite_extractor(device)
    for small, large in photographs(data / "sr_bsd100_crops", most):
        drawn = enlarge(small)
        found.setdefault("BSD100", []).append(float(luma_psnr(as_batch(drawn), as_batch(large), border=SCALE)))
        for rows, pixels in zip(features, (drawn, large), strict=True):
            rows.append(extractor.rows({"image": patches(pixels)})[""])
    numbers = {name: float(np.mean(values)) for name, values in found.items()}
    if most:
        sides = [statistics(torch.cat(rows)) for rows in features]
        numbers["fd@lite"] = frechet_distance(*sides)
    return numbers


def main() -> None:
    """Print one row for bicubic and one for every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="runs or model folders")
    parser.add_argument("--photographs", type=int, default=100, help="of BSD100, at most; 0 for none")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    data = os.environ.get("DIORAMA_DATA")
    if data is None:
        parser.error("DIORAMA_DATA must name the folder in which sr_set5_set14 and sr_bsd100_crops lie")
    ways: dict[str, Enlarge] = {"bicubic": bicubic}
    try:
        ways |= {str(path): by_model(path, arguments.device) for path in arguments.models}
    except DioramaError as problem:
        parser.exit(1, f"enlarging: {problem}\n")
    for number, (name, enlarge) in enumerate(ways.items()):
        found = measure(enlarge, Path(data), arguments.photographs, arguments.device)
        if not number:
            heads = [key if key.startswith("fd") else f"{key}, dB" for key in found]
            print(f"| | {' | '.join(heads)} |\n|---|{'---|' * len(found)}")
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in found.values())} |", flush=True)


if __name__ == "__main__":
    main()
