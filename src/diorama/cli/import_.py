"""``diorama import``: from a published checkpoint to a model folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from diorama.cli.arguments import WrongArguments, one_word, parse, shown_as
from diorama.core.errors import BadConfig, BadInput

if TYPE_CHECKING:
    from diorama.interop.checkpoint import Checkpoint


def parse_size(text: str) -> tuple[int, int]:
    """``"64"`` or ``"48x64"``: height and width in pixels.

    Raises:
        BadConfig: neither.
    """
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
        raise BadConfig(f"{text!r}: expected a side in pixels such as 64, or height and width such as 48x64")
    return int(sides[0]), int(sides[-1])


Size = Annotated[tuple[int, int] | None, one_word(parse_size, "N|HxW", optional=True), shown_as("N|HxW")]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Make a model folder of a published checkpoint, for sample, evaluate and compare.

    The publisher is recognised from the tensors' names and the published config. Known are DCGAN of the PyTorch
    examples, BigGAN, MoCoGAN and R3GAN of their authors, the pickles of StyleGAN 2 and 3 and the PyTorch port of
    StyleGAN, ESRGAN (of 2018 and 2019), Real-ESRGAN and BasicSR, CycleGAN, pix2pix and pix2pixHD, UNet2DModel of
    diffusers, the U-Nets of guided-diffusion, consistency models of their authors, the pickles of EDM and EDM2, the
    score SDEs of Song et al., and the FID network, which is put where evaluate looks for it. Pickled files are read
    without running what is in them.

    Args:
        file: safetensors, a pickled state dict (.pt, .pth, .bin), a pickled network of NVIDIA's (.pkl), or a folder
            of the diffusers library.
        out: the model folder to write; new, or of an earlier import, which is replaced. The FID network needs none.
        config: the published config, JSON.
        part: which network of a file that holds several: what its tensors' names begin with, such as netG.
        size: side, or height and width, of the pictures; needed where the published config does not say.
        small: likewise, of the small picture that a network of super-resolution enlarges; no published config says it.
            Those of ESRGAN and BasicSR take any, and are told of 64; networks that keep the size are told of 256.
        frames: length of a clip; needed where the published config does not say.
        stored_noise: of StyleGAN2, let layers add the noise that the file holds, the same for all samples, as the
            published gen_images.py does; else each sample has its own.
    """

    file: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE_OR_FOLDER")]
    out: Annotated[Path | None, shown_as("FOLDER")] = None
    config: Annotated[Path | None, shown_as("FILE", "config.json of the folder")] = None
    part: Annotated[str | None, shown_as("NAME")] = None
    size: Size = None
    small: Size = None
    frames: Annotated[int | None, shown_as("N")] = None
    stored_noise: bool = False


def main(words: Sequence[str]) -> None:
    """Import, and say what was recognised and what was guessed."""
    arguments = parse(Arguments, "import", words)
    if arguments.frames is not None and arguments.frames < 1:
        raise WrongArguments(f"--frames must be at least 1, got {arguments.frames}")

    from diorama.interop.checkpoint import open_checkpoint

    _refuse_own(arguments.file)
    checkpoint = open_checkpoint(arguments.file, config=arguments.config, part=arguments.part)
    layout = checkpoint.layout
    print(f"{checkpoint.path}: {layout.network} of {layout.publisher}, {len(checkpoint.tensors)} tensors")
    if layout.role == "features":
        _keep(checkpoint)
    else:
        _write(checkpoint, arguments)


def _write(checkpoint: Checkpoint, arguments: Arguments) -> None:
    from diorama.synthesis import store
    from diorama.synthesis.published import Asked, published_model
    from diorama.synthesis.published_card import card

    asked = Asked(
        size=arguments.size, frames=arguments.frames, small=arguments.small, stored_noise=arguments.stored_noise
    )
    model = published_model(checkpoint, asked)
    for note in model.notes:
        print(f"note: {note}", file=sys.stderr)
    if arguments.out is None:
        raise WrongArguments("--out is missing: where the model folder shall be written")
    _refuse_other_folders(arguments.out)
    store.save(arguments.out, model.config, model.state, model.provenance, card(model))
    print(f"model: {arguments.out}")


def _refuse_own(path: Path) -> None:
    """What Diorama wrote itself needs no import."""
    from diorama.synthesis.store import PROVENANCE

    folder = path if path.is_dir() else path.parent
    for own, kind in ((folder / PROVENANCE, "model folder"), (folder / "recipe.json", "run")):
        if own.is_file():
            raise BadInput(
                f"{path}: is {'of ' if path.is_file() else ''}a {kind} of Diorama, which sample, evaluate and compare "
                f"take as it is: diorama sample {folder} --out samples"
            )


def _refuse_other_folders(out: Path) -> None:
    """A model folder replaces an earlier import, and neither a model that was trained nor anything else."""
    from diorama.synthesis.store import CONFIG, PROVENANCE, read_provenance

    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not ((out / CONFIG).is_file() and (out / PROVENANCE).is_file()):
        raise BadInput(f"{out}: is not empty and no model folder; choose another place for the model")
    if read_provenance(out).published is None:
        raise BadInput(f"{out}: holds a model that was trained; choose another place for this one")


def _keep(checkpoint: Checkpoint) -> None:
    """Put the FID network's file where ``diorama evaluate`` looks for it."""
    from diorama.core.fetch import keep
    from diorama.interop.inception_fid import WEIGHTS

    print(f"kept for `diorama evaluate`: {keep(WEIGHTS, checkpoint.path)}")
