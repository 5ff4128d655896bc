"""Cases of pictures and arrays: the very values that are stored, their type, axes and orientation.

Each test bears the name of the report that it stands for. That every single encoding of a picture is read alike is held
in ``tests/media/test_encodings.py``; here whole folders of them go through the command.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.media import jpeg as plain_jpeg
from tests.data.pictures import picture, save
from tests.data.sources.examples import fill
from tests.journeys.cases.conftest import Prepare
from tests.journeys.conftest import Run
from tests.media.examples import deep_png, saved
from tests.media.test_encodings import WHITE_IS_ZERO, tiff

KEEP = ("--size", "None")
COUNT = 8


def _arrays(folder: Path, arrays: list[np.ndarray]) -> Path:
    folder.mkdir()
    for number, array in enumerate(arrays):
        np.save(folder / f"{number:02d}.npy", array)
    return folder


def test_c04_slices_of_signed_integers_share_one_scale(prepare: Prepare, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    slices = [rng.normal(40 + 20 * i, 30, (32, 32)).astype(np.int16) for i in range(COUNT)]
    for number, body in enumerate(slices):
        body[:8] = -1000 if number % 2 else np.clip(body[:8], 0, 3000)
    made = prepare(_arrays(tmp_path / "set", slices), *KEEP)
    assert made.dataset.info.media.dtype == "float32"
    for path, pixels in made.pixels.items():
        assert (pixels[..., 0] == slices[int(path[:2])]).all()
    assert made.said("records became float32, unscaled")


def test_c04c_wide_integers_become_the_smallest_type_of_all_files(prepare: Prepare, tmp_path: Path) -> None:
    tops = [200, 4000] * (COUNT // 2)
    arrays = [np.random.default_rng(i).integers(0, top, (32, 32)) for i, top in enumerate(tops)]
    made = prepare(_arrays(tmp_path / "set", arrays), *KEEP)
    assert made.dataset.info.media.dtype == "uint16"
    for path, pixels in made.pixels.items():
        assert (pixels[..., 0] == arrays[int(path[:2])]).all()
    assert made.said("records became uint16, unscaled")


def test_c05_bands_come_last_and_the_reading_is_noted(prepare: Prepare, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    patches = [rng.integers(0, 10_000, (13, 64, 64)).astype(np.uint16) for _ in range(COUNT)]
    made = prepare(_arrays(tmp_path / "set", patches), *KEEP)
    media = made.dataset.info.media
    assert (media.height, media.width, media.channels, media.dtype) == (64, 64, 13, "uint16")
    for path, pixels in made.pixels.items():
        assert (pixels == patches[int(path[:2])].transpose(1, 2, 0)).all()
    assert made.said("8 x array read as channels, height, width: 13 channels; --axes says otherwise")


def test_c31_a_volume_is_asked_about_and_read_as_one_is_told(prepare: Prepare, tmp_path: Path) -> None:
    volumes = [np.random.default_rng(i).integers(0, 255, (40, 64, 64)).astype(np.uint8) for i in range(3)]
    folder = _arrays(tmp_path / "set", volumes)
    made = prepare(folder, *KEEP)
    assert made.said("3 x array read as channels, height, width: 40 channels; --axes says otherwise")
    made = prepare(folder, *KEEP, "--axes", "nhw")
    assert len(made.dataset) == 120
    found = {pixels.tobytes() for pixels in made.pixels.values()}
    assert found == {np.ascontiguousarray(one).tobytes() for volume in volumes for one in volume}


@pytest.mark.parametrize("case", ["c06 deep colour", "c06b eight bits", "c06c deep grey", "c35 xmp", "c35 xmp, slow"])
def test_c06_c35_orientation_is_applied_and_noted(
    prepare: Prepare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    stored = picture(0, (48, 32))
    stored[:8] = (255, 0, 0)
    expected = np.rot90(stored, -1)
    deep, grey = stored.astype(np.uint16) * 257, stored[..., 0].astype(np.uint16) * 100
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    xmp += b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation=\"6\"/></rdf:RDF></x:xmpmeta>"
    content = {
        "c06 deep colour": tiff(deep, 6),
        "c06b eight bits": tiff(stored, 6),
        "c06c deep grey": tiff(grey, 6),
    }.get(case) or saved(Image.fromarray(stored), "JPEG", quality=95, subsampling=0, xmp=xmp)
    if case == "c35 xmp, slow":
        monkeypatch.setattr(plain_jpeg, "simplejpeg", None)
    fill(tmp_path / "set", {"one.tif" if "c06" in case else "one.jpg": content})
    made = prepare(tmp_path / "set", *KEEP)
    (pixels,) = made.pixels.values()
    assert pixels.shape[:2] == (32, 48)
    if case == "c06c deep grey":
        assert (pixels[..., 0] == np.rot90(grey, -1)).all()
    elif case == "c06 deep colour":
        assert (pixels == expected.astype(np.uint16) * 257).all()
    else:
        assert abs(pixels.astype(int) - expected).mean() < (3 if "c35" in case else 1e-9)
    assert made.said("1 x turned as its orientation says")


def test_c12_wide_pictures_stay_pictures_if_asked(prepare: Prepare, tmp_path: Path) -> None:
    for i in range(COUNT):
        save(picture(i, (64, 512), 1), tmp_path / f"set/{i}.png")
    made = prepare(tmp_path / "set", *KEEP)
    assert made.dataset.info.media.frames == 8
    assert made.said("8 pictures were read as film strips, one clip each; --no-strip keeps them pictures")
    made = prepare(tmp_path / "set", *KEEP, "--no-strip")
    media = made.dataset.info.media
    assert (media.kind, media.height, media.width, media.channels) == ("image", 64, 512, 1)
    assert all((pixels == picture(int(path[0]), (64, 512), 1)).all() for path, pixels in made.pixels.items())


@pytest.mark.parametrize("case", ["noext", "query"])
def test_c17_pictures_are_known_by_their_content(prepare: Prepare, tmp_path: Path, case: str) -> None:
    ending = "" if case == "noext" else ".jpg?w=640"
    files = {f"img_{i}{ending}": saved(Image.fromarray(picture(i)), "JPEG", quality=95) for i in range(6)}
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    assert set(made.pixels) == set(files)
    for i, name in enumerate(files):
        assert abs(made.pixels[name].astype(int) - picture(i)).mean() < 8


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("IMG_0.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "HEIC"),
        ("0.dcm", bytes(128) + b"DICM" + bytes(300), "a DICOM file; `pip install 'diorama[medical]'` reads it"),
    ],
    ids=["phone", "dicom"],
)
def test_c17_kinds_that_are_not_read_are_named(
    diorama: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, said: str
) -> None:
    monkeypatch.setattr("diorama.media.kinds.HEIF_IS_READ", False)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    told = diorama("prepare", fill(tmp_path / "set", {name: content}), "--out", tmp_path / "out", code=1)
    assert said in told
    assert name != "IMG_0.HEIC" or "`pip install pillow-heif` reads it" in told


@pytest.mark.parametrize("bits", [16, 8])
def test_c18_c18b_zero_that_is_white_is_turned_over(prepare: Prepare, tmp_path: Path, bits: int) -> None:
    y, x = np.mgrid[0:32, 0:32]
    most, dark, bright = ((1 << bits) - 1, 3000, 60_000) if bits == 16 else (255, 20, 230)
    shown = []
    for i in range(COUNT):
        one = np.full((32, 32), dark + i, np.uint16 if bits == 16 else np.uint8)
        one[(y - 16) ** 2 + (x - 10 - i) ** 2 < 36] = bright
        shown.append(one)
    files = {f"{i}.tif": tiff((most - one).astype(one.dtype), 1, WHITE_IS_ZERO) for i, one in enumerate(shown)}
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    for path, pixels in made.pixels.items():
        assert (pixels[..., 0] == shown[int(path[0])]).all()


def test_c18c_deep_grey_with_opaque_alpha_stays_grey(prepare: Prepare, tmp_path: Path) -> None:
    grey = [picture(i, (32, 32), 1).astype(np.uint16) * 200 + 7 for i in range(COUNT)]
    files = {}
    for i, pixels in enumerate(grey):
        opaque = deep_png(np.concatenate([pixels, np.full_like(pixels, 65535)], -1))
        files[f"{i}.png"] = opaque if i % 2 else saved(Image.fromarray(pixels[..., 0]), "PNG")
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    assert (made.dataset.info.media.channels, made.dataset.info.media.dtype) == (1, "uint16")
    assert all((pixels == grey[int(path[0])]).all() for path, pixels in made.pixels.items())


def test_c41_floats_of_0_to_255_count_as_bytes_do(prepare: Prepare, tmp_path: Path) -> None:
    files = {}
    for i in range(COUNT):
        grey = picture(i, (32, 32), 1)[..., 0]
        files[f"{i}"] = (
            saved(Image.fromarray(grey.astype(np.float32)), "TIFF") if i % 2 else saved(Image.fromarray(grey), "PNG")
        )
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    assert all((pixels == picture(int(path), (32, 32), 1)).all() for path, pixels in made.pixels.items())
    assert made.said("uint8 and float32 records became float32", "no value was scaled")


def test_c42_twelve_bits_beside_eight_are_refused(diorama: Run, prepare: Prepare, tmp_path: Path) -> None:
    files = {}
    for i in range(COUNT):
        grey = picture(i, (32, 32), 1)[..., 0]
        files[f"{i}.png"] = saved(Image.fromarray((grey.astype(np.uint16) << 4) if i % 2 else grey), "PNG")
    told = diorama("prepare", fill(tmp_path / "set", files), "--out", tmp_path / "out", code=1)
    assert "8 bits (4, '0.png' among them), 12 of 16 bits" in told
    assert "--values keep" in told
    made = prepare(tmp_path / "set", *KEEP, "--values", "keep")
    for path, pixels in made.pixels.items():
        factor = 16 if int(path[0]) % 2 else 1
        assert (pixels == picture(int(path[0]), (32, 32), 1).astype(int) * factor).all()
