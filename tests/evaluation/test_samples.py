"""Samples in folders and archives become batches like the reference's."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diorama.core.contracts import Batch, MediaSpec
from diorama.core.errors import BadInput
from diorama.data.raw import MeasuredAs
from diorama.evaluation.samples import SampleFolder, open_samples
from diorama.media.image import write_image
from diorama.media.video import write_video

MEDIA = MediaSpec(kind="image", channels=3, height=10, width=12)


def _pixels(seed: int, shape: tuple[int, ...] = (10, 12, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _folder(folder: Path, count: int = 5) -> Path:
    for i in range(count):
        write_image(folder / f"{i:06d}.png", _pixels(i))
    rows = [{"file": f"{i:06d}.png", "index": i + 10, "condition": {"label": "ab"[i % 2]}} for i in range(count)]
    (folder / "samples.json").write_text(json.dumps({"samples": rows}))
    return folder


def _images(batches: Iterable[Batch]) -> torch.Tensor:
    return torch.cat([batch["image"] for batch in batches])


def test_a_folder_gives_its_pictures_in_order(tmp_path: Path) -> None:
    samples = SampleFolder(_folder(tmp_path / "s"), MEDIA, batch_size=2)
    batches = list(samples)
    assert [len(batch["image"]) for batch in batches] == [2, 2, 1]
    expected = torch.from_numpy(_pixels(4)).permute(2, 0, 1) / 127.5 - 1
    torch.testing.assert_close(batches[-1]["image"][0], expected)
    assert samples.warnings() == []


def test_the_list_of_a_folder_gives_indices_and_labels(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s")
    first, *_ = SampleFolder(folder, MEDIA, classes=("b", "a"), batch_size=3)
    assert first["index"].tolist() == [10, 11, 12]
    assert first["label"].tolist() == [1, 0, 1]
    (chosen,) = SampleFolder(folder, MEDIA, count=2, seed=3)
    assert set(chosen) == {"image", "index"}
    assert torch.equal(chosen["image"][0], _images(SampleFolder(folder, MEDIA))[chosen["index"][0] - 10])


def test_a_folder_without_a_list_is_numbered_by_place(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s")
    (folder / "samples.json").unlink()
    (folder / "000001.png").write_bytes(b"no picture")
    (batch,) = SampleFolder(folder, MEDIA)
    assert batch["index"].tolist() == [0, 2, 3, 4]


def test_a_list_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s")
    write_image(folder / "000077.png", _pixels(0))
    samples = SampleFolder(folder, MEDIA)
    assert [batch["index"].tolist() for batch in samples] == [[0, 1, 2, 3, 4, 5]]
    (warning,) = samples.warnings()
    assert "does not list 1 of 6 files" in warning


def test_an_archive_gives_the_same(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s")
    with tarfile.open(tmp_path / "s.tar.gz", "w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    inside, beside = (_images(open_samples(path, MEDIA)) for path in (tmp_path / "s.tar.gz", folder))
    assert torch.equal(inside, beside)


def test_a_count_is_drawn_by_the_seed(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s", 9)
    draws = [_images(SampleFolder(folder, MEDIA, count=4, seed=seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    with pytest.raises(BadInput, match="holds 9 samples, 10"):
        list(SampleFolder(folder, MEDIA, count=10))


def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s")
    (folder / "samples.json").unlink()
    (folder / "000099.png").write_bytes(b"not a picture")
    samples = SampleFolder(folder, MEDIA)
    assert len(_images(samples)) == 5
    (warning,) = samples.warnings()
    assert "000099.png" in warning


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.png").write_bytes(b"no")
    with pytest.raises(BadInput):
        list(open_samples(tmp_path / "s", MEDIA))


def test_another_size_is_refused_by_name(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "s", 1)
    write_image(folder / "000001.png", _pixels(0, (8, 8, 3)))
    with pytest.raises(BadInput, match=r"000001\.png is 8x8 and the reference 12x10"):
        list(open_samples(folder, MEDIA))


@pytest.mark.parametrize(("stored", "wanted"), [(1, 3), (3, 1)])
def test_grey_and_colour_meet(tmp_path: Path, stored: int, wanted: int) -> None:
    grey = _pixels(0, (10, 12, 1))
    write_image(tmp_path / "a.png", np.repeat(grey, stored, axis=-1))
    media = MediaSpec(kind="image", channels=wanted, height=10, width=12)
    (batch,) = open_samples(tmp_path, media)
    assert batch["image"].shape == (1, wanted, 10, 12)
    torch.testing.assert_close(batch["image"][0, 0], torch.from_numpy(grey[..., 0]) / 127.5 - 1)


def test_colour_is_not_taken_for_grey(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", _pixels(0))
    with pytest.raises(BadInput, match="3 channels and the reference 1"):
        list(open_samples(tmp_path, MediaSpec(kind="image", channels=1, height=10, width=12)))


def test_arrays_keep_their_units(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.save(content, np.full((10, 12, 3), 0.25, np.float32))
    for name in "ab":
        (tmp_path / f"{name}.npy").write_bytes(content.getvalue())
    media = MediaSpec(kind="image", channels=3, height=10, width=12, dtype="float32", low=0.0, high=1.0)
    (batch,) = open_samples(tmp_path, media)
    torch.testing.assert_close(batch["image"], torch.full((2, 3, 10, 12), -0.5))
    with pytest.raises(BadInput, match="float32 values and the reference uint8"):
        list(open_samples(tmp_path, MEDIA))


def test_eight_bit_samples_of_deeper_data_are_read(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=3, height=10, width=12, dtype="uint16", low=0.0, high=4095.0)
    (batch,) = open_samples(_folder(tmp_path, 1), media)
    torch.testing.assert_close(batch["image"][0], torch.from_numpy(_pixels(0)).permute(2, 0, 1) / 127.5 - 1)


def test_clips_are_cut_to_the_references_length(tmp_path: Path) -> None:
    media = MediaSpec(kind="video", channels=3, height=16, width=16, frames=4, fps=8.0)
    for i in range(2):
        write_video(tmp_path / f"{i}.gif", _pixels(i, (6, 16, 16, 3)), 8.0)
    (batch,) = open_samples(tmp_path, media)
    assert batch["video"].shape == (2, 3, 4, 16, 16)
    write_video(tmp_path / "2.gif", _pixels(2, (3, 16, 16, 3)), 8.0)
    with pytest.raises(BadInput, match="3 frames of 16x16 and the reference 4 frames"):
        list(open_samples(tmp_path, media))


@pytest.mark.parametrize("rate", [4.0, 8.0, 25.0, 50.0])
@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_clips_of_any_rate_are_read_frame_by_frame(suffix: str, rate: float, tmp_path: Path) -> None:
    media = MediaSpec(kind="video", channels=3, height=16, width=16, frames=6, fps=8.0)
    frames = np.stack([np.full((16, 16, 3), 40 * i, np.uint8) for i in range(6)])
    write_video(tmp_path / f"0{suffix}", frames, rate)
    samples = SampleFolder(tmp_path, media)
    (batch,) = samples
    levels = (batch["video"][0].mean((0, 2, 3)) + 1) * 127.5
    assert (levels - torch.arange(6) * 40).abs().max() < 4
    assert samples.rates == {rate: 1}
    assert samples.notes() == []


def test_equal_frames_that_a_gif_joined_count_each(tmp_path: Path) -> None:
    levels = [0, 0, 0, 80, 120, 160, 160, 200]
    media = MediaSpec(kind="video", channels=3, height=16, width=16, frames=8)
    pictures = [Image.fromarray(np.full((16, 16, 3), level, np.uint8)) for level in levels]
    pictures[0].save(tmp_path / "0.gif", save_all=True, append_images=pictures[1:], duration=100)
    samples = SampleFolder(tmp_path, media)
    (batch,) = samples
    assert ((batch["video"][0].mean((0, 2, 3)) + 1) * 127.5).round().tolist() == levels
    assert samples.rates == {10.0: 1}


def test_longer_clips_are_cut_and_counted(tmp_path: Path) -> None:
    media = MediaSpec(kind="video", channels=3, height=16, width=16, frames=4)
    for i, length in enumerate((4, 6, 9)):
        write_video(tmp_path / f"{i}.mp4", _pixels(i, (length, 16, 16, 3)), 8.0)
    samples = SampleFolder(tmp_path, media)
    (batch,) = samples
    assert batch["video"].shape == (3, 3, 4, 16, 16)
    assert samples.notes() == ["2 clips are longer than the reference's: their first 4 frames count"]


def test_a_clip_is_not_held_against_pictures(tmp_path: Path) -> None:
    write_video(tmp_path / "0.mp4", _pixels(0, (4, 10, 12, 3)), 8.0)
    with pytest.raises(BadInput, match=r"a clip among pictures.*the reference holds pictures"):
        list(open_samples(tmp_path, MEDIA))


def test_a_size_crops_and_scales_files(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=3, height=8, width=8)
    for i, shape in enumerate(((8, 8, 3), (10, 12, 3), (40, 16, 3))):
        write_image(tmp_path / f"{i}.jpg", _pixels(i, shape))
    with pytest.raises(BadInput, match=r"1\.jpg is 12x10 and the reference 8x8.*--size"):
        list(open_samples(tmp_path, media))
    (batch,) = SampleFolder(tmp_path, media, how=MeasuredAs(size=8))
    assert batch["image"].shape == (3, 3, 8, 8)


def test_one_of_the_files_own_splits(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "test", "train", "test", "train")):
        write_image(tmp_path / split / f"{i}.png", _pixels(i))
    whole = SampleFolder(tmp_path, MEDIA)
    assert len(_images(whole)) == 5
    assert f"{tmp_path}: all splits of test (2), train (3)" in whole.notes()
    assert len(_images(SampleFolder(tmp_path, MEDIA, how=MeasuredAs(split="test")))) == 2


def test_a_leap_in_the_times_of_a_clip_costs_no_memory(tmp_path: Path) -> None:
    media = MediaSpec(kind="video", channels=3, height=16, width=16, frames=4, fps=50.0)
    frames = [Image.fromarray(_pixels(i, (16, 16, 3))) for i in range(8)]
    frames[0].save(tmp_path / "0.gif", save_all=True, append_images=frames[1:], duration=[20, *[600_000] * 7])
    tracemalloc.start()
    (batch,) = open_samples(tmp_path, media)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert batch["video"].shape == (1, 3, 4, 16, 16)
    assert peak < 10_000_000
