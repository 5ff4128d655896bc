"""Lesions planted in normal X-rays: how well ``diorama anomaly`` finds them.

    python benchmarks/planted_lesions.py runs/xray xray128 --out found

The lesions are bright blobs with soft edges, ellipses of a stated size and contrast at a random place of either lung.
They are no pneumonia and no tumour: they show what size and contrast stands out, and nothing about disease. How maps
are made is chosen on pictures of ``val``: as the command does at one strength, as the mean over several, or in
deviations, where a difference counts less in places that are drawn differently each time.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from inverse_problems import diffusion_model, told, write_found
from torch import Tensor

from diorama.core import device as devices
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset, open_dataset
from diorama.nn.similarity import area_under_roc
from diorama.synthesis.base import Sampling
from diorama.synthesis.conditions import completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.store import model_hash
from diorama.tasks.anomaly import difference_map, score_of
from diorama.tasks.vary import drawn_anew

LUNGS = ((0.30, 0.62), ((0.22, 0.40), (0.60, 0.78)))
"""Where centres lie, as shares of height, and of width on either side."""
NORMAL = "normal"
RESAMPLES = 1_000
DEVIATIONS = ", in deviations"


@dataclass(frozen=True)
class Lesion:
    """A kind of blob.

    Args:
        radius: mean of both half axes, as a share of the picture's shorter side; their ratio is drawn from 1 to 1.5.
        contrast: by which its middle is brighter, as a share of the range from black to white.
    """

    radius: float
    contrast: float

    def planted(self, x: Tensor, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """A picture (c, h, w) in [-1, 1] with a blob in it, and where that is, (h, w) bool: above half its contrast."""
        height, width = x.shape[1:]
        rows, sides = LUNGS
        columns = sides[random.integers(len(sides))]
        top, left = random.uniform(*rows) * height, random.uniform(*columns) * width
        longer = random.uniform(1, 1.5) ** 0.5
        turn = random.uniform(0, np.pi)
        y, x_ = np.mgrid[:height, :width].astype(np.float64)
        across = np.cos(turn) * (x_ - left) + np.sin(turn) * (y - top)
        along = -np.sin(turn) * (x_ - left) + np.cos(turn) * (y - top)
        radius = self.radius * min(height, width)
        distance = np.hypot(across / (radius * longer), along / (radius / longer))
        # The edge falls from 88 % to 12 % over a half of the radius.
        blob = 1 / (1 + np.exp((distance - 1) * 8))
        lit = (x + 2 * self.contrast * torch.from_numpy(blob).to(x)).clamp(-1, 1)
        return lit, torch.from_numpy(blob > 0.5).to(x.device)


LESIONS = tuple(Lesion(radius, contrast) for radius in (0.025, 0.04, 0.06) for contrast in (0.15, 0.3, 0.45))


def normal_pictures(data: Dataset, split: str, count: int) -> Tensor:
    """``count`` normal pictures of a split in a fixed random order, (count, c, h, w) in [-1, 1]."""
    records = data.split(split)
    labels = records.labels(np.arange(len(records)))
    if labels is None or NORMAL not in data.info.classes:
        raise BadInput(f"{data.info.name}: has no class {NORMAL!r}, in whose pictures lesions are planted")
    places = np.flatnonzero(labels == data.info.classes.index(NORMAL))
    return records.read(np.random.default_rng(0).permutation(places)[:count], {"image"})["image"]


def redrawn(model: DiffusionSynthesizer, x: Tensor, strength: float, arguments: argparse.Namespace) -> Tensor:
    """Pictures (b, c, h, w) drawn anew as the command does, (b, samples, c, h, w)."""
    count, size = arguments.samples, arguments.batch_size
    drawn = []
    for start in range(0, len(x) * count, size):
        indices = range(start, min(len(x) * count, start + size))
        given: dict[str, Tensor] = {}
        if NORMAL in model.config.classes:
            given["label"] = torch.full((len(indices),), model.config.classes.index(NORMAL))
        condition = completed(model.config.conditions, given, len(indices))
        condition = {key: value.to(model.device) for key, value in condition.items()}
        rows = x[torch.tensor(indices) // count]
        found = drawn_anew(model, rows, strength, indices, seed=arguments.seed, condition=condition)
        drawn.append(found.clamp(-1, 1))
    return torch.cat(drawn).reshape(len(x), count, *x.shape[1:])


Maps = dict[str, Tensor]
"""By the way that they are made: (b, h, w) each."""


def maps_of(model: DiffusionSynthesizer, x: Tensor, strengths: Sequence[float], arguments: argparse.Namespace) -> Maps:
    """The maps of the command at every strength; the same in deviations of what was drawn; and their means over all
    strengths, where there are several."""
    found: dict[str, Maps] = {"": {}, DEVIATIONS: {}}
    for strength in strengths:
        samples = redrawn(model, x, strength, arguments)
        maps = torch.stack([difference_map(each[None], drawn) for each, drawn in zip(x, samples, strict=True)])
        spread = samples.var(1).mean(1).sqrt()
        found[""][f"{strength:g}"] = maps
        found[DEVIATIONS][f"{strength:g}{DEVIATIONS}"] = maps / (spread.mean((1, 2), keepdim=True) + spread)
    for kind, maps_by in found.items():
        if len(strengths) > 1:
            maps_by[f"mean{kind}"] = torch.stack(list(maps_by.values())).mean(0)
    return {name: maps for maps_by in found.values() for name, maps in maps_by.items()}


def planted_set(pictures: Tensor, lesion: Lesion, seed: int) -> tuple[Tensor, Tensor]:
    """Each picture with one blob, and where."""
    random = np.random.default_rng(seed)
    pairs = [lesion.planted(x, random) for x in pictures]
    return torch.stack([x for x, _ in pairs]), torch.stack([mask for _, mask in pairs])


def of_pictures(planted: Tensor, clean: Tensor, seed: int = 0) -> dict[str, Any]:
    """AUROC of scores of planted pictures against those of the same pictures without, and a percentile interval over
    resampled pictures.

    Args:
        planted: (kinds, n), of every picture with a blob of each kind; a picture is drawn with all its kinds, since
            they are of one picture.
        clean: (n,), of the pictures without.
        seed: of the resampling.
    """
    random = torch.Generator().manual_seed(seed)
    places = torch.randint(len(clean), (RESAMPLES, len(clean)), generator=random)
    drawn = torch.tensor(
        [area_under_roc(planted[:, each].flatten(), clean[each]) for each in places], dtype=torch.float64
    )
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    interval = {"low": low, "high": high, "level": 0.95, "method": "percentiles of resampled pictures"}
    return {"value": area_under_roc(planted.flatten(), clean), "interval": interval, "pictures": len(clean)}


def measured(
    model: DiffusionSynthesizer, pictures: Tensor, lesions: Sequence[Lesion], seed: int, arguments: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, list[Tensor]]]:
    """All kinds of lesions by every way, and pictures to look at."""
    clean = maps_of(model, pictures, arguments.strengths, arguments)
    before = {way: torch.tensor([score_of(each) for each in maps]) for way, maps in clean.items()}
    found: dict[str, Any] = {way: {"lesions": [], "scores": [], "inside": []} for way in clean}
    shown: dict[str, list[Tensor]] = {way: [] for way in clean}
    for number, lesion in enumerate(lesions):
        x, masks = planted_set(pictures, lesion, seed + number)
        marks = masks[:, None].to(x) * 2 - 1
        for way, maps in maps_of(model, x, arguments.strengths, arguments).items():
            after = torch.tensor([score_of(each) for each in maps])
            inside = torch.tensor([area_under_roc(each[m], each[~m]) for each, m in zip(maps, masks, strict=True)])
            row = {**asdict(lesion), "pixels": told(inside, 0, 1), "pictures": of_pictures(after[None], before[way])}
            found[way]["lesions"].append(row)
            found[way]["scores"].append(after)
            found[way]["inside"].append(inside)
            white = 4 * clean[way].flatten().quantile(0.99)
            each_map = (2 * maps[:, None] / white - 1).clamp(-1, 1)
            shown[way].append(torch.stack([pictures, x, marks, each_map], 1)[:1].flatten(0, 1))
    for way, values in found.items():
        # Of each picture the mean over kinds, so that pictures are what an interval is over.
        inside, scores = torch.stack(values.pop("inside")).mean(0), torch.stack(values.pop("scores"))
        values["all"] = {"pixels": told(inside, 0, 1), "pictures": of_pictures(scores, before[way])}
    return found, shown


def tuned(model: DiffusionSynthesizer, pictures: Tensor, arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """The way with the best mean of both AUROCs for middling lesions in pictures of ``val``, and those of all ways."""
    middling = [lesion for lesion in LESIONS if lesion.contrast == 0.3]
    found, _ = measured(model, pictures, middling, 100, arguments)
    tried = {way: {name: each["value"] for name, each in values["all"].items()} for way, values in found.items()}
    for way, areas in tried.items():
        print(f"{way}: {areas}", flush=True)
    return max(tried, key=lambda way: sum(tried[way].values())), tried


def cell(number: Mapping[str, Any]) -> str:
    """An area and its interval."""
    ends = number["interval"]
    return f"{number['value']:.3f} [{ends['low']:.3f}, {ends['high']:.3f}]"


def table(found: Mapping[str, Any]) -> str:
    """Everything as Markdown."""
    lines = [
        f"# Lesions planted in normal X-rays, {found['data']}, {found['device']}",
        "",
        "Blobs with soft edges, planted by a program: no disease. AUROC of the pixels of a picture's blob against its "
        "others, mean over pictures; and of the scores of pictures with a blob against the same pictures without.",
        "",
        f"{found['pictures']} normal pictures of `test`, {found['samples']} samples of each, {found['steps']} steps, "
        f"strength {found['chosen']}, chosen on {found['tuning_pictures']} pictures of `val`; "
        f"{found['seconds_per_picture']:.2f} s a picture.",
        "",
        "| radius, share of the side | contrast | AUROC of pixels | AUROC of pictures |",
        "|---|---|---|---|",
    ]
    for row in found["lesions"]:
        lines.append(f"| {row['radius']:g} | {row['contrast']:g} | {cell(row['pixels'])} | {cell(row['pictures'])} |")
    lines.append(f"| all | all | {cell(found['all']['pixels'])} | {cell(found['all']['pictures'])} |")
    lines += ["", "| strength | AUROC of pixels, all lesions | AUROC of pictures, all lesions |", "|---|---|---|"]
    for way, values in found["ways"].items():
        lines.append(f"| {way} | {cell(values['all']['pixels'])} | {cell(values['all']['pictures'])} |")
    return "\n".join(lines) + "\n"


def arguments_of(words: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, help="a model folder or a run")
    parser.add_argument("data", type=Path, help="prepared data with a class 'normal'")
    parser.add_argument("--out", type=Path, required=True, help="folder for the JSON, the Markdown and a sheet")
    parser.add_argument("--count", type=int, default=32, help="pictures of test")
    parser.add_argument("--samples", type=int, default=8, help="of each picture")
    parser.add_argument("--steps", type=int, default=None, help="of the whole way; the model's own by default")
    parser.add_argument("--sampler", default=None, help="the model's own by default")
    parser.add_argument("--strengths", type=float, nargs="+", default=[0.25, 0.4, 0.5, 0.6])
    parser.add_argument("--tuning", type=int, default=8, help="pictures of val that the way is chosen on")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Plant, look, print, and write what was found."""
    arguments = arguments_of(words)
    device = devices.pick(arguments.device)
    model = diffusion_model(arguments.model, device)
    model = model.resampled(Sampling(sampler=arguments.sampler, steps=arguments.steps)).recorded(torch.float32)
    data = open_dataset(arguments.data)
    chosen, tried = tuned(model, normal_pictures(data, "val", arguments.tuning).to(device), arguments)
    pictures = normal_pictures(data, "test", arguments.count).to(device)
    began = time.perf_counter()
    ways, shown = measured(model, pictures, LESIONS, 0, arguments)
    found: dict[str, Any] = {
        "data": data.info.name, "model": model_hash(arguments.model), "device": devices.describe(device),
        "steps": model.sampling.steps, "sampler": model.sampling.sampler, "pictures": len(pictures),
        "tuning_pictures": arguments.tuning, "samples": arguments.samples, "seed": arguments.seed, "tuning": tried,
        "seconds_per_picture": (time.perf_counter() - began) / (len(pictures) * (1 + len(LESIONS))),
        "chosen": chosen, "ways": ways, **ways[chosen],
    }  # fmt: skip
    write_found(arguments.out / "planted_lesions", found, table(found), torch.cat(shown[chosen]), columns=8)
    print(table(found))


if __name__ == "__main__":
    try:
        main()
    except BadInput as problem:
        sys.exit(f"planted_lesions: {problem}")
