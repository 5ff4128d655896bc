"""Clips keep their pictures and their clock; broken ones are refused by name."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.media.limits import Limits
from diorama.media.video import probe, read_video, write_video
from tests.media.examples import STAMP, noise, png, smooth_clip


def encoded(frames: np.ndarray, name: str = "avi", codec: str = "ffv1", times: list[int] | None = None) -> bytes:
    """A clip by FFmpeg, with times in milliseconds."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=name) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, 25)
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = times[index] if times else index
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(("suffix", "error"), [(".mp4", 4.0), (".webm", 4.0), (".gif", 6.0)])
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str, error: float) -> None:
    clip = smooth_clip()
    path = tmp_path / f"x{suffix}"
    write_video(path, clip, 10.0, STAMP)
    frames = list(read_video(path))
    assert len(frames) == len(clip)
    assert [f.seconds for f in frames] == pytest.approx([i / 10 for i in range(len(clip))], abs=1e-3)
    read = np.stack([f.pixels for f in frames])
    assert np.abs(read.astype(int) - clip).mean() < error
    # A codec that darkens or tints would shift every measure of samples.
    assert np.abs((read.astype(int) - clip).mean((0, 1, 2))).max() < 1.0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_the_same_clip_gives_the_same_file(tmp_path: Path, suffix: str) -> None:
    written = []
    for index in range(4):
        path = tmp_path / f"{index}{suffix}"
        write_video(path, smooth_clip(), 8.0, STAMP)
        written.append(path.read_bytes())
    assert len(set(written)) == 1


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_odd_sizes_get_one_more_row_and_column(tmp_path: Path, suffix: str) -> None:
    clip = smooth_clip(3, 31, 33)
    write_video(tmp_path / f"x{suffix}", clip, 8.0)
    pixels = next(read_video(tmp_path / f"x{suffix}")).pixels
    assert pixels.shape == (32, 34, 3)
    assert np.abs(pixels[:31, :33].astype(int) - clip[0]).mean() < 4


def test_grey_clips_are_written_as_colour(tmp_path: Path) -> None:
    write_video(tmp_path / "x.mp4", smooth_clip(3)[..., :1], 8.0)
    pixels = next(read_video(tmp_path / "x.mp4")).pixels.astype(int)
    assert np.abs(pixels[..., 0] - pixels[..., 1]).max() <= 2


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_the_header_tells_size_clock_and_length(tmp_path: Path, suffix: str) -> None:
    write_video(tmp_path / f"x{suffix}", smooth_clip(12), 8.0)
    info = probe(tmp_path / f"x{suffix}")
    assert (info.height, info.width, info.frames) == (32, 48, 12)
    assert info.fps == pytest.approx(8.0)
    assert info.seconds == pytest.approx(1.5, abs=0.15)


def test_the_header_of_a_gif(tmp_path: Path) -> None:
    write_video(tmp_path / "x.gif", smooth_clip(5), 10.0)
    info = probe((tmp_path / "x.gif").read_bytes())
    assert (info.height, info.width, info.frames, info.fps) == (32, 48, 5, pytest.approx(10.0))


def test_gif_times_do_not_drift(tmp_path: Path) -> None:
    write_video(tmp_path / "x.gif", smooth_clip(30), 24.0)
    assert list(read_video(tmp_path / "x.gif"))[-1].seconds == pytest.approx(29 / 24, abs=0.011)


def test_lossless_avi_is_exact() -> None:
    clip = noise(4, 16, 24, 3)
    assert (np.stack([f.pixels for f in read_video(encoded(clip), "x")]) == clip).all()


def test_variable_clocks_keep_their_times() -> None:
    times = [0, 100, 150, 400, 1000]
    frames = list(read_video(encoded(smooth_clip(5), "matroska", times=times), "x"))
    assert [f.seconds for f in frames] == pytest.approx([t / 1000 for t in times], abs=2e-3)


def test_content_counts_and_not_the_name(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(encoded(smooth_clip(3), "webm", "libvpx-vp9"))
    assert len(list(read_video(tmp_path / "x.mp4"))) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just text\n" * 20,
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"\x1aE\xdf\xa3" + bytes(200),
        b"\0\0\0\x18ftypmp42" + bytes(200),
        b"RIFF\0\0\0\0AVI " + bytes(200),
        encoded(noise(20, 32, 32, 3), "mp4", "libx264")[:9000],
        encoded(noise(20, 32, 32, 3), "matroska", "libx264")[:9000],
    ],
    ids=["empty", "text", "playlist", "list", "webm", "mp4", "avi", "cut mp4", "cut mkv"],
)
def test_broken_and_foreign_clips_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.mp4").write_bytes(content)
    with pytest.raises(BadInput, match=r"^odd\.mp4: "):
        list(read_video(tmp_path / "odd.mp4"))
    with pytest.raises(BadInput, match=r"^other: "):
        list(read_video(content, "other"))


def test_a_clip_without_pictures_is_refused() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(BadInput, match="no video stream"):
        list(read_video(buffer.getvalue(), "sound.mp4"))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"gone\.mp4: cannot be read"):
        probe(tmp_path / "gone.mp4")


def test_large_frames_are_refused_before_decoding() -> None:
    content = encoded(smooth_clip(2))
    for read in (probe, lambda *a: list(read_video(*a))):
        with pytest.raises(BadInput, match="more than 100 pixels"):
            read(content, "x", Limits(pixels=100))


