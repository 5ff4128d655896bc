"""What the tests of recipes share: data of every kind, and one step of training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from diorama.core.contracts import DataInfo, MediaSpec, Moment
from diorama.methods.base import NO_PARTS
from diorama.methods.diffusion.moment_matching import MomentMatchingConfig
from diorama.recipes.ddpm import ddpm_class_cpu, ddpm_cpu
from diorama.recipes.edm import edm_cpu
from diorama.recipes.vae import vae_spatial_cpu
from diorama.training.recipe import Recipe


def pictures(size: int = 32, channels: int = 3, classes: tuple[str, ...] = ()) -> DataInfo:
    """Pictures, perhaps with labels."""
    media = MediaSpec(kind="image", channels=channels, height=size, width=size)
    return DataInfo(name="some", media=media, classes=classes)


def clips(size: int = 32, frames: int = 16, classes: tuple[str, ...] = ()) -> DataInfo:
    """Clips, perhaps with labels."""
    media = MediaSpec(kind="video", channels=3, height=size, width=size, frames=frames, fps=8.0)
    return DataInfo(name="some", media=media, classes=classes)


def parts_for(recipe: Recipe, info: DataInfo) -> dict[str, nn.Module]:
    """The trained parts that a recipe wants, as they are before training."""
    makers = {
        "vae_spatial_cpu": vae_spatial_cpu,
        "ddpm_cpu": ddpm_cpu,
        "ddpm_class_cpu": ddpm_class_cpu,
        "edm_cpu": edm_cpu,
    }
    wanted = recipe.method.parts_wanted()
    # What a part must be names a recipe that makes one.
    chosen = {part: next(make for name, make in makers.items() if name in words) for part, words in wanted.items()}
    return {part: make(info).method.build().synthesizer().build().eval() for part, make in chosen.items()}


def parameters(recipe: Recipe, parts: Mapping[str, nn.Module] = NO_PARTS) -> int:
    """Of all networks that are trained."""
    players = recipe.method.build(parts).players()
    return sum(p.numel() for parameters in players.values() for p in parameters)


def one_step(recipe: Recipe, parts: Mapping[str, nn.Module] = NO_PARTS) -> dict[str, float]:
    """Every phase once, on a few random records with what it wants of them; each player must have an optimizer."""
    torch.manual_seed(0)
    method = recipe.method.build(parts)
    synthesizer = method.synthesizer()
    assert set(method.players()) == set(recipe.optimizers)
    count = recipe.method.particles if isinstance(recipe.method, MomentMatchingConfig) else 2
    batch = {synthesizer.media.kind: torch.rand(count, *synthesizer.media.shape) * 2 - 1}
    if synthesizer.classes:
        batch["label"] = torch.arange(count) % len(synthesizer.classes)
    elif "label" in (method.reads(()) or ()):
        batch["label"] = torch.arange(count)
    for spec in synthesizer.conditions:
        if spec.key == "tokens":
            batch["tokens"] = torch.randint(1, 257, (count, *spec.shape))
        elif spec.key == "image":
            batch |= {"target": batch["image"], "image": torch.rand(count, *spec.shape) * 2 - 1}
        elif spec.key == "target":
            batch["target"] = torch.rand(count, *spec.shape) * 2 - 1
    losses = {}
    for phase in method.phases():
        prepared = batch if phase.prepare is None else phase.prepare(batch)
        value = phase.loss(prepared, Moment(0, 0)).value
        value.backward()
        losses[phase.name] = value.item()
    return losses
