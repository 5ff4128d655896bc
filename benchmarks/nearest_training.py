"""How near the pictures of a generator lie to those that it was trained on.

    python benchmarks/nearest_training.py PREPARED --sets FOLDER … [--count 1500] [--device cuda]

PREPARED is the set as `diorama prepare` packs it; each FOLDER holds the pictures of one generator, of the same size.
For each picture the nearest of all training pictures and their mirror images is looked for; what is said is the root
mean squared difference to it in grey levels, as percentiles over the pictures. Held-out pictures stand beside them: a
generator that knows training pictures by heart has smaller distances than they have.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from benchmarks.lite_ranks import pictures_in
from torch import Tensor

from diorama.core.device import pick
from diorama.data.dataset import Split, open_dataset

PERCENTILES = (0.1, 1, 5, 25, 50)
PART = 250


def main() -> None:
    """Measure every set, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", type=Path, nargs="+", required=True)
    parser.add_argument("--count", type=int, default=1_500)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    data, device = open_dataset(arguments.data), pick(arguments.device)
    real = flat(stored(data.split("train"), None), device)
    sets = {"held-out real pictures": stored(data.split("test"), arguments.count)}
    sets |= {folder.name: pictures_in(folder, arguments.count) for folder in arguments.sets}
    heads = " | ".join(f"{each:g} %" for each in PERCENTILES[:-1])
    print(f"| | {heads} | median |\n|---|" + "---|" * len(PERCENTILES))
    for name, pictures in sets.items():
        found = np.percentile(nearest(pictures, real, device), PERCENTILES)
        print(f"| {name} | {' | '.join(f'{each:.1f}' for each in found)} |", flush=True)


def stored(split: Split, count: int | None) -> np.ndarray:
    """(n, h, w, c) uint8 pictures of a split, drawn by a fixed seed; all where ``count`` is ``None``."""
    order = np.random.default_rng(0).permutation(len(split))[:count]
    return np.asarray(split.stored(np.sort(order)))


def flat(pictures: np.ndarray, device: torch.device) -> Tensor:
    """(n, values) float32 of pictures in grey levels."""
    return torch.from_numpy(pictures).flatten(1).to(device).float()


def nearest(pictures: np.ndarray, real: Tensor, device: torch.device) -> np.ndarray:
    """(n,) root mean squared differences of pictures, or of their mirror images, to the nearest of ``real``."""
    found = []
    for begin in range(0, len(pictures), PART):
        part = pictures[begin : begin + PART]
        # A mirrored picture is as far from a training picture as the picture is from the mirrored one.
        ways = [flat(way.copy(), device) for way in (part, part[:, :, ::-1])]
        least = [torch.cdist(way, real, compute_mode="use_mm_for_euclid_dist").amin(1) for way in ways]
        found.append(torch.minimum(*least) / real.shape[1] ** 0.5)
    return torch.cat(found).cpu().numpy()


if __name__ == "__main__":
    main()
