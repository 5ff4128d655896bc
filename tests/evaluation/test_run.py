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
from diorama.evaluation.catalog import default_metrics
from diorama.evaluation.protocol import clearly_below, require_same_protocol
from diorama.evaluation.reference import ReferenceOptions, reference_features
from diorama.evaluation.run import EvaluateOptions, evaluate, measure
from diorama.media.image import write_image
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.networks.codecs.vae import ConvDecoderConfig, ConvEncoderConfig
from diorama.synthesis.gan import GANSynthesizer, GANSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.store import save
from diorama.synthesis.vae import VAESynthesizer, VAESynthesizerConfig

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)
FD = EvaluateOptions(metrics=("fd@lite",))


def _gan() -> GANSynthesizer:
    torch.manual_seed(0)
    generator = DCGANGeneratorConfig(size=(32, 32), channels=3, features=4, latent=5)
    return GANSynthesizerConfig(media=MEDIA, generator=generator).build().eval()


def _vae() -> VAESynthesizer:
    torch.manual_seed(0)
    return (
        VAESynthesizerConfig(
            media=MEDIA,
            encoder=ConvEncoderConfig(size=(32, 32), channels=3, features=8, latent=3),
            decoder=ConvDecoderConfig(size=(32, 32), channels=3, features=8, latent=3),
        )
        .build()
        .eval()
    )


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
    x = split.read(np.arange(60))["image"]
    reference = reference_features(split, ["fd@lite"], ReferenceOptions())
    exact = measure([x], reference, ["fd@lite"]).results[0].value
    between = measure([x + 0.4 / 127.5], reference, ["fd@lite"]).results[0].value
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
    results = evaluate(_vae(), pictures.split("test"), options).results
    assert [result.metric for result in results] == ["psnr", "ssim", "bpd"]
    for result in results:
        assert result.interval.low <= result.value <= result.interval.high
        assert (result.samples, result.reference.count) == (20, 20)
    assert results[2].value > 0


@pytest.mark.parametrize("metric", ["psnr", "ssim", "bpd"])
def test_models_that_cannot_are_told_so(pictures: Dataset, metric: str) -> None:
    with pytest.raises(BadInput, match="GANSynthesizer"):
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
    x = split.read(np.arange(24))["video"]
    still = x[:, :, :1].expand_as(x)
    reference = reference_features(split, ["fd@lite-clip"], ReferenceOptions())
    moving, frozen = (measure([batch], reference, ["fd@lite-clip"]).results[0].value for batch in (x, still))
    assert frozen > moving + 1


def test_the_factor_reader_counts_modes_of_the_world(tmp_path: Path, pictures: Dataset) -> None:
    stored = pictures.split("train").stored(np.arange(80))
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    world = pack_arrays(tmp_path / "world", {"train": stored, "test": stored[:40]}, media, name="world")
    evaluation = evaluate(world.path, world.path, replace(FD, metrics=()))
    found = {result.metric: result for result in evaluation.results}
    assert 20 < found["modes"].value <= 40
    assert found["modes"].interval.low == found["modes"].value
    assert 0.8 < found["factor_coverage"].value <= 1
    assert any("was trained on the built-in world" in warning for warning in evaluation.warnings)


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


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="count must be at least 1"):
        EvaluateOptions(count=0)


def test_nothing_there_is_named(pictures: Dataset, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        evaluate(tmp_path / "nowhere", pictures.path, FD)
