"""``diorama reconstruct``: measure given pictures, and draw them again from the measurement alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import arguments_at_fault, parse, shown_as
from diorama.cli.editing import EditArguments, EditInput, run_examination, with_single_steps
from diorama.cli.task_reports import decibels, read_task_report

if TYPE_CHECKING:
    from diorama.synthesis.base import Synthesizer
    from diorama.tasks.reconstruct import Reconstruct


@dataclass(frozen=True, kw_only=True)
class _Own(EditInput):
    """Its own options.

    Args:
        operator: what is measured: mri, ct, blur, down, mask or grey; settings follow a colon, as in
            mri:acceleration=4,centre=0.08,seed=0, ct:angles=30, blur:sigma=2, down:factor=4.
        mask: for the operator mask: a picture of the same size, white where nothing is measured; or a folder with a
            mask of the same name for each picture.
        noise: standard deviation of the noise in every number that is measured, where pictures lie in [-1, 1].
        method: ddrm, dps or pigdm; settings follow a colon, as in dps:step=0.5.
    """

    operator: Annotated[str, tyro.conf.arg(metavar="OPERATOR")]
    mask: Annotated[Path | None, shown_as("PATH", "none")] = None
    noise: float = 0.0
    method: Annotated[str, tyro.conf.arg(metavar="METHOD")] = "ddrm"


@dataclass(frozen=True, kw_only=True)
class Arguments(EditArguments, _Own):
    """Measure given pictures, draw them again from the measurement alone, and compare with what they were.

    For each picture: several samples, their mean, a map of how far they differ, two reconstructions without a model,
    and in report.json the PSNR of all of them. The measurement is simulated.

    Args:
        input: a picture, or a folder of them, of the size that the model draws; they are the truth.
        out: folder for what is found; new, empty, or of an older report, which is replaced.
        count: samples of each picture.
        sampler: with dps ancestral, ddim, euler or heun, with pigdm any, in place of the model's own; ddrm has its own
            steps.
        steps: of the sampler on the whole way, in place of the model's own number.
    """

    count: int = 8


def main(words: Sequence[str]) -> None:
    """Reconstruct, with progress, and say what was gained."""
    arguments = parse(Arguments, "reconstruct", words)

    from diorama.samplers.inverse.catalog import inverse_method_named, operator_named
    from diorama.samplers.inverse.ddrm import DDRMConfig
    from diorama.samplers.inverse.dps import DPSConfig

    with arguments_at_fault():
        operator, method = operator_named(arguments.operator), inverse_method_named(arguments.method)

    def made(model: Synthesizer) -> Reconstruct:
        from diorama.tasks.pictures import read_masks
        from diorama.tasks.reconstruct import Reconstruct

        if isinstance(method, DPSConfig):
            model = with_single_steps(model, arguments)
        masks = None
        if arguments.mask is not None:
            masks = read_masks(arguments.mask, arguments.input, model.config.media)
        return Reconstruct(model, operator, method, arguments.noise, masks)

    run_examination(arguments, made)
    if arguments.sampler is not None and isinstance(method, DDRMConfig):
        print(f"sampler: ddrm takes steps of its own, so {arguments.sampler} took none; --method pigdm and dps ask it")
    told = read_task_report(arguments.out)["summary"]["psnr"]
    print("PSNR in dB: " + ", ".join(f"{name} {decibels(value).removesuffix(' dB')}" for name, value in told.items()))
