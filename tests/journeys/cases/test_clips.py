"""Cases of clips: shape, colours, times and containers, by the frames that are stored.

Each test bears the name of the report that it stands for.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from PIL import Image

from diorama.media.video import write_video
from tests.data.sources.examples import fill
from tests.journeys.cases.conftest import Prepare
from tests.journeys.conftest import Run
from tests.media.test_video import h264

RED, LIGHT = (200, 30, 30), 230
KEEP = ("--size", "None")


def _moving(count: int, size: int = 64, down: int = 0) -> list[np.ndarray]:
    """A red square on its way from left to right over a light ground."""
    frames = []
    for t in range(count):
        frame = np.full((size, size, 3), LIGHT, np.uint8)
        left = 4 + t * (size - 24) // max(1, count - 1)
        frame[20:36, left : left + 16] = RED
        frames.append(np.roll(frame, down, 0))
    return frames


def _lefts(frames: np.ndarray) -> list[int]:
    """Where the red square begins in every frame."""
    return [int(np.flatnonzero((frame[..., 1] < 130).any(0))[0]) for frame in frames]


def _stream(
    container: OutputContainer,
    codec: str,
    rate: int = 8,
    size: int = 64,
    pix_fmt: str = "yuv420p",
    options: dict[str, str] | None = None,
) -> VideoStream:
    """A stream of square frames in a new file."""
    stream = container.add_stream(codec, rate=rate, options=options or {})
    assert isinstance(stream, VideoStream)
    stream.height, stream.width, stream.pix_fmt = size, size, pix_fmt
    return stream


def _encoded(
    frames: Sequence[np.ndarray], container_format: str, codec: str = "libx264", rate: int = 8, **options: str
) -> bytes:
    """Frames in a container, plain."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = _stream(container, codec, rate, options=options)
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def test_c13_pixels_that_are_not_square_become_so(prepare: Prepare, tmp_path: Path) -> None:
    y, x = np.mgrid[0:64, 0:128]
    frames = []
    for t in range(8):
        shown = np.full((64, 128, 3), 255, np.uint8)
        shown[(y - 32) ** 2 + (x - 60 - t) ** 2 < 20**2] = (20, 20, 200)
        frames.append(np.asarray(Image.fromarray(shown).resize((64, 64), Image.Resampling.BICUBIC)))
    made = prepare(fill(tmp_path / "set", {"0.mp4": h264(frames, aspect=Fraction(2))}), "--size", 64)
    disc = made.pixels["0.mp4"][4][..., 0] < 128
    high, wide = int(disc.any(1).sum()), int(disc.any(0).sum())
    assert abs(high - 39) <= 1
    assert abs(wide - high) <= 1
    assert made.said("1 x pixels of 2 to 1 were made square")


