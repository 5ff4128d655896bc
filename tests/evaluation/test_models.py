"""What a model is asked for does not depend on how many records or samples are taken at a time."""

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
from diorama.data.partners import partners_of
from diorama.evaluation import lpips
from diorama.evaluation.catalog.metrics import parse_metric
from diorama.evaluation.models import Asked, measure_model
from diorama.evaluation.records import records_stamp
from diorama.evaluation.run import EvaluateOptions, evaluate
from diorama.media.convert import to_uint8
from diorama.networks.adversarial.srvgg import SRVGGNetConfig
from diorama.networks.features.lpips import LPIPSConfig
from diorama.nn.similarity import psnr
from diorama.synthesis.picture import picture_config
from diorama.synthesis.vae import VAESynthesizer
from tests.data.pictures import picture, prepared, save
from tests.evaluation.small_models import small_vae
from tests.synthesis.models import enlarger, tiny_diffusion


@pytest.fixture
def vae() -> VAESynthesizer:
    return small_vae()


@pytest.mark.parametrize("name", ["psnr", "ssim", "bpd"])
def test_batch_size_changes_no_answer(pictures: Dataset, vae: VAESynthesizer, name: str) -> None:
    split, metrics = pictures.split("test"), [parse_metric(name)]
    found = [measure_model(vae, metrics, split, np.arange(10), seed=3, batch_size=size)[name] for size in (4, 10)]
    assert found[0].value == pytest.approx(found[1].value, rel=1e-4)
    assert found[0].interval.low <= found[0].value <= found[0].interval.high


def test_a_bound_is_of_records_with_what_they_have(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    # The model numbers its classes otherwise than the data do.
    labels = {"test": np.array([0, 1] * 3)}
    split = pack_arrays(tmp_path / "data", {"test": pixels}, media, labels=labels, classes=("dog", "cat")).split("test")
    model = tiny_diffusion(("cat", "dog"))
    (found,) = measure_model(model, [parse_metric("bpd")], split, np.arange(6), seed=3, batch_size=4).values()
    records = split.read(np.arange(6))["image"]
    own = model.bits_per_dim(records, condition={"label": torch.tensor([1, 0] * 3)}, seed=3)
    assert found.value == pytest.approx(own.mean().item(), rel=1e-3)
    plain = pack_arrays(tmp_path / "plain", {"test": pixels}, media).split("test")
    with pytest.raises(BadInput, match="its records have no label"):
        measure_model(model, [parse_metric("bpd")], plain, np.arange(6), seed=3, batch_size=4)


def test_a_density_is_asked_of_diffusion_models_alone(tmp_path: Path, vae: VAESynthesizer) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)
    split = pack_arrays(tmp_path / "data", {"test": pixels}, media).split("test")
    (found,) = measure_model(
        tiny_diffusion(), [parse_metric("bpd_flow")], split, np.arange(3), seed=0, batch_size=3
    ).values()
    assert np.isfinite(found.value)
    with pytest.raises(BadInput, match="bpd_flow needs the density of records, and a VAE has none"):
        measure_model(vae, [parse_metric("bpd_flow")], split, np.arange(3), seed=0, batch_size=3)


def test_a_density_comes_with_how_many_records_and_how_they_were_dequantised(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=8, width=8)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    split = pack_arrays(tmp_path / "data", {"test": pixels}, media).split("test")
    found = evaluate(tiny_diffusion(), split, EvaluateOptions(metrics=("bpd_flow",), reference=3))
    (result,), note = found.results, found.notes[-1]
    assert (result.samples, result.reference.count) == (3, 3)
    assert note.startswith("bpd_flow: 3 records of the split test; uniform dequantisation, one draw a record")
    assert result.interval.method.startswith("t interval over records; uniform dequantisation")


