"""Clips: video files, film strips, frame folders, animated pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.data.sources.base import SourceOptions
from diorama.data.sources.frames import FrameFile, folder_frames
from diorama.data.sources.strips import strip_frames
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.video import read_video, write_video
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.examples import bomb_png, noise, png, saved, smooth_clip


def strip(frames: np.ndarray) -> bytes:
    """Frames (t, s, s, 3) side by side."""
    return saved(Image.fromarray(np.concatenate(list(frames), axis=1)), "PNG")


def animated(seed: int = 0) -> bytes:
    """A GIF of three frames."""
    frames = [Image.fromarray(noise(8, 8, 3, seed=seed + i)) for i in range(3)]
    return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)


def test_videos_are_clips_with_a_path_when_loose_and_bytes_when_packed(tmp_path: Path) -> None:
    write_video(tmp_path / "v" / "wave" / "a.mp4", smooth_clip(4), 8.0)
    write_video(tmp_path / "v" / "bend" / "b.webm", smooth_clip(4), 8.0)
    _, items = read_all(tmp_path / "v")
    assert [(i.path, i.kind, i.facts["label"]) for i in items] == [
        ("bend/b.webm", "video", "bend"),
        ("wave/a.mp4", "video", "wave"),
    ]
    assert all(isinstance(i.load(), Path) for i in items)
    content = (tmp_path / "v" / "wave" / "a.mp4").read_bytes()
    for path in (zipped(tmp_path / "x.zip", {"a.mp4": content}), tarred(tmp_path / "x.tar", {"a.mp4": content})):
        loaded = read_all(path)[1][0].load()
        assert isinstance(loaded, bytes)
        assert len(list(read_video(loaded, "a.mp4"))) == 4


def test_what_there_is_more_of_rules(tmp_path: Path) -> None:
    fill(tmp_path, {"a.mp4": b"x", "b.mp4": b"x", "c.png": png()})
    source, items = read_all(tmp_path)
    assert [i.kind for i in items] == ["video", "video"]
    assert source.notes == ["there are more clips than still pictures: the still pictures were left out"]
    assert "single picture" in reasons(source)["c.png"]
    fill(tmp_path, {"d.png": png(), "e.png": png()})
    source, items = read_all(tmp_path)
    assert [i.path for i in items] == ["c.png", "d.png", "e.png"]
    assert reasons(source)["a.mp4"] == "a clip among pictures"
    assert "the clips were left out" in source.notes[0]


@pytest.mark.parametrize("pack", [False, True])
def test_animated_gifs_by_themselves_are_clips(tmp_path: Path, pack: bool) -> None:
    files = {f"{i}.gif": animated(i) for i in range(2)}
    path = tarred(tmp_path / "x.tar", files) if pack else fill(tmp_path / "x", files)
    _, items = read_all(path)
    assert [i.kind for i in items] == ["video", "video"]
    loaded = items[0].load()
    assert isinstance(loaded, bytes)
    assert len(list(read_video(loaded, "x"))) == 3


def test_still_gifs_and_gifs_among_pictures_are_pictures(tmp_path: Path) -> None:
    still = saved(Image.fromarray(noise(8, 8)), "GIF")
    assert [i.kind for i in read_all(fill(tmp_path / "a", {"0.gif": still}))[1]] == ["image"]
    mixed = fill(tmp_path / "b", {"0.gif": animated(), "1.png": png()})
    assert [i.kind for i in read_all(mixed)[1]] == ["image", "image"]


@pytest.mark.parametrize("pack", ["folder", "zip", "tar"])
def test_strips_are_found_by_their_shape(tmp_path: Path, pack: str) -> None:
    clips = [noise(8, 6, 6, 3, seed=s) for s in range(3)]
    files = {f"{s}/{s}.png": strip(c) for s, c in enumerate(clips)} | {"broken.png": b"no picture"}
    path = tmp_path / {"folder": "x", "zip": "x.zip", "tar": "x.tar"}[pack]
    {"folder": fill, "zip": zipped, "tar": tarred}[pack](path, files)
    source, items = read_all(path)
    frames = {i.path: i.load() for i in items if i.path != "broken.png"}
    assert all((frames[f"{s}/{s}.png"] == c).all() for s, c in enumerate(clips))
    assert {i.kind for i in items} == {"video"}
    assert any("film strips" in note for note in source.notes)
    broken = next(i for i in items if i.path == "broken.png")
    with pytest.raises(BadInput, match=r"broken\.png"):
        broken.load()


def test_one_picture_of_another_shape_makes_them_pictures(tmp_path: Path) -> None:
    fill(tmp_path, {"0.png": strip(noise(8, 6, 6, 3)), "1.png": png(6, 50)})
    assert {i.kind for i in read_all(tmp_path)[1]} == {"image"}
    assert {i.kind for i in read_all(tmp_path, SourceOptions(strip=True))[1]} == {"video"}


def test_strips_can_be_denied(tmp_path: Path) -> None:
    fill(tmp_path, {"0.png": strip(noise(8, 6, 6, 3))})
    assert [i.kind for i in read_all(tmp_path, SourceOptions(strip=False))[1]] == ["image"]


def test_strips_run_along_the_longer_side_and_drop_the_rest() -> None:
    clip = noise(5, 6, 6, 3)
    upright = np.concatenate([*clip, clip[0][:4]], axis=0)
    assert (strip_frames(saved(Image.fromarray(upright), "PNG"), "x", DEFAULT_LIMITS) == clip).all()


@pytest.mark.parametrize("pack", ["folder", "zip", "tar"])
def test_frame_folders_are_clips_when_clips_are_wanted(tmp_path: Path, pack: str) -> None:
    clips = {f"train/run/{c}": noise(11, 6, 8, 3, seed=i) for i, c in enumerate("ab")}
    files = {
        f"{folder}/f{t}.png": saved(Image.fromarray(frame), "PNG")
        for folder, clip in clips.items()
        for t, frame in enumerate(clip)
    }
    path = tmp_path / {"folder": "x", "zip": "x.zip", "tar": "x.tar"}[pack]
    {"folder": fill, "zip": zipped, "tar": tarred}[pack](path, files)
    _, items = read_all(path, SourceOptions(clips=True))
    assert {i.path: dict(i.facts) for i in items} == {f: {"split": "train", "label": "run"} for f in clips}
    for item in items:
        assert (item.load() == clips[item.path]).all()  # f10 after f9
    assert len(read_all(path)[1]) == 22


def test_a_folder_of_nothing_but_frames_is_one_clip(tmp_path: Path) -> None:
    fill(tmp_path, {f"{t}.png": png(seed=t) for t in range(3)})
    _, items = read_all(tmp_path, SourceOptions(clips=True))
    assert [(i.path, dict(i.facts)) for i in items] == [("frames", {})]


def test_scattered_frames_of_a_stream_are_said(tmp_path: Path) -> None:
    files = {name: png() for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png", "a/2.png")}
    source, items = read_all(tarred(tmp_path / "x.tar", files), SourceOptions(clips=True))
    assert [i.path for i in items] == ["a", "b"]
    assert "in one piece" in reasons(source)["a/2.png"]


def test_one_clip_of_a_stream_is_bounded(tmp_path: Path) -> None:
    path = tarred(tmp_path / "x.tar", {f"a/{t}.png": png(seed=t) for t in range(9)})
    source, items = read_all(path, SourceOptions(clips=True, limits=Limits(entry_bytes=3 * len(png()))))
    assert not items
    assert len(source.skipped) == 9


def test_animated_pictures_and_page_stacks_are_clips_when_clips_are_wanted(tmp_path: Path) -> None:
    pages = [Image.fromarray(noise(8, 8, seed=s)) for s in range(4)]
    stack = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    fill(tmp_path, {"a.gif": animated(), "b.tif": stack, "c/0.png": png(), "c/1.png": png(), "d.tif": bomb_png()})
    _, items = read_all(tmp_path, SourceOptions(clips=True))
    assert [(i.path, i.kind) for i in items] == [("a.gif", "video"), ("b.tif", "video"), ("c", "video")]


def test_unlike_and_too_many_frames_are_refused() -> None:
    files = [FrameFile("a/0.png", lambda: png(6, 8)), FrameFile("a/1.png", lambda: png(6, 9))]
    with pytest.raises(BadInput, match=r"a/1\.png.*unlike"):
        folder_frames(files, "a", DEFAULT_LIMITS)
    with pytest.raises(BadInput, match="2 frames"):
        folder_frames(files, "a", Limits(stack_pixels=50))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["f001", "f002", "f003"], ""),
        (["f000", "f010", "f020"], ""),
        (["t0.5", "t0.6", "t1.0"], ""),
        (["f001", "f002", "f003", "f007"], "numbers are missing"),
        (["left_1", "left_2", "right_1", "right_2"], "several series"),
    ],
)
def test_what_is_odd_about_the_numbers_of_frames_is_said(tmp_path: Path, names: list[str], said: str) -> None:
    files = {f"clip/{name}.png": png(seed=i) for i, name in enumerate(names)}
    _, (item,) = read_all(fill(tmp_path, files), SourceOptions(clips=True))
    assert bool(said) == bool(item.notes)
    assert said in " ".join(item.notes)
