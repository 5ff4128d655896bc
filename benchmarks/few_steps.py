"""What each choice of the recipe ``ect`` is worth: students of one teacher that differ in one of them.

    python benchmarks/few_steps.py runs/fast CIFAR10 --out benchmarks/results/few_steps [--only recipe teachers-path …]
        [--images 600000] [--seeds 0 1] [--second 0.4 0.8 1.6] [--device cuda]

``runs/fast`` is a run of ``fast_cifar``, CIFAR10 the set as ``diorama prepare`` packs it. Every student is measured in
one step, and in two with each of the levels (sigma / alpha) at which the second step may start. A student that is
complete is measured again and not trained anew; after each a row is written, so a call that is cut short leaves what it
found.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fast_cifar import Rows, add_arguments, measured, speed_of, trained, with_rate

from diorama.data.dataset import Split, open_dataset
from diorama.losses.consistency import Distance
from diorama.methods.diffusion.easy_consistency import EasyConsistencyConfig
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.processes.times import LogNormalTimes
from diorama.recipes.distill import distilled, suited, teacher_of
from diorama.synthesis import store
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.provenance import Provenance
from diorama.training.recipe import Recipe

_FIRST = 80.0
"""The ratio sigma / alpha at which the first step starts."""

Change = Callable[[Recipe], Recipe]


def with_method(change: Callable[[EasyConsistencyConfig], EasyConsistencyConfig]) -> Change:
    """The recipe with another method."""

    def changed(recipe: Recipe) -> Recipe:
        assert isinstance(recipe.method, EasyConsistencyConfig)
        return replace(recipe, method=change(recipe.method))

    return changed


def times(mean: float, deviation: float) -> Change:
    """Other levels in training."""
    return with_method(lambda method: replace(method, times=LogNormalTimes(mean=mean, deviation=deviation)))


VARIANTS: dict[str, tuple[str, Change]] = {
    "recipe": ("the recipe", lambda recipe: recipe),
    "teachers-path": ("pairs lie on the teacher's path", with_method(lambda m: replace(m, path="teacher"))),
    "papers-times": ("the paper's levels", times(-1.1, 2.0)),
    "later-times": ("levels of more noise", times(0.8, 1.6)),
    "latest-times": ("levels of much more noise", times(1.6, 1.6)),
    "dropout": ("dropout of 0.1", with_method(lambda m: replace(m, dropout=0.1))),
    "round": ("a distance rounder near 0", with_method(lambda m: replace(m, distance=Distance(huber=0.01)))),
    "fewer-stages": ("half as many stages", with_method(lambda m: replace(m, stage=2 * m.stage))),
    "no-k": ("pairs as close at all levels", with_method(lambda m: replace(m, k=0.0))),
    "rate-2e-4": ("half the rate", lambda recipe: with_rate(recipe, peak=2e-4, algorithm="adam")),
    "rate-8e-4": ("twice the rate", lambda recipe: with_rate(recipe, peak=8e-4, algorithm="adam")),
    "muon-2e-4": ("Muon, peak rate 2e-4", lambda recipe: with_rate(recipe, peak=2e-4)),
    "muon-5e-4": ("Muon, peak rate 5e-4", lambda recipe: with_rate(recipe, peak=5e-4)),
    "muon-1e-3": ("Muon, peak rate 1e-3", lambda recipe: with_rate(recipe, peak=1e-3)),
    "muon-2e-3": ("Muon, peak rate 2e-3", lambda recipe: with_rate(recipe, peak=2e-3)),
    "batch-128": ("batches of 128", lambda recipe: replace(recipe, batch_size=128)),
    "batch-512": ("batches of 512", lambda recipe: replace(recipe, batch_size=512)),
}
"""Name, what differs, and the change."""


def in_two(folder: Path, second: float) -> Path:
    """A copy of a student whose second step starts at another level."""
    model = store.load(folder)
    assert isinstance(model, DiffusionSynthesizer)
    config = replace(model.config, steps=2, spacing=RatioSpacing(ratios=(_FIRST, second)))
    out = folder / f"second-{second:g}"
    store.save(out, config, model.state_dict(), Provenance(recipe="few_steps"), "")
    return out


def quality(folder: Path, split: Split, arguments: argparse.Namespace) -> dict[str, Any]:
    """Of a student in one step, and in two."""
    found: dict[str, Any] = measured(folder, split, arguments)
    for second in arguments.second:
        two = measured(in_two(folder, second), split, arguments)
        found[f"two-{second:g}"] = {name: two[name] for name in ("fd@lite", "fd@lite2")}
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """All rows as Markdown."""
    seconds = sorted({key for row in rows for key in row if key.startswith("two-")}, key=lambda key: float(key[4:]))
    heads = "".join(f" fd@lite, two steps, the second from {key[4:]} |" for key in seconds)
    lines = [
        f"| what differs | seed | pictures | pictures/s | fd@lite, one step | fd@lite2 |{heads}",
        "|---|---|---|---|---|---|" + "---|" * len(seconds),
    ]
    for row in sorted(rows, key=lambda row: (row["images"], row["fd@lite"])):
        twos = "".join(f" {row[key]['fd@lite']:.2f} |" if key in row else " – |" for key in seconds)
        lines.append(
            f"| {VARIANTS[row['variant']][0]} | {row['seed']} | {row['images']:,} | {speed_of(row)} | "
            f"{row['fd@lite']:.2f} | {row['fd@lite2']:.2f} |{twos}"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train and measure all that is asked for, and write the table after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--images", type=int, default=600_000)
    parser.add_argument("--second", type=float, nargs="*", default=[0.8])
    add_arguments(parser, Path("runs/few_steps"))
    arguments = parser.parse_args()
    split = open_dataset(arguments.data).split("train")
    base = distilled("ect", str(arguments.teacher), split.info, images=arguments.images)
    base = suited(base, teacher_of(str(arguments.teacher), split.info))
    base = replace(base, checkpoint_every=arguments.images, preview_every=0)
    rows = Rows(arguments.out, table)
    for seed in arguments.seeds:
        for name in arguments.only:
            recipe = replace(VARIANTS[name][1](base), seed=seed)
            folder = arguments.runs / f"{name}-{arguments.images}-{seed}"
            row: dict[str, Any] = {"variant": name, "seed": seed}
            row |= trained(recipe, arguments.data, folder, arguments.device)
            rows.add(row | quality(folder, split, arguments))


if __name__ == "__main__":
    main()
