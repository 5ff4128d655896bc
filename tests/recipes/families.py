"""What the tests of recipes share: data of every kind, and one step of training."""

from __future__ import annotations

import torch

from diorama.core.contracts import DataInfo, MediaSpec, Moment
from diorama.training.recipe import Recipe


def pictures(size: int = 32, channels: int = 3) -> DataInfo:
    """Pictures without labels."""
    return DataInfo(name="some", media=MediaSpec(kind="image", channels=channels, height=size, width=size))


def clips(size: int = 32, frames: int = 16, classes: tuple[str, ...] = ()) -> DataInfo:
    """Clips, perhaps with labels."""
    media = MediaSpec(kind="video", channels=3, height=size, width=size, frames=frames, fps=8.0)
    return DataInfo(name="some", media=media, classes=classes)


def parameters(recipe: Recipe) -> int:
    """Of all networks."""
    return sum(p.numel() for p in recipe.method.build().parameters())


def one_step(recipe: Recipe) -> dict[str, float]:
    """Every phase once, on two random records with labels where it wants them; each player must have an optimizer."""
    torch.manual_seed(0)
    method = recipe.method.build()
    synthesizer = method.synthesizer()
    assert set(method.players()) == set(recipe.optimizers)
    batch = {synthesizer.media.kind: torch.rand(2, *synthesizer.media.shape) * 2 - 1}
    if synthesizer.classes:
        batch["label"] = torch.arange(2) % len(synthesizer.classes)
    losses = {}
    for phase in method.phases():
        value = phase.loss(batch, Moment(0, 0)).value
        value.backward()
        losses[phase.name] = value.item()
    return losses
