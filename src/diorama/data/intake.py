"""From what a source gives to records ready to be written: the part of preparation that runs in workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.data.clips import DEFAULT_FRAMES, WHOLE_FRAMES, cut, frame_by_frame, on_clock, whole
from diorama.data.duplicates import signatures
from diorama.data.partner_fit import Half, cut_in_halves, fitted_alike
from diorama.data.records import DTYPES, Payload, encode_record, encode_records
from diorama.data.sources.base import Kind
from diorama.media.image import read_image
from diorama.media.limits import Limits
from diorama.media.picture import Frame
from diorama.media.resize import Fit, fit
from diorama.media.video import probe, read_video

_STORED_TYPES = frozenset(map(np.dtype, DTYPES))
_FITTED_AT_ONCE = 1 << 20
_HELD_BYTES = 64 << 20
_CLIP_OF_PAIR = "a clip, and partners are of pictures"
_MOST_FRAMES = 0.9
"""Share of a file's frames below which those that a clock leaves out are spoken of."""
_CLIPS_BYTES = 512 << 20
"""Decoded clips of one file that are kept: they are held together until all are written."""


@dataclass(frozen=True, kw_only=True)
class IntakeOptions:
    """What becomes of a picture or clip on its way in.

    Args:
        size: side of the square result in pixels; ``None`` keeps each size.
        fit: crop to the middle square, or pad with zeros.
        frames: length of clips; ``None`` keeps clips up to 64 frames whole and cuts longer ones to 16.
        fps: ticks a second of the clock that clips are sampled on; ``None`` for the file's own mean rate.
        clips_per_file: clips cut from one file, at most.
        whole: a clip is all frames of its file as they are, one by one; ``frames`` and ``fps`` are not looked at.
        paired: every picture needs a partner.
        half: the half of every picture that is the partner of its other half; ``None`` where jobs bring their partners.
        limits: what one file may cost.
    """

    size: int | None = 64
    fit: Fit = "crop"
    frames: int | None = None
    fps: float | None = None
    clips_per_file: int = 1_000
    whole: bool = False
    paired: bool = False
    half: Half | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Unreadable:
    """In the place of content that could not be read: why."""

    reason: str


Content = bytes | Path | NDArray[Any] | Unreadable


@dataclass(frozen=True)
class Job:
    """One item of a source with its content, as :class:`diorama.data.sources.base.Item` gives it, and its partner."""

    path: str
    kind: Kind
    content: Content
    notes: tuple[str, ...] = ()
    partner: Job | None = None


@dataclass(frozen=True)
class Taken:
    """One record made from an item.

    Args:
        payload: ready to be written.
        signature: (f, s, s, 3) uint8, for the search of duplicates.
        partner: its partner, ready to be written; ``None`` where there is none.
    """

    payload: Payload
    signature: NDArray[np.uint8]
    partner: Payload | None = None


@dataclass(frozen=True)
class Intake:
    """What became of one item.

    Args:
        records: one for a picture, one or more for a clip; empty where the item is skipped.
        size: width and height as it came.
        mode: the file's own mode, ``video`` or ``array``.
        notes: what was done to it.
        skipped: why it gives no record, else empty.
    """

    records: tuple[Taken, ...] = ()
    size: tuple[int, int] = (0, 0)
    mode: str = ""
    notes: tuple[str, ...] = ()
    skipped: str = ""


@dataclass(frozen=True)
class _Opened:
    """Pictures or clips of one item after fitting, each (h, w, c) or (t, h, w, c), and the partner of a picture."""

    records: tuple[NDArray[Any], ...]
    size: tuple[int, int]
    mode: str
    notes: tuple[str, ...] = ()
    fps: float | None = None
    partner: NDArray[Any] | None = None


