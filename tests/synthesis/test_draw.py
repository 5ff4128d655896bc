"""Folders of samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core.errors import BadInput
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.media.video import read_video
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.draw import DrawOptions, draw_batches, sample
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.store import model_hash, save
from tests.synthesis.models import tiny_gan, tiny_video_gan


def draw(model: Synthesizer | Path, count: int, out: Path, *, seed: int = 0, **options: Any) -> list[dict[str, Any]]:
    """Draw all, and return the rows of the list."""
    progress = list(sample(model, count, seed=seed, out=out, options=DrawOptions(**options)))
    assert progress[-1].done == progress[-1].count == count
    return json.loads((out / "samples.json").read_text())["samples"]


def pixels(out: Path) -> list[np.ndarray]:
    return [read_image(p.read_bytes(), p.name).pixels.astype(int) for p in sorted(out.glob("*.png"))]


def test_files_are_numbered_listed_and_nothing_else(tmp_path: Path) -> None:
    model = tiny_gan()
    rows = draw(model, 5, tmp_path / "out", seed=7, batch_size=2)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [f"{i:06d}.png" for i in range(5)] + ["samples.json"]
    assert [row["file"] for row in rows] == [f"{i:06d}.png" for i in range(5)]
    expected = {"file": "000003.png", "seed": 7, "index": 3, "condition": {}, "model": model_hash(model)}
    assert rows[3] == expected


def test_files_hold_what_the_model_draws(tmp_path: Path) -> None:
    model = tiny_gan()
    draw(model, 3, tmp_path / "out", seed=7)
    expected = (model.sample(3, seed=7) + 1) * 127.5
    found = torch.from_numpy(np.stack(pixels(tmp_path / "out"))).permute(0, 3, 1, 2)
    assert (found - expected).abs().max() <= 0.501


def test_every_file_says_that_it_is_synthetic(tmp_path: Path) -> None:
    model = tiny_gan()
    save(tmp_path / "model", model.config, model.state_dict(), Provenance(recipe={"name": "tiny"}), "")
    draw(tmp_path / "model", 1, tmp_path / "out", seed=7)
    stamp = read_stamp(tmp_path / "out" / "000000.png")
    assert stamp is not None
    assert (stamp.model, stamp.seed, stamp.recipe) == (model_hash(tmp_path / "model"), 7, "tiny")


def test_the_batch_size_does_not_change_a_sample(tmp_path: Path) -> None:
    for size in (1, 5):
        draw(tiny_gan(), 10, tmp_path / str(size), batch_size=size)
    for one, other in zip(pixels(tmp_path / "1"), pixels(tmp_path / "5"), strict=True):
        assert abs(one - other).max() <= 1


def test_exact_files_are_bit_equal_however_they_are_asked_for(tmp_path: Path) -> None:
    model = tiny_gan()
    draw(model, 20, tmp_path / "all", exact=True, batch_size=64)
    draw(model, 5, tmp_path / "some", exact=True, batch_size=3, first=6)
    for index in range(6, 11):
        name = f"{index:06d}.png"
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "some" / name).read_bytes()


@pytest.mark.parametrize(
    ("channels", "dtype", "suffix"),
    [(1, "uint8", ".png"), (1, "uint16", ".tif"), (4, "uint8", ".npy"), (3, "float32", ".npy")],
)
def test_samples_are_written_in_the_units_of_the_data(tmp_path: Path, channels: int, dtype: Any, suffix: str) -> None:
    model = tiny_gan(channels, dtype)
    rows = draw(model, 1, tmp_path / "out")
    assert rows[0]["file"] == f"000000{suffix}"
    written = read_image((tmp_path / "out" / rows[0]["file"]).read_bytes(), rows[0]["file"]).pixels
    assert (written.dtype.name, written.shape) == (dtype, (8, 8, channels))
    media = model.config.media
    expected = (model.sample(1)[0].permute(1, 2, 0).numpy() + 1) / 2 * (media.high - media.low) + media.low
    assert abs(written.astype(float) - expected).max() <= (0.501 if dtype != "float32" else 1e-6)


@pytest.mark.parametrize("video", ["mp4", "gif", "webm"])
def test_clips_are_written_as_asked_and_stamped(tmp_path: Path, video: Any) -> None:
    rows = draw(tiny_video_gan(), 2, tmp_path / "out", video=video)
    path = tmp_path / "out" / rows[1]["file"]
    assert path.name == f"000001.{video}"
    assert len(list(read_video(path))) == 4
    stamp = read_stamp(path)
    assert stamp is not None
    assert stamp.seed == 0


def test_clips_may_be_folders_of_frames(tmp_path: Path) -> None:
    rows = draw(tiny_video_gan(), 2, tmp_path / "out", video="frames")
    assert rows[1]["file"] == "000001"
    assert sorted(p.name for p in (tmp_path / "out" / "000001").iterdir()) == [f"{i:04d}.png" for i in range(4)]
    assert read_stamp(tmp_path / "out" / "000001" / "0002.png") is not None
    draw(tiny_video_gan(), 1, tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["000000.mp4", "samples.json"]


def test_clips_of_many_channels_are_arrays(tmp_path: Path) -> None:
    rows = draw(tiny_video_gan(channels=2), 1, tmp_path / "out")
    assert np.load(tmp_path / "out" / rows[0]["file"]).shape == (4, 8, 8, 2)


def test_labels_are_names_numbers_or_all_in_turn(tmp_path: Path) -> None:
    model = tiny_video_gan(("walk", "run", "jump"))
    for label, expected in (("run", ["run"] * 4), ("2", ["jump"] * 4), ("all", ["walk", "run", "jump", "walk"])):
        rows = draw(model, 4, tmp_path / label, label=label)
        assert [row["condition"]["label"] for row in rows] == expected
    with pytest.raises(BadInput, match="walk, run, jump"):
        draw(model, 1, tmp_path / "bad", label="fly")
    with pytest.raises(BadInput, match="without labels"):
        draw(tiny_gan(), 1, tmp_path / "bad", label="all")


def test_an_older_folder_of_samples_is_replaced_and_other_folders_are_left_alone(tmp_path: Path) -> None:
    draw(tiny_gan(), 5, tmp_path / "out")
    draw(tiny_gan(), 2, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 3
    precious = tmp_path / "mine"
    precious.mkdir()
    (precious / "000000.png").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        draw(tiny_gan(), 1, precious)
    assert (precious / "000000.png").read_text() == "mine"


def test_a_drawing_that_is_stopped_lists_what_it_wrote(tmp_path: Path) -> None:
    drawing = sample(tiny_gan(), 100, out=tmp_path / "out", options=DrawOptions(batch_size=3))
    next(drawing)
    drawing.close()
    rows = json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]
    assert [row["file"] for row in rows] == sorted(p.name for p in (tmp_path / "out").glob("*.png"))
    assert len(rows) == 3


def test_bad_wishes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot be written"):
        draw(tiny_gan(), 1, tmp_path / "file" / "out")
    with pytest.raises(BadInput, match="count"):
        draw(tiny_gan(), 0, tmp_path / "out")
    for wrong in ({"batch_size": 0}, {"first": -1}, {"exact": True, "precision": "bf16"}):
        with pytest.raises(ValueError, match=r"batch_size|exact"):
            DrawOptions(**wrong)  # type: ignore[arg-type]


def test_drawing_in_memory_gives_the_same_and_faster_precision_nearly_the_same() -> None:
    model = tiny_gan()
    indices, drawn = zip(*draw_batches(model, 5, seed=2, options=DrawOptions(batch_size=2)), strict=True)
    assert [list(part) for part in indices] == [[0, 1], [2, 3], [4]]
    assert torch.allclose(torch.cat(drawn), model.sample(5, seed=2), atol=1e-5)
    ((_, faster),) = draw_batches(model, 5, seed=2, options=DrawOptions(precision="bf16"))
    error = (faster - model.sample(5, seed=2)).square().mean()
    assert 10 * torch.log10(4 / error) >= 45


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = sample(tiny_gan(), 4, out=tmp_path / "out", options=DrawOptions(batch_size=2))
    next(drawing)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diorama.synthesis.draw.write_image", full)
    with pytest.raises(BadInput, match="No space left"):
        next(drawing)
    assert len(json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]) == 2