def _pairs(folder: Path, second: bool = False) -> Dataset:
    """Pictures of 8 x 8 to measure with, each beside a larger one, or beside two of a second set."""
    for number in range(24):
        name = f"test/{number}.png"
        save(picture(number, (8, 8), 1), folder / "in" / "small" / name)
        if number < 2 or not second:
            save(picture(50 + number, (16, 16), 1), folder / ("other" if second else "in/large") / name)
    if second:
        return prepared(folder / "in", folder / "data", size=None, unpaired=folder / "other")[0]
    rows = "\n".join(f"small/test/{n}.png,large/test/{n}.png,test" for n in range(24))
    (folder / "rows.csv").write_text(f"path,large,split\n{rows}\n")
    return prepared(folder / "in", folder / "data", size=None, table=folder / "rows.csv", pair="large")[0]


def test_a_model_that_draws_partners_is_held_against_them_and_told_how_close_it_comes(tmp_path: Path) -> None:
    model = enlarger()
    model = model.resampled(replace(model.sampling, steps=2, guidance=None))
    data = _pairs(tmp_path)
    found = evaluate(model, data.path, EvaluateOptions(count=24))
    assert "its split test, 24 pictures of 8x8" in found.notes[0]
    by_name = {result.metric: result for result in found.results}
    assert {"fd@lite", "psnr", "ssim"} <= by_name.keys()
    split = data.split("test")
    partners = partners_of(split)
    assert partners is not None
    assert by_name["fd@lite"].reference == records_stamp(partners, np.arange(24))
    batch = split.read(np.arange(24))
    drawn = model.sample(24, seed=0, condition={"image": batch["image"]})
    levels = [to_uint8(x).float() for x in (drawn, batch["target"])]
    assert by_name["psnr"].value == pytest.approx(psnr(*levels, span=255).mean().item(), rel=1e-4)


def test_without_pairs_nobody_knows_how_close_it_comes(tmp_path: Path) -> None:
    data = _pairs(tmp_path, second=True)
    with pytest.raises(BadInput, match=r"^metrics: psnr is of pairs, and these data have none"):
        evaluate(enlarger(), data.path, EvaluateOptions(metrics=("psnr",)))


def test_a_model_without_noise_is_asked_for_one_of_each_picture(tmp_path: Path) -> None:
    network = SRVGGNetConfig(inputs=1, outputs=1, features=4, convolutions=1, factor=2)
    model = picture_config(network, (8, 8)).build().eval()
    found = evaluate(model, _pairs(tmp_path).path, EvaluateOptions(count=30, metrics=("precision@lite",)))
    assert found.results[0].samples == 24
    assert "24 samples are drawn and not 30" in found.notes[-1]


def test_a_model_that_draws_partners_needs_data_that_have_some(tmp_path: Path) -> None:
    media = MediaSpec(kind="image", channels=1, height=16, width=16)
    data = pack_arrays(tmp_path / "data", {"test": np.zeros((4, 16, 16, 1), np.uint8)}, media)
    with pytest.raises(BadInput, match="nothing stands beside the records of its split test"):
        evaluate(enlarger(), data.split("test"), EvaluateOptions(metrics=("fd@lite",)))


def test_lpips_is_of_the_pairs_in_8_bits(
    pictures: Dataset, vae: VAESynthesizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        lpips, "_network", lambda trunk, device: lambda first, second: (first - second).abs().amax((1, 2, 3))
    )
    split, metric = pictures.split("test"), parse_metric("lpips-alex")
    (found,) = measure_model(vae, [metric], split, np.arange(4), seed=0, batch_size=4).values()
    records = split.read(np.arange(4))["image"]
    again = to_uint8(vae.reconstruct(records)).float()
    wanted = (again - to_uint8(records).float()).abs().amax((1, 2, 3)) / 127.5
    assert found.value == pytest.approx(wanted.mean().item(), rel=1e-5)


def test_lpips_says_that_pictures_are_too_small(vae: VAESynthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    network = LPIPSConfig(trunk="alex").build()
    network.trunk.least = 40
    monkeypatch.setattr(lpips, "_network", lambda trunk, device: network)
    asked = Asked(vae, torch.zeros(1, *vae.config.media.shape), {}, 0, 0)
    with pytest.raises(BadInput, match="metrics: lpips-alex: this network sees pictures of 40 pixels at least, got"):
        lpips.lpips_alex(asked)
