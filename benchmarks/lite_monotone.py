"""Do ``fd@lite`` and ``fd@lite2`` grow with damage on pictures that their network never saw?

    python benchmarks/lite_monotone.py DATA [--extractor lite2] [--sets cifar10 lfw_faces …] [--out FILE]

DATA is the folder of the real sets. Half of each set is the reference and the other half the samples, except
where the set is large; the samples are measured whole (held-out real pictures), then damaged: JPEG compression,
Gaussian blur, Gaussian noise, classes left out (mean of five orders), pictures repeated. For every kind of damage the
table says how well the distance follows the level (Spearman) and whether every level's interval lies above that of the
held-out pictures. Where a label is a person, as in lfw_faces, faces that are left out look like those that stay, and no
distance grows.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from diorama.core.contracts import MediaSpec
from diorama.core.files import write_json, write_text
from diorama.data.dataset import Dataset, open_dataset
from diorama.data.prepare import PrepareOptions, prepare
from diorama.evaluation.catalog.entries import ExtractorEntry
from diorama.evaluation.catalog.extractors import LITE, LITE2
from diorama.evaluation.extractors import load_extractor
from diorama.evaluation.measures import Pair, fd
from diorama.media.convert import to_float

EXTRACTORS = {each.name: each for each in (LITE, LITE2)}
BATCH = 100
JPEG = (65, 50, 35, 20, 10, 5)
BLUR = (0.4, 0.6, 0.9, 1.3, 2.0, 3.0, 4.5)
NOISE = (2, 4, 8, 16, 32, 64)
DROPPED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9)
REPEATED = (0.5, 0.75, 0.9, 0.95, 0.98)
FEWEST_CLASSES = 5
ORDERS = 5
"""In which classes are left out."""
Pictures = np.ndarray
"""(n, h, w, c) uint8."""


@dataclass(frozen=True)
class Set:
    """A data set and how much of it is used.

    Args:
        folder: below the folder of real sets.
        side: pixels; ``None`` for its own.
        reference: pictures at most.
        samples: pictures at most.
    """

    folder: str
    side: int | None
    reference: int = 2_000
    samples: int = 1_000


SETS = (
    Set("cifar10", None, reference=20_000, samples=4_000),
    Set("mnist_png", None, reference=4_000, samples=2_000),
    Set("fashion_mnist_sample900", None),
    Set("lfw_faces", 64),
    Set("utkface", 48, samples=1_500),
    Set("cats_dogs128", None, reference=800, samples=400),
    Set("med_chest_xray128", 64),
)


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--extractor", choices=list(EXTRACTORS), default=LITE2.name)
    parser.add_argument("--sets", nargs="*", default=[each.folder for each in SETS])
    parser.add_argument("--out", type=Path, help="benchmarks/results/EXTRACTOR_monotone, if left out")
    arguments = parser.parse_args()
    extractor = EXTRACTORS[arguments.extractor]
    out = arguments.out or Path("benchmarks/results") / f"{extractor.name}_monotone"
    reports = measured_before(out.with_suffix(".json"))
    with tempfile.TemporaryDirectory() as folder:
        for each in SETS:
            if each.folder in arguments.sets:
                dataset = prepared(arguments.data / each.folder, Path(folder) / each.folder, each.side)
                reports[each.folder] = report(dataset, each, extractor)
                print(f"## {each.folder}\n{table(reports[each.folder], extractor)}", flush=True)
                write_json(out.with_suffix(".json"), reports)
                write_text(out.with_suffix(".md"), page(reports, extractor))


def measured_before(path: Path) -> dict[str, Any]:
    """Reports of sets that an earlier call measured, which stay beside what is measured now."""
    return dict(json.loads(path.read_text())) if path.is_file() else {}


def prepared(source: Path, out: Path, side: int | None) -> Dataset:
    """The set as ``diorama prepare`` packs it."""
    deque(prepare([source], out, PrepareOptions(size=side)), maxlen=0)
    return open_dataset(out)


def report(dataset: Dataset, each: Set, extractor: ExtractorEntry) -> dict[str, Any]:
    """Distances of the whole and of all damaged samples."""
    reference, samples, spare = halves(dataset, each)
    real = features(reference, extractor)
    whole = features(samples[0], extractor)
    found: dict[str, Any] = {
        "reference": len(real),
        "samples": len(whole),
        "side": dataset.info.media.height,
        "extractor": load_extractor(extractor).sha256,
        "held_out": measured(whole, real),
        "damage": {},
    }
    for name, levels, harm in DAMAGE:
        rows = [{"level": level} | measured(features(harm(samples[0], level), extractor), real) for level in levels]
        found["damage"][name] = judged(rows, found["held_out"])
    chosen = np.random.default_rng(0)
    rows = [{"level": level} | measured(whole[repeats(len(whole), level, chosen)], real) for level in REPEATED]
    found["damage"]["repeated"] = judged(rows, found["held_out"])
    if len(dataset.info.classes) >= FEWEST_CLASSES:
        pool = torch.cat([whole, features(spare[0], extractor)]) if len(spare[0]) else whole
        labels = np.concatenate([samples[1], spare[1]])
        # As many pictures at every level, since the distance depends on how many there are.
        count = min(len(whole), len(without(pool, labels, DROPPED[-1], len(whole))))
        rows = [{"level": level} | mean_without(pool, labels, level, count, real) for level in DROPPED]
        found["damage"]["classes dropped"] = judged(rows, found["held_out"])
    return found


def halves(dataset: Dataset, each: Set) -> tuple[Pictures, tuple[Pictures, np.ndarray], tuple[Pictures, np.ndarray]]:
    """Reference pictures; samples with their labels; what is left, with labels. No picture is in two of them."""
    rng = np.random.default_rng(0)
    pictures, labels = [], []
    for name in dataset.splits:
        split = dataset.split(name)
        order = np.arange(len(split))
        pictures.append(split.stored(order))
        found = split.labels(order)
        labels.append(np.zeros(len(split), np.int64) if found is None else found)
    everything, classes = np.concatenate(pictures), np.concatenate(labels)
    order = rng.permutation(len(everything))
    ends = min(each.reference, len(order) * 2 // 3), min(each.samples, len(order) // 3)
    first, second, third = np.split(order, [ends[0], sum(ends)])
    return everything[first], (everything[second], classes[second]), (everything[third], classes[third])


def features(pictures: Pictures, extractor: ExtractorEntry = LITE) -> Tensor:
    """(n, d) features of pictures (n, h, w, c)."""
    loaded, (height, width, channels) = load_extractor(extractor), pictures.shape[1:]
    media = MediaSpec(kind="image", channels=channels, height=height, width=width)
    batches = (torch.from_numpy(pictures[i : i + BATCH].copy()) for i in range(0, len(pictures), BATCH))
    return torch.cat([loaded.rows({"image": to_float(batch, media)})[""] for batch in batches])


def measured(samples: Tensor, reference: Tensor) -> dict[str, Any]:
    """Value and interval of the Fréchet distance."""
    value, interval, _ = fd(Pair(samples, reference))
    return {"value": value, "low": interval.low, "high": interval.high, "samples": len(samples)}


def judged(rows: list[dict[str, Any]], held_out: Mapping[str, Any]) -> dict[str, Any]:
    """What the rows, from least to most damage, say together."""
    values = [row["value"] for row in rows]
    return {
        "rows": rows,
        "spearman": spearman(values),
        "above_held_out": all(row["low"] > held_out["high"] for row in rows),
    }


def spearman(values: list[float]) -> float:
    """Rank correlation of values with their places, without ties."""
    ranks = np.argsort(np.argsort(values)).astype(float)
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])


def each_picture(pictures: Pictures, harm: Callable[[Image.Image], Image.Image]) -> Pictures:
    """A function of Pillow images on arrays; grey pictures stay grey."""

    def one(pixels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        return np.asarray(harm(image)).reshape(pixels.shape)

    return np.stack([one(pixels) for pixels in pictures])


def jpeg(pictures: Pictures, quality: float) -> Pictures:
    """Compressed and read again, on blocks of 8 x 8 that begin 4 pixels further left and up.

    Files of CIFAR-10 and others are JPEG already. On the same blocks, what a quality adds depends on how its steps fall
    beside those of the file: quality 50 then harms pictures of quality 75 more than 35 does.
    """

    def through(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(quality))
        return Image.open(buffer)

    margin = ((0, 0), (4, 4), (4, 4), (0, 0))
    return each_picture(np.pad(pictures, margin, mode="reflect"), through)[:, 4:-4, 4:-4]


def blur(pictures: Pictures, sigma: float) -> Pictures:
    """Gaussian blur; sigma in pixels, of the picture at 32 pixels a side and in proportion elsewhere."""
    return each_picture(pictures, lambda image: image.filter(ImageFilter.GaussianBlur(sigma * image.width / 32)))


def noise(pictures: Pictures, sigma: float) -> Pictures:
    """Gaussian noise of ``sigma`` grey levels."""
    drawn = np.random.default_rng(0).normal(0, sigma, pictures.shape)
    return np.clip(np.round(pictures + drawn), 0, 255).astype(np.uint8)


def repeats(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Indices of ``count`` pictures of which this share only repeats the others."""
    different = max(round(count * (1 - share)), 1)
    return np.resize(rng.permutation(count)[:different], count)


