"""What can be written in which format, and that what cannot is refused before anything is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.media.formats import PICTURE_FORMATS, VIDEO_FORMATS, SampleFormat, format_named
from diorama.media.image import read_image
from diorama.media.stamp import TRAINED, SyntheticStamp, read_stamp
from diorama.synthesis.formats import check_format, write_sample

STAMP = SyntheticStamp(model="ab" * 32, seed=3, recipe="tiny", index=4, condition={"label": "cat"})


def media(channels: int = 3, dtype: Any = "uint8", frames: int | None = None) -> MediaSpec:
    kind: Any = "image" if frames is None else "video"
    return MediaSpec(kind=kind, channels=channels, height=8, width=12, dtype=dtype, frames=frames)


@pytest.mark.parametrize(
    ("word", "name"), [("png", "png"), ("jpg", "jpeg"), ("JPEG", "jpeg"), (".webp", "webp"), ("MP4", "mp4")]
)
def test_formats_are_named_as_people_type_them(word: str, name: str) -> None:
    assert format_named(word) == name


def test_an_unknown_format_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadConfig, match=r"no format 'pgn' \(did you mean 'png'\?\); pictures are written as png, jpeg"):
        format_named("pgn")


def test_a_format_of_the_other_kind_is_refused() -> None:
    for asked in VIDEO_FORMATS:
        with pytest.raises(BadInput, match=f"format {asked}: this model draws pictures, which are written as png, jpe"):
            check_format(media(), asked)
    for asked in PICTURE_FORMATS:
        with pytest.raises(BadInput, match=f"format {asked}: this model draws clips, which are written as mp4, webm"):
            check_format(media(frames=4), asked)


@pytest.mark.parametrize(
    ("channels", "dtype", "holds"),
    [
        (1, "uint8", {"png", "jpeg", "webp"}),
        (3, "uint8", {"png", "jpeg", "webp"}),
        (1, "uint16", {"png"}),
        (3, "uint16", set()),
        (2, "uint8", set()),
        (4, "uint8", set()),
        (1, "float32", set()),
        (3, "float16", set()),
    ],
)
def test_a_format_that_cannot_hold_the_data_is_refused_with_what_works(
    channels: int, dtype: str, holds: set[str], tmp_path: Path
) -> None:
    spec = media(channels, dtype)
    check_format(spec, None)
    for asked in PICTURE_FORMATS:
        if asked in holds:
            check_format(spec, asked)
            pixels = np.full((8, 12, channels), 200, dtype)
            name = write_sample(tmp_path / asked, pixels, spec, STAMP, asked)
            read = read_image((tmp_path / name).read_bytes(), name).pixels
            # WebP has no grey.
            assert (read.dtype, read.shape) == (dtype, (8, 12, 3 if asked == "webp" else channels))
        else:
            fits = r"\.tif" if channels == 1 and dtype != "float16" else r"\.npy"
            with pytest.raises(BadInput, match=f"this model draws {channels} .* of {dtype}; without a format .*{fits}"):
                check_format(spec, asked)


def test_clips_that_no_player_shows_are_arrays_or_frames() -> None:
    deep = media(1, "uint16", frames=4)
    check_format(deep, "frames")
    for asked in ("mp4", "webm", "gif"):
        with pytest.raises(BadInput, match=r"each clip is written as one .npy; frames writes a .tif for each"):
            check_format(deep, asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", PICTURE_FORMATS)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_mark_is_in_every_format(asked: SampleFormat, channels: int, tmp_path: Path) -> None:
    pixels = np.full((8, 12, channels), 90, np.uint8)
    name = write_sample(tmp_path / "000004", pixels, media(channels), STAMP, asked)
    assert name == {"png": "000004.png", "jpeg": "000004.jpg", "webp": "000004.webp"}[asked]
    assert read_stamp(tmp_path / name) == STAMP
    # Other programs look for the words themselves.
    assert TRAINED.encode() in (tmp_path / name).read_bytes()
