"""How fast the built-in world is drawn and read, and how often the reader is right.

    python benchmarks/world.py [--count 3000] [--out benchmarks/results/world.md] [--picture docs/images/world.png]

Rates are per second of processor time on one thread, so that a busy machine does not change them.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy starts its threads

import numpy as np
from PIL import Image

from diorama.core.files import write_text
from diorama.data.synthetic.grade import GRADED, Grade, grade
from diorama.data.synthetic.motion import trajectories
from diorama.data.synthetic.reader import read_factors
from diorama.data.synthetic.render import frames_of, render, render_masks, rows_of
from diorama.data.synthetic.world import World
from diorama.media.grid import grid

SIZES = (32, 64, 128)
SEED = 21
SIGHT = ((0.5, 1.0), (0.2, 0.5), (0.0, 0.2))
"""Shares of an object in sight, for objects that cross at will in clips."""


def rate(work: Callable[[], object], count: int) -> float:
    """Pictures a second: the median of three runs."""
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return count / sorted(times)[1]


def row(size: int, count: int) -> tuple[str, Mapping[str, Grade]]:
    """One line of the table of speeds, and the reader's grades at that size."""
    world, indices = World(size=size, seed=SEED), np.arange(count)
    pictures = world.pictures(indices)
    some = min(count, 500)
    drawing = rate(lambda: world.pictures(indices), count)
    reading = rate(lambda: read_factors(pictures[:some]), some)
    return f"| {size} | {drawing:,.0f} | {reading:,.0f} |", grade(world.scenes(indices), read_factors(pictures))


def table(count: int) -> str:
    """Both tables as Markdown."""
    rows = {size: row(size, count) for size in SIZES}
    lines = [
        "# The built-in world",
        "",
        f"`python benchmarks/world.py --count {count}` on one thread of {platform.machine()}, numpy {np.__version__}; "
        "rates are per second of processor time.",
        "",
        "| size | pictures drawn | pictures read |",
        "|---|---|---|",
        *(line for line, _ in rows.values()),
        "",
        f"Reader on {count} pictures, objects at least half visible: right / wrong / abstained, in %.",
        "",
        "| factor | " + " | ".join(f"{size} px" for size in SIZES) + " |",
        "|---" * (len(SIZES) + 1) + "|",
    ]
    for factor in GRADED:
        cells = (grades[factor] for _, grades in rows.values())
        lines.append(f"| {factor} | " + " | ".join(percentages(cell) for cell in cells) + " |")
    clips = max(count // 8, 1)
    bands = crossing(clips, 32)
    lines += [
        "",
        f"The same on frames of {clips} clips at 32 px, where objects cross at will, by the share of them in sight.",
        "",
        "| factor | " + " | ".join(f"{100 * low:.0f}–{100 * high:.0f} % in sight" for low, high in SIGHT) + " |",
        "|---" * (len(SIGHT) + 1) + "|",
        *(f"| {f} | " + " | ".join(percentages(band[f]) for band in bands) + " |" for f in GRADED[2:]),
        "| objects | " + " | ".join(str(band["shape"].asked) for band in bands) + " |",
    ]
    return "\n".join(lines) + "\n"


def crossing(clips: int, size: int) -> list[Mapping[str, Grade]]:
    """The reader's grades by how much is in sight, on every third frame of clips."""
    factors = World(video=True, seed=SEED).factors(np.arange(clips))
    frames = rows_of(frames_of(factors, trajectories(factors, 16)), slice(5, None, 3))
    truth = frames.scenes(video=False, visible=render_masks(frames, size)[1])
    readings = read_factors(render(frames, size))
    return [grade(truth, readings, least_visible=low, most_visible=high) for low, high in SIGHT]


def percentages(cell: Grade) -> str:
    """Right, wrong and abstained in percent."""
    return " / ".join(f"{100 * part / max(cell.asked, 1):.2f}" for part in (cell.right, cell.wrong, cell.abstained))


def picture(path: Path) -> None:
    """Sixteen scenes above two clips, every other frame."""
    scenes = World(size=64).pictures(np.arange(16))
    clips = World(size=64, video=True).clips(np.array([0, 3]))[:, ::2].reshape(-1, 64, 64, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(grid(np.concatenate([scenes, clips]), columns=8)).save(path, optimize=True)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if options.picture:
        picture(options.picture)
    text = table(options.count)
    print(text)
    if options.out:
        write_text(options.out, text)


if __name__ == "__main__":
    main()
