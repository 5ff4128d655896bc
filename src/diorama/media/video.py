"""Clips: files to frames with their times, and back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from PIL import Image

from diorama.core import files
from diorama.core.errors import BadInput
from diorama.media.decode import guarded, open_picture
from diorama.media.deep_colour import on_white
from diorama.media.image import Frame, read_frames
from diorama.media.kinds import HEAD_BYTES, demuxer_of, is_transport_stream
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.picture import times_shown
from diorama.media.resize import resize
from diorama.media.stamp import SyntheticStamp, to_comment

__all__ = ["Frame", "VideoInfo", "probe", "read_video", "write_video"]

_PICTURE = "picture"
_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_CODECS = {".mp4": "libx264", ".webm": "libvpx-vp9"}
# Nearly lossless: samples are measured from these files, and small clips stay small all the same. With its
# macroblock tree x264 gives other bytes for the same small frames from one call to the next.
_QUALITY = {".mp4": {"crf": "10", "x264-params": "mbtree=0"}, ".webm": {"crf": "10", "b": "0", "cpu-used": "4"}}
# swscale's bilinear, with accurate rounding and full chroma (SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT, SWS_FULL_CHR_H_INP):
# its defaults darken a picture by more than a grey level on the way to YUV and back.
_EXACT = 0x2 | 0x40000 | 0x2000 | 0x4000
# A clip that ends before this share of what its header promises was cut off.
_WHOLE = 0.75
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_HELD_FOR_LONG = 2.0
"""Times as long or as short as the others are shown on average, a last frame no longer tells of the rate."""
_ASPECTS = (0.25, 4.0)
"""Of a pixel; what lies outside is a mistake of the file's maker."""
_SHORTEST_GIF_FRAME = 2


UNKNOWN_FPS = 8.0
"""Frames a second at which clips are written whose data have no clock."""


@dataclass(frozen=True)
class VideoInfo:
    """What a clip's header says.

    Args:
        height: pixels as stored; :func:`read_video` turns the clip of a turned camera.
        width: pixels as stored.
        fps: mean frames a second, those counted that a writer of animated pictures joined, and without the time that
            a last frame is held for long; ``None`` where unknown.
        seconds: length; ``None`` where unknown.
        frames: number of frames; ``None`` where unknown.
        aspect: width of a pixel over its height; :func:`read_video` makes them square.
    """

    height: int
    width: int
    fps: float | None
    seconds: float | None
    frames: int | None
    aspect: float = 1.0


def probe(source: Path | bytes, name: str = "", limits: Limits = DEFAULT_LIMITS) -> VideoInfo:
    """What the header of a clip says; nothing is decoded.

    Raises:
        BadInput: as :func:`read_video`, as far as a header can tell.
    """
    name = name or _name(source)
    if _format(source, name) == _PICTURE:
        return _probe_picture(_content(source, limits, name), name, limits)
    with _opened(source, name, limits) as (container, stream):
        context = stream.codec_context
        seconds = container.duration / av.time_base if container.duration else None
        rate = _mean_rate(stream)
        frames = stream.frames or (round(seconds * rate) if seconds and rate else None)
        return VideoInfo(context.height, context.width, rate, seconds, frames, _aspect(stream))


def read_video(source: Path | bytes, name: str = "", limits: Limits = DEFAULT_LIMITS) -> Iterator[Frame]:
    """Decode a clip one frame at a time, turned upright, with square pixels, in the order shown.

    Args:
        source: MP4, MOV, 3GP, WebM, MKV, AVI, MPEG (streams too), FLV or WMV, or an animated GIF, WebP or PNG, told
            apart by content, never by name.
            Nothing outside it is opened: playlists and references to other files are refused.
        name: what messages call it; a path's own name by default.
        limits: pixels of a frame, checked before decoding.

    Yields:
        Frames of (h, w, 3) uint8, or (h, w, 1) where the clip is grey; the first at 0 seconds. More than 8 bits a
        channel are cut to 8.

    Raises:
        BadInput: no clip, no frames, a broken stream, frames too large; raised where the iteration meets it.
    """
    name = name or _name(source)
    if _format(source, name) == _PICTURE:
        yield from read_frames(_content(source, limits, name), name, limits)
        return
    with _opened(source, name, limits) as (container, stream):
        start, last, count, lasts = None, 0.0, 0, 0.0
        aspect = _aspect(stream)
        rate = float(stream.average_rate) if stream.average_rate else None
        for index, frame in enumerate(_decoded(container, stream)):
            if frame.is_corrupt:
                raise BadInput(f"{name}: the stream is broken at frame {index}")
            if frame.width * frame.height > limits.pixels:
                raise BadInput(f"{name}: frame {index} has more than {limits.pixels} pixels")
            time = frame.time if frame.time is not None else index / (rate or 1.0)
            start = time if start is None else start
            last, count = max(0.0, time - start), index + 1
            lasts = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
            yield Frame(_pixels(frame, aspect), last, bool(frame.interlaced_frame))
        if start is None:
            raise BadInput(f"{name}: a clip without a single frame")
        # A last frame may be shown for as long as its author likes.
        if not stream.frames or count < stream.frames:
            # The length that Matroska states begins at zero, and not with the first frame.
            late = max(0.0, start) if "matroska" in container.format.name else 0.0
            _check_whole(container, late + last + max(lasts, 1.0 / (rate or 1.0)), name)


