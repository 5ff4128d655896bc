"""``diorama mix``: a sheet of pictures with the coarse styles of one sample and the fine styles of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from diorama.cli.arguments import WrongArguments, parse, shown_as
from diorama.cli.latents import LatentArguments, ModelInput, gan_sampling, opened, samples_asked
from diorama.core.errors import BadConfig
from diorama.core.numbers import counted


@dataclass(frozen=True, kw_only=True)
class _Own(ModelInput):
    """Its own options.

    Args:
        out: the sheet, a file ending in .png, .jpg or .webp.
        rows: samples whose coarse styles a row has: SEED for the first sample of a seed, or SEED:NUMBER for another, as
            `diorama sample` numbers them.
        columns: samples whose fine styles a column has.
        coarse: how many layers, the coarsest first, have the styles of the row.
    """

    out: Path
    rows: Annotated[tuple[str, ...], shown_as("SEED[:NUMBER]", "0 1 2")] = ("0", "1", "2")
    columns: Annotated[tuple[str, ...], shown_as("SEED[:NUMBER]", "3 4 5 6")] = ("3", "4", "5", "6")
    coarse: Annotated[int | None, shown_as("N", "half of the layers")] = None


@dataclass(frozen=True, kw_only=True)
class Arguments(LatentArguments, _Own):
    """Mix the styles of samples of a StyleGAN on a sheet: coarse ones of the rows, fine ones of the columns.

    The first row and the first column show the samples themselves. The sheet says that it is synthetic.
    """


def main(words: Sequence[str]) -> None:
    """Draw the sheet."""
    arguments = parse(Arguments, "mix", words)
    rows, columns = samples_asked("rows", arguments.rows), samples_asked("columns", arguments.columns)

    from diorama.tasks.latents import Styles, require_styles
    from diorama.tasks.mixing import check_mixing_sheet, mixing_sheet, write_mixing_sheet

    check_mixing_sheet(arguments.out)
    ready = opened(arguments, gan_sampling(arguments))
    styles = Styles(require_styles(ready.model, "mix"), ready.conditions)
    try:
        pictures = mixing_sheet(styles, rows, columns, arguments.coarse, rows[0])
    except BadConfig as problem:
        raise WrongArguments(f"--{problem}") from problem
    told = {"rows": " ".join(map(str, rows)), "columns": " ".join(map(str, columns))}
    write_mixing_sheet(arguments.out, pictures, len(columns), replace(ready.stamp(rows[0].seed), condition=told))
    shown = counted(len(rows), "sample")
    print(f"{arguments.out} mixes {shown} (rows, coarse styles) with {len(columns)} (columns, fine styles)")
