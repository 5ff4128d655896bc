"""``diorama average``: a model with another average of its weights, made after training."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import WrongArguments, parse, shown_as
from diorama.core.errors import BadInput
from diorama.core.numbers import counted
from diorama.core.user_files import catalog_of

if TYPE_CHECKING:
    from diorama.synthesis.averaging import Profile, Snapshot
    from diorama.synthesis.provenance import Provenance

_FAR = 0.05
"""A mismatch of profiles from which on people are told."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a model of a run with an average of its weights of any width, of the snapshots that the run has kept.

    A recipe keeps them where its averages say so (edm2 does): averages.NAME is a PowerAverageConfig with a
    snapshot_every, best two of them with a std of 0.05 and 0.10.

    Args:
        run: the run folder.
        std: width of the average, as a share of the images seen: 0.05 weighs the last twentieth most, 0.289 all alike.
        out: the model folder to write; new or empty.
        images: where the average ends.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    std: float
    out: Path
    images: Annotated[int | None, shown_as("N", "the last snapshot")] = None
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Average, and say how near the snapshots come to what was asked for."""
    arguments = parse(Arguments, "average", words)
    if not arguments.run.is_dir():
        raise BadInput(f"{arguments.run}: there is no such folder")
    if arguments.out.exists() and (arguments.out.is_file() or any(arguments.out.iterdir())):
        raise BadInput(f"{arguments.out}: is not empty; choose another place for the model")
    classes = catalog_of(arguments.with_files)

    from diorama.synthesis import store
    from diorama.synthesis.averaging import checked_state, coefficients, combined, mismatch

    snapshots, wanted = _asked(arguments)
    profiles = [snapshot.profile for snapshot in snapshots]
    shares = coefficients(profiles, [wanted])[:, 0]
    far = mismatch(profiles, wanted, shares)
    model = store.load(arguments.run, catalog=classes)
    state = checked_state(model.state_dict(), combined(snapshots, shares), snapshots[-1].path)
    store.save(arguments.out, model.config, state, *_origin(arguments.run, wanted, far))
    print(f"averaged {counted(len(snapshots), 'snapshot')} up to {wanted.images:,} images; {_off(far)}")
    if far > _FAR:
        print(
            "note: these snapshots make no good average of this width; more of them, or a std nearer to theirs, would",
            file=sys.stderr,
        )
    print(f"model: {arguments.out}")


def _off(far: float) -> str:
    return f"their profile is {far:.1%} off the one asked for"


def _asked(arguments: Arguments) -> tuple[list[Snapshot], Profile]:
    """The snapshots that count, and the profile of their average."""
    from diorama.synthesis.averaging import Profile, snapshots_in
    from diorama.training.folder import AVERAGES

    found = snapshots_in(arguments.run / AVERAGES)
    if not found:
        raise BadInput(
            f"{arguments.run}: has kept no snapshots of averages (there is none in {AVERAGES}/NAME/); "
            f"{_when_kept(arguments.run)}"
        )
    last = found[-1].profile.images if arguments.images is None else arguments.images
    try:
        wanted = Profile(images=last, std=arguments.std)
    except ValueError as problem:
        raise WrongArguments(f"--{problem}") from problem
    counting = [snapshot for snapshot in found if snapshot.profile.images <= last]
    if not counting or last > found[-1].profile.images:
        raise WrongArguments(
            f"--images must be between {found[0].profile.images} and {found[-1].profile.images}, where the snapshots "
            f"lie, got {last}"
        )
    return counting, wanted


def _when_kept(run: Path) -> str:
    """When the recipe of a run would have kept a snapshot."""
    from diorama.synthesis import store

    recipe = store.read_provenance(run).recipe if (run / "model").is_dir() else ""
    averages = recipe.get("averages") if isinstance(recipe, Mapping) else None
    for name, average in averages.items() if isinstance(averages, Mapping) else ():
        every = average.get("snapshot_every") if isinstance(average, Mapping) else None
        if isinstance(every, int) and every > 0:
            return f"its recipe keeps one of {name} every {every:,} images (--averages.{name}.snapshot-every {every})"
    return "a recipe keeps them with --averages.NAME.snapshot-every N of a PowerAverageConfig"


def _origin(run: Path, wanted: Profile, far: float) -> tuple[Provenance, str]:
    """Provenance and card of the model."""
    from diorama.synthesis import store

    origin = store.read_provenance(run)
    averaged = {"std": wanted.std, "images": float(wanted.images), "mismatch": far}
    card = (
        f"# {origin.recipe_name or run.name}, averaged anew\n\n"
        f"The weights of the run are averaged by a power function with a standard deviation of {wanted.std:g} of the "
        f"{wanted.images:,} images seen, made of the run's snapshots after training (arXiv:2312.02696, section 3.2; "
        f"{_off(far)}). Nothing was measured of it here.\n\n"
        "What it draws is synthetic, and the files that Diorama writes say so in their metadata.\n"
    )
    return replace(origin, scores=(), averaged=averaged), card