def write_video(path: Path | str, frames: np.ndarray, fps: float, stamp: SyntheticStamp | None = None) -> None:
    """Write a clip atomically (not waiting for the disk), in the format that the suffix names.

    Args:
        path: ``.mp4`` (H.264), ``.webm`` (VP9) or ``.gif`` (256 colours a frame; times in hundredths of a second,
            at most 50 frames a second).
        frames: (t, h, w, c) uint8, c 1 or 3. MP4 and WebM repeat the last row or column of an odd size, since
            players want even ones.
        fps: frames a second.
        stamp: written into the file's comment.

    Raises:
        ValueError: frames or a suffix that no format takes.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if frames.ndim != 4 or frames.shape[3] not in (1, 3) or frames.dtype != np.uint8 or len(frames) == 0:
        raise ValueError(f"a clip is (t, h, w, 1 or 3) uint8, got {frames.dtype} of shape {frames.shape}")
    if suffix not in (*_CODECS, ".gif"):
        raise ValueError(f"clips are written as .mp4, .webm or .gif, got {suffix!r}")
    comment = to_comment(stamp) if stamp is not None else ""
    encode = _encode_gif if suffix == ".gif" else _encode
    files.write_bytes(
        path, encode(frames.repeat(3, 3) if frames.shape[3] == 1 else frames, fps, comment, suffix), durable=False
    )


def _encode(frames: np.ndarray, fps: float, comment: str, suffix: str) -> bytes:
    height, width = frames.shape[1:3]
    odd = height % 2 or width % 2
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge") if odd else frames
    buffer = io.BytesIO()
    # Without bitexact WebM files hold a random number: the same samples would not give the same file.
    with av.open(buffer, "w", format=suffix.removeprefix("."), options={"fflags": "+bitexact"}) as container:
        container.metadata["comment"] = comment
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream(_CODECS[suffix], rate=rate, options=_QUALITY[suffix])
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = even.shape[2], even.shape[1], "yuv420p"
        stream.codec_context.thread_count = 1
        for picture in even:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", interpolation=_EXACT)))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def _encode_gif(frames: np.ndarray, fps: float, comment: str, _: str) -> bytes:
    # Differences of rounded times, so that rounding does not add up over the clip.
    times = np.round(np.arange(len(frames) + 1) * 100.0 / fps).astype(int)
    durations = [10 * max(_SHORTEST_GIF_FRAME, int(step)) for step in np.diff(times)]
    pictures = [Image.fromarray(f).quantize(256, dither=Image.Dither.NONE) for f in frames]
    buffer = io.BytesIO()
    more = {"comment": comment.encode()} if comment else {}
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, disposal=1, **more
    )
    return buffer.getvalue()


@contextmanager
def _opened(source: Path | bytes, name: str, limits: Limits) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first video stream; what FFmpeg raises inside the block becomes BadInput."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        # A file object and a fixed format: FFmpeg cannot take the content for a playlist and open what it names.
        with file, av.open(file, format=_format(source, name), metadata_errors="ignore") as container:
            if not container.streams.video:
                raise BadInput(f"{name}: no video stream")
            stream = container.streams.video[0]
            context = stream.codec_context
            if context is None or context.width * context.height > limits.pixels:
                raise BadInput(f"{name}: frames of more than {limits.pixels} pixels, or of an unknown codec")
            assert isinstance(container, InputContainer)
            yield container, stream
    except (av.FFmpegError, OSError, ValueError, MemoryError) as problem:
        raise BadInput(f"{name}: broken or truncated clip ({problem})") from problem


def _check_whole(container: InputContainer, seconds: float, name: str) -> None:
    """Refuse a clip that FFmpeg read to the end of a file that was cut off; sound may honestly outlast pictures."""
    promised = (container.duration or 0) / av.time_base
    if len(container.streams) == 1 and seconds < _WHOLE * promised:
        raise BadInput(f"{name}: truncated, it ends after {seconds:.2f} of {promised:.2f} seconds")


def _format(source: Path | bytes, name: str) -> str:
    if isinstance(source, bytes):
        head = source[:HEAD_BYTES]
    else:
        try:
            with source.open("rb") as file:
                head = file.read(HEAD_BYTES)
        except OSError as problem:
            raise BadInput(f"{name}: cannot be read ({problem.strerror})") from problem
    if not head:
        raise BadInput(f"{name}: empty file (0 bytes)")
    if head[4:8] in _MP4_BOXES:
        return "mp4"
    if (found := demuxer_of(head)) is not None:
        return found
    if is_transport_stream(head):
        return "mpegts"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head.startswith((b"GIF8", b"\x89PNG")) or head[8:12] == b"WEBP":
        return _PICTURE
    raise BadInput(f"{name}: not a clip of a known format (MP4, MOV, WebM, MKV, AVI, MPEG, FLV, WMV, GIF, WebP)")


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """The frames of a stream; of a WebM with transparency by the decoders that know it, since FFmpeg's own drop it."""
    alpha = {key.lower(): value for key, value in stream.metadata.items()}.get("alpha_mode") == "1"
    decoder = _WITH_ALPHA.get(stream.codec_context.name) if alpha else None
    if decoder is None or decoder not in av.codecs_available:
        yield from container.decode(stream)
        return
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
    for packet in container.demux(stream):
        yield from context.decode(packet)