def without(pool: Tensor, labels: np.ndarray, share: float, count: int, order: int = 0) -> Tensor:
    """Features of ``count`` pictures (fewer where there are not as many) of all but this share of the classes.

    Args:
        pool: (n, d) features.
        labels: (n,) class of each.
        share: of the classes that is left out; what a level leaves out the next one does too.
        count: of pictures.
        order: in which classes go: 0 by name, any other number a random order of its own.
    """
    kinds = np.unique(labels)
    leaving = np.random.default_rng(order).permutation(kinds) if order else kinds
    kept = np.flatnonzero(np.isin(labels, leaving[round(share * len(kinds)) :]))
    return pool[np.random.default_rng(0).permutation(kept)[:count]]


def mean_without(pool: Tensor, labels: np.ndarray, share: float, count: int, real: Tensor) -> dict[str, Any]:
    """Mean of the distance and of its interval's ends over orders, since which classes are missing matters as well."""
    found = [measured(without(pool, labels, share, count, order), real) for order in range(ORDERS)]
    return {"samples": found[0]["samples"]} | {
        name: float(np.mean([each[name] for each in found])) for name in ("value", "low", "high")
    }


DAMAGE: tuple[tuple[str, tuple[float, ...], Callable[[Pictures, float], Pictures]], ...] = (
    ("JPEG quality", JPEG, jpeg),
    ("blur width", BLUR, blur),
    ("noise level", NOISE, noise),
)


