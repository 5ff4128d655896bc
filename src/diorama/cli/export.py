"""``diorama export``: a model in a published layout."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from diorama.cli.arguments import WrongArguments, arguments_at_fault, parse, sampling_asked, shown_as
from diorama.core.errors import BadInput
from diorama.core.user_files import catalog_of
from diorama.interop.catalog import find


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a model's network under the names of a publisher, for the publisher's own program.

    Layouts: dcgan-pytorch-examples, mocogan, guided-diffusion, consistency-models and edm (a safetensors file, and the
    class's arguments beside it as JSON), diffusers-unet2d, or diffusers for short (a folder with config.json, the
    weights and scheduler_config.json).

    Args:
        model: a model folder or a run.
        to: the layout, one of those above.
        out: the file, or for diffusers-unet2d the folder, to write.
        sampler: written in scheduler_config.json in place of the model's own, as sample --sampler names them.
        steps: that the schedule must hold for; without, the model's own number.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    to: str
    out: Path
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Export, and say what the layout has no place for."""
    arguments = parse(Arguments, "export", words)
    with arguments_at_fault():
        find(arguments.to)
    asked = sampling_asked(arguments.sampler, arguments.steps, None)
    classes = catalog_of(arguments.with_files)

    from diorama.synthesis import store
    from diorama.synthesis.export import export, write_export

    model = store.load(arguments.model, catalog=classes)
    try:
        files = export(model.resampled(asked), arguments.to)
    except BadInput as problem:
        raise type(problem)(f"{arguments.model}: {problem}") from problem
    if files.is_folder:
        _refuse_other_folders(arguments.out)
    elif arguments.out.suffix != ".safetensors":
        raise WrongArguments(f"--out {arguments.out}: the file's name must end in .safetensors; no pickle is written")
    written = write_export(files, arguments.out)
    for note in files.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{files.layout.network} of {files.layout.publisher}: {', '.join(map(str, written))}")


def _refuse_other_folders(out: Path) -> None:
    """A folder of diffusers replaces what lies there, which must be one too."""
    from diorama.interop.checkpoint import is_diffusers_folder

    if out.exists() and not is_diffusers_folder(out) and (out.is_file() or any(out.iterdir())):
        raise BadInput(f"{out}: is not empty and no folder of diffusers; choose another place")
