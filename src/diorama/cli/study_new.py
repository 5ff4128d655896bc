"""``diorama study new``: from folders, archives and runs to a study that can be served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from diorama.cli.arguments import Appended, WrongArguments, arguments_at_fault, named, parse, shown_as
from diorama.cli.options import option_names
from diorama.cli.progress import display
from diorama.core.numbers import counted

if TYPE_CHECKING:
    from diorama.study.design import StudyDesign


_OF_PICTURES = frozenset({"folder", "systems", "design", "clips", "fps", "items", "size", "split", "device"})
"""Options that are no part of a design."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a study of human judgement: its pictures or clips, and its design in study.toml, which may be edited.

    What is shown is written anew at one size and without metadata, so that nothing tells raters whose it is.

    Args:
        folder: the study's folder, which must not be there yet.
        systems: whose pictures are shown, each under the name that results have for it: a folder or an archive of
            files, prepared data, a model folder or a run, of which samples are drawn.
        design: a file that `diorama study design` wrote, or you. It says what the options of a design say otherwise,
            and may name the systems' folders in a table [sources].
        kind: pairwise (which of two is better), 2afc (which of two is real), real_or_fake (one picture), opinion
            (one picture, grades 1 to 5).
        truth: the name of the system that is real, for 2afc and real_or_fake.
        name: of the study, in its results.
        title: of its pages.
        question: that raters are asked.
        clips: clips are shown, two of them side by side and together.
        fps: frames a second of clips.
        items: scenes or prompts, each shown by every system.
        size: side in pixels of the squares to which all is cropped and scaled.
        split: of prepared data.
        raters: who shall take part; then nobody new is let in.
        judgements: of one rater.
        repeats: how many of them are asked twice.
        attention: items of plain noise among them, which show who does not look.
        practice: trials at the beginning that do not count.
        exposure_ms: how long a picture is shown, in milliseconds.
        staircase: each rater's right answers shorten the exposure, wrong ones lengthen it (HYPE_time): for real_or_fake
            of the real source and one system, best with 150 judgements and more. Its steps stand in study.toml.
        no_ties: leave out the answer "no difference".
        order: balanced, or adaptive: what the answers so far tell least about comes next.
        effect: the share of answers that the study is to tell from chance, or the difference of two mean opinions; its
            power is said.
        completion_code: shown at the end.
        return_address: where the last page leads.
        seed: of the choice of items, of drawn samples and of the order.
        device: where runs draw: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
    systems: Annotated[Appended, tyro.conf.arg(metavar="NAME=FOLDER_OR_RUN")]
    design: Annotated[Path | None, shown_as("FILE")] = None
    kind: Literal["pairwise", "2afc", "real_or_fake", "opinion"] = "pairwise"
    truth: str = "real"
    name: Annotated[str | None, shown_as("NAME", "the folder's")] = None
    title: str = "A study of pictures"
    question: Annotated[str | None, shown_as("TEXT", "a plain one of the kind")] = None
    clips: bool = False
    fps: Annotated[float | None, shown_as("FPS", "every frame once, 8 a second")] = None
    items: int = 50
    size: Annotated[int | None, shown_as("N", "their own, or the smallest where they differ")] = None
    split: str = "test"
    raters: int = 20
    judgements: int = 40
    repeats: int = 4
    attention: int = 2
    practice: int = 2
    exposure_ms: Annotated[int | None, shown_as("MS", "as long as the rater wants")] = None
    staircase: bool = False
    no_ties: bool = False
    order: Literal["balanced", "adaptive"] = "balanced"
    effect: Annotated[float | None, shown_as("EFFECT", "a share of 0.6, or half a grade")] = None
    completion_code: Annotated[str | None, shown_as("CODE", "none")] = None
    return_address: Annotated[str | None, shown_as("URL", "none")] = None
    seed: int = 0
    device: str = "auto"


