"""Folders of samples."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.pack import pack_arrays
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.media.video import read_video
from diorama.samplers.ddim import DDIMConfig
from diorama.synthesis.base import Sampling, Synthesizer
from diorama.synthesis.drawing import DrawOptions
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.samples import Given, SampleOptions, options_like, sample
from diorama.synthesis.store import model_hash, save
from tests.synthesis.models import tiny_diffusion, tiny_gan, tiny_video_gan


def draw(model: Synthesizer | Path, count: int, out: Path, *, seed: int = 0, **options: Any) -> list[dict[str, Any]]:
    """Draw all, and return the rows of the list."""
    drawn = {
        key: options.pop(key) for key in ("batch_size", "first", "exact", "precision", "sampling") if key in options
    }
    given = {key: options.pop(key) for key in ("label", "prompts", "records") if key in options}
    asked = SampleOptions(draw=DrawOptions(**drawn), given=Given(**given), **options)
    progress = list(sample(model, count, seed=seed, out=out, options=asked))
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


def test_a_call_that_draws_nothing_leaves_everything_as_it_was(tmp_path: Path) -> None:
    model = tiny_diffusion(("cat", "dog"))
    draw(tiny_gan(), 3, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    needs_label = replace(model.config, conditions=tuple(replace(s, null=None) for s in model.config.conditions))
    for name in ("out", "new"):
        with pytest.raises(BadInput, match=r"needs a label, one of cat, dog \(--label\)"):
            draw(needs_label.build().eval(), 3, tmp_path / name)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_a_file_that_is_not_there_cannot_be_drawn_again(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        options_like(tmp_path / "000000.png", tiny_gan(), SampleOptions())


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
    rows = draw(tiny_video_gan(), 2, tmp_path / "out", format=video)
    path = tmp_path / "out" / rows[1]["file"]
    assert path.name == f"000001.{video}"
    assert len(list(read_video(path))) == 4
    stamp = read_stamp(path)
    assert stamp is not None
    assert stamp.seed == 0


def test_clips_may_be_folders_of_frames(tmp_path: Path) -> None:
    rows = draw(tiny_video_gan(), 2, tmp_path / "out", format="frames")
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
    drawing = sample(tiny_gan(), 100, out=tmp_path / "out", options=SampleOptions(draw=DrawOptions(batch_size=3)))
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
        with pytest.raises(ValueError, match=r"batch_size|first|exact"):
            DrawOptions(**wrong)  # type: ignore[arg-type]


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    drawing = sample(tiny_gan(), 4, out=tmp_path / "out", options=SampleOptions(draw=DrawOptions(batch_size=2)))
    assert next(drawing).count == 4
    while len(list((tmp_path / "out").glob("*.png"))) < 2:
        time.sleep(0.01)
    monkeypatch.setattr("diorama.synthesis.formats.write_image", full)
    with pytest.raises(BadInput, match="No space left"):
        list(drawing)
    assert len(json.loads((tmp_path / "out" / "samples.json").read_text())["samples"]) == 2


def test_the_list_and_every_file_say_how_a_sample_was_drawn(tmp_path: Path) -> None:
    model = tiny_diffusion(("cat", "dog"))
    draw(model, 3, tmp_path / "out", seed=5, first=4, label="all", sampling=Sampling(steps=3, guidance=2.0))
    document = json.loads((tmp_path / "out" / "samples.json").read_text())
    assert document["sampling"] == {"sampler": "ddim", "steps": 3, "guidance": 2.0}
    assert [row["condition"]["label"] for row in document["samples"]] == ["cat", "dog", "cat"]
    stamp = read_stamp(tmp_path / "out" / "000005.png")
    assert stamp is not None
    assert (stamp.index, stamp.condition, stamp.sampler, stamp.steps, stamp.guidance) == (
        5,
        {"label": "dog"},
        "ddim",
        3,
        2.0,
    )


@pytest.mark.parametrize("video", ["mp4", "gif", "webm"])
def test_a_clip_says_how_it_was_drawn_and_is_drawn_again(tmp_path: Path, video: Any) -> None:
    model = tiny_video_gan(("walk", "run"))
    rows = draw(model, 2, tmp_path / "out", seed=3, label="all", format=video)
    file = tmp_path / "out" / rows[1]["file"]
    seed, options = options_like(file, model, SampleOptions(format=video))
    list(sample(model, 1, seed=seed, out=tmp_path / "again", options=options))
    frames = [np.stack([f.pixels for f in read_video(p)]) for p in (file, tmp_path / "again" / file.name)]
    assert np.array_equal(*frames)


def test_a_file_is_drawn_again(tmp_path: Path) -> None:
    model = tiny_diffusion(("cat", "dog"))
    draw(model, 6, tmp_path / "out", seed=5, label="all", exact=True, sampling=Sampling(steps=3, guidance=2.0))
    seed, options = options_like(tmp_path / "out" / "000003.png", model, SampleOptions(draw=DrawOptions(exact=True)))
    list(sample(model, 1, seed=seed, out=tmp_path / "again", options=options))
    files = [tmp_path / name / "000003.png" for name in ("out", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_sampler_with_settings_of_the_models_own_is_drawn_with_again(tmp_path: Path) -> None:
    config = replace(tiny_diffusion().config, sampler=DDIMConfig(eta=1.0))
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    draw(model, 3, tmp_path / "out", exact=True)
    seed, options = options_like(tmp_path / "out" / "000002.png", model, SampleOptions(draw=DrawOptions(exact=True)))
    list(sample(model, 1, seed=seed, out=tmp_path / "again", options=options))
    files = [tmp_path / name / "000002.png" for name in ("out", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_samples_are_numbered_in_32_bits(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the last sample would be number 4294967296"):
        draw(tiny_gan(), 3, tmp_path / "out", first=(1 << 32) - 2)
    assert not (tmp_path / "out").exists()


def test_files_that_cannot_be_drawn_again_say_why(tmp_path: Path) -> None:
    draw(tiny_gan(), 1, tmp_path / "out")
    with pytest.raises(BadInput, match="another model"):
        options_like(tmp_path / "out" / "000000.png", tiny_gan(channels=1), SampleOptions())
    (tmp_path / "photo.png").write_bytes(b"")
    with pytest.raises(BadInput, match="no mark"):
        options_like(tmp_path / "photo.png", tiny_gan(), SampleOptions())


def test_a_model_of_one_pass_refuses_samplers(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="one pass"):
        draw(tiny_gan(), 1, tmp_path / "out", sampling=Sampling(steps=10))
    assert not (tmp_path / "out").exists()


def test_wishes_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="one of them"):
        Given(label="cat", prompts=("a cat",))


def test_a_sample_of_a_record_is_drawn_again_of_that_record_alone(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    labels = {"val": np.array([0, 1, 1])}
    for name, split_of in (("data", "val"), ("other", "test")):
        splits = {split_of: np.zeros((3, 8, 8, 1), np.uint8), "val": np.zeros((3, 8, 8, 1), np.uint8)}
        pack_arrays(tmp_path / name, splits, media, labels={**labels, split_of: labels["val"]}, classes=("cat", "dog"))
    model, data = tiny_diffusion(("cat", "dog")), str(tmp_path / "data")
    draw(model, 2, tmp_path / "out", records=data, sampling=Sampling(steps=2))
    file = tmp_path / "out" / "000001.png"
    with pytest.raises(BadInput, match="name its data set with --records"):
        options_like(file, model, SampleOptions())
    _, options = options_like(file, model, SampleOptions(given=Given(records=data)))
    assert options.draw.first == 1
    with pytest.raises(BadInput, match=r"gives sample 1 the record 'test/000001', and .* was given 'val/000001'"):
        options_like(file, model, SampleOptions(given=Given(records=str(tmp_path / "other"), split="test")))
    # Records of generated sets are named by their numbers alone, so that other sets have records of the same names.
    zeros = {"val": np.zeros((3, 8, 8, 1), np.uint8)}
    pack_arrays(tmp_path / "third", zeros, media, labels={"val": np.array([0, 0, 1])}, classes=("cat", "dog"))
    with pytest.raises(BadInput, match=r"gives sample 1 the label 'cat', and .* was given 'dog'"):
        options_like(file, model, SampleOptions(given=Given(records=str(tmp_path / "third"))))
