"""``diorama export``: a model in a published layout or as ONNX, or prepared data as a StyleGAN zip."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from diorama.cli.arguments import WrongArguments, arguments_at_fault, parse, sampling_asked, shown_as
from diorama.core.errors import BadConfig, BadInput
from diorama.core.user_files import catalog_of
from diorama.interop.catalog import writable

_ONNX, _ZIP = "onnx", "stylegan-zip"
_OPTIONS = {"sampler": "", "steps": "", "psi": _ONNX, "noise": _ONNX, "split": _ZIP}
"""Options that belong to one kind of output; empty for the published layouts."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a model's network under the names of a publisher, for the publisher's own program; or as ONNX.

    Layouts: diffusers-unet2d, or diffusers for short (a folder with config.json, weights and scheduler_config.json).
    All others become a safetensors file, and the class's arguments beside it as JSON: dcgan-pytorch-examples, mocogan,
    biggan-pytorch, cyclegan, pix2pixhd, gan-zoo, esrgan-2018, esrgan, basicsr, r3gan, stylegan1-pytorch, stylegan2,
    stylegan3, guided-diffusion, consistency-models, edm and edm2.

    onnx: one file that onnxruntime computes as PyTorch does, which is checked before it is written; of generators of
    GANs, decoders of VAEs and networks from picture to picture. stylegan-zip: prepared data as StyleGAN's programs read
    them, PNG files and labels in dataset.json.

    Args:
        model: a model folder or a run; for stylegan-zip a prepared folder.
        to: the layout, one of those above.
        out: the file, or for diffusers-unet2d the folder, to write.
        sampler: written in scheduler_config.json in place of the model's own, as sample --sampler names them.
        steps: that the schedule must hold for; without, the model's own number.
        psi: with onnx, truncation of a generator with styles, which the file then always has; without, 1.
        noise: with onnx, of a generator's layers: as it is stored, or none; without, what is stored if anything is.
        split: with stylegan-zip, which records; without, those of train.
        with_files: Python files whose CATALOG names config classes of your own.
    """

    model: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="MODEL_OR_RUN")]
    to: str
    out: Path
    sampler: Annotated[str | None, shown_as("NAME")] = None
    steps: Annotated[int | None, shown_as("N")] = None
    psi: Annotated[float | None, shown_as("PSI")] = None
    noise: Annotated[Literal["stored", "none"] | None, shown_as("stored|none")] = None
    split: Annotated[str | None, shown_as("NAME")] = None
    with_files: Annotated[tyro.conf.UseAppendAction[tuple[Path, ...]], tyro.conf.arg(name="with")] = ()


def main(words: Sequence[str]) -> None:
    """Export, and say what the layout has no place for."""
    arguments = parse(Arguments, "export", words)
    _refuse_options_of_others(arguments)
    if arguments.to == _ZIP:
        _write_zip(arguments)
    elif arguments.to == _ONNX:
        _write_onnx(arguments)
    else:
        _write_layout(arguments)


def _refuse_options_of_others(arguments: Arguments) -> None:
    kind = arguments.to if arguments.to in (_ONNX, _ZIP) else ""
    for name, owner in _OPTIONS.items():
        if getattr(arguments, name) is not None and owner != kind:
            raise WrongArguments(f"--{name}: belongs to {f'--to {owner}' if owner else 'published layouts'}")


def _write_layout(arguments: Arguments) -> None:
    try:
        writable(arguments.to, (_ONNX, _ZIP))
    except BadConfig as problem:
        raise WrongArguments(f"--to: {problem}") from problem
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
    else:
        _require_suffix(arguments.out, ".safetensors", "; no pickle is written")
    written = write_export(files, arguments.out)
    _tell(files.notes)
    print(f"{files.layout.network} of {files.layout.publisher}: {', '.join(map(str, written))}")


def _write_onnx(arguments: Arguments) -> None:
    _require_suffix(arguments.out, ".onnx")
    classes = catalog_of(arguments.with_files)

    from diorama.core.files import write_bytes
    from diorama.synthesis import store
    from diorama.synthesis.onnx_export import onnx_export

    model = store.load(arguments.model, catalog=classes)
    try:
        made = onnx_export(model, psi=arguments.psi, noise=arguments.noise)
    except BadInput as problem:
        raise type(problem)(f"{arguments.model}: {problem}") from problem
    write_bytes(arguments.out, made.content)
    _tell(made.notes)
    print(f"{arguments.out}: {'; '.join(made.inputs)} -> {made.output}")
    print(f"onnxruntime differs from PyTorch by {made.difference:.1e} of the largest value")


def _write_zip(arguments: Arguments) -> None:
    _require_suffix(arguments.out, ".zip")

    from diorama.data.dataset import open_dataset
    from diorama.data.stylegan_zip import write_stylegan_zip

    dataset = open_dataset(arguments.model)
    with arguments_at_fault():
        split = dataset.split(arguments.split or "train")
    try:
        notes = write_stylegan_zip(split, arguments.out)
    except BadInput as problem:
        raise BadInput(f"{arguments.model}: {problem}") from problem
    _tell(notes)
    left = sum(dataset.splits.values()) - len(split)
    if left:
        _tell([f"the {left:,} records of other splits are not written; --split names another"])
    print(f"{arguments.out}: {split.info.media.in_words(len(split))}")


def _require_suffix(out: Path, suffix: str, why: str = "") -> None:
    if out.suffix != suffix:
        raise WrongArguments(f"--out {out}: the file's name must end in {suffix}{why}")


def _tell(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _refuse_other_folders(out: Path) -> None:
    """A folder of diffusers replaces what lies there, which must be one too."""
    from diorama.interop.checkpoint import is_diffusers_folder

    if out.exists() and not is_diffusers_folder(out) and (out.is_file() or any(out.iterdir())):
        raise BadInput(f"{out}: is not empty and no folder of diffusers; choose another place")
