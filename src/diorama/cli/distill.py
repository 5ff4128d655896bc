"""``diorama distill``: make of a trained diffusion or flow model one that draws in a step or two."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from diorama.cli.arguments import (
    Images,
    WrongArguments,
    arguments_at_fault,
    parse,
    parse_known,
    weighted,
)
from diorama.cli.train import RunOptions, asks_for_help, overridden, print_fields, rehearse_run, train_run, with_project
from diorama.core.user_files import catalog_of
from diorama.recipes.entries.few_steps import DISTILLATIONS

_METHOD = "--method"


@dataclass(frozen=True, kw_only=True)
class _Own:
    """Its own options.

    Args:
        model: the teacher, a model folder or run of a model that predicts flow or velocity or has EDM's
            preconditioning: edm, flow_cpu, ddpm_cpu and others.
        data: the data that the model was trained on, as `diorama train` takes them.
        out: the run folder.
        method: ect compares answers at two levels that come closer, one pass beside that of training; scm takes the
            derivative between them instead, along the teacher's path, which costs several; dmd and sida match the
            distributions of the student's pictures and the teacher's, with a discriminator beside them.
        steps: that the student draws in, unless `diorama sample --steps` asks for others.
        images: length of the run in images seen, in place of the recipe's; its stages, warm-up and average become
            longer or shorter with it.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL")]
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    out: Path
    method: Literal["ect", "scm", "dmd", "sida"] = "ect"
    steps: int = 1
    images: Images = None


@dataclass(frozen=True, kw_only=True)
class Arguments(RunOptions, _Own):
    """Train a student that draws in a step or two, from a trained diffusion or flow model. The same command continues
    an interrupted run.

    The student is a copy of the model to begin with. What it learns by has settings of its own, each to be given as
    --field value: --batch-size 512, --optimizers.denoiser.rate.peak 1e-4, --method.dropout 0.2.
    `diorama distill --method ect --help` lists those of a method.
    """


def main(words: Sequence[str]) -> None:
    """Train the student, with progress; Ctrl-C saves and says how to continue."""
    if asks_for_help(words):
        _help(words)
        return
    known = parse_known(Arguments, "distill", with_project(words))
    arguments = known.arguments
    if not arguments.data:
        raise WrongArguments("--data is missing: the prepared folder that the model was trained on")
    if arguments.steps < 1:
        raise WrongArguments(f"--steps must be at least 1, got {arguments.steps}")
    with arguments_at_fault():
        data = [weighted(text) for text in arguments.data]
    classes = catalog_of([*map(str, arguments.with_files)])

    from diorama.core.device import has_graphs, pick
    from diorama.data.training_sets import open_training_data
    from diorama.recipes.distill import advice, distilled, suited, teacher_of

    with arguments_at_fault():
        small = not has_graphs(pick(arguments.device))
    info = open_training_data(data).info
    with arguments_at_fault():
        recipe = distilled(
            arguments.method,
            str(arguments.model),
            info,
            steps=arguments.steps,
            images=arguments.images,
            small=small,
        )
    teacher = teacher_of(str(arguments.model), info, classes)
    with arguments_at_fault():
        recipe = suited(recipe, teacher)
        recipe = overridden(recipe, known, f"distill {arguments.model}")
    if told := advice(arguments.method, teacher, str(arguments.model)):
        print(f"diorama: {told}", file=sys.stderr)
    if small:
        print(f"diorama: there is no GPU to train on, so this is the recipe {recipe.name}", file=sys.stderr)
    (rehearse_run if arguments.dry_run else train_run)(recipe, data, arguments.out, arguments.options(classes))


def _help(words: Sequence[str]) -> None:
    """The command's own options; beside a method, its recipe's fields as well."""
    following = [*words, ""][1:]
    named = [after for word, after in zip(words, following, strict=True) if word == _METHOD]
    named += [word.partition("=")[2] for word in words if word.startswith(f"{_METHOD}=")]
    if not named:
        parse(Arguments, "distill", ["--help"])
        return
    if named[0] not in DISTILLATIONS:
        raise WrongArguments(f"{_METHOD}: {named[0]!r} is none of {', '.join(DISTILLATIONS)}")
    try:
        parse(Arguments, "distill", ["--help"])
    except SystemExit:
        print_fields(DISTILLATIONS[named[0]], f"distill MODEL {_METHOD} {named[0]}")
