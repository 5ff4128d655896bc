"""How close filled holes come to the originals, and how real they look: models beside biharmonic filling.

    python -m benchmarks.inpainting runs/filler --data DATA

DATA is a prepared folder. Its held-out pictures (the split `test`, else `val`) are covered by free-form masks, the
same for every way to fill them, and filled. Printed are the PSNR of whole pictures, which outside their holes are as
they were, the PSNR within the holes alone, and an interval of 95 % for the Fréchet distance of `lite` between filled
pictures and those of the split `train`. The originals, in place of filled pictures, say what there is to reach.
Biharmonic filling is scikit-image's.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from diorama.core.errors import BadInput, DioramaError
from diorama.data.dataset import Split, open_dataset
from diorama.evaluation.extractors import lite_extractor
from diorama.evaluation.frechet_interval import frechet_interval
from diorama.media.convert import to_uint8
from diorama.nn.free_form import DRAWS, free_form_masks
from diorama.nn.similarity import psnr
from diorama.synthesis.inpainting import InpaintingSynthesizer
from diorama.synthesis.store import load

AT_ONCE = 32
Fill = Callable[[Tensor, Tensor], Tensor]
"""Pictures (b, c, h, w) in [-1, 1] and masks (b, 1, h, w) to pictures with nothing changed outside the masks."""


def biharmonic(pictures: Tensor, masks: Tensor) -> Tensor:
    """What models are measured beside: the smoothest surface that meets what is known."""
    filled = [
        inpaint_biharmonic(picture.permute(1, 2, 0).double().numpy(), mask[0].numpy() > 0, channel_axis=-1)
        for picture, mask in zip(pictures, masks, strict=True)
    ]
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).to(pictures).clamp(-1, 1)


def by_model(path: Path, shape: tuple[int, ...], device: str) -> Fill:
    """The model of a run or model folder.

    Raises:
        BadInput: it fills no holes in one pass, or those of other pictures.
    """
    model = load(path).to(device)
    if not isinstance(model, InpaintingSynthesizer):
        raise BadInput(f"{path}: is no network that fills holes in pictures")
    if model.config.media.shape != shape:
        raise BadInput(f"{path}: fills pictures of {model.config.media.shape}, and the data hold {shape}")
    return lambda pictures, masks: model.fill(pictures.to(device), masks.to(device)).float().cpu()


def splits_of(folder: Path) -> tuple[Split, Split]:
    """Pictures that training did not see, and those that it saw.

    Raises:
        BadInput: there are none of one kind.
    """
    data = open_dataset(folder)
    held = next((name for name in ("test", "val") if name in data.splits), None)
    if held is None or "train" not in data.splits or data.info.media.kind != "image":
        raise BadInput(f"{folder}: needs pictures in a split train and held-out ones in test or val")
    return data.split(held), data.split("train")


def first(split: Split, most: int) -> Tensor:
    """The first pictures of a split, (n, c, h, w) in [-1, 1]."""
    return split.read(np.arange(min(most, len(split))), ["image"])["image"]


def masks_for(pictures: Tensor, seed: int) -> Tensor:
    """A free-form mask (n, 1, h, w) for each picture."""
    draws = torch.rand(len(pictures), DRAWS, generator=torch.Generator().manual_seed(seed))
    return free_form_masks(draws, (pictures.shape[2], pictures.shape[3]))


def features(pictures: Tensor) -> Tensor:
    """What `lite` sees of pictures (n, c, h, w) in [-1, 1]: (n, d)."""
    return lite_extractor("cpu").rows({"image": pictures})[""]


def measure(fill: Fill, pictures: Tensor, masks: Tensor, others: Tensor) -> dict[str, str]:
    """All numbers of one way to fill, in the order in which they are printed.

    Args:
        fill: the way.
        pictures: whole.
        masks: of each.
        others: features of the photographs that filled pictures are compared with.
    """
    parts = [fill(*some) for some in zip(pictures.split(AT_ONCE), masks.split(AT_ONCE), strict=True)]
    filled = to_uint8(torch.cat(parts)).float() / 127.5 - 1
    originals = to_uint8(pictures).float() / 127.5 - 1
    within = (filled - originals).double().square().mean(1).flatten(1).sum(1) / masks.double().flatten(1).sum(1)
    found = frechet_interval(features(filled), others)
    return {
        "PSNR, dB": f"{float(psnr(filled, originals).mean()):.2f}",
        "PSNR in holes, dB": f"{float((10 * torch.log10(4 / within)).mean()):.2f}",
        "fd@lite": f"{found.low:.3f} to {found.high:.3f}",
    }


def main() -> None:
    """Print one row for the originals, one for biharmonic filling and one for every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="runs or model folders")
    parser.add_argument("--data", type=Path, required=True, help="a prepared folder")
    parser.add_argument("--pictures", type=int, default=500, help="at most")
    parser.add_argument("--others", type=int, default=4_000, help="of the split train, at most")
    parser.add_argument("--seed", type=int, default=0, help="of the masks")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    ways: dict[str, Fill] = {"originals": lambda pictures, masks: pictures, "biharmonic": biharmonic}
    try:
        held, train = splits_of(arguments.data)
        pictures, others = first(held, arguments.pictures), features(first(train, arguments.others))
        shape = tuple(pictures.shape[1:])
        ways |= {str(path): by_model(path, shape, arguments.device) for path in arguments.models}
    except DioramaError as problem:
        parser.exit(1, f"inpainting: {problem}\n")
    masks = masks_for(pictures, arguments.seed)
    print(f"{len(pictures)} pictures, of which masks cover {float(masks.mean()):.1%}\n")
    for number, (name, fill) in enumerate(ways.items()):
        found = measure(fill, pictures, masks, others)
        if not number:
            print(f"| | {' | '.join(found)} |\n|---|{'---|' * len(found)}")
        print(f"| {name} | {' | '.join(found.values())} |", flush=True)


if __name__ == "__main__":
    main()