def main(words: Sequence[str]) -> None:
    """Make the study, and say its power."""
    arguments = parse(Arguments, "study new", words, several={"--systems": lambda word: True})
    with arguments_at_fault():
        sources = dict(named(text) for text in arguments.systems)
    if len(sources) < len(arguments.systems):
        raise WrongArguments("--systems: two of them have the same name")
    if arguments.items < 1:
        raise WrongArguments(f"--items must be at least 1, got {arguments.items}")

    from diorama.core.device import pick
    from diorama.study.design import FILE
    from diorama.study.make import new_study
    from diorama.study.power import power_of
    from diorama.study.sources import Shown

    if arguments.design is None:
        design = _design(arguments, tuple(sources))
    else:
        design, sources = _designed(arguments.design, arguments, words, sources)
    with arguments_at_fault():
        device = pick(arguments.device)
    try:
        how = Shown(
            clips=arguments.clips,
            fps=arguments.fps,
            size=arguments.size,
            count=arguments.items,
            seed=design.seed,
            split=arguments.split,
            device=str(device),
        )
    except ValueError as problem:
        raise WrongArguments(f"--{problem}") from problem
    with display() as shown:
        shown.update(f"gathering {counted(arguments.items, 'item')} of {counted(len(sources), 'system')}")
        made = new_study(arguments.folder, design, sources, arguments.items, how)
    for note in (*made.notes, *power_of(design)):
        print(note)
    collection = made.collection
    what = counted(collection.ordinary, how.what)
    print(f"{arguments.folder}: {what} of {collection.width}x{collection.height}; edit {FILE} before the first rater")
    print(f"next: diorama study serve {arguments.folder}")


def _designed(
    file: Path, arguments: Arguments, words: Sequence[str], sources: Mapping[str, Path]
) -> tuple[StudyDesign, dict[str, Path]]:
    """The design that a file holds, and the folder of each of its systems: the command line's, or else the file's.

    Raises:
        WrongArguments: an option says what is the file's to say, or systems lack a folder or are none of the file's.
        BadInput: the file holds no design.
    """
    from diorama.study.draft import read_draft

    typed = option_names(words)
    for one in fields(Arguments):
        option = one.name.replace("_", "-")
        if one.name not in _OF_PICTURES and (option in typed or getattr(arguments, one.name) != one.default):
            raise WrongArguments(f"--{option}: is for {file} to say, since --design names it; change it there")
    draft = read_draft(file)
    known = {**{name: Path(source) for name, source in draft.sources.items()}, **sources}
    systems = draft.design.systems
    if strange := [name for name in known if name not in systems]:
        raise WrongArguments(f"--systems: {', '.join(strange)} is none of {file}, which has {', '.join(systems)}")
    if lacking := [name for name in systems if name not in known]:
        wanted = " ".join(f"{name}=FOLDER_OR_RUN" for name in lacking)
        raise WrongArguments(f"--systems: {file} does not say where pictures lie; add --systems {wanted}")
    return draft.design, {name: known[name] for name in systems}


def _design(arguments: Arguments, systems: tuple[str, ...]) -> StudyDesign:
    from diorama.study.design import Power, Session, Stop, StudyDesign, usual_effect
    from diorama.study.staircase import Staircase

    effect = arguments.effect if arguments.effect is not None else usual_effect(arguments.kind)
    try:
        return StudyDesign(
            name=arguments.name or arguments.folder.resolve().name,
            kind=arguments.kind,
            systems=systems,
            truth=arguments.truth,
            title=arguments.title,
            question=arguments.question or "",
            completion_code=arguments.completion_code or "",
            return_address=arguments.return_address or "",
            ties=not arguments.no_ties,
            order=arguments.order,
            session=Session(
                judgements=arguments.judgements,
                repeats=arguments.repeats,
                attention=arguments.attention,
                practice=arguments.practice,
                exposure_ms=arguments.exposure_ms,
            ),
            stop=Stop(raters=arguments.raters),
            power=Power(effect=effect),
            seed=arguments.seed,
            staircase=Staircase() if arguments.staircase else None,
        )
    except ValueError as problem:
        key, _, rest = str(problem).partition(" ")
        raise WrongArguments(f"--{key.removeprefix('power.').replace('_', '-')} {rest}") from problem
