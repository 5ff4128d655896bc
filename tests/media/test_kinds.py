"""Files are known by what they hold, and what is not read is named with its remedy."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.data.sources.open import open_source
from diorama.media.image import read_image
from diorama.media.kinds import HEAD_BYTES, foreign_kind, kind_by_content
from diorama.media.video import read_video
from tests.data.sources.examples import fill, read_all, reasons
from tests.media.examples import jpeg, npy, png, saved, smooth_clip


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "JPEG2000", "AVIF"])
def test_pictures_are_known_by_their_first_bytes(file_format: str) -> None:
    content = saved(Image.fromarray(np.zeros((16, 16, 3), np.uint8)), file_format)
    assert kind_by_content(content[:HEAD_BYTES]) == "picture"


@pytest.mark.parametrize(
    ("content", "kind"),
    [(npy(np.zeros((4, 4))), "array"), (b"GIF89a" + bytes(9), "animation"), (b"plain text", None), (b"", None)],
)
def test_other_kinds(content: bytes, kind: str | None) -> None:
    assert kind_by_content(content) == kind


CONTAINERS = {
    "mp4": "libx264",
    "mov": "libx264",
    "3gp": "libx264",
    "matroska": "libx264",
    "avi": "mpeg4",
    "mpegts": "libx264",
    "mpeg": "mpeg1video",
    "flv": "flv",
    "asf": "wmv2",
}


def clip(container_format: str) -> bytes:
    """Twelve frames in a container."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = container.add_stream(CONTAINERS[container_format], rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"  # type: ignore[union-attr]
        for picture in smooth_clip():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]
    return buffer.getvalue()


@pytest.mark.parametrize("container_format", CONTAINERS)
def test_clips_of_every_container_are_read_whatever_they_are_called(tmp_path: Path, container_format: str) -> None:
    content = clip(container_format)
    assert kind_by_content(content[:HEAD_BYTES]) == "video"
    fill(tmp_path, {"clip.bin": content})
    for path in (tmp_path, tmp_path / "clip.bin"):
        _, items = read_all(path)
        loaded = items[0].load()
        frames = [frame.pixels for frame in read_video(loaded if isinstance(loaded, bytes) else Path(str(loaded)))]
        assert len(frames) == 12
        assert np.abs(frames[5].astype(int) - smooth_clip()[5]).mean() < 12


def test_names_without_a_suffix_or_with_a_useless_one(tmp_path: Path) -> None:
    files = {"a/img_0": jpeg(), "a/img_1.jpg?w=640": jpeg(seed=1), "a/img_2.PNG.bak": png(), "a/notes": b"text"}
    source, items = read_all(fill(tmp_path, files))
    assert sorted(item.path for item in items) == ["a/img_0", "a/img_1.jpg?w=640", "a/img_2.PNG.bak"]
    assert {item.kind for item in items} == {"image"}
    assert set(reasons(source)) == {"a/notes"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\x0a" + bytes(30), "djxl"),
        (b"\0\0\0\x0cJXL \r\n" + bytes(30), "djxl"),
        (b"8BPS" + bytes(30), "export it as PNG"),
        (b"MATLAB 5.0 MAT-file" + bytes(100), "scipy.io.loadmat"),
        (b"Rar!\x1a\x07\x00" + bytes(30), "unpack it"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(30), "unpack it"),
        (bytes(344) + b"ni1\0", "nibabel"),
    ],
)
def test_kinds_that_are_not_read_are_named_with_the_remedy(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in str(foreign_kind(content))
    source, _ = read_all(fill(tmp_path, {"0.png": png(), "x.bin": content}))
    assert words in reasons(source)["x.bin"]
    with pytest.raises(BadInput, match=words.replace(".", r"\.")):
        open_source(tmp_path / "x.bin")


def test_heic_is_read_or_named(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    buffer = io.BytesIO()
    heif.from_pillow(Image.fromarray(np.full((64, 64, 3), 90, np.uint8))).save(buffer)
    assert kind_by_content(buffer.getvalue()[:HEAD_BYTES]) == "picture"


def test_heic_without_its_reader_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.media.kinds.HEIF_IS_READ", False)
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
    assert kind_by_content(head) is None
    assert "pip install pillow-heif" in str(foreign_kind(head))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x80\x04\x95" + bytes(9), "pickle"),
        (b"\0\0\x08\x03" + bytes(99), "IDX"),
        (b"\x1f\x8b\x08" + bytes(99), "gunzip"),
        (b"PK\x03\x04" + bytes(99), "call it .zip"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "develop it"),
        (b"\x1aE\xdf\xa3" + bytes(99), "not a picture but a clip"),
    ],
)
def test_what_is_called_a_picture_and_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    monkeypatch.setattr("diorama.media.kinds.HEIF_IS_READ", False)
    with pytest.raises(BadInput, match=words):
        read_image(content, "x.jpg")


def test_transport_streams_with_times_between_their_packets_are_clips() -> None:
    head = b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(3))
    assert kind_by_content(head[:HEAD_BYTES]) == "video"
