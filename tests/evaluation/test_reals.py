"""The real side: raw folders as they are, prepared ones by their splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.evaluation.protocol import differences
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.media.image import write_image
from diorama.media.video import write_video
from tests.evaluation.small_models import small_vae

FD = EvaluateOptions(metrics=("fd@lite",))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))


def _folder(folder: Path, pixels: np.ndarray) -> Path:
    for i, picture in enumerate(pixels):
        write_image(folder / f"{i:03d}.png", picture)
    return folder


def _noise(seed: int, height: int, width: int, count: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width"), [(96, 96), (40, 56), (16, 16)])
def test_two_raw_folders_are_held_against_each_other_whole(height: int, width: int, tmp_path: Path) -> None:
    real = _folder(tmp_path / "real", _noise(0, height, width))
    fake = _folder(tmp_path / "fake", _noise(1, height, width, 30))
    evaluation = evaluate(fake, real, FD)
    (result,) = evaluation.results
    assert (result.samples, result.reference.count) == (30, 20)
    assert evaluation.notes == (f"{real}: read as it is, 20 pictures of {width}x{height}",)
    (same,) = evaluate(real, real, FD).results
    assert same.value == pytest.approx(0, abs=1e-3)


def test_a_raw_reference_is_what_its_prepared_self_is(pictures: Dataset, tmp_path: Path) -> None:
    train, test = (pictures.split(name).stored(np.arange(24)) for name in ("train", "test"))
    real, fake = _folder(tmp_path / "real", train), _folder(tmp_path / "fake", test)
    (raw,) = evaluate(fake, real, FD).results
    (prepared,) = evaluate(fake, pictures.split("train"), replace(FD, reference=80)).results
    assert raw.reference.sha256 != prepared.reference.sha256
    # The same pictures as the subject and as the reference have the same features.
    (there,) = evaluate(real, fake, FD).results
    assert there.value == pytest.approx(raw.value, rel=1e-4)


def test_unreadable_files_of_the_reference_are_counted(tmp_path: Path) -> None:
    real = _folder(tmp_path / "real", _noise(0, 32, 32, 21))
    (real / "000.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    (real / "README.md").write_text("where they are from")
    evaluation = evaluate(real, real, FD)
    assert evaluation.results[0].reference.count == 20
    assert sum("1 file is left out, first 000.png" in warning for warning in evaluation.warnings) == 2


def test_a_size_is_stated_in_the_protocol(tmp_path: Path) -> None:
    real = _folder(tmp_path / "real", _noise(0, 64, 48))
    fake = _folder(tmp_path / "fake", _noise(1, 40, 40))
    with pytest.raises(BadInput, match=r"000.png is 40x40 and the reference 48x64.*--size N"):
        evaluate(fake, real, FD)
    (sized,) = evaluate(fake, real, replace(FD, size=32)).results
    assert sized.resize.startswith("files cropped and scaled to 32 x 32 px; then none")
    (plain,) = evaluate(fake, fake, FD).results
    assert any(line.startswith("resize") for line in differences(sized, plain))


def test_a_size_that_prepared_data_do_not_have_is_refused(pictures: Dataset, tmp_path: Path) -> None:
    fake = _folder(tmp_path / "fake", _noise(1, 40, 40))
    with pytest.raises(BadInput, match="is prepared at 32x32, so --size 40 does not fit"):
        evaluate(fake, pictures.path, replace(FD, size=40))
    assert evaluate(fake, pictures.path, replace(FD, size=32)).results[0].samples == 20


def test_a_model_of_another_size_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--size 32 brings files"):
        evaluate(small_vae(), _folder(tmp_path / "real", _noise(0, 40, 40)), FD)


def test_of_prepared_data_one_split_is_taken_and_said(pictures: Dataset) -> None:
    evaluation = evaluate(pictures.path, pictures.path, FD)
    assert evaluation.notes == (
        f"{pictures.path}: its split train, 80 pictures of 32x32",
        f"{pictures.path}: its split test, 60 pictures of 32x32",
    )
    held = evaluate(pictures.path, pictures.path, replace(FD, split="test"))
    assert held.results[0].reference.count == 60


def test_clips_are_compared_frame_by_frame_and_rates_said_where_they_differ(tmp_path: Path) -> None:
    for k in range(20):
        ramp = np.stack([np.roll(np.indices((16, 16))[1] * 15, k + t, axis=1) for t in range(3)])
        frames = ramp[..., None].repeat(3, -1).astype(np.uint8)
        write_video(tmp_path / "real" / f"{k}.mp4", frames, 8.0)
        write_video(tmp_path / "fake" / f"{k}.gif", frames, 25.0)
    options = EvaluateOptions(metrics=("fd@lite-clip",))
    evaluation = evaluate(tmp_path / "fake", tmp_path / "real", options)
    assert [(r.samples, r.reference.count) for r in evaluation.results] == [(20, 20)]
    assert evaluation.results[0].interval.low == 0
    said = "samples state 25 frames a second and the reference 8: they are compared frame by frame"
    assert any(note.startswith(said) for note in evaluation.notes)
    assert not any("frames a second" in note for note in evaluate(tmp_path / "real", tmp_path / "real", options).notes)


def test_metrics_of_clips_read_folders_of_frames_as_clips(tmp_path: Path) -> None:
    for k in range(20):
        _folder(tmp_path / "real" / f"clip {k}", _noise(k, 32, 32, 2))
    (clips,) = evaluate(tmp_path / "real", tmp_path / "real", replace(FD, metrics=("fd@lite-clip",))).results
    assert (clips.samples, clips.reference.count) == (20, 20)
    (frames,) = evaluate(tmp_path / "real", tmp_path / "real", FD).results
    assert frames.samples == 40
    with pytest.raises(BadInput, match="fd@lite-clip is of clips, and here is 1 clip of 2 frames"):
        evaluate(tmp_path / "real", tmp_path / "real" / "clip 3", replace(FD, metrics=("fd@lite-clip",)))


def test_names_as_people_type_them_are_measured_and_said(pictures: Dataset) -> None:
    evaluation = evaluate(pictures.path, pictures.split("train"), EvaluateOptions(metrics=("FD", "prdc", "fd@lite")))
    names = ("fd@lite", "precision@lite", "recall@lite", "density@lite", "coverage@lite")
    assert tuple(result.metric for result in evaluation.results) == names
    assert evaluation.notes[0].startswith("metrics: FD is fd@lite; prdc is precision@lite, recall@lite")