@dataclass
class _Seen:
    """What is noticed of the frames of a clip on their way: how many there are, and how many come to be used."""

    frames: int = 0
    used: int = 0
    interlaced: bool = False

    def read(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        for frame in frames:
            self.frames += 1
            self.interlaced |= frame.interlaced
            yield frame

    def taken(self, ticks: Iterable[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        before = None
        for tick in ticks:
            # A frame that is shown for several ticks comes as the same array.
            self.used += tick is not before
            before = tick
            yield tick


def take_in(jobs: Sequence[Job], options: IntakeOptions) -> list[Intake]:
    """Decode, fit and encode some items; what is broken is skipped with its reason, never raised.

    Args:
        jobs: the items.
        options: what to do to them.

    Returns:
        What became of each, in the same order.
    """
    done: dict[int, Intake] = {}
    held: dict[int, _Opened] = {}
    held_bytes = 0
    for number, job in enumerate(jobs):
        try:
            opened = _open(job, options)
            held[number] = opened
            held_bytes += sum(record.nbytes for record in opened.records)
            held_bytes += 0 if opened.partner is None else opened.partner.nbytes
        except BadInput as problem:
            done[number] = Intake(skipped=str(problem).removeprefix(f"{job.path}: "))
        except Exception as problem:  # decoders fail on hostile bytes in every way there is; one file must not end all
            done[number] = Intake(skipped=f"cannot be read ({problem or type(problem).__name__})")
        # Decoded records are larger than their files, by how much is not known before.
        if held_bytes > _HELD_BYTES:
            done |= _encoded(held, options)
            held, held_bytes = {}, 0
    done |= _encoded(held, options)
    return [done[number] for number in range(len(jobs))]


def _open(job: Job, options: IntakeOptions) -> _Opened:
    if isinstance(job.content, Unreadable):
        raise BadInput(job.content.reason)
    if job.kind == "image" and isinstance(job.content, bytes):
        picture = read_image(job.content, job.path, options.limits)
        return _still(picture.pixels, picture.mode, picture.notes, job.partner, options)
    if isinstance(job.content, np.ndarray):
        if job.content.ndim == 3:  # (h, w, c)
            return _still(job.content, "array", job.notes, job.partner, options)
        if options.paired:
            raise BadInput(_CLIP_OF_PAIR)
        # (t, h, w, c): all frames at once, since they share one cut
        clips = _cut(_fitted(job.content, options), options)
        return _clips(clips, (job.content.shape[2], job.content.shape[1]), options.fps, options, job.notes)
    if options.paired:
        raise BadInput(_CLIP_OF_PAIR)
    return _video(job.content, job.path, options)


def _still(
    pixels: NDArray[Any], mode: str, notes: tuple[str, ...], partner: Job | None, options: IntakeOptions
) -> _Opened:
    """One picture; a large one is fitted at once, small ones later, many in one call."""
    other = None
    if options.half is not None:
        pixels, other = cut_in_halves(pixels, options.half)
    elif partner is not None:
        other = _pixels_of_partner(partner, options.limits)
    elif options.paired:
        raise BadInput("it has no partner")
    height, width = pixels.shape[:2]
    if other is not None:
        other, more = fitted_alike(_known(other), (height, width), options.size, options.fit)
        notes = (*notes, *more)
    if pixels.nbytes > _FITTED_AT_ONCE:
        pixels = _fitted(pixels, options)
    return _Opened((_known(pixels),), (width, height), mode, notes, partner=other)


def _pixels_of_partner(job: Job, limits: Limits) -> NDArray[Any]:
    """(h, w, c) of a partner as it comes."""
    try:
        if isinstance(job.content, Unreadable):
            raise BadInput(job.content.reason)
        if job.kind == "image" and isinstance(job.content, bytes):
            return read_image(job.content, job.path, limits).pixels
        if isinstance(job.content, np.ndarray) and job.content.ndim == 3:
            return job.content
        raise BadInput("it is no picture")
    except Exception as problem:  # as of any other file
        why = str(problem).removeprefix(f"{job.path}: ") or type(problem).__name__
        raise BadInput(f"its partner {job.path} cannot be read ({why})") from problem


def _video(content: bytes | Path, path: str, options: IntakeOptions) -> _Opened:
    info = probe(content, path, options.limits)
    fps = info.fps if options.whole else options.fps or info.fps
    seen = _Seen()
    # Frame by frame from here to the clips: a long film is never whole in memory.
    frames = seen.read(read_video(content, path, options.limits))
    ticks = on_clock(frames, fps) if fps and not options.whole else frame_by_frame(frames)
    clips = _cut((_fitted(tick, options) for tick in seen.taken(ticks)), options)
    opened = _clips(clips, (info.width, info.height), fps, options)
    notes = [f"pixels of {info.aspect:g} to 1 were made square"] if info.aspect != 1 else []
    if seen.interlaced:
        notes.append("interlaced: rows of two times are mixed in its frames; deinterlace it (ffmpeg -vf yadif)")
    if options.fps is None and seen.used < _MOST_FRAMES * seen.frames:
        notes.append(
            "its frames come unevenly: more than a tenth fall between the ticks of its mean rate; --fps sets another"
        )
    return replace(opened, notes=(*opened.notes, *notes))


def _cut(frames: Iterable[NDArray[Any]], options: IntakeOptions) -> Iterator[NDArray[Any]]:
    if not options.whole:
        yield from cut(frames, options.frames, options.clips_per_file)
    elif (clip := whole(frames, _CLIPS_BYTES)) is not None:
        yield clip
    else:
        raise BadInput(f"it is longer than the {_CLIPS_BYTES >> 20} MB that are held of a whole clip")


def _clips(
    clips: Iterable[NDArray[Any]],
    size: tuple[int, int],
    fps: float | None,
    options: IntakeOptions,
    notes: tuple[str, ...] = (),
) -> _Opened:
    kept: list[NDArray[Any]] = []
    held, full = 0, False
    for clip in clips:
        kept.append(_known(clip))
        held += clip.nbytes
        full = held > _CLIPS_BYTES or len(kept) == options.clips_per_file
        if full:
            break
    if not kept:
        raise BadInput(f"it has fewer than the {options.frames or 1} frames that a clip needs")
    notes = (*notes, f"only its first {len(kept):,} clips are kept") if full else notes
    if options.frames is None and not options.whole and len(kept) > 1:
        notes = (
            *notes,
            f"longer than {WHOLE_FRAMES} frames, so cut to clips of {DEFAULT_FRAMES}; --frames sets a length",
        )
    return _Opened(tuple(kept), size, "video", notes, fps)


def _fitted(pixels: NDArray[Any], options: IntakeOptions) -> NDArray[Any]:
    return pixels if options.size is None else fit(pixels, (options.size, options.size), options.fit)


def _known(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.dtype not in _STORED_TYPES:
        raise BadInput(f"its values are of type {pixels.dtype}; known are {', '.join(DTYPES)}")
    return pixels


def _encoded(held: dict[int, _Opened], options: IntakeOptions) -> dict[int, Intake]:
    """Fit what is not yet fitted and encode, records of one shape together: many small calls would cost more."""
    places = [(number, place) for number, opened in held.items() for place in range(len(opened.records))]
    taken: dict[tuple[int, int], Taken] = {}
    for together in _alike(places, held):
        # (n, h, w, c) or (n, t, h, w, c)
        stack = np.stack([held[number].records[place] for number, place in together])
        stack = _fitted(stack, options)
        payloads = encode_records(stack, held[together[0][0]].fps)
        found = signatures(stack)
        taken |= {key: Taken(payloads[i], found[i], _encoded_partner(held[key[0]])) for i, key in enumerate(together)}
    return {
        number: Intake(
            tuple(taken[number, place] for place in range(len(opened.records))),
            opened.size,
            opened.mode,
            opened.notes,
        )
        for number, opened in held.items()
    }


def _encoded_partner(opened: _Opened) -> Payload | None:
    return None if opened.partner is None else encode_record(opened.partner)


def _alike(places: list[tuple[int, int]], held: dict[int, _Opened]) -> Iterator[list[tuple[int, int]]]:
    groups: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for number, place in places:
        record = held[number].records[place]
        groups.setdefault((record.shape, record.dtype, held[number].fps), []).append((number, place))
    yield from groups.values()
