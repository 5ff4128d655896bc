"""What the pages take for granted: a folder of photos, one of clips, and what earlier pages made of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.cli.main import run
from diorama.data.sources import world as world_source
from diorama.data.synthetic.world import World
from diorama.interop import stylegan2, stylegan3
from diorama.media.image import write_image
from diorama.media.video import write_video
from tests.comparison.walks import few_walks
from tests.docs.shrink import TOYS
from tests.interop.oracles import VideoGenerator, dcgan_discriminator, dcgan_generator
from tests.interop.published_folders import pipeline_folder
from tests.interop.published_stylegans import STYLEGAN2, STYLEGAN3, pickled, published_tensors

PHOTOS, CLIPS = 240, 32
"""Enough that every split has the records that metrics need."""

Workshop = Callable[..., Path]


def photos(folder: Path, seed: int = 0) -> None:
    """Pictures in two classes."""
    indices = np.arange(PHOTOS)
    for index, pixels in zip(indices, World(size=32, seed=seed).pictures(indices), strict=True):
        place = folder / ("cats" if index % 2 else "dogs")
        place.mkdir(parents=True, exist_ok=True)
        write_image(place / f"{index:03d}.png", pixels)


def clips(folder: Path) -> None:
    """Short MP4 files."""
    folder.mkdir()
    for index, frames in enumerate(World(size=32, video=True, frames=16).clips(np.arange(CLIPS))):
        write_video(folder / f"{index:02d}.mp4", frames, 8.0)


def table(folder: Path) -> None:
    """A table of the photos with a column to group by."""
    rows = [f"{'cats' if i % 2 else 'dogs'}/{i:03d}.png,p{i // 4}" for i in range(PHOTOS)]
    (folder / "photos.csv").write_text("\n".join(["path,patient", *rows]) + "\n")


def captions(folder: Path) -> None:
    """A table of the photos with a caption of each."""
    said = World(size=32).captions(np.arange(PHOTOS))
    rows = [f'{"cats" if i % 2 else "dogs"}/{i:03d}.png,"{said[i]}"' for i in range(PHOTOS)]
    (folder / "captions.csv").write_text("\n".join(["path,caption", *rows]) + "\n")


def checkpoints(folder: Path) -> None:
    """What others might have published: random weights in their layouts."""
    generator, discriminator = dcgan_generator(3, 4, 10).state_dict(), dcgan_discriminator(3, 4).state_dict()
    torch.save(generator, folder / "netG.pth")
    torch.save({"netG": generator, "netD": discriminator, "epoch": 25}, folder / "both.pth")
    torch.save(VideoGenerator(3, 4, 8, 0, 4).state_dict(), folder / "mocogan.pth")
    (folder / "mocogan.json").write_text('{"dim_z_category": 0}')
    pipeline_folder(folder / "ddpm-pipeline")
    for name, layout, arguments in (
        ("stylegan2-cifar10.pkl", stylegan2.GENERATOR, STYLEGAN2),
        ("stylegan3-faces.pkl", stylegan3.GENERATOR, STYLEGAN3),
    ):
        pickled(folder / name, published_tensors(layout, arguments), arguments)


def succeed(*words: object) -> None:
    """Run ``diorama WORDS``, which must end with 0."""
    code = run([str(word) for word in words])
    assert code == 0, f"`diorama {' '.join(map(str, words))}` ended with {code}"


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that a page may begin with, made once."""
    folder = tmp_path_factory.mktemp("stock")
    photos(folder / "photos")
    photos(folder / "more-photos", seed=1)
    clips(folder / "clips")
    table(folder)
    captions(folder)
    checkpoints(folder)
    for name in ("photos", "more-photos"):
        succeed("prepare", folder / name, "--out", folder / name.replace("photos", "prepared"), "--size", 32)
    prepared, first = folder / "prepared", folder / "runs" / "first"
    succeed("train", f"{TOYS}:ddpm_cpu", "--data", prepared, "--out", first)
    succeed("train", f"{TOYS}:ddpm_class_cpu", "--data", prepared, "--out", folder / "runs" / "labelled")
    succeed("sample", first, "--count", 24, "--out", folder / "samples")
    succeed("sample", first, "--count", 2, "--out", folder / "two-samples")
    return folder


@pytest.fixture
def workshop(stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """``workshop("photos", …)`` makes a folder with these in it the current one, and keeps the built-in world small.

    ``"two-samples=samples"`` puts the first there under the other name.
    """
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    few_walks(monkeypatch)
    monkeypatch.setattr(world_source, "PICTURES", PHOTOS)
    monkeypatch.setattr(world_source, "CLIPS", CLIPS)

    def open_with(*names: str) -> Path:
        place = tmp_path / "place"
        place.mkdir()
        for given in names:
            kept, _, other = given.partition("=")
            origin, name = stock / kept, other or kept
            if origin.is_dir():
                shutil.copytree(origin, place / name)
            else:
                shutil.copy(origin, place / name)
        monkeypatch.chdir(place)
        return place

    return open_with
