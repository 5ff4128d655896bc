"""``diorama sample``: draw from a trained model into numbered files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from diorama.cli.arguments import WrongArguments, arguments_at_fault, parse
from diorama.cli.progress import display
from diorama.core.user_files import catalog_of


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Draw samples: 000000.png … (.tif or .npy where the data are not 8-bit grey or colour, MP4 for clips).

    Sample i of a seed is always the same. Every file says that it is synthetic; samples.json lists what they are.

    Args:
        model: a model folder or a run.
        out: folder for the samples; new, empty, or of older samples.
        count: how many.
        seed: names the noise.
        first: number of the first sample.
        label: a class by name or number, or all for the classes in turn.
        format: of clips: mp4, webm, gif, or frames for a numbered folder of pictures each.
        batch_size: samples drawn at a time; does not change what they are.
        precision: bf16 is faster where the device has it.
        exact: bit-equal files on one machine whatever the count is; slower.
        device: auto (a GPU where there is one), cpu, cuda, cuda:1, mps.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    out: Path
    count: int = 16
    seed: int = 0
    first: int = 0
    label: str | None = None
    format: Literal["mp4", "webm", "gif", "frames"] = "mp4"
    batch_size: int = 64
    precision: Literal["fp32", "bf16"] = "fp32"
    exact: bool = False
    device: str = "auto"
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Draw, with progress."""
    arguments = parse(Arguments, "sample", words)
    if arguments.count < 1:
        raise WrongArguments(f"--count must be at least 1, got {arguments.count}")
    if not 0 <= arguments.seed < 1 << 64:
        raise WrongArguments(f"--seed must be in [0, 2^64), got {arguments.seed}")
    classes = catalog_of(arguments.with_files)

    from diorama.core.device import pick
    from diorama.synthesis.draw import DrawOptions, sample

    with arguments_at_fault():
        device = str(pick(arguments.device))
    try:
        options = DrawOptions(
            batch_size=arguments.batch_size,
            first=arguments.first,
            label=arguments.label,
            exact=arguments.exact,
            precision=arguments.precision,
            video=arguments.format,
            device=device,
            catalog=classes,
        )
    except ValueError as problem:
        raise WrongArguments(str(problem)) from problem
    with display() as shown:
        doing = f"drawing from {arguments.model}"
        shown.update(doing)
        drawing = sample(arguments.model, arguments.count, seed=arguments.seed, out=arguments.out, options=options)
        for step in drawing:
            shown.update(doing, step.done / step.count, f"{step.done:,} of {step.count:,}")
    print(f"{arguments.count:,} samples in {arguments.out}")