def _mean_rate(stream: VideoStream) -> float | None:
    """Mean frames a second; ``None`` where unknown.

    FFmpeg divides by the whole length. A recording of a screen holds its last picture for seconds, and on the clock of
    that mean most of what moves would fall between two ticks.
    """
    entries, count = stream.index_entries, stream.frames
    # Only an index of all frames tells when the last one begins: that of some containers holds the key frames alone.
    if count > 1 and len(entries) == count and stream.duration and stream.time_base:
        span = entries[-1].timestamp - entries[0].timestamp
        held = stream.duration - span
        times = held * (count - 1)
        if span > 0 and not span / _HELD_FOR_LONG <= times <= _HELD_FOR_LONG * span:
            return float((count - 1) / (span * stream.time_base))
    return float(stream.average_rate) if stream.average_rate else None


def _aspect(stream: VideoStream) -> float:
    """Width of a pixel over its height; 1 where the file does not say, or says what cannot be."""
    found = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
    aspect = float(found) if found else 1.0
    return aspect if _ASPECTS[0] <= aspect <= _ASPECTS[1] else 1.0


def _squared(pixels: np.ndarray, aspect: float) -> np.ndarray:
    """(h, w, c) with square pixels: the shorter side of a pixel is stretched, so that nothing is lost."""
    height, width = pixels.shape[:2]
    if aspect == 1:
        return pixels
    size = (height, round(width * aspect)) if aspect > 1 else (round(height / aspect), width)
    return resize(pixels, size)


def _pixels(frame: av.VideoFrame, aspect: float) -> np.ndarray:
    grey = frame.format.name.startswith("gray")
    if _has_alpha(frame):
        # Below full transparency lies whatever was there.
        decoded = on_white(frame.reformat(format="rgba", interpolation=_EXACT).to_ndarray())
    else:
        decoded = frame.reformat(format="gray" if grey else "rgb24", interpolation=_EXACT).to_ndarray()
    decoded = _squared(decoded[:, :, np.newaxis] if grey else decoded, aspect)
    return np.ascontiguousarray(np.rot90(decoded, round(frame.rotation / 90) % 4))


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _probe_picture(content: bytes, name: str, limits: Limits) -> VideoInfo:
    image = open_picture(content, name, limits)
    with guarded(name):
        count = getattr(image, "n_frames", 1)
    width, height = image.size
    lasting = []
    for index in range(count if count * width * height <= limits.stack_pixels else 1):
        with guarded(name):
            image.seek(index)
        lasting.append(float(image.info.get("duration", 0) or 0))
    known = [milliseconds for milliseconds in lasting if milliseconds > 0]
    fps = 1000 * sum(times_shown(known)) / sum(known) if known else None
    return VideoInfo(height, width, fps, None, count)


def _content(source: Path | bytes, limits: Limits, name: str) -> bytes:
    if isinstance(source, bytes):
        return source
    if source.stat().st_size > limits.entry_bytes:
        raise BadInput(f"{name}: larger than {limits.entry_bytes} bytes; convert it to MP4 or WebM")
    return source.read_bytes()


def _name(source: Path | bytes) -> str:
    return "clip" if isinstance(source, bytes) else source.name