def test_a_still_picture_is_a_clip_of_one_frame(tmp_path: Path) -> None:
    assert len(list(read_video(png(), "x"))) == 1
    (tmp_path / "x.gif").write_bytes(png())
    with pytest.raises(BadInput, match="larger than"):
        list(read_video(tmp_path / "x.gif", limits=Limits(entry_bytes=10)))


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("x.mp4", noise(2, 8, 8, 4)),
        ("x.mp4", np.zeros((0, 8, 8, 3), np.uint8)),
        ("x.mp4", np.zeros((2, 8, 8, 3), np.float32)),
        ("x.avi", noise(2, 8, 8, 3)),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, name: str, frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="clip"):
        write_video(tmp_path / name, frames, 8.0)


@pytest.mark.parametrize(("cells", "turns"), [((0, 1, -1, 0), -1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 1)])
def test_a_clip_of_a_turned_camera_is_shown_upright(cells: tuple[int, int, int, int], turns: int) -> None:
    a, b, c, d = cells
    content = encoded(smooth_clip(2), "mp4", "libx264")
    level = next(read_video(content, "x")).pixels
    # The matrix of a track header, ISO/IEC 14496-12, 8.3.2: a b u, c d v, x y w, of which u, v and w have 30 bits
    # behind the point and the others 16.
    plain, turned = (
        struct.pack(">9i", *m)
        for m in (
            [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30],
            [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30],
        )
    )
    head, track = content.split(b"tkhd")
    assert plain in track
    read = next(read_video(head + b"tkhd" + track.replace(plain, turned, 1), "x")).pixels
    assert (read == np.rot90(level, turns)).all()


def h264(frames: list[np.ndarray], *, aspect: Fraction | None = None, last: int = 100, flags: str = "") -> bytes:
    """A clip of ten frames a second, whose last one lasts for so many milliseconds."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=10, options={"flags": flags} if flags else {})
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"  # type: ignore[union-attr]
        stream.codec_context.time_base, stream.codec_context.max_b_frames = Fraction(1, 1000), 0  # type: ignore[union-attr]
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect  # type: ignore[union-attr]
        packets = []
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i * 100, Fraction(1, 1000)
            packets += stream.encode(frame)  # type: ignore[union-attr]
        packets += stream.encode(None)  # type: ignore[union-attr]
        for i, packet in enumerate(packets):
            packet.duration = last if i == len(packets) - 1 else 100
            container.mux(packet)
    return buffer.getvalue()


@pytest.mark.parametrize(("aspect", "shape"), [(Fraction(2), (64, 128)), (Fraction(1, 2), (128, 64)), (None, (64, 64))])
def test_pixels_become_square(aspect: Fraction | None, shape: tuple[int, int]) -> None:
    content = h264([np.full((64, 64, 3), 128, np.uint8)] * 3, aspect=aspect)
    assert next(read_video(content)).pixels.shape == (*shape, 3)
    assert probe(content).aspect == pytest.approx(float(aspect or 1))


def test_a_last_frame_may_be_shown_for_long() -> None:
    content = h264([np.full((32, 32, 3), 10 * i, np.uint8) for i in range(20)], last=8_000)
    assert len(list(read_video(content))) == 20


def test_interlaced_frames_say_so() -> None:
    frames = [np.full((64, 64, 3), 10 * i, np.uint8) for i in range(6)]
    assert any(frame.interlaced for frame in read_video(h264(frames, flags="+ilme+ildct")))
    assert not any(frame.interlaced for frame in read_video(h264(frames)))


def test_the_rate_of_an_animated_picture_counts_frames_that_its_writer_joined(tmp_path: Path) -> None:
    levels = [0, 0, 0, 90, 180, 180, 250]
    pictures = [Image.fromarray(np.full((8, 8, 3), level, np.uint8)) for level in levels]
    for suffix in (".gif", ".png"):
        path = tmp_path / f"joined{suffix}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
        assert probe(path).fps == pytest.approx(10)


@pytest.mark.parametrize("late", [0, 5_000])
def test_a_clip_whose_last_frame_is_held_or_whose_first_comes_late_is_whole(late: int) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base, stream.codec_context.max_b_frames = Fraction(1, 1000), 0
        packets = []
        for index, pixels in enumerate(smooth_clip(10)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = late + 100 * index, Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for number, packet in enumerate(packets):
            packet.duration = 100 if late or number < 9 else 8_000
            container.mux(packet)
    frames = list(read_video(buffer.getvalue(), "x.mkv"))
    assert [frame.seconds for frame in frames] == pytest.approx([0.1 * i for i in range(10)], abs=2e-3)
    with pytest.raises(BadInput):
        list(read_video(buffer.getvalue()[: len(buffer.getvalue()) // 3], "x.mkv"))


def test_a_last_frame_that_is_shown_for_a_moment_does_not_raise_the_rate() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = container.add_stream("libx264", rate=1_000)
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        stream.codec_context.time_base, stream.codec_context.max_b_frames = Fraction(1, 1000), 0
        for index, pixels in enumerate(smooth_clip(10)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 100 * index, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert probe(buffer.getvalue(), "x.mov").fps == pytest.approx(10, rel=1e-3)
