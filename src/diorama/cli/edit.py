"""``diorama edit``: move samples of a StyleGAN, or given pictures, along directions of its styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from diorama.cli.arguments import WrongArguments, one_word, parse, shown_as
from diorama.cli.latents import LatentArguments, ModelInput, Opened, gan_sampling, opened, samples_asked
from diorama.cli.progress import display
from diorama.core.errors import BadConfig
from diorama.media.formats import SampleFormat, format_named

if TYPE_CHECKING:
    from diorama.tasks.boundary import Labelled
    from diorama.tasks.directions import Asked, StyleStatistics
    from diorama.tasks.latents import Styles
    from diorama.tasks.move import GivenPictures, Moves, Samples
    from diorama.tasks.move_sheets import MoveSheets


@dataclass(frozen=True, kw_only=True)
class _Own(ModelInput):
    """Its own options.

    Args:
        input: a picture, or a folder of them, to be inverted and edited; without one samples are.
        out: folder for the edits; new, empty, or of older samples, which are replaced.
        along: DIRECTION:AMOUNT or DIRECTION:AMOUNT,AMOUNT,…, an edit for each amount; several directions are gone
            together. sefa.N is the N-th strongest of the weights (0 the strongest), pca.N of the styles themselves,
            label.NAME leads to samples with a label, and a .npy or .safetensors file holds one. An amount is in
            standard deviations of styles along the direction, and of a file in multiples of what it holds.
        seeds: without a picture, the samples that are edited: SEED for the first sample of a seed, or SEED:NUMBER for
            another, as `diorama sample` numbers them.
        layers: that are moved, A-B, the coarsest being 0.
        labels: for label.NAME: a .csv file with the columns sample and label, of samples that were drawn with seed 0;
            or a model folder of a classifier (recipe adm_classifier), which labels samples itself.
        labelled: how many samples a classifier labels.
        save_direction: write the direction into this file, .npy or .safetensors, in steps of one amount.
        space: of inverted pictures: w is one style for all layers, w+ one for each, nearer to the picture.
        inversion_steps: of the descent that inverts pictures.
        strip: also show the edits in this picture, a row for each of the first 16 samples or pictures.
        film: also show the way from the first amount to the last in this file, .mp4, .webm or .gif.
        frames: of the film.
        fps: frames a second of the film.
        format: of the edits, png, jpeg (quality 95) or webp (lossless).
    """

    input: Annotated[
        Path | None,
        tyro.conf.Positional,
        tyro.conf.arg(metavar="[PICTURE_OR_FOLDER]", help_behavior_hint="(default: samples)"),
    ] = None
    out: Path
    along: Annotated[tuple[str, ...], shown_as("DIRECTION:AMOUNT")]
    seeds: Annotated[tuple[str, ...], shown_as("SEED[:NUMBER]", "0 1 2 3")] = ("0", "1", "2", "3")
    layers: Annotated[str | None, shown_as("A-B", "all")] = None
    labels: Annotated[Path | None, shown_as("CSV_OR_MODEL")] = None
    labelled: int = 1000
    save_direction: Annotated[Path | None, shown_as("FILE")] = None
    space: Literal["w", "w+"] = "w+"
    inversion_steps: int = 1000
    strip: Annotated[Path | None, shown_as("FILE")] = None
    film: Annotated[Path | None, shown_as("FILE")] = None
    frames: int = 48
    fps: float = 24.0
    format: Annotated[
        SampleFormat | None,
        one_word(format_named, "FORMAT", optional=True),
        shown_as("FORMAT", "png, or what holds the data"),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Arguments(LatentArguments, _Own):
    """Edit samples of a StyleGAN, or given pictures that it draws again, by moving their styles along directions.

    Every file says that it is synthetic, and an edit of a given picture that it is one. samples.json tells how near the
    model comes to each given picture.
    """


def main(words: Sequence[str]) -> None:
    """Edit, with progress."""
    arguments = parse(Arguments, "edit", words)

    from diorama.tasks.directions import StyleStatistics, asked_in, check_direction_file, save_direction
    from diorama.tasks.latents import Styles, require_styles
    from diorama.tasks.move_sheets import MoveSheets

    _check(arguments)
    try:
        asked = [asked_in(word) for word in arguments.along]
    except BadConfig as problem:
        raise WrongArguments(f"--along: {problem}") from problem
    _check_labels(arguments, asked)
    try:
        sheets = MoveSheets(strip=arguments.strip, film=arguments.film, frames=arguments.frames, fps=arguments.fps)
    except BadConfig as problem:
        raise WrongArguments(f"--{problem}") from problem
    sheets.check(arguments.out)
    if arguments.save_direction is not None:
        check_direction_file(arguments.save_direction)
    ready = opened(arguments, gan_sampling(arguments))
    styles = Styles(require_styles(ready.model, "edit"), ready.conditions)
    statistics = StyleStatistics(styles)
    moves = _moves(arguments, asked, styles, statistics)
    sources = _sources(arguments, styles, statistics)
    if arguments.save_direction is not None:
        save_direction(arguments.save_direction, moves.directions[0].vector)
    _edit(arguments, ready, styles, sources, moves, sheets)


def _check(arguments: Arguments) -> None:
    if arguments.save_direction is not None and len(arguments.along) != 1:
        raise WrongArguments("--save-direction: saves one direction; give --along one")
    if arguments.labelled < 1:
        raise WrongArguments(f"--labelled must be at least 1, got {arguments.labelled}")
    if arguments.input is None:
        _refuse(arguments, ("space", "inversion_steps"), "is for given pictures, and none is given")
    else:
        _refuse(arguments, ("psi", "cutoff"), "given pictures are inverted without truncation")
        _refuse(arguments, ("seeds",), "names samples to edit, and pictures are given")
    if arguments.film is None:
        _refuse(arguments, ("frames", "fps"), "is for a film, and there is no --film")


def _check_labels(arguments: Arguments, asked: Sequence[Asked]) -> None:
    if all(each.kind != "label" for each in asked):
        _refuse(arguments, ("labels", "labelled"), "is for directions label.NAME, and --along has none")
    elif arguments.labels is not None and not arguments.labels.is_dir():
        _refuse(arguments, ("labelled",), "is for a classifier, and --labels names a file")


def _refuse(arguments: Arguments, names: Sequence[str], why: str) -> None:
    """Refuse options that were given and that nothing would read."""
    for name in names:
        if getattr(arguments, name) != getattr(Arguments, name):
            raise WrongArguments(f"--{name.replace('_', '-')}: {why}; leave that out")


def _moves(arguments: Arguments, asked: Sequence[Asked], styles: Styles, statistics: StyleStatistics) -> Moves:
    """The directions that were asked for, found."""
    from diorama.tasks.finding import found
    from diorama.tasks.move import Moves

    try:
        directions = [
            found(each, styles, statistics, layers=arguments.layers, labelled=_labelled(arguments, styles, each))
            for each in asked
        ]
        return Moves(directions=tuple(directions))
    except BadConfig as problem:
        raise WrongArguments(f"--{problem}") from problem


def _labelled(arguments: Arguments, styles: Styles, asked: Asked) -> Labelled | None:
    """The labels that a direction is learned from."""
    if asked.kind != "label":
        return None
    from diorama.synthesis.store import load
    from diorama.tasks.boundary import labels_by, read_labels

    if arguments.labels is None:
        raise WrongArguments(f"--along {asked.word}: is learned from labels; give --labels a .csv file or a classifier")
    if arguments.labels.is_dir():
        classifier = load(arguments.labels, device=styles.model.device)
        return labels_by(classifier, styles, arguments.labelled, asked.name)
    return read_labels(arguments.labels)


def _sources(arguments: Arguments, styles: Styles, statistics: StyleStatistics) -> Samples | GivenPictures:
    """What is edited."""
    from diorama.tasks.invert import Inversion
    from diorama.tasks.move import GivenPictures, Samples

    if arguments.input is None:
        return Samples(styles, samples_asked("seeds", arguments.seeds))
    try:
        how = Inversion(space=arguments.space, steps=arguments.inversion_steps)
    except BadConfig as problem:
        raise WrongArguments(f"--{problem}") from problem
    return GivenPictures(styles, statistics, arguments.input, how)


def _edit(
    arguments: Arguments,
    ready: Opened,
    styles: Styles,
    sources: Samples | GivenPictures,
    moves: Moves,
    sheets: MoveSheets,
) -> None:
    """Write the edits, with progress, and say where they are."""
    from diorama.tasks.move import moved

    done, stamp = 0, ready.stamp(sources.seed, composite=sources.edits_pictures)
    with display() as shown:
        doing = f"edit: {arguments.input or arguments.model}"
        shown.update(doing)

        def told(share: float) -> None:
            shown.update(f"inverting {arguments.input}", share)

        walk = moved(styles, sources, moves, arguments.out, stamp, sheets=sheets, asked=arguments.format, progress=told)
        for step in walk:
            shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
            done = step.done
    print(f"{done:,} {'picture' if done == 1 else 'pictures'} in {arguments.out}")
    for note in sources.notes:
        print(note)
