"""Folders, splits and models are measured, and every number carries its protocol."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.data.pack import pack_arrays
from diorama.evaluation import run
from diorama.evaluation.catalog.entries import ExtractorEntry, SampleMetric
from diorama.evaluation.catalog.metrics import default_metrics
from diorama.evaluation.extractors import Extractor
from diorama.evaluation.intervals import mean_interval
from diorama.evaluation.measures import Measured, Pair
from diorama.evaluation.protocol import clearly_below, require_same_protocol
from diorama.evaluation.reference import ReferenceOptions, reference_features
from diorama.evaluation.run import EvaluateOptions, evaluate, measure
from diorama.media.image import write_image
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.store import save
from tests.evaluation.small_models import MEDIA, small_vae
from tests.evaluation.world_data import said_to_be_of_the_world
from tests.interop.published_folders import pipeline_folder

FD = EvaluateOptions(metrics=("fd@lite",))


def _gan() -> GANSynthesizer:
    torch.manual_seed(0)
    generator = DCGANGeneratorConfig(size=(32, 32), channels=3, features=4, latent=5)
    return GANSynthesizerConfig(media=MEDIA, generator=generator).build().eval()


def _write(folder: Path, pixels: np.ndarray) -> Path:
    for i, picture in enumerate(pixels):
        write_image(folder / f"{i:06d}.png", picture)
    return folder


def test_held_out_pictures_lie_below_damaged_ones(pictures: Dataset, tmp_path: Path) -> None:
    split, held = pictures.split("train"), pictures.split("test").stored(np.arange(60))
    noise = np.random.default_rng(0).normal(0, 40, held.shape)
    noisy = np.clip(held + noise, 0, 255).astype(np.uint8)
    (real,) = evaluate(_write(tmp_path / "real", held), split, FD).results
    (worse,) = evaluate(_write(tmp_path / "noisy", noisy), split, FD).results
    assert clearly_below(real, worse)
    assert real.extractor.name == "lite"
    assert (real.samples, real.reference.count) == (60, 80)


def test_a_folder_and_the_split_it_came_from_agree(pictures: Dataset, tmp_path: Path) -> None:
    split = pictures.split("train")
    options = replace(FD, metrics=default_metrics(MEDIA))
    folder = evaluate(_write(tmp_path / "s", pictures.split("test").stored(np.arange(60))), split, options)
    prepared = evaluate(pictures.path, split, options)
    for first, second in zip(folder.results, prepared.results, strict=True):
        require_same_protocol([first, second])
        assert first.value == pytest.approx(second.value, rel=1e-3, abs=1e-3)


def test_paths_may_be_text(pictures: Dataset, tmp_path: Path) -> None:
    folder = _write(tmp_path / "drawn", pictures.split("test").stored(np.arange(30)))
    by_text = evaluate(str(folder), str(pictures.path), FD)
    assert by_text.results == evaluate(folder, pictures.path, FD).results


def test_batch_size_changes_no_answer(pictures: Dataset) -> None:
    results = [evaluate(pictures.path, pictures.path, replace(FD, batch_size=size)).results[0] for size in (1, 64)]
    assert results[0].value == pytest.approx(results[1].value, rel=1e-4)


def test_samples_are_seen_through_eight_bits(pictures: Dataset) -> None:
    split = pictures.split("test")
    batch = split.read(np.arange(60))
    reference = reference_features(split, ["fd@lite"], ReferenceOptions())
    exact = measure([batch], reference, ["fd@lite"]).results[0].value
    shifted = {**batch, "image": batch["image"] + 0.4 / 127.5}
    between = measure([shifted], reference, ["fd@lite"]).results[0].value
    assert exact == pytest.approx(between, abs=1e-9)
    assert exact == pytest.approx(0.0, abs=1e-5)


def test_models_are_measured_alike_from_memory_and_disk(pictures: Dataset, tmp_path: Path) -> None:
    model = _gan()
    save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "a card")
    options = replace(FD, count=30, seed=4, batch_size=16)
    memory = evaluate(model, pictures.split("train"), options).results
    disk = evaluate(tmp_path / "model", pictures.split("train"), options).results
    assert memory == disk
    assert memory[0].samples == 30
    assert memory[0].seed == 4


def test_reconstructions_and_bounds_are_measured_on_real_records(pictures: Dataset) -> None:
    options = replace(FD, metrics=("psnr", "ssim", "bpd"), count=20, batch_size=8)
    evaluation = evaluate(small_vae(), pictures.split("test"), options)
    results = evaluation.results
    assert evaluation.warnings == ()
    assert [result.metric for result in results] == ["psnr", "ssim", "bpd"]
    for result in results:
        assert result.interval.low <= result.value <= result.interval.high
        assert (result.samples, result.reference.count) == (20, 20)
    assert results[2].value > 0
    assert [result.dtype for result in results] == ["uint8", "uint8", "float32"]


def test_reconstructions_of_what_was_trained_on_are_warned_of(pictures: Dataset) -> None:
    options = replace(FD, metrics=("psnr", "fd@lite"), count=20)
    evaluation = evaluate(small_vae(), pictures.split("train"), options)
    assert [result.metric for result in evaluation.results] == ["psnr", "fd@lite"]
    assert any(warning.startswith("psnr: taken of the split train") for warning in evaluation.warnings)


@pytest.mark.parametrize("metric", ["psnr", "ssim", "bpd"])
def test_models_that_cannot_are_told_so(pictures: Dataset, metric: str) -> None:
    with pytest.raises(BadInput, match="a GAN "):
        evaluate(_gan(), pictures.split("test"), replace(FD, metrics=(metric,), count=4))


def test_samples_have_no_reconstructions(pictures: Dataset) -> None:
    with pytest.raises(BadInput, match="asked of a model"):
        evaluate(pictures.path, pictures.path, replace(FD, metrics=("psnr",)))
    reference = reference_features(pictures.split("test"), ["fd@lite"], ReferenceOptions())
    with pytest.raises(BadInput, match="asked of a model"):
        measure([], reference, ["bpd"])


def test_clips_are_measured_by_frame_and_by_clip(clips: Dataset) -> None:
    metrics = ("fd@lite", "fd@lite-clip", "kid@lite-clip", "precision@lite")
    evaluation = evaluate(clips.path, clips.path, replace(FD, metrics=metrics))
    assert [(r.samples, r.reference.count) for r in evaluation.results] == [(88, 96), (22, 24), (22, 24), (88, 96)]
    assert any("fewer than the 512" in warning for warning in evaluation.warnings)


def test_still_clips_differ_from_moving_ones_by_clip(clips: Dataset) -> None:
    split = clips.split("train")
    moves = split.read(np.arange(24))
    still = {**moves, "video": moves["video"][:, :, :1].expand_as(moves["video"])}
    reference = reference_features(split, ["fd@lite-clip"], ReferenceOptions())
    moving, frozen = (measure([batch], reference, ["fd@lite-clip"]).results[0].value for batch in (moves, still))
    assert frozen > moving + 1


def test_the_factor_reader_counts_modes_of_the_world(tmp_path: Path, pictures: Dataset) -> None:
    stored = pictures.split("train").stored(np.arange(80))
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    world = said_to_be_of_the_world(
        pack_arrays(tmp_path / "shapes", {"train": stored, "test": stored[:40]}, media, name="shapes")
    )
    evaluation = evaluate(world.path, world.path, replace(FD, metrics=()))
    found = {result.metric: result for result in evaluation.results}
    assert 20 < found["modes"].value <= 40
    assert found["modes"].interval.low == found["modes"].value
    assert 0.8 < found["factor_coverage"].value <= 1
    assert any("was trained on the built-in world" in warning for warning in evaluation.warnings)
    assert (found["modes"].samples, found["modes"].reference.count, found["modes"].extractor.name) == (40, 0, "")


def test_data_that_are_only_named_world_are_measured_as_others(tmp_path: Path, pictures: Dataset) -> None:
    stored = pictures.split("train").stored(np.arange(40))
    cup = pack_arrays(tmp_path / "cup", {"train": stored, "test": stored}, MEDIA, name="world cup")
    evaluation = evaluate(cup.path, cup.path, replace(FD, metrics=()))
    assert {result.metric for result in evaluation.results} == set(default_metrics(MEDIA))
    assert not any("built-in world" in warning for warning in evaluation.warnings)


def test_other_sizes_are_refused(pictures: Dataset, clips: Dataset) -> None:
    torch.manual_seed(0)
    generator = DCGANGeneratorConfig(size=(16, 16), channels=3, features=4, latent=5)
    small = replace(MEDIA, height=16, width=16)
    model = GANSynthesizerConfig(media=small, generator=generator).build()
    with pytest.raises(BadInput, match=r"\(3, 16, 16\)"):
        evaluate(model, pictures.split("test"), FD)
    with pytest.raises(BadInput, match="holds images of shape"):
        evaluate(pictures.path, clips.split("test"), FD)


def test_too_few_samples_are_refused(pictures: Dataset) -> None:
    with pytest.raises(BadInput, match="needs at least 20 samples, got 5"):
        evaluate(_gan(), pictures.split("train"), replace(FD, count=5))
    with pytest.raises(BadInput, match="has 60 records, 61 are asked for"):
        evaluate(pictures.path, pictures.path, replace(FD, count=61))
    reference = reference_features(pictures.split("test"), ["fd@lite"], ReferenceOptions())
    with pytest.raises(BadInput, match="no samples"):
        measure([], reference, ["fd@lite"])
    with pytest.raises(BadInput, match="prepared without lite-clip"):
        measure([], reference, ["fd@lite-clip"])


@pytest.mark.parametrize(("count", "side", "words"), [(5, 32, "at least 20 samples, got 5"), (30, 16, "is 16x16")])
def test_files_that_cannot_be_measured_are_refused_before_the_reference_is(
    pictures: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, side: int, words: str
) -> None:
    def minutes_of_work(*_: object) -> None:
        raise AssertionError("features of the real records were taken first")

    monkeypatch.setattr(run, "reference_features", minutes_of_work)
    folder = _write(tmp_path / "samples", np.zeros((count, side, side, 3), np.uint8))
    with pytest.raises(BadInput, match=words):
        evaluate(folder, pictures.split("train"), FD)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        EvaluateOptions(count=0)


def test_nothing_there_is_named(pictures: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        evaluate(tmp_path / "nowhere", pictures.path, FD)


def _brightness(pair: Pair) -> Measured:
    """Mean brightness of samples."""
    return Measured(float(pair.samples.mean()), mean_interval(pair.samples[:, 0]), ("brightness is in [-1, 1]",))


def _load(device: str) -> Extractor:
    return Extractor(lambda batch: {"": batch["image"].mean((1, 2, 3))[:, None]})


BRIGHTNESS = (
    ExtractorEntry(name="mean", load=_load, views=("",)),
    SampleMetric(
        name="brightness", title="Brightness", meaning="How bright.", better="higher", function=_brightness,
        needs=("pictures",), extractor="mean", least=3,
    ),
)  # fmt: skip


def test_a_metric_of_ones_own_is_measured_like_others(pictures: Dataset) -> None:
    options = replace(FD, metrics=("brightness", "fd@lite", "kid@mean"), catalog=BRIGHTNESS)
    evaluation = evaluate(pictures.path, pictures.path, options)
    mean = pictures.split("test").read(np.arange(60))["image"].mean()
    first = evaluation.results[0]
    assert first.value == pytest.approx(float(mean), abs=0.01)
    assert (first.samples, first.reference.count, first.extractor.name) == (60, 0, "")
    assert evaluation.results[2].reference.count == 80
    assert "brightness is in [-1, 1]" in evaluation.warnings


def test_what_a_metric_needs_must_be_there(pictures: Dataset, clips: Dataset) -> None:
    options = replace(FD, metrics=("brightness",), catalog=BRIGHTNESS)
    with pytest.raises(BadInput, match="brightness is of pictures, and these are clips"):
        evaluate(clips.path, clips.path, options)
    with pytest.raises(BadInput, match="brightness: needs at least 3 samples, got 2"):
        evaluate(pictures.path, pictures.path, replace(options, count=2))
    with pytest.raises(BadInput, match="lite-clip features are of clips, and these are pictures"):
        evaluate(pictures.path, pictures.path, replace(FD, metrics=("fd@lite-clip",)))
    with pytest.raises(BadInput, match="caption_colours is of what samples were drawn of"):
        evaluate(pictures.path, pictures.path, replace(FD, metrics=("caption_colours",)))


@pytest.mark.parametrize("missing", ["image", "index"])
def test_a_batch_that_lacks_what_all_have_is_refused(pictures: Dataset, missing: str) -> None:
    split = pictures.split("test")
    reference = reference_features(split, ["fd@lite"], ReferenceOptions(count=20))
    batch = {key: value for key, value in split.read(np.arange(5)).items() if key != missing}
    with pytest.raises(BadInput, match="needs image or video, and index"):
        measure([batch], reference, ["fd@lite"])


def test_features_without_numbers_are_refused(pictures: Dataset) -> None:
    def broken(device: str) -> Extractor:
        return Extractor(lambda batch: {"": torch.full((len(batch["index"]), 1), torch.nan)})

    catalog = (replace(BRIGHTNESS[0], load=broken), BRIGHTNESS[1])
    with pytest.raises(BadInput, match="samples: some mean features are not finite"):
        evaluate(pictures.path, pictures.path, replace(FD, metrics=("brightness",), catalog=catalog))


def test_few_clips_are_few_records_however_many_frames_they_have(clips: Dataset) -> None:
    evaluation = evaluate(clips.path, clips.path, replace(FD, metrics=("fd@lite",)))
    assert evaluation.warnings == (
        "lite: 22 clips are fewer than the 256 features, so distances are rough and their intervals wide",
    )


def test_few_records_for_two_networks_are_one_warning(pictures: Dataset) -> None:
    options = replace(FD, metrics=("fd@lite", "kid@lite", "fd@lite2"))
    few = [each for each in evaluate(pictures.path, pictures.path, options).warnings if "fewer than" in each]
    assert len(few) == 1
    assert few[0].startswith("lite and lite2: ")
    assert "their 256 features" in few[0]


def test_weights_that_cannot_be_had_are_said_before_sizes_that_differ(pictures: Dataset, tmp_path: Path) -> None:
    def absent(device: str) -> Extractor:
        raise BadInput("the weights cannot be fetched")

    larger = np.zeros((4, 40, 40, 3), np.uint8)
    media = MediaSpec(kind="image", channels=3, height=40, width=40)
    other = pack_arrays(tmp_path / "other", {"test": larger}, media).path
    options = replace(FD, metrics=("brightness",), catalog=(replace(BRIGHTNESS[0], load=absent), BRIGHTNESS[1]))
    with pytest.raises(BadInput, match=r"^the weights cannot be fetched$"):
        evaluate(other, pictures.path, options)
    with pytest.raises(BadInput, match="nowhere"):
        evaluate(tmp_path / "nowhere", pictures.path, options)


def test_a_pipeline_of_diffusers_is_measured_as_it_lies(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 8, 3), dtype=np.uint8)
    data = pack_arrays(tmp_path / "data", {"train": pixels}, MediaSpec(kind="image", channels=3, height=16, width=8))
    options = EvaluateOptions(metrics=("fd@lite",), count=20, sampling=Sampling(steps=2))
    (result,) = evaluate(pipeline_folder(tmp_path / "pipe"), data.path, options).results
    assert result.sampling == Sampling(sampler="ddim", steps=2, guidance=1.0)
    with pytest.raises(BadInput, match="is no model, so sampler"):
        evaluate(data.path, data.path, options)
