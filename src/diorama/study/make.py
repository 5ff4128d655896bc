"""``diorama study new``: from folders and runs to a study's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diorama.core.errors import BadInput
from diorama.core.files import fresh_folder
from diorama.core.numbers import counted
from diorama.media.video import UNKNOWN_FPS
from diorama.study.collection import FOLDER, Collection, Medium
from diorama.study.collection_writer import CollectionWriter, noise_media
from diorama.study.design import FILE, StudyDesign, write_design
from diorama.study.sources import Pictures, Shown, matched
from diorama.study.staircase import SETTLED


@dataclass(frozen=True)
class MadeStudy:
    """A study that was written.

    Args:
        collection: what it shows.
        notes: what was chosen, drawn, brought to one size or cut, a sentence each.
    """

    collection: Collection
    notes: tuple[str, ...]


def new_study(folder: Path, design: StudyDesign, sources: Mapping[str, Path], items: int, how: Shown) -> MadeStudy:
    """Write a study's folder: ``study.toml``, ``media.json`` and the pictures or clips. It appears whole or not at all.

    Args:
        folder: new, or empty.
        design: its systems are those of ``sources``, in the same order.
        sources: of every system a folder, an archive, prepared data, a model folder or a run.
        items: scenes or prompts, each shown by every system.
        how: sources are read and shown.

    Raises:
        BadInput: the folder is not empty, or a source cannot be read or holds too little.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder}: is there already; a study is made in a folder of its own")
    if items < 1:
        raise BadInput(f"items must be at least 1, got {items}")
    with ExitStack() as stack:
        opened = {name: stack.enter_context(_opened(path, how)) for name, path in sources.items()}
        chosen, names, note = matched({name: one.names for name, one in opened.items()}, items, how)
        pixels = {name: _read(one, chosen[name]) for name, one in opened.items()}
        notes = [note, *(said for one in opened.values() for said in one.notes)]
    pixels, cut = _of_one_length(pixels)
    target = _target(pixels, how.size)
    with fresh_folder(folder) as fresh:
        (fresh / FOLDER).mkdir()
        fps = how.fps or UNKNOWN_FPS
        writer = CollectionWriter(fresh, clips=how.clips, size=target, fps=fps)
        collection = _written(writer, pixels, names, design.seed)
        write_design(fresh / FILE, design)
    if writer.resized:
        what = counted(writer.resized, how.what)
        notes.append(f"{what} cropped and scaled to {target[1]}x{target[0]}, since sizes would tell systems apart")
    judgements, different = design.session.judgements, items * len(design.pairs)
    if design.kind == "2afc" and judgements > items:
        notes.append(
            f"{judgements:,} judgements of {items:,} items: raters see {design.truth} of some items again, "
            "which then gives itself away; more --items, or fewer --judgements, would avoid it"
        )
    elif judgements > different:
        notes.append(
            f"a rater gives {judgements:,} judgements, and there are {different:,} different ones: some are asked more "
            "than once"
        )
    stepped = design.staircase
    if stepped is not None and judgements < SETTLED * stepped.blocks:
        notes.append(
            f"{judgements:,} judgements of a rater in {counted(stepped.blocks, 'staircase')}: with fewer than "
            f"{SETTLED} in each, exposures may still be near where they began; more --judgements would avoid it"
        )
    if how.clips and how.fps is None:
        notes.append(f"every frame of a clip is shown, {fps:g} a second; --fps says another rate")
    return MadeStudy(collection, (*notes, *cut))


@contextmanager
def _opened(path: Path, how: Shown) -> Iterator[Pictures]:
    pictures = Pictures(path, how)
    try:
        yield pictures
    finally:
        pictures.close()


def _read(pictures: Pictures, names: list[str]) -> list[np.ndarray]:
    """The pictures of some names, in the order of the names."""
    found = dict(pictures.chosen(frozenset(names)))
    return [found[name] for name in names]


def _of_one_length(pixels: dict[str, list[np.ndarray]]) -> tuple[dict[str, list[np.ndarray]], list[str]]:
    """Clips cut to the shortest one, since two that play side by side begin and end together."""
    every = [one for own in pixels.values() for one in own]
    if every[0].ndim == 3:
        return pixels, []
    shortest, longest = min(map(len, every)), max(map(len, every))
    if shortest == longest:
        return pixels, []
    longer = sum(len(one) > shortest for one in every)
    note = f"{counted(longer, 'clip')} cut to {counted(shortest, 'frame')}, the length of the shortest"
    return {name: [one[:shortest] for one in own] for name, own in pixels.items()}, [note]


def _target(pixels: Mapping[str, list[np.ndarray]], size: int | None) -> tuple[int, int]:
    if size is not None:
        return size, size
    sizes = {one.shape[-3:-1] for own in pixels.values() for one in own}
    if len(sizes) == 1:
        height, width = sizes.pop()
        return height, width
    side = min(min(one) for one in sizes)
    return side, side


def _written(
    writer: CollectionWriter, pixels: Mapping[str, list[np.ndarray]], names: list[str], seed: int
) -> Collection:
    media: list[Medium] = []
    for i, item in enumerate(names):
        media += [writer.write(own[i], system, item) for system, own in pixels.items()]
    first = next(iter(pixels.values()))[0]
    frames = len(first) if first.ndim == 4 else None
    of_noise = enumerate(noise_media(writer.size, frames, seed))
    media += [writer.write(noise, "", f"noise-{i}") for i, noise in of_noise]
    return writer.finish(names, tuple(pixels), media, frames or 1)
