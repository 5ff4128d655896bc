"""What each choice of the recipe ``fast_cifar`` is worth: trainings of equal length that differ in one of them.

    python benchmarks/fast_cifar.py CIFAR10 --out benchmarks/results/fast_cifar [--only recipe edm …] [--images 450000]
        [--seeds 0 1] [--device cuda]

CIFAR10 is the set as ``diorama prepare`` packs it. Every training has its own folder; one that is complete is measured
again and not trained anew. After each training a row is written, so a call that is cut short leaves what it found.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from diorama.core.device import pick
from diorama.core.files import write_json, write_text
from diorama.data.dataset import Split, open_dataset
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.dispersion import DispersiveConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.times import LogitNormalTimes
from diorama.recipes.edm import as_edm
from diorama.recipes.fast_cifar import fast_cifar
from diorama.recipes.lengths import of_length
from diorama.training.recipe import Recipe, TrainOptions
from diorama.training.run import train

METRICS = ("fd@lite", "fd@lite2", "kid@lite", "precision", "recall")


def with_method(recipe: Recipe, change: Callable[[DiffusionMethodConfig], DiffusionMethodConfig]) -> Recipe:
    """The recipe with another method."""
    assert isinstance(recipe.method, DiffusionMethodConfig)
    return replace(recipe, method=change(recipe.method))


def with_network(recipe: Recipe, change: Callable[[DDPMUNetConfig], DDPMUNetConfig]) -> Recipe:
    """The recipe with another network."""

    def changed(method: DiffusionMethodConfig) -> DiffusionMethodConfig:
        assert isinstance(method.synthesizer.denoiser, DDPMUNetConfig)
        return replace(method, synthesizer=replace(method.synthesizer, denoiser=change(method.synthesizer.denoiser)))

    return with_method(recipe, changed)


def with_rate(recipe: Recipe, *, peak: float = 1e-3, decay: str = "linear", algorithm: str = "muon") -> Recipe:
    """The recipe with another optimizer."""
    own = recipe.optimizers["denoiser"]
    rate = replace(own.rate, peak=peak, decay=decay)  # type: ignore[arg-type]
    return replace(recipe, optimizers={"denoiser": replace(own, rate=rate, algorithm=algorithm)})  # type: ignore[arg-type]


def levels(widths: tuple[int, ...], attention: tuple[bool, ...], patch: int = 1) -> Callable[[Recipe], Recipe]:
    """A U-Net of other widths."""
    return lambda recipe: with_network(
        recipe, lambda network: replace(network, widths=widths, attention=attention, patch=patch)
    )


def times(mean: float, deviation: float = 1.0) -> Callable[[Recipe], Recipe]:
    """Other times in training."""
    return lambda recipe: with_method(
        recipe, lambda method: replace(method, times=LogitNormalTimes(mean=mean, deviation=deviation))
    )


def augmented(recipe: Recipe) -> Recipe:
    """The recipe with altered pictures, of which the network is told; they are mirrored there and nowhere else."""
    return replace(with_method(recipe, lambda method: replace(method, augment=0.12)), flip=False)


VARIANTS: dict[str, tuple[str, Callable[[Recipe], Recipe]]] = {
    "recipe": ("the recipe", lambda recipe: recipe),
    "added-time": ("time is added to features", lambda r: with_network(r, lambda n: replace(n, scale_shift=False))),
    "dropout": ("dropout of 0.1", lambda r: with_network(r, lambda n: replace(n, dropout=0.1))),
    "heads": ("attention in heads of 64", lambda r: with_network(r, lambda n: replace(n, head_channels=64))),
    "cosine": ("rate falls like a cosine", lambda r: with_rate(r, decay="cosine")),
    "rate-5e-4": ("peak rate 5e-4", lambda r: with_rate(r, peak=5e-4)),
    "rate-2e-3": ("peak rate 2e-3", lambda r: with_rate(r, peak=2e-3)),
    "rate-4e-3": ("peak rate 4e-3", lambda r: with_rate(r, peak=4e-3)),
    "adam": ("Adam, peak rate 6e-4", lambda r: with_rate(r, peak=6e-4, algorithm="adam")),
    "adam-3e-4": ("Adam, peak rate 3e-4", lambda r: with_rate(r, peak=3e-4, algorithm="adam")),
    "adam-1e-3": ("Adam, peak rate 1e-3", lambda r: with_rate(r, peak=1e-3, algorithm="adam")),
    "batch-128": ("batches of 128", lambda r: replace(r, batch_size=128)),
    "batch-512": ("batches of 512", lambda r: replace(r, batch_size=512)),
    "batch-512-rate-1.5e-3": (
        "batches of 512, peak rate 1.5e-3",
        lambda r: replace(with_rate(r, peak=1.5e-3), batch_size=512),
    ),
    "no-flips": ("no mirrored pictures", lambda r: replace(r, flip=False)),
    "edm": ("EDM in place of a flow", as_edm),
    "coupled": ("noises matched in a batch", lambda r: with_method(r, lambda m: replace(m, coupling="minibatch"))),
    "dispersive": ("dispersed features", lambda r: with_method(r, lambda m: replace(m, dispersion=DispersiveConfig()))),
    "augment": ("pictures altered with probability 0.12", augmented),
    "early-times": ("times towards the data", times(-0.4)),
    "late-times": ("times towards the noise", times(0.4)),
    "wide-times": ("times spread wider", times(0.0, 1.4)),
    "three-levels": ("widths 128, 256, 512", levels((128, 256, 512), (False, True, False))),
    "wider": ("widths 192, 256, 256, 256", levels((192, 256, 256, 256), (False, True, False, False))),
    "patches": ("squares of 2 x 2, widths 256, 512, 512", levels((256, 512, 512), (True, False, False), patch=2)),
    "shallow": ("one residual block a level", lambda r: with_network(r, lambda n: replace(n, depth=1))),
}
"""Name, what differs, and the change."""


def trained(recipe: Recipe, data: Path, folder: Path, device: str) -> dict[str, float | None]:
    """Train, if that is not done yet: pictures seen, seconds, and pictures a second; no seconds of a complete run."""
    began, marks, steps = time.perf_counter(), [], set[int]()
    for tick in train(recipe, data, folder, TrainOptions(device=device, preview_at_stop=False)):
        steps.add(tick.step)
        for note in tick.notes:
            print(f"{folder.name}: {note}", flush=True)
        if tick.step % 50 == 0:
            marks.append((time.perf_counter(), tick.images))
    # The first tick comes before the first step.
    seconds = time.perf_counter() - began if len(steps) > 1 else None
    return {"images": recipe.images, "seconds": seconds, "images_per_second": speed(marks)}


def measured(folder: Path, split: Split, arguments: argparse.Namespace) -> dict[str, float]:
    """A model's values by name."""
    options = EvaluateOptions(
        metrics=METRICS,
        count=arguments.count,
        reference=arguments.reference,
        device=pick(arguments.device).type,
        cache=arguments.runs / "cache",
    )
    return {each.metric: each.value for each in evaluate(folder, split, options).results}


