"""The main job in minutes: three generators of pictures and one of clips, trained on the built-in world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from diorama.comparison.options import CompareOptions, Progress
from diorama.comparison.procedure import train_and_measure
from diorama.comparison.report import write_report
from diorama.core.durations import Budget, clock_words
from diorama.data.dataset import is_prepared
from diorama.data.prepare import PrepareOptions, prepare
from diorama.data.sources.world import WorldSource
from diorama.data.synthetic.world import World

SIZE, FRAMES = 32, 16
PICTURES, CLIPS = 8_000, 1_600
"""Scenes of the two data sets, before they are split."""

_SAMPLES = {"world": 400, "world-video": 128}
_REFERENCE = {"world": 2_000, "world-video": 256}
_RECIPES = {"world": ("dcgan_toy", "vae_toy", "ddpm_toy"), "world-video": ("mocogan_toy",)}


def demo(out: Path | str, *, seconds: float = 60.0, device: str = "auto", command: str = "") -> Iterator[Progress]:
    """Prepare the world, train the toy recipes, measure them and write one report on pictures and clips.

    The same call continues what was interrupted.

    Args:
        out: folder of the report, the runs and the data.
        seconds: of each training.
        device: ``auto`` or what :class:`torch.device` reads.
        command: that asked for it, for the report; empty where it was no command.

    Yields:
        Progress; the last one names the report and holds what it shows.
    """
    folder, comparisons = Path(out), []
    for name, recipes in _RECIPES.items():
        data = folder / "data" / name
        yield from _prepare(name, data)
        options = CompareOptions(
            budget=Budget(seconds=seconds),
            count=_SAMPLES[name],
            reference=_REFERENCE[name],
            device=device,
            command=command,
        )
        comparisons.append((yield from train_and_measure(recipes, data, folder / name, options)))
    yield Progress(doing="writing the report")
    title = f"Four generators after {clock_words(seconds)} each"
    report = write_report(comparisons, folder, title=title)
    yield Progress(doing="done", share=1.0, report=report, comparisons=tuple(comparisons))


def _prepare(name: str, folder: Path) -> Iterator[Progress]:
    if is_prepared(folder):
        return
    video = name == "world-video"
    world = World(size=SIZE, video=video, frames=FRAMES)
    source = WorldSource(world=world, count=CLIPS if video else PICTURES)
    for step in prepare([source], folder, PrepareOptions(size=SIZE, frames=FRAMES if video else None, name=name)):
        yield Progress(doing=f"preparing {name}", share=min(1.0, step.items / source.count))
