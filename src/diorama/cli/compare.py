"""``diorama compare``: several recipes under one budget, side by side."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import (
    Appended,
    Names,
    TimeOrImages,
    WrongArguments,
    arguments_at_fault,
    named,
    parse,
    part,
    sampler_and_steps,
    sampling_asked,
    shown_as,
)
from diorama.cli.progress import display
from diorama.core.durations import Budget
from diorama.core.user_files import catalog_of
from diorama.evaluation.catalog.metrics import parse_metric
from diorama.recipes import catalog

if TYPE_CHECKING:
    from diorama.comparison.options import Progress


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train recipes under one budget, measure them under one protocol, and write report.html and report.json.

    A Gaussian mixture joins as the floor that every network must beat. Where there is no GPU the small recipes
    (dcgan_cpu for dcgan) are taken. The same command continues what was interrupted.

    Args:
        data: a prepared folder, a small raw one, or the words world and world-video.
        out: folder of the report.
        recipes: names that `diorama recipes` lists, or file.py:function, separated by commas.
        budget: of each training: a time (90s, 10min, 2h) or images seen (200k, 2M).
        seeds: trainings of each recipe, from its seed upwards; scores are then means, with intervals over trainings.
        runs: finished runs or model folders that join as they are.
        samples: samples of other people's generators, each under a name that the report shows.
        study: answers of a human study, as `diorama study export` writes them: people's judgement as one more metric of
            the generators whose names it has.
        no_real_images: show no real pictures in the report, for private data.
        no_untrained: do not measure the untrained networks.
        full_size: train the recipes as named even where there is no GPU.
        metrics: names that `diorama evaluate --help` lists, separated by commas; the first one ranks.
        split: of the data that all are held against.
        count: samples of each generator.
        reference: number of real records.
        seed: of samples and measurement.
        sampler: ddim, ancestral, heun, lms or another that docs/sample.md lists, for every model that draws in
            steps, in place of its own.
        steps: of the sampler, for every model that draws in steps, in place of its own number.
        guidance: scale of the guidance, 1 for none, for every model that draws in steps, in place of its own.
        samplers: with which samplers and steps the finished runs are drawn, once with each: ddim:50,heun:18.
        guidance_kind: cfg (classifier-free), cfg-zero, apg, tcfg or pag, likewise; settings follow a colon, as in
            cfg:low=0.3,high=5.
        frozen: a trained part for the recipes that want it, as train takes it: --frozen.codec runs/codec.
        batch_size: samples drawn at a time; changes no result.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        with_files: Python files whose CATALOG names config classes and recipes' entries of your own.
    """

    data: str
    out: Path
    recipes: Annotated[Names, shown_as("NAME,NAME,…")] = ()
    budget: TimeOrImages = field(default_factory=lambda: Budget(seconds=600.0))
    seeds: int = 1
    runs: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    samples: Annotated[Appended, tyro.conf.arg(metavar="NAME=FOLDER_OR_ARCHIVE")] = ()
    study: Annotated[Path | None, shown_as("FILE")] = None
    no_real_images: bool = False
    no_untrained: bool = False
    full_size: bool = False
    metrics: Annotated[Names, shown_as("NAME,NAME,…", "fd@lite2, then those of evaluate")] = ()
    split: str = "train"
    count: Annotated[int | None, shown_as("N", "2,000 pictures or 256 clips")] = None
    reference: Annotated[int | None, shown_as("N", "all of the split")] = None
    seed: int = 0
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    guidance: Annotated[float | None, shown_as("SCALE")] = None
    samplers: Annotated[Names, shown_as("NAME:STEPS,…", "their own")] = ()
    guidance_kind: Annotated[str | None, shown_as("KIND")] = None
    frozen: Annotated[Appended, tyro.conf.arg(metavar="NAME=FOLDER")] = ()
    batch_size: Annotated[int | None, shown_as("N", "as many as memory holds")] = None
    device: str = "auto"
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Compare, with progress, and print the ranking and where the report is."""
    arguments = parse(Arguments, "compare", _parts_as_values(words), several={"--samples": _any, "--runs": _any})
    if not (arguments.recipes or arguments.runs or arguments.samples):
        raise WrongArguments("there is nothing to compare: give --recipes, --runs or --samples")
    for run in arguments.runs:
        if "," in str(run) and not run.exists():
            raise WrongArguments(f"--runs: {run}: there is no such folder; runs stand apart: --runs A B")
    with arguments_at_fault():
        samples = dict(named(text) for text in arguments.samples)
        frozen = [part(text) for text in arguments.frozen]
        for recipe in arguments.recipes:
            catalog.check(recipe)
    recipes = [recipe for recipe in arguments.recipes if ":" in recipe]
    own = catalog_of([*map(str, arguments.with_files), *recipes])
    with arguments_at_fault():
        for metric in arguments.metrics:
            parse_metric(metric, own)

    from diorama.comparison.candidates import candidates_for
    from diorama.comparison.run import CompareOptions, compare
    from diorama.core.device import pick
    from diorama.core.files import cache_folder
    from diorama.data.raw import open_any
    from diorama.synthesis.parts import ModelRef

    with arguments_at_fault():
        device = pick(arguments.device)
    sampling = sampling_asked(arguments.sampler, arguments.steps, arguments.guidance, arguments.guidance_kind)
    samplers = tuple(sampler_and_steps(text) for text in arguments.samplers)
    try:
        options = CompareOptions(
            budget=arguments.budget,
            seeds=arguments.seeds,
            runs=arguments.runs,
            samples=samples,
            study=arguments.study,
            real_images=not arguments.no_real_images,
            untrained=not arguments.no_untrained,
            metrics=arguments.metrics,
            split=arguments.split,
            count=arguments.count,
            reference=arguments.reference,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            device=arguments.device,
            sampling=sampling,
            samplers=samplers,
            frozen={name: ModelRef(folder=folder) for name, folder in frozen},
            catalog=own,
            full_size=arguments.full_size,
            command=shlex.join(["diorama", "compare", *words]),
        )
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    info = open_any(arguments.data, cache_folder()).info
    with arguments_at_fault():
        candidates_for(arguments.recipes, info, device, options)
    follow(compare(arguments.recipes, arguments.data, arguments.out, options))


def _parts_as_values(words: Sequence[str]) -> list[str]:
    """``--frozen.NAME FOLDER`` as ``--frozen NAME=FOLDER``: the names are the recipes', so no field can have them."""
    rewritten: list[str] = []
    name = ""
    for word in words:
        if name and not word.startswith("--"):
            rewritten[-1] += word
            name = ""
        elif word.startswith("--frozen."):
            name, sign, folder = word.removeprefix("--frozen.").partition("=")
            rewritten += ["--frozen", f"{name}={folder}"]
            name = "" if sign else name
        else:
            # A part whose folder was forgotten keeps its empty one, which is refused by its name.
            rewritten.append(word)
            name = ""
    return rewritten


def _any(word: str) -> bool:
    """The command has no words of its own, so what follows a flag belongs to it."""
    return True


def follow(steps: Iterable[Progress]) -> None:
    """Show a comparison's progress and, at its end, the ranking and where the report is."""
    last = None
    with display() as shown:
        for step in steps:
            if step.note:
                shown.note(step.note)
            place = "" if step.place is None else f"{step.place[0]} of {step.place[1]}: "
            shown.update(place + step.doing, step.share, step.detail)
            last = step
    if last is None or last.report is None:
        return

    from diorama.comparison.ranking import ranking_lines

    for comparison in last.comparisons:
        for line in titled_lines(comparison.data.name, ranking_lines(comparison)):
            print(line)
    print(f"\nreport: {last.report}")


def titled_lines(name: str, lines: Sequence[str]) -> list[str]:
    """A ranking under the name of its data, set off by a blank line; nothing where nothing was measured."""
    return ["", f"{name}:", *lines] if lines else []
