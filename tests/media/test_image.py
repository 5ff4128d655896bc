"""Pictures of every kind are read as the documentation says, in their own units."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from diorama.core.contracts import MediaSpec
from diorama.media import jpeg as fast_jpeg
from diorama.media.image import is_animated, read_frames, read_image, read_size, suffix_for, write_image
from diorama.media.limits import Limits
from tests.media.examples import deep_png, jpeg, noise, npy, png, saved


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "BMP", "TIFF", "PPM"])
def test_colour_is_read_exactly(file_format: str) -> None:
    pixels = noise(7, 9, 3)
    options = {"lossless": True} if file_format == "WEBP" else {}
    picture = read_image(saved(Image.fromarray(pixels), file_format, **options), "x")
    assert (picture.pixels == pixels).all()
    assert picture.notes == ()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP", "TIFF", "GIF"])
def test_grey_keeps_one_channel(file_format: str) -> None:
    picture = read_image(saved(Image.fromarray(np.full((8, 8), 90, np.uint8)), file_format), "x")
    colours = 3 if file_format == "GIF" else 1  # a GIF has a palette even where it is grey
    assert picture.pixels.shape in ((8, 8, 1), (8, 8, colours))
    assert abs(int(picture.pixels[4, 4, 0]) - 90) <= 1


def test_simplejpeg_and_pillow_give_the_same_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("simplejpeg")
    content = jpeg(33, 47)
    fast = read_image(content, "x").pixels
    monkeypatch.setattr(fast_jpeg, "simplejpeg", None)
    thorough = read_image(content, "x").pixels
    assert (fast == thorough).all()


def test_grey_jpeg_has_one_channel_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(Image.fromarray(noise(16, 16)), "JPEG")
    fast = read_image(content, "x").pixels
    monkeypatch.setattr(fast_jpeg, "simplejpeg", None)
    assert fast.shape == (16, 16, 1)
    assert (fast == read_image(content, "x").pixels).all()


def test_palette_becomes_colour() -> None:
    image = Image.fromarray(noise(8, 8, 3)).quantize(16)
    picture = read_image(saved(image, "PNG"), "x")
    assert (picture.pixels == np.asarray(image.convert("RGB"))).all()
    assert picture.mode == "P"
    assert picture.notes == ("palette became colour",)


def test_alpha_is_laid_over_white_and_said() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 100, 0, 255)
    picture = read_image(saved(Image.fromarray(pixels), "PNG"), "x")
    assert picture.pixels[0, 0].tolist() == [200, 100, 0]
    assert (picture.pixels[1] == 255).all()
    assert picture.notes == ("alpha laid over white",)


def test_opaque_alpha_is_dropped_silently() -> None:
    pixels = noise(4, 4, 4)
    pixels[..., 3] = 255
    picture = read_image(saved(Image.fromarray(pixels), "PNG"), "x")
    assert (picture.pixels == pixels[..., :3]).all()
    assert picture.notes == ()


def test_grey_with_alpha_stays_grey() -> None:
    picture = read_image(saved(Image.new("LA", (3, 3), (0, 0)), "PNG"), "x")
    assert (picture.pixels == 255).all()
    assert picture.pixels.shape == (3, 3, 1)


def test_a_transparent_colour_of_a_palette_counts_as_alpha() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    picture = read_image(saved(image, "PNG", transparency=0), "x")
    assert (picture.pixels == 255).all()


def test_cmyk_becomes_rgb() -> None:
    picture = read_image(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100), "x")
    assert picture.pixels.shape == (8, 8, 3)
    assert np.abs(picture.pixels[4, 4].astype(int) - [255, 0, 0]).max() < 8
    assert picture.notes == ("CMYK became RGB",)


def test_black_and_white_becomes_0_and_255() -> None:
    picture = read_image(saved(Image.fromarray(np.eye(8) > 0), "PNG"), "x")
    assert (picture.pixels[..., 0] == np.eye(8) * 255).all()


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_stays_16_bit(file_format: str) -> None:
    pixels = noise(5, 6, dtype="uint16")
    picture = read_image(saved(Image.fromarray(pixels), file_format), "x")
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels[..., 0] == pixels).all()


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bit_colour_stays_16_bit(channels: int) -> None:
    pixels = noise(5, 6, channels, dtype="uint16")
    if channels == 4:
        pixels[..., 3] = 65535
    picture = read_image(deep_png(pixels), "x")
    assert picture.pixels.dtype == np.uint16
    assert (picture.pixels == pixels[..., :3]).all()


def test_16_bit_alpha_is_laid_over_white() -> None:
    pixels = np.zeros((2, 3, 4), np.uint16)
    picture = read_image(deep_png(pixels), "x")
    assert (picture.pixels == 65535).all()
    assert picture.notes == ("alpha laid over white",)


def test_float_stays_float() -> None:
    pixels = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    picture = read_image(saved(Image.fromarray(pixels), "TIFF"), "x")
    assert picture.pixels.dtype == np.float32
    assert (picture.pixels[..., 0] == pixels).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    image = Image.fromarray(noise(16, 24, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = saved(image, "PNG", exif=exif)
    picture = read_image(content, "x")
    upright = Image.open(io.BytesIO(content))
    assert (picture.pixels == np.asarray(ImageOps.exif_transpose(upright))).all()
    assert bool(picture.notes) == (orientation != 1)


def test_exif_of_a_jpeg_is_seen_behind_the_fast_reader() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.fromarray(noise(16, 24, 3)), "JPEG", exif=exif)
    assert read_image(content, "x").pixels.shape == (24, 16, 3)


def test_arrays_keep_their_channels() -> None:
    pixels = np.random.default_rng(0).random((6, 7, 9)).astype(np.float32)
    picture = read_image(npy(pixels), "x.npy")
    assert (picture.pixels == pixels).all()
    assert picture.mode == "array"


def test_an_animation_gives_its_first_frame_and_says_so() -> None:
    frames = [Image.fromarray(noise(8, 8, 3, seed=s)) for s in range(3)]
    content = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=40)
    picture = read_image(content, "x")
    assert (picture.pixels == np.asarray(frames[0])).all()
    assert picture.notes == ("first of 3 frames",)
    assert is_animated(content, "x")
    assert not is_animated(png(), "x")


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF"])
def test_frames_come_with_their_times(file_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), (40 * s, 0, 255 - 40 * s)) for s in range(4)]
    options = {"lossless": True} if file_format == "WEBP" else {}
    content = saved(
        frames[0], file_format, save_all=True, append_images=frames[1:], duration=[20, 40, 60, 80], **options
    )
    read = list(read_frames(content, "x"))
    assert [f.seconds for f in read] == pytest.approx([0.0, 0.02, 0.06, 0.12])
    for frame, original in zip(read, frames, strict=True):
        assert np.abs(frame.pixels.astype(int) - np.asarray(original)).max() <= 1


def test_the_pages_of_a_stack_are_frames() -> None:
    pages = [Image.fromarray(noise(5, 4, dtype="uint16", seed=s)) for s in range(3)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert read_image(content, "x").notes == ("first of 3 pages",)
    read = [f.pixels for f in read_frames(content, "x")]
    assert all((a[..., 0] == np.asarray(b)).all() for a, b in zip(read, pages, strict=True))


def test_a_still_is_a_clip_of_one_frame() -> None:
    assert len(list(read_frames(png(), "x"))) == 1


def test_size_is_known_from_the_beginning_of_a_file() -> None:
    assert read_size(png(30, 40)[:200], "x", Limits()) == (30, 40)


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels"),
    [
        (".png", "uint8", 3),
        (".png", "uint8", 1),
        (".png", "uint16", 1),
        (".webp", "uint8", 3),
        (".tif", "uint8", 3),
        (".tif", "uint16", 1),
        (".tiff", "float32", 1),
        (".npy", "float32", 5),
        (".npy", "uint16", 3),
    ],
)
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str, dtype: str, channels: int) -> None:
    whole = noise(6, 7, channels, dtype="uint16" if dtype == "float32" else dtype)
    pixels = whole.astype(dtype)
    write_image(tmp_path / f"x{suffix}", pixels)
    read = read_image((tmp_path / f"x{suffix}").read_bytes(), "x").pixels
    assert read.dtype == pixels.dtype
    assert (read == pixels).all()
    assert [p.name for p in tmp_path.iterdir()] == [f"x{suffix}"]


def test_jpegs_are_written_finely(tmp_path: Path) -> None:
    pixels = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3).astype(np.uint8)
    write_image(tmp_path / "x.jpg", pixels)
    read = read_image((tmp_path / "x.jpg").read_bytes(), "x").pixels
    assert np.abs(read.astype(int) - pixels).mean() < 2


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("x.png", noise(4, 4, 5)),
        ("x.png", noise(4, 4, 3, dtype="uint16")),
        ("x.jpg", noise(4, 4, 1, dtype="uint16")),
        ("x.png", np.zeros((4, 4, 1), np.float32)),
        ("x.png", noise(4, 4)),
        ("x.bmp", noise(4, 4, 3)),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, name: str, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"written as|cannot hold"):
        write_image(tmp_path / name, pixels)
    assert not list(tmp_path.iterdir())


@given(
    dtype=st.sampled_from(["uint8", "uint16", "float16", "float32"]),
    channels=st.integers(1, 5),
)
def test_the_suffix_for_data_holds_them(dtype: str, channels: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    media = MediaSpec(kind="image", channels=channels, height=3, width=4, dtype=dtype)  # type: ignore[arg-type]
    pixels = np.arange(12 * channels).reshape(3, 4, channels).astype(dtype)
    path = tmp_path_factory.mktemp("suffix") / f"x{suffix_for(media)}"
    write_image(path, pixels)
    assert (read_image(path.read_bytes(), "x").pixels == pixels).all()
