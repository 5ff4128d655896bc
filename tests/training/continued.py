"""Recipes that are left in the middle of six steps and continued.

``python -m tests.training.continued stylegan2|progressive|r3gan|cyclegan FOLDER`` does so on a GPU with
deterministic kernels alone, which a process has to choose before its first product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from diorama.core import runlog
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.growth import Growth
from diorama.methods.adversarial.joint import JointPenalties
from diorama.methods.adversarial.path_length import PathLengthConfig
from diorama.recipes.progressive import progressive_cpu
from diorama.recipes.r3gan import r3gan_cpu
from diorama.recipes.stylegan import stylegan2_cpu
from diorama.recipes.translation import cyclegan_cpu
from diorama.synthesis.parts import ModelRef
from diorama.training.folder import read_state
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train
from tests.data.pictures import picture, prepared, save

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


def world(folder: Path) -> Path:
    """128 pictures of the built-in world, of three classes and with captions."""
    made, numbers = World(size=32), np.arange(128)
    pictures, captions = made.pictures(numbers), made.captions(numbers)
    pack_arrays(
        folder,
        {"train": pictures[:96], "val": pictures[96:]},
        MEDIA,
        name="world",
        labels={"train": numbers[:96] % 3, "val": numbers[96:] % 3},
        classes=("a", "b", "c"),
        sides={"train": {"tokens": captions[:96]}, "val": {"tokens": captions[96:]}},
    )
    return folder


def two_sets(folder: Path) -> Path:
    """Two sets of pictures that are no pairs."""
    for name, count in (("a", 7), ("b", 5)):
        for number in range(count):
            save(picture(number + 10 * count, (32, 32)), folder / name / f"{number}.png")
    return prepared(folder / "a", folder / "out", size=32, unpaired=folder / "b")[0].path


def r3gan_that_moves(info: DataInfo) -> Recipe:
    """R3GAN with fewer stages, whose penalties, beta and rate move within six steps."""
    recipe = r3gan_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    joint = JointPenalties(r1=0.1, r2=0.1, final=0.1, fall=20)
    return replace(recipe, method=replace(recipe.method, joint=joint))


def progressive_inside_a_fade(info: DataInfo) -> Recipe:
    """Progressive GAN that is stopped while a scale fades in."""
    recipe = progressive_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    return replace(recipe, method=replace(recipe.method, growth=Growth(first=1, steady=8, fading=10)))


def stylegan2_by_class(info: DataInfo) -> Recipe:
    """The small StyleGAN2-ADA with what larger ones have too, and with all its turns in six steps."""
    recipe = stylegan2_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    adaptive = AdaptiveAugmentationConfig(images=500, interval=2, start=0.3)
    path = PathLengthConfig(interval=2)
    method = replace(recipe.method, r1_interval=2, style_mixing=0.9, path_length=path, augment=adaptive)
    return replace(recipe, method=method)


def short(recipe: Recipe, parts: Mapping[str, ModelRef], *, previewed: bool = False) -> Recipe:
    """Six steps of a recipe, with everything that happens between steps but measurements, and perhaps previews."""
    return replace(
        recipe,
        images=4 * 6,
        batch_size=4,
        preview_every=24 if previewed else 0,
        log_every=8,
        evaluation=EvaluationConfig(samples=0),
        frozen=dict(parts),
    )


def check_continues(recipe: Recipe, data: Path, folder: Path, options: TrainOptions) -> None:
    """Train it in one go as folder/whole, and in two as folder/parts: states and logs are the same to the bit."""
    list(train(recipe, data, folder / "whole", options))
    for tick in train(recipe, data, folder / "parts", options):
        if tick.step == 3:
            break
    list(train(recipe, data, folder / "parts", options))
    whole, split = (read_state(folder / name / "checkpoints/000000006") for name in ("whole", "parts"))
    for kept, other in [
        (whole["method"], split["method"]),
        *((whole["averages"][n], split["averages"][n]) for n in whole["averages"]),
    ]:
        assert all(torch.equal(value, other[name]) for name, value in kept.items())
    for player, updater in whole["updaters"].items():
        for place, moments in updater["optimizer"]["state"].items():
            others = split["updaters"][player]["optimizer"]["state"][place]
            assert all(torch.equal(torch.as_tensor(v), torch.as_tensor(others[k])) for k, v in moments.items())
    logs = [[runlog.without_clock(r) for r in runlog.read(folder / n / "log.jsonl")] for n in ("whole", "parts")]
    assert logs[0] == logs[1]


ON_GPU: Mapping[str, tuple[Callable[[DataInfo], Recipe], Callable[[Path], Path]]] = {
    "stylegan2": (stylegan2_by_class, world),
    "progressive": (progressive_inside_a_fade, world),
    "r3gan": (r3gan_that_moves, world),
    "cyclegan": (cyclegan_cpu, two_sets),
}
"""Recipes and their data."""


def main(name: str, folder: Path, device: str = "cuda") -> None:
    """Continue one of :data:`ON_GPU`."""
    make, data_of = ON_GPU[name]
    data = data_of(folder / "data")
    options = TrainOptions(device=device, deterministic=True, preview_at_stop=False)
    check_continues(short(make(open_dataset(data).info), {}), data, folder, options)
    print("equal")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
