"""The same picture, however its file holds it, is the same array."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from diorama.media import jpeg as plain_jpeg
from diorama.media.image import read_image
from diorama.media.orientation import turned
from diorama.media.video import read_video
from tests.media.examples import deep_png, saved

GREY = np.random.default_rng(0).integers(0, 256, (6, 4)).astype(np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 4, 3)).astype(np.uint8)
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2


def tiff(pixels: np.ndarray, orientation: int = 1, photometric: int | None = None) -> bytes:
    """A plain TIFF of one strip, 8 or 16 bits a channel."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    data, bits = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes(), 8 * pixels.itemsize
    photometric = photometric if photometric is not None else RGB if channels == 3 else BLACK_IS_ZERO
    count = 10
    extra = 8 + 2 + 12 * count + 4
    depth = (3, 1, bits) if channels == 1 else (3, channels, extra)
    tags = {256: (3, 1, width), 257: (3, 1, height), 258: depth, 259: (3, 1, 1), 262: (3, 1, photometric)}
    tags |= {273: (4, 1, extra + 8), 274: (3, 1, orientation), 277: (3, 1, channels), 278: (3, 1, height)}
    tags |= {279: (4, 1, len(data))}
    entries = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in tags.items())
    head = struct.pack("<2sHIH", b"II", 42, 8, count) + entries + struct.pack("<I4H", 0, bits, bits, bits, 0)
    return head + data


def exif(orientation: int) -> Image.Exif:
    """EXIF of nothing but an orientation."""
    marks = Image.Exif()
    marks[0x0112] = orientation
    return marks


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_is_that_of_pillow(orientation: int) -> None:
    file = saved(Image.fromarray(COLOUR), "PNG", exif=exif(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    assert (turned(COLOUR, orientation) == expected).all()
    assert (turned(COLOUR, 9) == COLOUR).all()


DEEP, DEEP_GREY = COLOUR.astype(np.uint16) * 257, GREY.astype(np.uint16) * 257
ENCODINGS: dict[str, tuple[Callable[[int], bytes], np.ndarray]] = {
    "png": (lambda o: saved(Image.fromarray(COLOUR), "PNG", exif=exif(o)), COLOUR),
    "webp": (lambda o: saved(Image.fromarray(COLOUR), "WEBP", exif=exif(o), lossless=True), COLOUR),
    "tiff": (lambda o: tiff(COLOUR, o), COLOUR),
    "packed tiff": (
        lambda o: saved(Image.fromarray(COLOUR), "TIFF", compression="tiff_lzw", tiffinfo={274: o}),
        COLOUR,
    ),
    "deep tiff": (lambda o: tiff(DEEP, o), DEEP),
    "grey tiff": (lambda o: tiff(GREY, o), GREY[..., None]),
    "grey tiff from white": (lambda o: tiff(255 - GREY, o, WHITE_IS_ZERO), GREY[..., None]),
    "deep grey tiff": (lambda o: tiff(DEEP_GREY, o), DEEP_GREY[..., None]),
    "deep grey tiff from white": (lambda o: tiff(65535 - DEEP_GREY, o, WHITE_IS_ZERO), DEEP_GREY[..., None]),
}


@pytest.mark.parametrize("orientation", [1, 2, 6, 7])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_turned_and_kept(encoding: str, orientation: int) -> None:
    made, pixels = ENCODINGS[encoding]
    picture = read_image(made(orientation), encoding)
    assert picture.pixels.dtype == pixels.dtype
    assert (picture.pixels == turned(pixels, orientation)).all()
    assert any("turned" in note for note in picture.notes) == (orientation != 1)
    assert any("zero stood for white" in note for note in picture.notes) == (encoding == "deep grey tiff from white")


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("mark", ["exif", "xmp"])
def test_jpegs_are_turned_wherever_the_orientation_stands(
    monkeypatch: pytest.MonkeyPatch, mark: str, fast: bool
) -> None:
    if not fast:
        monkeypatch.setattr(plain_jpeg, "simplejpeg", None)
    pixels = np.zeros((32, 16, 3), np.uint8)
    pixels[:8] = (250, 10, 10)
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>"
    xmp += b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'/></rdf:RDF></x:xmpmeta>"
    file = saved(Image.fromarray(pixels), "JPEG", quality=95, **({"exif": exif(6)} if mark == "exif" else {"xmp": xmp}))
    found = read_image(file, "x").pixels
    assert found.shape == (16, 32, 3)
    assert found[8, 28, 0] > 200 > 50 > found[8, 4, 0]


def test_grey_with_alpha_stays_grey() -> None:
    opaque = np.stack([DEEP_GREY, np.full_like(DEEP_GREY, 65535)], -1)
    picture = read_image(deep_png(opaque), "x")
    assert (picture.pixels == DEEP_GREY[..., None]).all()
    assert picture.notes == ()
    clear = np.stack([DEEP_GREY, np.zeros_like(DEEP_GREY)], -1)
    picture = read_image(deep_png(clear), "x")
    assert picture.pixels.shape == (6, 4, 1)
    assert (picture.pixels == 65535).all()


@pytest.mark.parametrize(
    ("container_format", "codec", "pixels"),
    [
        ("mov", "png", "rgba"),
        ("mov", "qtrle", "argb"),
        ("webm", "libvpx", "yuva420p"),
        ("webm", "libvpx-vp9", "yuva420p"),
        ("matroska", "ffv1", "bgra"),
    ],
)
def test_alpha_of_clips_is_laid_over_white(container_format: str, codec: str, pixels: str) -> None:
    picture = np.random.default_rng(2).integers(0, 256, (16, 16, 4)).astype(np.uint8)
    picture[..., 3] = 0
    picture[4:8, 4:8] = (200, 0, 0, 255)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        # With its references to frames that are not shown this encoder takes no alpha.
        stream = container.add_stream(codec, rate=Fraction(8), options={"auto-alt-ref": "0"} if "vpx" in codec else {})
        stream.width, stream.height, stream.pix_fmt = 16, 16, pixels  # type: ignore[union-attr]
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba")
            container.mux(stream.encode(frame.reformat(format=pixels)))  # type: ignore[union-attr]
        container.mux(stream.encode(None))  # type: ignore[union-attr]
    frames = [frame.pixels for frame in read_video(buffer.getvalue(), "x")]
    assert len(frames) == 3
    lossy = 8 if container_format == "webm" else 0
    assert abs(frames[0][5, 5].astype(int) - (200, 0, 0)).max() <= 4 * lossy
    frames[0][4:8, 4:8] = 255
    assert frames[0].min() >= 255 - lossy


@pytest.mark.parametrize(("colour_type", "key"), [(0, b"\0\1"), (2, b"\0\1" * 3)])
def test_a_transparent_colour_of_16_bits_is_laid_over_white(colour_type: int, key: bytes) -> None:
    pixels = np.full((4, 4, 3 if colour_type else 1), 900, np.uint16)
    pixels[0] = 1
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", 4, 4, 16, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"tRNS", key), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks]
    picture = read_image(b"\x89PNG\r\n\x1a\n" + b"".join(packed), "x.png")
    assert (picture.pixels[0] == 65_535).all()
    assert (picture.pixels[1:] == 900).all()
    assert "alpha laid over white" in picture.notes