def speed(marks: list[tuple[float, int]]) -> float | None:
    """Pictures a second behind the first third, which holds the recording of graphs; ``None`` of a complete run."""
    if len(marks) < 3:
        return None
    (first, seen), (last, all_seen) = marks[len(marks) // 3], marks[-1]
    return (all_seen - seen) / (last - first)


def speed_of(row: dict[str, Any]) -> str:
    """Pictures a second as a cell of a table."""
    return "–" if row["images_per_second"] is None else f"{row['images_per_second']:,.0f}"


def table(rows: list[dict[str, Any]]) -> str:
    """All rows as Markdown."""
    lines = [
        "| what differs | seed | pictures | pictures/s | fd@lite | fd@lite2 | recall |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (row["images"], row["fd@lite"])):
        lines.append(
            f"| {VARIANTS[row['variant']][0]} | {row['seed']} | {row['images']:,} | {speed_of(row)} | "
            f"{row['fd@lite']:.2f} | {row['fd@lite2']:.2f} | {row['recall@lite']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser, runs: Path) -> None:
    """What every table of variants is asked for."""
    parser.add_argument("--out", type=Path, required=True, help="of the table, .md and .json")
    parser.add_argument("--runs", type=Path, default=runs)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--reference", type=int, default=10_000)
    parser.add_argument("--device", default="auto")


class Rows:
    """The rows of a table of variants, kept in a file after each, so that a call that is cut short loses none.

    Args:
        out: of the files, without their suffixes.
        table: all rows as Markdown.
    """

    def __init__(self, out: Path, table: Callable[[list[dict[str, Any]]], str]) -> None:
        self.out, self.table = out, table
        kept = out.with_suffix(".json")
        self.rows: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.is_file() else []

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row, in place of one of the same variant, seed and length, whose times stay where none were taken."""
        same = ("variant", "seed", "images")
        before = [each for each in self.rows if all(each[key] == row[key] for key in same)]
        if row["seconds"] is None and before:
            row = row | {key: before[-1][key] for key in ("seconds", "images_per_second")}
        print(json.dumps(row), flush=True)
        self.rows = [each for each in self.rows if each not in before] + [row]
        write_json(self.out.with_suffix(".json"), self.rows)
        write_text(self.out.with_suffix(".md"), self.table(self.rows))


def main() -> None:
    """Train and measure all that is asked for, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--images", type=int, default=450_560)
    add_arguments(parser, Path("runs/fast_cifar"))
    arguments = parser.parse_args()
    split = open_dataset(arguments.data).split("train")
    # States and reports cost time, and are not asked for.
    base = replace(
        of_length(fast_cifar(split.info), arguments.images), checkpoint_every=arguments.images, log_every=25_600
    )
    rows = Rows(arguments.out, table)
    for seed in arguments.seeds:
        for name in arguments.only:
            recipe = replace(VARIANTS[name][1](base), seed=seed)
            folder = arguments.runs / f"{name}-{arguments.images}-{seed}"
            row: dict[str, Any] = {"variant": name, "seed": seed}
            row |= trained(recipe, arguments.data, folder, arguments.device)
            row |= measured(folder, split, arguments)
            rows.add(row)


if __name__ == "__main__":
    main()