def table(found: Mapping[str, Any], extractor: ExtractorEntry) -> str:
    """One set as Markdown."""
    held = found["held_out"]
    measure = f"fd@{extractor.name} [95 % interval of the true distance]"
    lines = [
        f"{found['samples']:,} samples of {found['side']} px against {found['reference']:,}; "
        f"held-out real pictures: {held['value']:.3f} [{held['low']:.3f}, {held['high']:.3f}]",
        "",
        f"| damage | {measure} by level | Spearman | all above held-out |",
        "| --- | --- | --- | --- |",
        *(f"| {name} | {cells(kind)} | {kind['spearman']:.2f} | {'yes' if kind['above_held_out'] else 'no'} |"
          for name, kind in found["damage"].items()),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def cells(kind: Mapping[str, Any]) -> str:
    """The rows of one kind of damage in one cell."""
    return " · ".join(f"{r['level']:g}: {r['value']:.2f} [{r['low']:.2f}, {r['high']:.2f}]" for r in kind["rows"])


def sections(reports: Mapping[str, Any], extractor: ExtractorEntry) -> Iterator[str]:
    """All sets as Markdown."""
    for name, found in reports.items():
        yield f"## {name}\n\n{table(found, extractor)}"


def page(reports: Mapping[str, Any], extractor: ExtractorEntry) -> str:
    """The whole page."""
    text = (__doc__ or "").strip().splitlines()
    return f"# {text[0]}\n\n" + "\n".join(line for line in text[1:]) + "\n\n" + "\n".join(sections(reports, extractor))


if __name__ == "__main__":
    main()
