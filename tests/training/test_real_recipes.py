"""The small recipes on the built-in world, left and continued, in the precision that the machine has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.core.contracts import DataInfo
from diorama.core.errors import BadConfig
from diorama.data.dataset import open_dataset
from diorama.methods.adversarial.gan import GANConfig
from diorama.recipes.adm import adm_cpu
from diorama.recipes.biggan import biggan_cpu
from diorama.recipes.consistency import consistency_cpu, consistency_distilled_cpu, ect_cpu, scm_cpu
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.distill import scm_distilled_cpu
from diorama.recipes.distribution_matching import dmd_cpu, sida_cpu
from diorama.recipes.drifting import drift_cpu
from diorama.recipes.edm import edm_cpu
from diorama.recipes.fastgan import fastgan_cpu
from diorama.recipes.flow import flow_ot_cpu
from diorama.recipes.inpainting import inpaint_gan_cpu
from diorama.recipes.latent import latent_text_cpu
from diorama.recipes.mean_flow import mean_flow_cpu
from diorama.recipes.moment_matching import imm_cpu
from diorama.recipes.student import student_cpu
from diorama.recipes.vae import vae_cpu, vae_spatial_cpu
from diorama.recipes.vae_gan import vae_gan_cpu
from diorama.synthesis import store
from diorama.synthesis.parts import ModelRef
from diorama.training.recipe import Recipe
from diorama.training.run import TrainOptions, train
from tests.training.continued import (
    MEDIA,
    ON_GPU,
    check_continues,
    progressive_inside_a_fade,
    r3gan_that_moves,
    short,
    stylegan2_by_class,
    world,
)

LONG = [pytest.mark.slow, pytest.mark.long]
"""Of recipes whose method or network another one of these, or a student of tests/cli/test_distill.py, has too."""

PREVIEWED = (dcgan_cpu, vae_cpu, consistency_cpu)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world(tmp_path_factory.mktemp("data") / "world")


def biggan_by_class(info: DataInfo) -> Recipe:
    """The small BigGAN with what larger ones have too: several steps of the discriminator, orthogonal weights."""
    recipe = biggan_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    assert recipe.method.conditions
    return replace(recipe, method=replace(recipe.method, critic_steps=2, orthogonal=1e-4, r1=0.1, r1_interval=2))


BY_CLASS = (biggan_by_class, r3gan_that_moves, stylegan2_by_class)


def shortened(make: Callable[[DataInfo], Recipe], data: Path, parts: dict[str, ModelRef]) -> Recipe:
    """Six steps of a recipe, with previews of some: sixty-four samples in many steps take longer than the training."""
    return short(make(open_dataset(data).info), parts, previewed=make in PREVIEWED)


@pytest.fixture(scope="module")
def parts(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelRef]:
    """Runs of the recipes whose models others use as they are."""
    runs = tmp_path_factory.mktemp("parts")
    makers = {"codec": vae_spatial_cpu, "teacher": ddpm_cpu, "edm": edm_cpu}
    for name, make in makers.items():
        recipe = short(make(open_dataset(data).info), {})
        list(train(recipe, data, runs / name, TrainOptions(device="cpu")))
    return {name: ModelRef(folder=str(runs / name)) for name in makers}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "uses"),
    [
        (dcgan_cpu, None),
        (biggan_by_class, None),
        (r3gan_that_moves, None),
        (progressive_inside_a_fade, None),
        pytest.param(fastgan_cpu, None, marks=LONG),
        pytest.param(vae_gan_cpu, None, marks=LONG),
        pytest.param(inpaint_gan_cpu, None, marks=LONG),
        (stylegan2_by_class, None),
        pytest.param(vae_cpu, None, marks=LONG),
        (vae_spatial_cpu, None),
        (ddpm_cpu, None),
        pytest.param(edm_cpu, None, marks=LONG),
        pytest.param(adm_cpu, None, marks=LONG),
        (latent_text_cpu, "codec"),
        (student_cpu, "teacher"),
        pytest.param(flow_ot_cpu, None, marks=LONG),
        (consistency_cpu, None),
        pytest.param(consistency_distilled_cpu, "edm", marks=LONG),
        (ect_cpu, "edm"),
        pytest.param(dmd_cpu, "teacher", marks=LONG),
        pytest.param(sida_cpu, "edm", marks=LONG),
        pytest.param(ect_cpu, "teacher", marks=LONG),
        (scm_cpu, None),
        pytest.param(scm_distilled_cpu, "edm", marks=LONG),
        pytest.param(mean_flow_cpu, None, marks=LONG),
        (imm_cpu, None),
        (drift_cpu, None),
    ],
)
def test_a_real_recipe_continues_bit_for_bit(
    make: Callable[[DataInfo], Recipe],
    uses: str | None,
    data: Path,
    parts: dict[str, ModelRef],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    wanted = shortened(make, data, {}).method.parts_wanted()
    recipe = shortened(make, data, dict.fromkeys(wanted, parts[uses]) if uses else {})
    check_continues(recipe, data, tmp_path, TrainOptions(device="cpu"))
    model = store.load(tmp_path / "parts")
    given: dict[str, object] = {"label": "b"} if make in BY_CLASS else {}
    if make is inpaint_gan_cpu:
        given = {"image": torch.zeros(2, *MEDIA.shape)}
    assert model.sample(2, seed=0, condition=given).isfinite().all()  # type: ignore[arg-type]


@pytest.mark.gpu
@pytest.mark.parametrize("name", ON_GPU)
def test_a_gan_continues_bit_for_bit_on_a_gpu_with_deterministic_kernels(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.continued", name, str(tmp_path)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "equal", done.stderr


def test_latents_from_the_cache_train_as_those_of_every_step(
    data: Path, parts: dict[str, ModelRef], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    recipe = replace(shortened(latent_text_cpu, data, {"codec": parts["codec"]}), precision="fp32", flip=True)
    options, losses = TrainOptions(device="cpu"), {}
    for name, precompute in (("cached", True), ("live", False)):
        ticks = list(train(replace(recipe, precompute=precompute), data, tmp_path / name, options))
        losses[name] = [tick.losses["loss"].item() for tick in ticks if tick.losses]
        assert [tick.computed.total for tick in ticks if tick.computed] == [96, 96] * precompute
    assert losses["cached"] == pytest.approx(losses["live"], rel=1e-4)
    # Of a finished or continued run nothing is computed again.
    again = list(train(recipe, data, tmp_path / "again", options))
    assert not any(tick.computed for tick in again)


def test_precomputing_what_nothing_computes_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="precompute"):
        list(train(replace(shortened(vae_cpu, data, {}), precompute=True), data, tmp_path, TrainOptions(device="cpu")))
