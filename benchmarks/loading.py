"""How many pictures a second training is fed: plain memory-mapped indexing, records as stored, finished batches.

    python benchmarks/loading.py [--count 50000] [--batch 128] [--out benchmarks/results/loading.md]

Rates are medians over steps of one run, in wall-clock time; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.files import write_text
from diorama.data.dataset import Dataset, Split
from diorama.data.loader import Loader, LoaderConfig
from diorama.data.pack import pack_arrays

SIZE = 32
STEPS = 400
WANTED = 300_000


def rate(step: Callable[[int], object], batch: int) -> float:
    """Pictures a second: the median over steps, after a warm-up."""
    times = []
    for number in range(STEPS + 20):
        start = time.perf_counter()
        step(number)
        times.append(time.perf_counter() - start)
    return batch / float(np.median(times[20:]))


def noise(folder: Path, count: int) -> Dataset:
    """A prepared folder of random pictures with labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)
    media = MediaSpec(kind="image", channels=3, height=SIZE, width=SIZE)
    classes = tuple(str(number) for number in range(10))
    return pack_arrays(folder, {"train": pixels}, media, labels={"train": np.arange(count) % 10}, classes=classes)


def mapped(dataset: Dataset, batch: int) -> Callable[[int], object]:
    """Fancy indexing of a memory map, and nothing else."""
    pixels = np.memmap(dataset.path / "shards" / "00000.bin", np.uint8, mode="r").reshape(-1, SIZE, SIZE, 3)
    order = np.random.default_rng(1).integers(0, len(pixels), (STEPS + 20, batch))
    return lambda step: pixels[order[step]]


def stored(split: Split, batch: int) -> Callable[[int], object]:
    """Records as they are stored."""
    order = np.random.default_rng(1).integers(0, len(split), (STEPS + 20, batch))
    return lambda step: split.stored(order[step])


def table(count: int, batch: int) -> str:
    """All ways as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = noise(Path(folder) / "noise", count)
        split = dataset.split("train")
        found = {
            "memory map, plain indexing, uint8": rate(mapped(dataset, batch), batch),
            "records as stored, uint8": rate(stored(split, batch), batch),
        }
        for workers in (0, 1):
            for flip in (False, True):
                config = LoaderConfig(batch_size=batch, workers=workers, flip=flip)
                loader = Loader([(split, 1.0)], config, "cpu")
                words = f"batches, float32 in [-1, 1], {workers} threads ahead{', mirrored' if flip else ''}"
                found[words] = rate(loader, batch)
                loader.close()
    lines = [
        "# Loading",
        "",
        f"`python benchmarks/loading.py --count {count} --batch {batch}`: {SIZE} x {SIZE} colour, batches of {batch}, "
        f"{torch.get_num_threads()} threads of {platform.machine()}, torch {torch.__version__}.",
        "",
        "| what | pictures a second |",
        "|---|---|",
        *(f"| {words} | {value:,.0f} |" for words, value in found.items()),
        "",
        f"Wanted: {WANTED:,}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    text = table(options.count, options.batch)
    print(text)
    if options.out:
        write_text(options.out, text)


if __name__ == "__main__":
    main()
