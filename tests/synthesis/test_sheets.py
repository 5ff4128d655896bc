"""Grids of samples: what they show, that they are marked, and where they may not be written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.media.image import read_image
from diorama.media.stamp import TRAINED, SyntheticStamp, read_stamp
from diorama.media.video import read_video
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.drawing import DrawOptions
from diorama.synthesis.samples import Given, SampleOptions, sample
from diorama.synthesis.sheets import Sheet, check_sheet
from diorama.synthesis.store import model_hash
from tests.synthesis.models import tiny_diffusion, tiny_gan, tiny_video_gan


def drawn(model: Synthesizer, count: int, grid: Path, **options: Any) -> list[str]:
    """Draw beside the grid, and return the notes."""
    asked = SampleOptions(grid=grid, **options)
    out = grid.parent / f"{grid.name} samples"
    return [note for step in sample(model, count, seed=7, out=out, options=asked) for note in step.notes]


def pixels(path: Path) -> np.ndarray:
    return read_image(path.read_bytes(), path.name).pixels


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp"])
def test_a_grid_of_pictures_shows_them_and_is_marked(suffix: str, tmp_path: Path) -> None:
    model = tiny_gan()
    notes = drawn(model, 5, tmp_path / f"grid{suffix}")
    assert notes == [f"{tmp_path / f'grid{suffix}'} shows all 5 samples"]
    stamp = read_stamp(tmp_path / f"grid{suffix}")
    assert stamp is not None
    assert (stamp.model, stamp.seed, stamp.index) == (model_hash(model), 7, None)
    assert TRAINED.encode() in (tmp_path / f"grid{suffix}").read_bytes()
    sheet = pixels(tmp_path / f"grid{suffix}")
    assert sheet.shape == (2 * 10 + 2, 3 * 10 + 2, 3)


def test_a_grid_holds_the_first_samples_in_their_order(tmp_path: Path) -> None:
    drawn(tiny_diffusion(), 6, tmp_path / "grid.png", draw=DrawOptions(batch_size=2))
    sheet = pixels(tmp_path / "grid.png")
    for i in range(6):
        own = pixels(tmp_path / "grid.png samples" / f"{i:06d}.png")
        top, left = 2 + i // 3 * 10, 2 + i % 3 * 10
        assert (sheet[top : top + 8, left : left + 8] == own).all()


def test_a_grid_of_very_many_says_how_many_it_shows(tmp_path: Path) -> None:
    notes = drawn(tiny_gan(), 234, tmp_path / "grid.png", draw=DrawOptions(first=10))
    assert notes == [f"{tmp_path / 'grid.png'} shows the first 64 of 234 samples"]
    assert pixels(tmp_path / "grid.png").shape == (8 * 10 + 2, 8 * 10 + 2, 3)


def test_every_column_is_a_class_where_classes_are_drawn_in_turn(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=3, height=8, width=8)
    for turns, count, columns in ((3, 64, 9), (10, 64, 10), (2, 9, 4), (0, 9, 3), (5, 4, 2), (200, 64, 8)):
        assert Sheet(path=Path("grid.png"), media=media, count=count, turns=turns).columns == columns
    drawn(tiny_diffusion(("cat", "dog", "cow")), 12, tmp_path / "grid.png", given=Given(label="all"))
    assert pixels(tmp_path / "grid.png").shape == (4 * 10 + 2, 3 * 10 + 2, 3)
    assert read_stamp(tmp_path / "grid.png").condition == {}  # type: ignore[union-attr]
    drawn(tiny_diffusion(("cat", "dog")), 2, tmp_path / "dogs.png", given=Given(label="dog"))
    assert read_stamp(tmp_path / "dogs.png").condition == {"label": "dog"}  # type: ignore[union-attr]


def test_large_pictures_make_no_monstrous_grid() -> None:
    for size, shown in ((64, 64), (1024, 32), (4096, 2), (20_000, 1)):
        media = MediaSpec(kind="image", channels=3, height=size, width=size)
        assert Sheet(path=Path("grid.png"), media=media, count=1_000).shown == shown


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_clips_play_side_by_side(suffix: str, tmp_path: Path) -> None:
    notes = drawn(tiny_video_gan(("walk", "run")), 20, tmp_path / f"grid{suffix}", given=Given(label="all"))
    assert notes == [f"{tmp_path / f'grid{suffix}'} shows the first 16 of 20 samples"]
    frames = [frame.pixels for frame in read_video(tmp_path / f"grid{suffix}")]
    assert len(frames) == 4
    assert frames[0].shape == (42 * 9, 42 * 9, 3)
    assert read_stamp(tmp_path / f"grid{suffix}") is not None


def test_clips_as_a_picture_are_rows_of_frames(tmp_path: Path) -> None:
    drawn(tiny_video_gan(), 3, tmp_path / "grid.png", format="frames")
    sheet = pixels(tmp_path / "grid.png")
    assert sheet.shape == (3 * 10 + 2, 4 * 10 + 2, 3)
    second = pixels(tmp_path / "grid.png samples" / "000001" / "0002.png")
    assert (sheet[12:20, 22:30] == second).all()
    long = MediaSpec(kind="video", channels=3, height=8, width=8, frames=100)
    said = Sheet(path=Path("grid.png"), media=long, count=2).in_words(2)
    assert said == "grid.png shows all 2 samples, 16 of the 100 frames of each"


@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint16"), (4, "uint8"), (3, "float32")])
def test_any_data_can_be_shown(channels: int, dtype: Any, tmp_path: Path) -> None:
    (note,) = drawn(tiny_gan(channels, dtype), 4, tmp_path / "grid.png")
    assert note.endswith("all 4 samples, the first three of 4 channels" if channels == 4 else "all 4 samples")
    assert pixels(tmp_path / "grid.png").shape == (22, 22, 3)


def test_a_drawing_that_is_stopped_shows_what_it_drew(tmp_path: Path) -> None:
    options = SampleOptions(draw=DrawOptions(batch_size=3), grid=tmp_path / "grid.png")
    drawing = sample(tiny_gan(), 100, out=tmp_path / "out", options=options)
    next(drawing)
    drawing.close()
    assert pixels(tmp_path / "grid.png").size > 0
    nothing = sample(tiny_gan(), 3, out=tmp_path / "none", options=SampleOptions(grid=tmp_path / "none.png"))
    nothing.close()
    assert not (tmp_path / "none.png").exists()


def test_folders_above_a_grid_are_made_and_an_older_grid_is_replaced(tmp_path: Path) -> None:
    grid = tmp_path / "new" / "deep" / "grid.png"
    asked = SampleOptions(grid=str(grid))
    list(sample(tiny_gan(), 2, out=tmp_path / "out", options=asked))
    list(sample(tiny_gan(), 9, out=tmp_path / "out", options=asked))
    assert pixels(grid).shape == (32, 32, 3)
    assert sorted(path.name for path in (tmp_path / "out").iterdir())[-1] == "samples.json"
    assert len(list((tmp_path / "out").iterdir())) == 10


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("out/grid.png", "lies in .*out, which holds the numbered samples"),
        ("out/deeper/grid.png", "lies in"),
        ("elsewhere/../out/grid.png", "lies in"),
        ("older/grid.png", "lies in a folder of samples"),
        ("older/000000.png", "lies in a folder of samples"),
        ("photo.png", "is there already, and is no grid that Diorama drew"),
        ("single.png", "is there already, and is no grid"),
        ("folder.png", "is a folder"),
        ("photo.png/grid.png", "cannot be written"),
        ("grid", "is no name for a grid; it ends in one of .png, .jpg"),
        ("grid.pgn", "did you mean '.png'"),
        ("grid.tif", "is no name for a grid"),
        ("grid.mp4", "this model draws pictures, whose grid is one of .png, .jpg, .jpeg, .webp"),
    ],
)
def test_a_grid_is_refused_where_it_would_do_harm_or_cannot_be(place: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"precious")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "elsewhere").mkdir()
    list(sample(tiny_gan(), 1, out=tmp_path / "older"))
    (tmp_path / "older" / "000000.png").replace(tmp_path / "single.png")
    list(sample(tiny_gan(), 1, out=tmp_path / "older"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match=message):
        list(sample(tiny_gan(), 1, out=tmp_path / "out", options=SampleOptions(grid=tmp_path / place)))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "out").exists()


def test_a_link_into_the_folder_does_not_lead_into_it(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "way").symlink_to(tmp_path / "out")
    with pytest.raises(BadInput, match="choose a place outside"):
        check_sheet(tmp_path / "way" / "grid.png", tmp_path / "out")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diorama.synthesis.sheets.write_image", full)
    stamp = SyntheticStamp(model="", seed=0, recipe="")
    sheet = Sheet(path=tmp_path / "grid.png", media=MediaSpec(kind="image", channels=1, height=4, width=4), count=1)
    with pytest.raises(BadInput, match=r"grid.png: cannot be written \(No space left"):
        sheet.write([np.zeros((4, 4, 1), np.uint8)], stamp)
