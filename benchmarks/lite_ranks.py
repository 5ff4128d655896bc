"""Do ``fd@lite`` and ``fd@lite2`` put generators of CIFAR-10 in the order in which others put them?

    python benchmarks/lite_ranks.py PREPARED --judges JUDGES --sets FOLDER … --out benchmarks/results/lite_ranks

PREPARED is `cifar10` as `diorama prepare --size 32` packs it, JUDGES is what `rank_judges.py` wrote: two networks that
learned CIFAR-10 apart from one another, one with labels and one without. Each FOLDER holds the pictures of one
generator and is named after it; a peer is another toolkit, trained for 440 seconds (`cifar10_h100.md`). Beside them
stand held-out pictures: whole, damaged in known ways, and without some classes. All are compared with the same held-out
reference, by a Fréchet distance for each network. What counts is the order, so the table below gives Kendall's tau of
each two networks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from benchmarks.lite_monotone import Pictures, blur, jpeg, noise
from benchmarks.lite_monotone import features as lite_features
from benchmarks.rank_judges import JUDGES, features, loaded
from PIL import Image
from torch import Tensor

from diorama.core.files import write_json, write_text
from diorama.data.dataset import open_dataset
from diorama.evaluation.catalog.extractors import LITE, LITE2
from diorama.metrics.frechet import frechet_distance, statistics

COUNT, REFERENCE = 1_500, 6_000
"""Pictures of each set, and of the reference: the same for all, since the distance depends on how many there are."""

DROPPED = " of classes dropped"

Features = Callable[[Pictures], Tensor]
"""(n, d) features of (n, h, w, c) uint8 pictures."""


def main() -> None:
    """Measure every set by every network, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judges", type=Path, required=True)
    parser.add_argument("--sets", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/lite_ranks"))
    arguments = parser.parse_args()
    reference, sets = gathered(arguments.data, arguments.sets)
    networks: dict[str, Features] = {each.name: partial(lite_features, extractor=each) for each in (LITE, LITE2)} | {
        name: judge_features(arguments.judges / f"{name}.safetensors") for name in JUDGES
    }
    found = {name: distances(network, reference, sets) for name, network in networks.items()}
    write_json(arguments.out.with_suffix(".json"), found)
    write_text(arguments.out.with_suffix(".md"), page(found))
    print(table(found))


def gathered(data: Path, folders: list[Path]) -> tuple[Pictures, dict[str, Pictures]]:
    """The reference, and all sets by name: the folders', then held-out pictures whole and damaged."""
    split = open_dataset(data).split("test")
    order = np.random.default_rng(0).permutation(len(split))
    reference, spare = split.stored(order[:REFERENCE]), order[REFERENCE:]
    whole, labels = split.stored(spare[:COUNT]), split.labels(spare)
    if labels is None:
        raise SystemExit(f"{data} has no labels; prepare cifar10 with its class folders")
    sets = {folder.name: pictures_in(folder) for folder in folders}
    sets |= {"held-out": whole} | dict(damaged(whole))
    for share in (0.3, 0.5):
        kept = spare[labels >= round(share * (labels.max() + 1))][:COUNT]
        sets[f"{share:.0%}{DROPPED}"] = split.stored(kept)
    return reference, sets


def damaged(whole: Pictures) -> Iterator[tuple[str, Pictures]]:
    """The same pictures, harmed in known ways."""
    for quality in (50, 20, 5):
        yield f"JPEG {quality}", jpeg(whole, quality)
    for sigma in (0.6, 0.9, 1.3):
        yield f"blur {sigma}", blur(whole, sigma)
    for level in (8, 16, 32):
        yield f"noise {level}", noise(whole, level)


def pictures_in(folder: Path, count: int = COUNT) -> Pictures:
    """The first pictures of a folder, by name."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".png", ".webp", ".jpg"))
    if len(files) < count:
        raise SystemExit(f"{folder} holds {len(files):,} pictures; every set has {count:,}")
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files[:count]])


def judge_features(file: Path) -> Features:
    """What one judge sees."""
    network = loaded(file, torch.device("cpu"))
    return lambda pictures: features(network, torch.from_numpy(pictures).permute(0, 3, 1, 2), batch=50)


def distances(network: Features, reference: Pictures, sets: Mapping[str, Pictures]) -> dict[str, float]:
    """Fréchet distance of every set to the reference."""
    real = statistics(network(reference))
    return {name: frechet_distance(statistics(network(pictures)), real) for name, pictures in sets.items()}


def kendall(first: Mapping[str, float], second: Mapping[str, float], names: list[str]) -> float:
    """Share of pairs in the same order less share in the other order.

    Reference: M. G. Kendall, "A new measure of rank correlation", Biometrika 30, 1938.
    """
    signs = [np.sign((first[a] - first[b]) * (second[a] - second[b])) for a, b in combinations(names, 2)]
    return float(np.mean(signs))


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """All distances, from the least by ``lite2`` on, and the agreement of each two networks."""
    networks = list(found)
    names = sorted(found["lite2"], key=found["lite2"].__getitem__)
    lines = [f"| set | {' | '.join(networks)} |", "| --- |" + " ---: |" * len(networks)]
    lines += [f"| {name} | {' | '.join(f'{found[each][name]:.1f}' for each in networks)} |" for name in names]
    whole = [name for name in names if not name.endswith(DROPPED)]
    lines += [
        "",
        f"| Kendall's tau | {len(whole)} sets of all classes | all {len(names)} sets |",
        "| --- | ---: | ---: |",
    ]
    for a, b in combinations(networks, 2):
        taus = [kendall(found[a], found[b], chosen) for chosen in (whole, names)]
        lines.append(f"| {a} and {b} | {taus[0]:.2f} | {taus[1]:.2f} |")
    return "\n".join(lines) + "\n"


def page(found: Mapping[str, Mapping[str, float]]) -> str:
    """The whole page."""
    first, *rest = (__doc__ or "").strip().splitlines()
    counts = f"{COUNT:,} pictures a set, {REFERENCE:,} as reference."
    return f"# {first}\n" + "\n".join(rest) + f"\n\n{counts}\n\n{table(found)}"


if __name__ == "__main__":
    main()
