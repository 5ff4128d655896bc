"""The small recipes on the built-in world, left and continued, in the precision that the machine has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core import runlog
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.core.errors import BadConfig
from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.growth import Growth
from diorama.methods.adversarial.joint import JointPenalties
from diorama.methods.adversarial.path_length import PathLengthConfig
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
from diorama.recipes.progressive import progressive_cpu
from diorama.recipes.r3gan import r3gan_cpu
from diorama.recipes.student import student_cpu
from diorama.recipes.stylegan import stylegan2_cpu
from diorama.recipes.vae import vae_cpu, vae_spatial_cpu
from diorama.recipes.vae_gan import vae_gan_cpu
from diorama.synthesis import store
from diorama.synthesis.parts import ModelRef
from diorama.training.folder import read_state
from diorama.training.recipe import EvaluationConfig, Recipe
from diorama.training.run import TrainOptions, train

_MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)

LONG = [pytest.mark.slow, pytest.mark.long]
"""Of recipes whose method or network another one of these, or a student of tests/cli/test_distill.py, has too."""

PREVIEWED = (dcgan_cpu, vae_cpu, consistency_cpu)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world, numbers = World(size=32), np.arange(128)
    pictures, captions = world.pictures(numbers), world.captions(numbers)
    folder = tmp_path_factory.mktemp("data") / "world"
    pack_arrays(
        folder,
        {"train": pictures[:96], "val": pictures[96:]},
        _MEDIA,
        name="world",
        labels={"train": numbers[:96] % 3, "val": numbers[96:] % 3},
        classes=("a", "b", "c"),
        sides={"train": {"tokens": captions[:96]}, "val": {"tokens": captions[96:]}},
    )
    return folder


def biggan_by_class(info: DataInfo) -> Recipe:
    """The small BigGAN with what larger ones have too: several steps of the discriminator, orthogonal weights."""
    recipe = biggan_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    assert recipe.method.conditions
    return replace(recipe, method=replace(recipe.method, critic_steps=2, orthogonal=1e-4, r1=0.1, r1_interval=2))


def r3gan_that_moves(info: DataInfo) -> Recipe:
    """R3GAN with fewer stages, whose penalties, beta and rate move within six steps."""
    recipe = r3gan_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    joint = JointPenalties(r1=0.1, r2=0.1, final=0.1, fall=20)
    return replace(recipe, method=replace(recipe.method, joint=joint))


def progressive_inside_a_fade(info: DataInfo) -> Recipe:
    """Progressive GAN that is stopped while a scale fades in."""
    recipe = progressive_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    return replace(recipe, method=replace(recipe.method, growth=Growth(first=1, steady=8, fading=10)))


def stylegan2_by_class(info: DataInfo) -> Recipe:
    """The small StyleGAN2-ADA with what larger ones have too, and with all its turns in six steps."""
    recipe = stylegan2_cpu(info)
    assert isinstance(recipe.method, GANConfig)
    adaptive = AdaptiveAugmentationConfig(images=500, interval=2, start=0.3)
    path = PathLengthConfig(interval=2)
    method = replace(recipe.method, r1_interval=2, style_mixing=0.9, path_length=path, augment=adaptive)
    return replace(recipe, method=method)


BY_CLASS = (biggan_by_class, r3gan_that_moves, stylegan2_by_class)


def short(make: Callable[[DataInfo], Recipe], data: Path, parts: dict[str, ModelRef]) -> Recipe:
    """Six steps of a recipe, with everything that happens between steps but measurements, and previews of some."""
    return replace(
        make(open_dataset(data).info),
        images=4 * 6,
        batch_size=4,
        # Sixty-four samples in many steps take longer than the training: the ones in few steps stand for all.
        preview_every=24 if make in PREVIEWED else 0,
        log_every=8,
        evaluation=EvaluationConfig(samples=0),
        frozen=parts,
    )


@pytest.fixture(scope="module")
def parts(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelRef]:
    """Runs of the recipes whose models others use as they are."""
    runs = tmp_path_factory.mktemp("parts")
    makers = {"codec": vae_spatial_cpu, "teacher": ddpm_cpu, "edm": edm_cpu}
    for name, make in makers.items():
        recipe = replace(short(make, data, {}), preview_every=0)
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
    wanted = short(make, data, {}).method.parts_wanted()
    recipe = short(make, data, dict.fromkeys(wanted, parts[uses]) if uses else {})
    options = TrainOptions(device="cpu")
    list(train(recipe, data, tmp_path / "whole", options))
    for tick in train(recipe, data, tmp_path / "parts", options):
        if tick.step == 3:
            break
    list(train(recipe, data, tmp_path / "parts", options))

    whole, split = (read_state(tmp_path / name / "checkpoints/000000006") for name in ("whole", "parts"))
    assert all(torch.equal(value, split["method"][name]) for name, value in whole["method"].items())
    assert all(torch.equal(value, split["averages"]["ema"][name]) for name, value in whole["averages"]["ema"].items())
    for player, updater in whole["updaters"].items():
        for place, moments in updater["optimizer"]["state"].items():
            others = split["updaters"][player]["optimizer"]["state"][place]
            assert all(torch.equal(torch.as_tensor(v), torch.as_tensor(others[k])) for k, v in moments.items())
    logs = [[runlog.without_clock(r) for r in runlog.read(tmp_path / n / "log.jsonl")] for n in ("whole", "parts")]
    assert logs[0] == logs[1]
    model = store.load(tmp_path / "parts")
    given: dict[str, object] = {"label": "b"} if make in BY_CLASS else {}
    if make is inpaint_gan_cpu:
        given = {"image": torch.zeros(2, *_MEDIA.shape)}
    assert model.sample(2, seed=0, condition=given).isfinite().all()  # type: ignore[arg-type]


def test_latents_from_the_cache_train_as_those_of_every_step(
    data: Path, parts: dict[str, ModelRef], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    recipe = replace(short(latent_text_cpu, data, {"codec": parts["codec"]}), precision="fp32", flip=True)
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
        list(train(replace(short(vae_cpu, data, {}), precompute=True), data, tmp_path, TrainOptions(device="cpu")))
