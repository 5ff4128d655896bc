"""``diorama evaluate``: samples or a model, held against real data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import Names, WrongArguments, arguments_at_fault, parse, sampling_asked, shown_as
from diorama.cli.progress import display
from diorama.cli.scores import listing, table
from diorama.core.user_files import catalog_of
from diorama.evaluation.catalog.metrics import SHIPPED, MetricCatalog, catalog_with

if TYPE_CHECKING:
    from diorama.evaluation.run import Evaluation


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure a folder or archive of samples, a model or a run against real data.

    Every number comes with its interval and its protocol; numbers of different protocols must not be compared.

    Args:
        subject: a folder or archive of samples, a prepared folder, a model folder or a run.
        against: the real data: a prepared folder, or a raw folder or archive, which is measured whole and at its size.
        split: of the real data.
        subject_split: which split is measured, where SAMPLES_OR_MODEL is a data set.
        metrics: names, separated by commas, from the list below.
        size: side in pixels of the squares to which the files of both sides are cropped and scaled.
        count: of samples.
        reference: number of real records.
        seed: of the samples and of every draw of the measurement.
        sampler: ddim, ancestral, heun, lms or another that docs/sample.md lists, in place of the model's own.
        steps: of the sampler, in place of the model's own number. A GAN, which draws in one pass, has none.
        guidance: scale of the guidance, 1 for none, in place of the model's own.
        guidance_kind: cfg (classifier-free), cfg-zero, apg, tcfg, pag, autoguidance or classifier, in place of the
            model's own; its settings follow a colon, as in cfg:low=0.3,high=5.
        guide: a smaller or an earlier model of the same data, away from which the samples are guided (autoguidance), or
            a classifier of noisy pictures.
        psi: of a GAN that can be truncated: the largest latent value (BigGAN), or what is left of the distance from the
            mean style (StyleGAN).
        cutoff: how many layers of a StyleGAN that is for, the coarsest first, in place of all.
        standing: of a GAN with batch norm: take its statistics anew over so many batches of samples, such as 16.
        batch_size: samples at a time; changes no result.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        json: write the results, with their protocol, into this file.
        with_files: Python files whose CATALOG names config classes and metrics of your own.
    """

    subject: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="SAMPLES_OR_MODEL")]
    against: str
    split: Annotated[str | None, shown_as("NAME", "train of a prepared folder, all of a raw one")] = None
    subject_split: Annotated[str | None, shown_as("NAME", "test of a prepared folder, all of files")] = None
    metrics: Annotated[Names, shown_as("NAME,NAME,…", "some that suit the data, fd@lite first")] = ()
    size: Annotated[int | None, shown_as("N", "the files' own sizes")] = None
    count: Annotated[int | None, shown_as("N", "all of a folder, 2,000 of a model")] = None
    reference: Annotated[int | None, shown_as("N", "all of the split")] = None
    seed: int = 0
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    guidance: Annotated[float | None, shown_as("SCALE")] = None
    guidance_kind: Annotated[str | None, shown_as("KIND")] = None
    guide: Annotated[Path | None, shown_as("MODEL_OR_RUN")] = None
    psi: Annotated[float | None, shown_as("PSI", "no truncation")] = None
    cutoff: Annotated[int | None, shown_as("N")] = None
    standing: Annotated[int | None, shown_as("N", "the statistics of training")] = None
    batch_size: Annotated[int | None, shown_as("N", "as many as memory holds")] = None
    device: str = "auto"
    json: Annotated[Path | None, shown_as("FILE")] = None
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Measure and print a table."""
    try:
        arguments = parse(Arguments, "evaluate", words)
    except SystemExit:
        # The help has been printed.
        print("\n".join(listing(SHIPPED)))
        raise
    _check(arguments)
    own = catalog_of(arguments.with_files)
    with arguments_at_fault():
        catalog = catalog_with(own)
        catalog.spelled(arguments.metrics)

    from diorama.core import distributed
    from diorama.core.device import pick
    from diorama.core.files import cache_folder
    from diorama.evaluation.run import EvaluateOptions, evaluate

    with arguments_at_fault():
        device = pick(arguments.device)
    sampling = sampling_asked(
        arguments.sampler,
        arguments.steps,
        arguments.guidance,
        arguments.guidance_kind,
        psi=arguments.psi,
        cutoff=arguments.cutoff,
        standing=arguments.standing,
    )
    try:
        options = EvaluateOptions(
            metrics=arguments.metrics,
            split=arguments.split,
            subject_split=arguments.subject_split,
            count=arguments.count,
            reference=arguments.reference,
            size=arguments.size,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            device=str(device),
            sampling=sampling,
            guide=arguments.guide,
            cache=cache_folder() / "features",
            catalog=own,
        )
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    with distributed.session(distributed.own_device(device)):
        with display() as shown:
            shown.update(f"measuring {arguments.subject} against {arguments.against}")
            evaluation = evaluate(arguments.subject, arguments.against, options)
        if distributed.is_first():
            _report(evaluation, catalog, arguments.json)


def _check(arguments: Arguments) -> None:
    for name, value in (
        ("count", arguments.count),
        ("reference", arguments.reference),
        ("batch-size", arguments.batch_size),
        ("size", arguments.size),
    ):
        if value is not None and value < 1:
            raise WrongArguments(f"--{name} must be at least 1, got {value}")


def _report(evaluation: Evaluation, catalog: MetricCatalog, path: Path | None) -> None:
    from diorama.evaluation.protocol import write_results

    for note in evaluation.notes:
        print(note)
    width = get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(table(evaluation.results, catalog, width)))
    for warning in evaluation.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    # Last, so that a file that cannot be written costs no number.
    if path is not None:
        write_results(path, evaluation.results)
