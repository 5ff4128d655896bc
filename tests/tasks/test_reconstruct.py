"""Pictures from measurements: baselines, what of the truth is used, and what the report says."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.media.image import read_image, write_image
from diorama.media.stamp import COMPOSITE, read_stamp
from diorama.networks.codecs.spatial import SpatialCodecConfig, SpatialDecoderConfig, SpatialEncoderConfig
from diorama.nn.similarity import psnr, rank_correlation
from diorama.samplers.inverse.blur import BlurConfig
from diorama.samplers.inverse.ddrm import DDRMConfig
from diorama.samplers.inverse.fourier import MRIConfig
from diorama.samplers.inverse.pixels import DownConfig, MaskConfig
from diorama.samplers.inverse.radon import CTConfig
from diorama.tasks.classical import filtered_back_projection, plain, total_variation
from diorama.tasks.edit import EditOptions
from diorama.tasks.examine import examined
from diorama.tasks.reconstruct import Reconstruct
from tests.synthesis.models import tiny_diffusion

LIKE = torch.zeros(())


def disc(side: int = 64) -> Tensor:
    """A bright disc with a dark one in it, on black."""
    place = torch.arange(side) - (side - 1) / 2
    radius = torch.hypot(place[:, None], place[None, :])
    return (torch.where(radius < side / 3, 1.6, 0.0) - torch.where(radius < side / 8, 1.0, 0.0) - 1)[None, None]


def test_filtered_back_projection_of_many_views_is_the_picture() -> None:
    operator = CTConfig(angles=90).build((1, 64, 64), LIKE)
    found = filtered_back_projection(operator, operator.forward(disc()))
    assert (found - disc()).abs().median() < 0.03
    assert psnr(found, disc()) > 22
    few = CTConfig(angles=8).build((1, 64, 64), LIKE)
    assert psnr(filtered_back_projection(few, few.forward(disc())), disc()) < psnr(found, disc()) - 3


@pytest.mark.parametrize(
    ("config", "gain"), [(MRIConfig(), 2), (CTConfig(angles=12), 2), (BlurConfig(), 2), (DownConfig(), 0.3)]
)
def test_total_variation_beats_the_direct_reconstruction_of_flat_pictures(config: Any, gain: float) -> None:
    operator = config.build((1, 64, 64), LIKE)
    y = operator.forward(disc())
    (best,) = psnr(total_variation(operator, y, (1, 64, 64), torch.tensor([1e-3])), disc())
    assert best > psnr(plain(operator, y), disc())[0] + gain


def test_total_variation_of_a_small_weight_arrives_where_it_goes() -> None:
    # Without noise the flattest picture that explains a few views of a flat one is the picture itself.
    operator = CTConfig(angles=16).build((1, 32, 32), LIKE)
    found = total_variation(operator, operator.forward(disc(32)), (1, 32, 32), torch.tensor([1e-4]))
    assert psnr(found, disc(32)) > 40


def test_a_larger_weight_makes_total_variation_smaller() -> None:
    operator = DownConfig(factor=2).build((1, 16, 16), LIKE)
    y = operator.forward(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    found = total_variation(operator, y, (1, 16, 16), torch.tensor([1e-3, 1e-2, 1e-1]))
    varying = [float(each.diff(dim=-1).abs().sum()) for each in found]
    assert varying == sorted(varying, reverse=True)
    together = total_variation(operator, y, (1, 16, 16), torch.tensor([1e-2]))
    torch.testing.assert_close(found[1:2], together)


def test_ranks_are_correlated_as_scipy_does() -> None:
    random = np.random.default_rng(0)
    first, second = random.integers(0, 9, 50), random.normal(size=50)
    expected = stats.spearmanr(first, second).statistic
    assert rank_correlation(torch.from_numpy(first), torch.from_numpy(second)) == pytest.approx(expected)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(2):
        write_image(folder / f"{i}.png", np.random.default_rng(i).integers(0, 256, (8, 8, 1), np.uint8))
    return folder


def run(task: Reconstruct, source: Path, out: Path, **options: Any) -> dict[str, Any]:
    deque(examined(task, source, out, "ab" * 32, EditOptions(**options)), maxlen=0)
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    return report


def read(path: Path) -> np.ndarray:
    return read_image(path.read_bytes(), path.name).pixels


def test_what_is_measured_comes_back_and_the_rest_differs_from_sample_to_sample(pictures: Path, tmp_path: Path) -> None:
    mask = np.zeros((8, 8), bool)
    mask[2:5, 3:] = True
    out = tmp_path / "out"
    report = run(Reconstruct(tiny_diffusion(), MaskConfig(), DDRMConfig(), masks=[mask] * 2), pictures, out, count=4)
    for place, file in enumerate(sorted(pictures.iterdir())):
        folder = out / f"{place:06d}"
        truth, mean, deviation = read(file), read(folder / "mean.png"), np.load(folder / "deviation.npy")[..., 0]
        samples = np.stack([read(folder / f"sample_{i:02d}.png") for i in range(4)]).astype(float)
        assert (mean[~mask] == truth[~mask]).all()
        assert (deviation[mask] > 0.5).all()
        assert (deviation[~mask] < 1e-2).all()
        np.testing.assert_allclose(deviation, samples.std(0)[..., 0], atol=1)
        (row,) = [row for row in report["pictures"] if row["input"] == file.name]
        expected = 10 * np.log10(255**2 / ((mean.astype(float) - truth) ** 2).mean())
        assert row["found"]["psnr"]["mean"] == pytest.approx(expected, abs=0.1)
        assert row["white"]["deviation"] == pytest.approx(deviation.max(), rel=1e-4)
    psnrs = [row["found"]["psnr"] for row in report["pictures"]]
    gain = np.mean([each["mean"] - each["pseudo_inverse"] for each in psnrs])
    assert report["summary"]["gain"]["pseudo_inverse"] == pytest.approx(gain)


def test_nothing_of_the_truth_is_used_but_the_measurement(tmp_path: Path) -> None:
    # Two pictures with the same means of squares.
    first = np.random.default_rng(0).integers(60, 200, (8, 8, 1)).astype(np.uint8)
    second = first.copy()
    second[::2] += 5
    second[1::2] -= 5
    for name, pixels in (("a", first), ("b", second)):
        write_image(tmp_path / f"{name}.png", pixels)
        run(
            Reconstruct(tiny_diffusion(), DownConfig(factor=2), DDRMConfig()), tmp_path / f"{name}.png", tmp_path / name
        )
    assert (tmp_path / "a/000000/mean.png").read_bytes().count(b"a.png") == 1
    assert np.abs(read(tmp_path / "a/000000/mean.png").astype(int) - read(tmp_path / "b/000000/mean.png")).max() <= 1


def test_what_a_model_had_a_part_in_is_marked_and_baselines_are_not(pictures: Path, tmp_path: Path) -> None:
    run(Reconstruct(tiny_diffusion(), DownConfig(), DDRMConfig()), pictures, tmp_path / "out", seed=7)
    stamp = read_stamp(tmp_path / "out/000001/mean.png")
    assert stamp is not None
    assert (stamp.source_type, stamp.seed, stamp.condition) == (COMPOSITE, 7, {"input": "1.png"})
    assert read_stamp(tmp_path / "out/000001/total_variation.png") is None


def test_noise_in_the_measurement_is_that_of_the_seed_and_the_batch_changes_nothing(
    pictures: Path, tmp_path: Path
) -> None:
    task = Reconstruct(tiny_diffusion(), MRIConfig(acceleration=2, centre=0.2), DDRMConfig(), noise=0.2)
    found = {
        name: run(task, pictures, tmp_path / name, count=4, **options)["summary"]["psnr"]
        for name, options in (("one", {}), ("two", {"batch_size": 3}), ("three", {"seed": 1}))
    }
    assert found["one"]["mean"] == pytest.approx(found["two"]["mean"], abs=1e-3)
    assert found["one"]["zero_filling"] == found["two"]["zero_filling"] != found["three"]["zero_filling"]


def test_models_of_latents_are_refused() -> None:
    config = tiny_diffusion().config
    shape: dict[str, Any] = {"size": (8, 8), "channels": 1, "features": 4, "latent": 2, "halvings": 1}
    codec = SpatialCodecConfig(encoder=SpatialEncoderConfig(**shape), decoder=SpatialDecoderConfig(**shape))
    denoiser = replace(config.denoiser, in_channels=2, out_channels=2)
    model = replace(config, codec=codec, denoiser=denoiser).build().eval()
    with pytest.raises(BadInput, match="reconstruct: this model draws latents"):
        Reconstruct(model, DownConfig(), DDRMConfig())