def _timed(frames: Sequence[np.ndarray], milliseconds: Sequence[int]) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = _stream(container, "libx264", 10)
        stream.codec_context.time_base = Fraction(1, 1000)
        for pixels, time in zip(frames, milliseconds, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def test_c14_a_recording_that_stands_still_keeps_its_times(prepare: Prepare, tmp_path: Path) -> None:
    frames = _moving(20)
    content = _timed([*frames, frames[-1]], [*range(0, 2000, 100), 9900])
    made = prepare(fill(tmp_path / "set", {"0.mp4": content}), "--fps", 10, "--frames", 20, "--size", 64)
    clips = list(made.pixels.values())
    assert len(clips) == 5
    for clip in clips[1:]:
        assert set(_lefts(clip)) == {_lefts(clips[0])[-1]}
    assert np.abs(np.subtract(_lefts(clips[0]), _lefts(np.stack(frames)))).max() <= 1


def test_c14_frames_that_the_mean_rate_leaves_out_are_spoken_of(prepare: Prepare, tmp_path: Path) -> None:
    frames = _moving(20)
    late = [2900, 3900, 4900, 5900]
    uneven = fill(tmp_path / "uneven", {"0.mp4": _timed([*frames, *frames[:4]], [*range(0, 2000, 100), *late])})
    even = fill(tmp_path / "even", {"0.mp4": _timed(frames, list(range(0, 2000, 100)))})
    assert prepare(uneven).said("its frames come unevenly", "--fps sets another")
    assert not prepare(uneven, "--fps", 4).said("unevenly")
    assert not prepare(even).said("unevenly")


def test_long_clips_are_said_to_be_cut(prepare: Prepare, tmp_path: Path) -> None:
    folder = fill(tmp_path / "long", {"0.mp4": _timed(_moving(80), list(range(0, 8000, 100)))})
    made = prepare(folder)
    assert [len(clip) for clip in made.pixels.values()] == [16] * 5
    assert made.said("1 x longer than 64 frames, so cut to clips of 16; --frames sets a length")
    assert not prepare(folder, "--frames", 16).said("longer than")


def test_c16_clips_of_other_rates_are_measured_frame_by_frame(diorama: Run, tmp_path: Path) -> None:
    for name, rate in (("real", 8.0), ("fake25", 25.0), ("fake4", 4.0)):
        for k in range(20):
            write_video(tmp_path / name / f"{k}.mp4", np.stack(_moving(8, 32, 3 * k)), rate)
    for name, rate in (("fake25", 25), ("fake4", 4)):
        scores = tmp_path / f"{name}.json"
        words = ("--metrics", "fd@lite,fd@lite-clip", "--json", scores)
        told = diorama("evaluate", tmp_path / name, "--against", tmp_path / "real", *words)
        results = json.loads(scores.read_text())["results"]
        assert [(r["samples"], r["reference"]["count"]) for r in results] == [(160, 160), (20, 20)]
        assert all(r["value"] < 0.5 for r in results)
        assert f"samples state {rate} frames a second and the reference 8: they are compared frame by frame" in told


def test_c19_colours_are_those_of_the_matrix_that_is_tagged(prepare: Prepare, tmp_path: Path) -> None:
    colours = [(220, 30, 40), (30, 200, 50), (40, 60, 210), (200, 190, 30)]
    shown = np.array(colours, np.uint8).reshape(2, 2, 3).repeat(32, 0).repeat(32, 1)
    files = {}
    for name, number, matrix in (("709", 1, Colorspace.ITU709), ("601", 6, Colorspace.SMPTE170M)):
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as container:
            stream = _stream(container, "libx264", pix_fmt="yuv444p", options={"qp": "0"})
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = number
            context.color_range = ColorRange.MPEG
            for _ in range(8):
                frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
                frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=ColorRange.MPEG)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        files[f"{name}.mp4"] = buffer.getvalue()
    # The same colours lie in the two files as other numbers.
    assert files["709.mp4"] != files["601.mp4"]
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    assert len(made.pixels) == 2
    for clip in made.pixels.values():
        assert abs(clip.astype(int) - shown).max() <= 3


