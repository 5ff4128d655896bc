"""Preparation as a whole: what is kept, split, unified, reported and refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.data.dataset import open_dataset
from diorama.data.manifest import write_manifest
from diorama.data.prepare import PrepareOptions, prepare
from diorama.data.record_list import UNLABELLED
from diorama.data.sources.base import Item, Skip
from diorama.media.video import write_video
from tests.data.pictures import folder_of, picture, prepared, save
from tests.media.examples import smooth_clip


def test_a_folder_becomes_splits_labels_and_an_audit(tmp_path: Path) -> None:
    for number in range(20):
        save(picture(number), tmp_path / "in" / ("cat" if number % 2 else "dog") / f"{number}.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", licence="CC0", source="here", name="pets")
    assert dataset.splits == {"train": 16, "val": 2, "test": 2}
    assert dataset.info.classes == ("cat", "dog")
    assert dataset.info.name == "pets"
    assert (dataset.manifest["licence"], dataset.manifest["source"]) == ("CC0", "here")
    split = dataset.split("train")
    for path, label in zip(split.paths(np.arange(16)), split.labels(np.arange(16)), strict=True):  # type: ignore[arg-type]
        assert path.startswith(dataset.info.classes[label])
    written = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert written == audit.to_json()
    assert written["files"] == written["kept"] == 20
    assert written["labels"] == {"cat": 10, "dog": 10}
    assert written["sizes"] == {"24x24": 20}
    assert written["modes"] == {"RGB": 20}
    assert written["skipped"] == written["duplicates"] == written["leaks"] == []
    assert "data:image/png" in (tmp_path / "out" / "audit.html").read_text()


def test_pictures_are_stored_as_fitted(tmp_path: Path) -> None:
    wide = picture(1, (16, 32))
    save(wide, tmp_path / "in" / "a.png")
    cropped, _ = prepared(tmp_path / "in", tmp_path / "cropped")
    assert np.array_equal(cropped.split("train").record(0), wide[:, 8:24])
    padded, _ = prepared(tmp_path / "in", tmp_path / "padded", fit="pad")
    assert (padded.split("train").record(0)[:4] == 0).all()
    kept, _ = prepared(tmp_path / "in", tmp_path / "kept", size=None)
    assert np.array_equal(kept.split("train").record(0), wide)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_do_not_change_the_result(tmp_path: Path, workers: int) -> None:
    folder_of(tmp_path / "in", 150)
    one, _ = prepared(tmp_path / "in", tmp_path / "a")
    other, _ = prepared(tmp_path / "in", tmp_path / "b", workers=workers)
    assert one.info.sha256 == other.info.sha256
    assert [f.sha256 for f in one.files if "shards" in f.name] == [f.sha256 for f in other.files if "shards" in f.name]


def test_workers_may_be_processes_started_by_spawn(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", 12)
    one, _ = prepared(tmp_path / "in", tmp_path / "a")
    other, _ = prepared(tmp_path / "in", tmp_path / "b", workers=1, processes=True)
    assert one.info.sha256 == other.info.sha256


def test_groups_of_a_table_stay_on_one_side(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", 40)
    table = tmp_path / "facts.csv"
    rows = [f"{number:03d}.png,{'ill' if number % 3 else 'well'},p{number // 4}" for number in range(40)]
    table.write_text("path,label,patient\n" + "\n".join([*rows, "missing.png,ill,p1"]) + "\n")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", table=table, group="patient")
    sides: dict[str, set[str]] = {}
    for name, count in dataset.splits.items():
        for fact in dataset.split(name).facts(np.arange(count)):
            sides.setdefault(fact["patient"], set()).add(name)
    assert len(sides) == 10
    assert all(len(found) == 1 for found in sides.values())
    assert dataset.info.classes == ("ill", "well")
    assert [skip.path for skip in audit.skipped] == ["missing.png"]


def test_top_folders_are_splits_and_leaks_across_them_are_found(tmp_path: Path) -> None:
    for number in range(8):
        save(picture(number), tmp_path / "in" / "train" / "a" / f"{number}.png")
    save(picture(100), tmp_path / "in" / "test" / "a" / "new.png")
    save(picture(3), tmp_path / "in" / "test" / "a" / "same.png")
    save(picture(5)[:, ::-1], tmp_path / "in" / "test" / "a" / "mirrored.png")
    save(picture(6), tmp_path / "in" / "train" / "a" / "again.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert dataset.splits == {"train": 9, "test": 3}
    assert {frozenset(pair) for pair in audit.leaks} == {
        frozenset({"train/a/3.png", "test/a/same.png"}),
        frozenset({"train/a/5.png", "test/a/mirrored.png"}),
    }
    assert {frozenset(group) for group in audit.duplicates} == {
        frozenset({"train/a/3.png", "test/a/same.png"}),
        frozenset({"train/a/5.png", "test/a/mirrored.png"}),
        frozenset({"train/a/6.png", "train/a/again.png"}),
    }
    assert "Leaks" in (tmp_path / "out" / "audit.html").read_text()


def test_equal_pictures_are_not_divided(tmp_path: Path) -> None:
    for number in range(30):
        save(picture(number % 10), tmp_path / "in" / f"{number}.png")
    _, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert len(audit.duplicates) == 10
    assert audit.leaks == ()


def test_shares_cut_val_from_train_only_when_asked_for(tmp_path: Path) -> None:
    folder_of(tmp_path / "in" / "train", 18)
    folder_of(tmp_path / "in" / "test", 2)
    kept, _ = prepared(tmp_path / "in", tmp_path / "a")
    assert kept.splits == {"train": 18, "test": 2}
    cut, _ = prepared(tmp_path / "in", tmp_path / "b", split=(0.8, 0.1, 0.1))
    assert cut.splits == {"train": 16, "val": 2, "test": 2}


def test_a_further_source_is_all_for_testing(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", 9)
    save(picture(50), tmp_path / "held" / "000.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", test=(tmp_path / "held",))
    assert dataset.splits == {"train": 8, "val": 1, "test": 1}
    assert dataset.split("test").paths(np.arange(1)) == ["held/000.png"]
    assert audit.files == 10


def test_mixtures_are_unified_and_said_so(tmp_path: Path) -> None:
    save(picture(0, (20, 30)), tmp_path / "in" / "a.png")
    save(picture(1, (20, 30)), tmp_path / "in" / "b.png")
    save(picture(2, (24, 24), channels=1), tmp_path / "in" / "c.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", size=None)
    assert dataset.info.media.shape == (3, 20, 30)
    assert sum(dataset.splits.values()) == 3
    assert any("grey among colour" in note for note in audit.notes)
    assert any("commonest, 30x20" in note for note in audit.notes)
    assert not (tmp_path / "out" / "shards").exists()
    dataset.verify()


def test_deep_grey_and_float_data_keep_type_and_window(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    ramp = np.linspace(0, 4000, 16 * 16).reshape(16, 16)
    for number in range(3):
        Image.fromarray((ramp + number * 40).astype(np.uint16)).save(tmp_path / "deep" / f"{number}.png")
    deep, _ = prepared(tmp_path / "deep", tmp_path / "a")
    assert (deep.info.media.dtype, deep.info.media.channels, deep.info.media.high) == ("uint16", 1, 4095)
    np.save(tmp_path / "floats.npy", np.random.default_rng(0).normal(size=(6, 16, 16, 5)).astype(np.float32))
    floats, _ = prepared(tmp_path / "floats.npy", tmp_path / "b")
    assert (floats.info.media.dtype, floats.info.media.channels) == ("float32", 5)
    train = floats.split("train").stored(np.arange(floats.splits["train"]))
    assert floats.info.media.low == pytest.approx(train.min())
    assert floats.info.media.high == pytest.approx(train.max())


def test_missing_labels_among_labels_are_a_class_of_their_own(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "in" / "10" / "a.png")
    save(picture(1), tmp_path / "in" / "9" / "b.png")
    save(picture(2), tmp_path / "in" / "c.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", split=(1.0, 0.0, 0.0))
    assert dataset.info.classes == ("9", "10", UNLABELLED)
    assert audit.labels == {"9": 1, "10": 1, UNLABELLED: 1}


def _moving(frames: int, seed: int = 0) -> np.ndarray:
    wide = picture(seed, (24, 24 + 2 * frames))
    return np.stack([wide[:, 2 * t : 2 * t + 24] for t in range(frames)])


def test_videos_are_sampled_on_one_clock_and_cut(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "fast.mp4", _moving(48), fps=24.0)
    write_video(tmp_path / "in" / "slow.mp4", _moving(17, seed=1), fps=8.0)
    write_video(tmp_path / "in" / "short.mp4", _moving(4, seed=2), fps=8.0)
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out", frames=8, fps=8.0)
    media = dataset.info.media
    assert (media.kind, media.frames, media.fps) == ("video", 8, 8.0)
    assert audit.records == 4
    assert audit.kept == 2
    assert [skip.path for skip in audit.skipped] == ["short.mp4"]
    assert "fewer than the 8 frames" in audit.skipped[0].reason
    paths = [path for name, count in dataset.splits.items() for path in dataset.split(name).paths(np.arange(count))]
    assert sorted(paths) == ["fast.mp4#0", "fast.mp4#1", "slow.mp4#0", "slow.mp4#1"]
    assert "data:image/png" in (tmp_path / "out" / "audit.html").read_text()


def test_clips_of_several_rates_without_a_clock_have_none(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "a.mp4", _moving(16), fps=24.0)
    write_video(tmp_path / "in" / "b.mp4", _moving(16, seed=1), fps=8.0)
    dataset, _ = prepared(tmp_path / "in", tmp_path / "out")
    assert dataset.info.media.fps is None
    rates = [float(r) for name, count in dataset.splits.items() for r in dataset.split(name).fps(np.arange(count))]
    assert sorted(rates) == [8.0, 24.0]


def test_strips_of_several_lengths_are_cut_to_sixteen(tmp_path: Path) -> None:
    for number, frames in enumerate((20, 34, 16)):
        strip = _moving(frames, seed=number).transpose(1, 0, 2, 3).reshape(24, frames * 24, 3)
        save(strip, tmp_path / "in" / f"{number}.png")
    dataset, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert dataset.info.media.frames == 16
    assert (audit.records, audit.kept) == (4, 3)


def test_what_cannot_be_made_like_the_others_is_skipped_and_listed(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", 4)
    np.save(tmp_path / "in" / "wide.npy", np.zeros((16, 16, 5), np.uint8))
    _, audit = prepared(tmp_path / "in", tmp_path / "out")
    assert audit.kept == 4
    (skip,) = audit.skipped
    assert skip.path == "wide.npy"
    assert "pictures, 16x16, 3 channels, uint8" in skip.reason


def test_the_built_in_world_needs_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.data.sources.world.PICTURES", 12)
    dataset, audit = prepared(Path("world"), tmp_path / "out", size=32)
    assert dataset.info.media.shape == (3, 32, 32)
    assert audit.records == 12
    assert dataset.info.classes


class _Failing:
    """A source whose second item cannot be read."""

    name, files, skipped, notes = "failing", 2, (Skip("x", "said before"),), ("a note",)

    def items(self) -> Iterator[Item]:
        def broken() -> bytes:
            raise BadInput("b: lost")

        yield Item("a", {}, "array", lambda: np.zeros((16, 16, 3), np.uint8))
        yield Item("b", {}, "array", broken)
        yield Item("c", {}, "array", lambda: np.zeros((16, 16, 3), np.int64))
        yield Item("d", {}, "image", lambda: np.zeros((16, 16), np.uint8))


def test_a_folder_says_that_the_world_drew_it_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diorama.data.sources.world.PICTURES", 12)
    folder_of(tmp_path / "world cup", 6)
    world, _ = prepared(Path("world"), tmp_path / "a", size=32, name="holiday")
    cup, _ = prepared(tmp_path / "world cup", tmp_path / "b", size=32)
    mixed, _ = prepared(Path("world"), tmp_path / "c", size=32, test=(tmp_path / "world cup",))
    assert [dataset.split("train").generator for dataset in (world, cup, mixed)] == ["world", "", ""]


def test_folders_prepared_before_it_was_recorded_stay_readable(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", 6)
    prepared(tmp_path / "in", tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    del manifest["generator"], manifest["checksum"]
    write_manifest(tmp_path / "out" / "dataset.json", manifest)
    assert open_dataset(tmp_path / "out").split("train").generator is None


def test_what_cannot_be_loaded_is_skipped_with_its_reason(tmp_path: Path) -> None:
    (last,) = list(prepare([_Failing()], tmp_path / "out", PrepareOptions(size=16, workers=0)))[-1:]
    assert last.audit is not None
    reasons = {skip.path: skip.reason for skip in last.audit.skipped}
    assert reasons["b"] == "lost"
    assert "int64" in reasons["c"]
    assert reasons["x"] == "said before"
    assert "d" in reasons
    assert last.audit.kept == 1
    assert "a note" in last.audit.notes
    assert (last.stage, last.items, last.kept, last.skipped) == ("done", 4, 1, 3)


def test_an_output_in_use_is_left_alone(tmp_path: Path) -> None:
    source = folder_of(tmp_path / "in", 3)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(BadInput, match="not empty"):
        prepared(source, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"
    with pytest.raises(BadInput, match="is a file"):
        prepared(source, tmp_path / "out" / "mine.txt")
    with pytest.raises(BadInput, match="inside the source"):
        prepared(source, source / "out")
    with pytest.raises(BadInput, match="cannot be written"):
        prepared(source, tmp_path / "out" / "mine.txt" / "below")
    with pytest.raises(BadInput, match="no source"):
        prepared([], tmp_path / "new")


def test_an_empty_output_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    dataset, _ = prepared(folder_of(tmp_path / "in", 3), tmp_path / "out")
    assert sum(dataset.splits.values()) == 3


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    source = folder_of(tmp_path / "in", 3)
    monkeypatch.setattr("diorama.data.manifest.write_json", full)
    with pytest.raises(BadInput, match="no space left"):
        prepared(source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_stopping_half_way_leaves_nothing(tmp_path: Path) -> None:
    steps = prepare([folder_of(tmp_path / "in", 200)], tmp_path / "out", PrepareOptions(size=16, workers=2))
    assert next(steps).stage == "reading"
    steps.close()  # type: ignore[attr-defined]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize(
    "wrong", [{"size": 0}, {"frames": 0}, {"fps": 0.0}, {"split": (0.0, 1.0, 0.0)}, {"split": (0.5, -0.1, 0.6)}]
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PrepareOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "size", "count", "classes"),
    [("fashion_mnist_sample900", 28, 900, 10), ("med_chest_xray128", 64, 2_800, 2)],
)
@pytest.mark.slow
def test_real_sets_are_kept_whole(
    real_data: Callable[[str], Path], tmp_path: Path, name: str, size: int, count: int, classes: int
) -> None:
    dataset, audit = prepared(real_data(name), tmp_path / "out", size=size, workers=2)
    assert audit.kept == sum(dataset.splits.values()) == count
    assert len(dataset.info.classes) == classes
    assert dataset.info.media.channels == 1
    open_dataset(tmp_path / "out").verify()


def _with_table(tmp_path: Path, rows: str) -> tuple[Path, Path]:
    """Forty pictures, and a table."""
    source = tmp_path / "in"
    source.mkdir()
    for i in range(40):
        pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(source / f"{i:02d}.png")
    (tmp_path / "t.csv").write_text(rows)
    return source, tmp_path / "t.csv"


def test_a_table_that_names_no_file_is_refused(tmp_path: Path) -> None:
    source, table = _with_table(tmp_path, "path,label\nx.png,a\n")
    with pytest.raises(
        BadInput, match=r"t\.csv: none of its rows names a file of in: it has 'x\.png', and a file is '00\.png'"
    ):
        list(prepare([source], tmp_path / "out", PrepareOptions(table=table)))
    assert not (tmp_path / "out").exists()


def test_a_group_of_which_nothing_is_known_is_refused_and_a_part_is_counted(tmp_path: Path) -> None:
    rows = "path,patient\n" + "".join(f"{i:02d}.png,\n" for i in range(40))
    source, table = _with_table(tmp_path, rows)
    asked = PrepareOptions(table=table, group="patient", size=None)
    with pytest.raises(BadInput, match="--group patient: no record has a value"):
        list(prepare([source], tmp_path / "out", asked))
    table.write_text("path,patient\n" + "".join(f"{i:02d}.png,{i // 6}\n" for i in range(30)))
    *_, done = prepare([source], tmp_path / "out", asked)
    assert done.audit is not None
    assert "10 records have no patient and are grouped with none" in done.audit.notes


def test_absolute_paths_keep_patients_together(tmp_path: Path) -> None:
    source, table = _with_table(tmp_path, "")
    table.write_text("path,patient\n" + "".join(f"{source.resolve()}/{i:02d}.png,{i // 4}\n" for i in range(40)))
    list(prepare([source], tmp_path / "out", PrepareOptions(table=table, group="patient", size=None)))
    data = open_dataset(tmp_path / "out")
    sides: dict[str, set[str]] = {}
    for name in data.splits:
        split = data.split(name)
        for fact in split.facts(np.arange(len(split))):
            sides.setdefault(fact["patient"], set()).add(name)
    assert len(sides) == 10
    assert all(len(names) == 1 for names in sides.values())


def test_clips_of_several_rates_are_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number, fps in enumerate((8.0, 25.0)):
        write_video(tmp_path / "in" / f"{number}.mp4", smooth_clip(8), fps)
    *_, done = prepare([tmp_path / "in"], tmp_path / "out", PrepareOptions(size=32))
    assert done.audit is not None
    assert "clips have 8 to 25 frames a second, each its own; --fps puts them on one clock" in done.audit.notes
