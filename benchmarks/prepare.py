"""``diorama prepare`` against a plain Pillow loop: open, convert, crop, resize, stack, save.

    python benchmarks/prepare.py [--data ../shared/data] [--out benchmarks/results/prepare.md]

Both read the same tar of JPEGs, in turn, several times; the table gives medians of wall-clock and of processor time,
which differ where threads share the work, and where other programs are at work too. ``prepare`` also checks, hashes,
compares all pairs for duplicates and writes the audit with its page, which the loop does not.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import tarfile
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from diorama.core.files import write_text
from diorama.data.prepare import PrepareOptions, prepare

REPEATS = 5
WANTED = 1.5
MOSAICS = 400


def pillow_loop(source: Path, out: Path, size: int) -> None:
    """What one would write by hand."""
    pictures = []
    with tarfile.open(source) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is None:
                continue
            image = Image.open(io.BytesIO(file.read())).convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
            pictures.append(np.asarray(image.resize((size, size), Image.Resampling.BICUBIC)))
    np.save(out, np.stack(pictures))


def seconds(source: Path, size: int, folder: Path) -> np.ndarray:
    """Medians of the loop and of ``prepare``, run in turn: (2 ways, 2 clocks), wall-clock and processor time."""
    taken = []
    for turn in range(REPEATS):
        marks = [_clocks()]
        pillow_loop(source, folder / f"loop-{size}-{turn}.npy", size)
        marks.append(_clocks())
        deque(prepare([source], folder / f"{source.name}-{size}-{turn}", PrepareOptions(size=size)), maxlen=0)
        marks.append(_clocks())
        taken.append(np.diff(marks, axis=0))
    return np.median(taken, axis=0)


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def photographs(data: Path) -> Iterator[tuple[str, bytes]]:
    """The JPEGs of ``cats_dogs128``."""
    with zipfile.ZipFile(data / "cats_dogs128" / "cats_dogs128.zip") as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith((".jpg", ".jpeg")):
                yield name, archive.read(name)


def as_tar(pictures: Iterator[tuple[str, bytes]], path: Path) -> Path:
    """Pictures in a plain tar."""
    with tarfile.open(path, "w") as tar:
        for name, content in pictures:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def mosaics(data: Path) -> Iterator[tuple[str, bytes]]:
    """Large pictures: 8 x 8 photographs side by side, 1024 pixels, quality 90."""
    tiles = [np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) for _, content in photographs(data)]
    rng = np.random.default_rng(0)
    for number in range(MOSAICS):
        chosen = [tiles[i][:128, :128] for i in rng.integers(0, len(tiles), 64)]
        rows = [np.concatenate(chosen[i : i + 8], axis=1) for i in range(0, 64, 8)]
        buffer = io.BytesIO()
        Image.fromarray(np.concatenate(rows, axis=0)).save(buffer, "JPEG", quality=90)
        yield f"{number:06d}.jpg", buffer.getvalue()


def table(data: Path) -> str:
    """Three sets as Markdown."""
    rows, load = [], [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = [
            ("CIFAR-10 test, 10,000 of 32 px", data / "cifar10" / "test.tar.gz", 32),
            ("cats and dogs, 128 px", as_tar(photographs(data), folder / "photographs.tar"), 64),
            (f"{MOSAICS} mosaics of them, 1024 px", as_tar(mosaics(data), folder / "mosaics.tar"), 64),
        ]
        for words, source, size in sets:
            (loop, loop_work), (ours, work) = seconds(source, size, folder)
            rows.append(f"| {words} | {size} | {loop:.2f} | {ours:.2f} | {loop / ours:.2f} | {loop_work / work:.2f} |")
    lines = [
        "# Preparing",
        "",
        f"`python benchmarks/prepare.py` on {os.cpu_count()} cores of {platform.machine()}; seconds, medians of "
        f"{REPEATS}, taken in turn. Load of the machine: {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after.",
        "",
        "| set | to | Pillow loop | prepare | times as fast | by processor time |",
        "|---|---|---|---|---|---|",
        *rows,
        "",
        f"Wanted: {WANTED} times.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DIORAMA_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = table(options.data)
    print(text)
    if options.out:
        write_text(options.out, text)


if __name__ == "__main__":
    main()