def test_c20_alpha_of_clips_is_laid_over_white(prepare: Prepare, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mov") as container:
        stream = _stream(container, "png", pix_fmt="rgba")
        for t in range(16):
            pixels = np.random.default_rng(t).integers(0, 256, (64, 64, 4)).astype(np.uint8)
            pixels[..., 3] = 0
            pixels[20:40, 10 + t : 30 + t] = (200, 0, 0, 255)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        container.mux(stream.encode(None))
    made = prepare(fill(tmp_path / "set", {"0.mov": buffer.getvalue()}), "--size", 64)
    for t, frame in enumerate(made.pixels["0.mov"]):
        expected = np.full((64, 64, 3), 255, np.uint8)
        expected[20:40, 10 + t : 30 + t] = (200, 0, 0)
        assert (frame == expected).all()


def test_c29_interlaced_frames_are_noted(prepare: Prepare, tmp_path: Path) -> None:
    fields = _moving(32)
    woven = [fields[2 * t].copy() for t in range(16)]
    for t, frame in enumerate(woven):
        frame[1::2] = fields[2 * t + 1][1::2]
    content = h264(woven, flags="+ilme+ildct")
    made = prepare(fill(tmp_path / "set", {"0.mp4": content, "1.mp4": h264(fields[:16])}), "--size", 64)
    assert made.said("1 x interlaced: rows of two times are mixed", "ffmpeg -vf yadif")


CONTAINERS = {
    "a.ts": ("mpegts", "libx264", 8),
    "b.mpg": ("mpeg", "mpeg1video", 25),
    "c.flv": ("flv", "flv1", 8),
    "d.wmv": ("asf", "wmv2", 8),
    "e.3gp": ("3gp", "libx264", 8),
    "ok.mp4": ("mp4", "libx264", 8),
    "ts_inside.mp4": ("mpegts", "libx264", 8),
}


def test_c30_clips_of_every_container_are_read(prepare: Prepare, tmp_path: Path) -> None:
    frames = _moving(16)
    codecs = {"flv1": "flv"}
    files = {
        name: _encoded(frames, kind, codecs.get(codec, codec), rate) for name, (kind, codec, rate) in CONTAINERS.items()
    }
    made = prepare(fill(tmp_path / "set", files), *KEEP)
    assert made.pixels.keys() == CONTAINERS.keys()
    for clip in made.pixels.values():
        assert clip.shape == (16, 64, 64, 3)
        assert np.abs(np.subtract(_lefts(clip), _lefts(np.stack(frames)))).max() <= 2


@pytest.mark.parametrize(("kind", "first"), [("mp4", 13), ("matroska", 0)])
def test_c34_a_piece_cut_out_without_encoding_is_whole(prepare: Prepare, tmp_path: Path, kind: str, first: int) -> None:
    """An MP4 says that it is shown from the cut on; a Matroska file begins with the key frame before it."""
    frames, buffer = _moving(60), io.BytesIO()
    whole = io.BytesIO(_encoded(frames, "mp4", rate=10, g="30", bf="2"))
    negative = {"avoid_negative_ts": "disabled" if kind == "mp4" else "make_zero"}
    with av.open(whole, "r") as origin, av.open(buffer, "w", format=kind, options=negative) as cut:
        source = origin.streams.video[0]
        target = cut.add_stream_from_template(source)
        assert source.time_base is not None
        start = round(Fraction(13, 10) / source.time_base)
        for packet in origin.demux(source):
            if packet.pts is not None and packet.dts is not None and packet.pts < start + 20 * (packet.duration or 0):
                packet.pts, packet.dts, packet.stream = packet.pts - start, packet.dts - start, target
                cut.mux(packet)
    made = prepare(fill(tmp_path / "set", {"cut": buffer.getvalue()}), "--size", 64)
    clip = made.pixels["cut"]
    expected = _lefts(np.stack(frames))[first : first + len(clip)]
    assert len(clip) >= 19
    # The last frames were coded from one that was cut off.
    assert np.abs(np.subtract(_lefts(clip), expected)).max() <= 2


def test_c39_transparent_gifs_lie_over_white(prepare: Prepare, tmp_path: Path) -> None:
    pictures = []
    for t in range(16):
        pixels = np.zeros((64, 64, 4), np.uint8)
        pixels[20:40, 10 + t : 30 + t] = (200, 0, 0, 255)
        pictures.append(Image.fromarray(pixels))
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=100, disposal=2)
    made = prepare(fill(tmp_path / "set", {"0.gif": buffer.getvalue()}), "--size", 64)
    clip = made.pixels["0.gif"]
    assert len(clip) == 16
    for t, frame in enumerate(clip):
        expected = np.full((64, 64, 3), 255, np.uint8)
        expected[20:40, 10 + t : 30 + t] = (200, 0, 0)
        assert abs(frame.astype(int) - expected).max() <= 3


def test_c40_a_last_frame_that_is_held_for_long_costs_no_others(prepare: Prepare, tmp_path: Path) -> None:
    frames = _moving(20)
    made = prepare(fill(tmp_path / "set", {"rec.mp4": h264(frames, last=8_000)}), "--size", 64)
    clip = made.pixels["rec.mp4"]
    assert len(clip) == 20
    assert np.abs(np.subtract(_lefts(clip), _lefts(np.stack(frames)))).max() <= 1
    assert made.dataset.info.media.fps == pytest.approx(10)
