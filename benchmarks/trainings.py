"""Trainings for the benchmarks: the product's own loop over pictures of noise, advanced and timed piece by piece."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from short_budget import ddpm

from diorama.core import distributed
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.data.pack import pack_arrays
from diorama.recipes.dcgan import dcgan, dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.vae import vae, vae_cpu
from diorama.training.recipe import AverageConfig, Recipe
from diorama.training.run import TrainOptions, train

RECIPES: dict[str, tuple[Callable[[DataInfo], Recipe], Callable[[DataInfo], Recipe], int]] = {
    "ddpm": (ddpm, ddpm_cpu, 32),
    "dcgan": (dcgan, dcgan_cpu, 64),
    "vae": (vae, vae_cpu, 32),
}
"""Recipe for a GPU, recipe for a rehearsal on a CPU, and the side of the pictures."""


def info_of(size: int) -> DataInfo:
    """Colour pictures of that side."""
    return DataInfo(name="noise", media=MediaSpec(kind="image", channels=3, height=size, width=size))


def noise(folder: Path, size: int, count: int) -> Path:
    """A prepared folder of smooth noise, written by the first process and awaited by the others."""
    data = folder / f"noise{size}"
    if distributed.is_first() and not data.exists():
        draws = np.random.default_rng(0)
        coarse = draws.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        pixels = coarse.repeat(size // 8, axis=1).repeat(size // 8, axis=2)
        pack_arrays(data, {"train": pixels}, info_of(size).media, name="noise")
    distributed.barrier()
    return data


def recipe_of(name: str, batch: int, *, tiny: bool, recorded: bool = True) -> Recipe:
    """A recipe without measurements and previews.

    Args:
        name: of :data:`RECIPES`.
        batch: over all processes.
        tiny: the small recipe, for a rehearsal on a CPU.
        recorded: whether turns are recorded on GPUs, else launched kernel by kernel.
    """
    large, small, size = RECIPES[name]
    return undisturbed((small if tiny else large)(info_of(size)), batch, recorded=recorded)


def undisturbed(recipe: Recipe, batch: int, *, recorded: bool = True) -> Recipe:
    """A recipe of that batch that measures, shows, saves and logs nothing while it is timed."""
    return replace(
        recipe,
        images=10_000 * batch,
        batch_size=batch,
        compile="auto" if recorded else "off",
        averages={recipe.exported_average: AverageConfig(half_life=100_000)},
        evaluation=replace(recipe.evaluation, samples=0, every=0),
        preview_every=0,
        checkpoint_every=10_000 * batch,
        log_every=10_000 * batch,
    )


class Training:
    """One training, which goes on when it is told to.

    Args:
        recipe: what is trained.
        folder: where its data and its run lie.
        name: of its run.
        device: for all of it.
        sharded: weights are shared out over the processes.
    """

    def __init__(self, recipe: Recipe, folder: Path, name: str, device: torch.device, *, sharded: bool = False) -> None:
        method = recipe.method.build()
        side = method.synthesizer().media.height
        data = noise(folder, side, count=4096 if side <= 64 else 512)
        self.recipe, self.device = recipe, device
        options = TrainOptions(device=device.type, sharded=sharded)
        self._ticks = train(recipe, data, folder / name, options)
        self.notes: list[str] = [note for note in next(self._ticks).notes if "no model" not in note]

    def advance(self, steps: int) -> tuple[float, list[float]]:
        """Take steps; seconds that they took, and their losses (the first phase's)."""
        self._wait()
        began, losses = time.perf_counter(), []
        for _ in range(steps):
            tick = next(self._ticks)
            losses.append(next(iter(tick.losses.values())))
            self.notes += tick.notes
        self._wait()
        return time.perf_counter() - began, [float(loss) for loss in losses]

    def close(self) -> None:
        """End it; its state is saved, which is not timed."""
        self._ticks.close()  # type: ignore[attr-defined]
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def memory(self) -> float:
        """GB of the device's memory that are held now."""
        return torch.cuda.memory_reserved() / 1e9 if self.device.type == "cuda" else float("nan")

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        distributed.barrier()
