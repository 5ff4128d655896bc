"""Every picture and clip that is stamped says that it is synthetic, in words that other programs know."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from diorama.media.image import write_image
from diorama.media.stamp import (
    COMPOSITE,
    TRAINED,
    SyntheticStamp,
    from_comment,
    from_xmp,
    read_stamp,
    to_comment,
    to_xmp,
)
from diorama.media.video import write_video
from tests.media.examples import STAMP, noise, smooth_clip

PICTURES = ["x.png", "x.jpg", "x.webp", "x.tif"]
CLIPS = ["x.mp4", "x.webm", "x.gif"]

stamps = st.builds(
    SyntheticStamp,
    model=st.text("0123456789abcdef", min_size=64, max_size=64),
    seed=st.integers(0, 2**63),
    recipe=st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30),
    composite=st.booleans(),
)


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_carry_it(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, noise(8, 8, 3), STAMP)
    assert read_stamp(tmp_path / name) == STAMP
    assert TRAINED.encode() in (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", CLIPS)
def test_clips_carry_it(tmp_path: Path, name: str) -> None:
    write_video(tmp_path / name, smooth_clip(3), 8.0, STAMP)
    assert read_stamp(tmp_path / name) == STAMP
    assert TRAINED.encode() in (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", ["x.tif", "x.png"])
def test_grey_16_bit_carries_it(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, noise(8, 8, 1, dtype="uint16"), STAMP)
    assert read_stamp(tmp_path / name) == STAMP


@pytest.mark.parametrize("name", [*PICTURES, *CLIPS])
def test_what_is_not_stamped_has_none(tmp_path: Path, name: str) -> None:
    if name in CLIPS:
        write_video(tmp_path / name, smooth_clip(2), 8.0)
    else:
        write_image(tmp_path / name, noise(8, 8, 3))
    assert read_stamp(tmp_path / name) is None


def test_arrays_have_no_place_for_it(tmp_path: Path) -> None:
    write_image(tmp_path / "x.npy", noise(8, 8, 5), STAMP)
    assert read_stamp(tmp_path / "x.npy") is None


def test_foreign_and_missing_files_have_none(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    (tmp_path / "x.mp4").write_bytes(b"no clip")
    Image.new("RGB", (4, 4)).save(tmp_path / "y.gif", comment=b"made by hand")
    for name in ("x.png", "x.mp4", "y.gif", "nowhere.png", "nowhere.mp4"):
        assert read_stamp(tmp_path / name) is None


@given(stamp=stamps)
def test_xmp_and_comment_hold_all_of_it(stamp: SyntheticStamp) -> None:
    assert from_xmp(to_xmp(stamp)) == stamp
    assert from_comment(to_comment(stamp)) == stamp


def test_edits_are_composites() -> None:
    edit = SyntheticStamp(model="0" * 64, seed=1, recipe="r", composite=True)
    assert COMPOSITE.encode() in to_xmp(edit)
    assert COMPOSITE in to_comment(edit)


def test_a_packet_with_entities_is_not_expanded() -> None:
    packet = to_xmp(STAMP).decode()
    assert from_xmp(('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + packet).encode()) is None


@pytest.mark.parametrize("packet", [b"", b"<x", b"\xff\xfe", b"<a/>", to_xmp(STAMP).replace(b"seed", b"sand")])
def test_broken_packets_hold_none(packet: bytes) -> None:
    assert from_xmp(packet) is None


@pytest.mark.parametrize("comment", ["", "hello", "[1]", '{"model": 3}', to_comment(STAMP).replace("trained", "x")])
def test_other_comments_hold_none(comment: str) -> None:
    assert from_comment(comment) is None


def test_pillow_finds_the_packet_where_xmp_belongs(tmp_path: Path) -> None:
    for name in PICTURES:
        write_image(tmp_path / name, noise(8, 8, 3), STAMP)
        with Image.open(tmp_path / name) as image:
            assert "DigitalSourceType" in str(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp"))
