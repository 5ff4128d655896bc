"""Recorded turns equal launched ones bit for bit: on tapes, which stand for graphs, and on a GPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F

from diorama.core.contracts import Batch, DataInfo, Loss, SideSpec
from diorama.core.errors import TrainingFailed
from diorama.methods.adversarial.growth import Growth
from diorama.methods.base import Method
from diorama.methods.diffusion.dispersion import DispersiveConfig
from diorama.nn import normal
from diorama.recipes import (
    biggan,
    dcgan,
    ddpm,
    enlarging,
    fastgan,
    inpainting,
    mean_flow,
    mocogan,
    progressive,
    r3gan,
    translation,
    vae,
    vae_gan,
)
from diorama.training import recording
from diorama.training.recipe import OptimizerConfig, RateConfig, Recipe
from tests.recipes.families import clips
from tests.recipes.families import pictures as info_of
from tests.training.tape import NO_TAPE
from tests.training.toy import ToyFlowConfig
from tests.training.walks import Build, Run, assert_same, flow, flow_with, gan, pictures, shared


@pytest.mark.parametrize("build", [gan, flow, shared])
@pytest.mark.parametrize("micros", [1, 2, 3])
def test_recorded_turns_equal_launched_ones(
    build: Build, micros: int, device: torch.device, recordings: list[str]
) -> None:
    launched = Run(build, device).go(8, recorded=False, batches=pictures(device, micros))
    assert not recordings
    recorded = Run(build, device).go(8, recorded=True, batches=pictures(device, micros))
    assert sorted(recordings) == sorted(phase.name for phase in build().phases())
    assert_same(recorded, launched)
    assert not recorded.notes()
    recorded.check.settle()


def test_recorded_turns_equal_launched_ones_in_half_precision(device: torch.device, recordings: list[str]) -> None:
    runs = [
        Run(gan, device, torch.bfloat16).go(8, recorded=recorded, batches=pictures(device))
        for recorded in (True, False)
    ]
    assert len(recordings) == 3
    assert_same(*runs)


@pytest.mark.parametrize("algorithm", ["adam", "adamw", "muon", pytest.param("rmsprop", marks=pytest.mark.gpu)])
def test_all_optimizers_can_be_recorded_and_follow_their_rate(algorithm: str, device: torch.device) -> None:
    if algorithm == "rmsprop" and device.type == "cpu":
        pytest.skip("PyTorch's RMSProp can be recorded on GPUs only")
    rate = RateConfig(peak=1e-2, warmup=24, decay="cosine")
    config = OptimizerConfig(algorithm=algorithm, rate=rate, betas=(0.5, 0.9), weight_decay=0.1)  # type: ignore[arg-type]
    runs = [
        Run(flow, device, config=config).go(8, recorded=recorded, batches=pictures(device))
        for recorded in (True, False)
    ]
    assert_same(*runs)


def _made(make: Callable[[DataInfo], Recipe], info: DataInfo) -> tuple[Recipe, DataInfo]:
    recipe = make(info)
    if make is dcgan.dcgan_cpu:
        recipe = replace(recipe, method=replace(recipe.method, r1=1.0, r1_interval=2))  # type: ignore[call-arg]
    if make is biggan.biggan_cpu:
        recipe = replace(recipe, method=replace(recipe.method, critic_steps=2, orthogonal=1e-4))  # type: ignore[call-arg]
    if make is progressive.progressive_cpu:
        growth = Growth(steady=8, fading=16)
        recipe = replace(recipe, method=replace(recipe.method, growth=growth))  # type: ignore[call-arg]
    if make is vae_gan.vae_gan_cpu:
        # PyTorch's RMSProp is recorded on GPUs alone.
        adam = OptimizerConfig(rate=RateConfig(peak=1e-3))
        method = replace(recipe.method, r1=0.0)  # type: ignore[call-arg]
        recipe = replace(recipe, method=method, optimizers=dict.fromkeys(recipe.optimizers, adam))
    return recipe, info


def _dispersed(info: DataInfo) -> tuple[Recipe, DataInfo]:
    """A small U-Net whose features are kept apart."""
    recipe = ddpm.ddpm_cpu(info)
    return replace(recipe, method=replace(recipe.method, dispersion=DispersiveConfig())), info  # type: ignore[call-arg]


def _translating(make: Callable[[DataInfo], Recipe], **changes: Any) -> tuple[Recipe, DataInfo]:
    """A narrow translator of grey pictures with partners of their own kind."""
    info = info_of(32, 1)
    side = SideSpec(key="target", kind="picture", shape=info.media.shape, media=info.media)
    recipe = make(replace(info, sides=(side,)))
    method: Any = recipe.method
    narrow = {name: replace(getattr(method, name), width=2) for name in ("generator", "discriminator")}
    return replace(recipe, method=replace(method, **narrow, **changes)), replace(info, sides=(side,))


def _enlarging(make: Callable[[DataInfo], Recipe]) -> tuple[Recipe, DataInfo]:
    """A narrow second stage on small grey pictures with partners that are twice as large."""
    info, large = info_of(16, 1), info_of(32, 1).media
    side = SideSpec(key="target", kind="picture", shape=large.shape, media=large)
    recipe = make(replace(info, sides=(side,)))
    method: Any = recipe.method
    narrow = replace(
        method,
        network=replace(method.network, features=4, growth=2, blocks=1),
        discriminator=replace(method.discriminator, features=2),
        crop=8,
    )
    return replace(recipe, method=narrow), replace(info, sides=(side,))


def _filling(info: DataInfo) -> tuple[Recipe, DataInfo]:
    """A narrow network that fills holes."""
    recipe = inpainting.inpaint_gan_cpu(info)
    method: Any = recipe.method
    narrow = {name: replace(getattr(method, name), width=2) for name in ("generator", "discriminator")}
    return replace(recipe, method=replace(method, **narrow)), info


SHIPPED = {
    "ddpm": lambda: _made(ddpm.ddpm_cpu, info_of(16)),
    "ddpm_dispersed": lambda: _dispersed(info_of(16)),
    "ddpm_class": lambda: _made(ddpm.ddpm_class_cpu, replace(info_of(16), classes=("a", "b"))),
    "mean_flow": lambda: _made(mean_flow.mean_flow_cpu, info_of(16)),
    "biggan": lambda: _made(biggan.biggan_cpu, replace(info_of(32), classes=("a", "b"))),
    "dcgan": lambda: _made(dcgan.dcgan_cpu, info_of(16)),
    "r3gan": lambda: _made(r3gan.r3gan_cpu, info_of(16)),
    "fastgan": lambda: _made(fastgan.fastgan_cpu, info_of(32)),
    "progressive": lambda: _made(progressive.progressive_cpu, info_of(16)),
    "vae_gan": lambda: _made(vae_gan.vae_gan_cpu, info_of(16)),
    "vae": lambda: _made(vae.vae_cpu, info_of(16)),
    "esrgan": lambda: _enlarging(enlarging.esrgan_cpu),
    "pix2pix": lambda: _translating(translation.pix2pix_cpu),
    # So few that the history is full, and exchanges, when turns are recorded.
    "cyclegan": lambda: _translating(translation.cyclegan_cpu, history=6),
    "inpaint_gan": lambda: _filling(info_of(16, 1)),
    "mocogan": lambda: _made(mocogan.mocogan_cpu, clips(16, frames=4, classes=("a", "b"))),
}
"""The shipped methods in their small recipes, the penalty of the DCGAN's critic included."""


LONG = (pytest.mark.slow, pytest.mark.long)

TURNS = [
    pytest.param(name, dtype, id=f"{name}-{precision}", marks=LONG if name in long else ())
    for precision, dtype, long in (
        ("fp32", torch.float32, {"fastgan"}),
        ("bf16", torch.bfloat16, SHIPPED.keys() - {"ddpm", "dcgan"}),
    )
    for name in SHIPPED
]
"""In half precision a method of one turn, and one of two with a penalty that differentiates twice; the others there are
for long runs, as is the largest in both precisions."""


@pytest.mark.parametrize(("name", "dtype"), TURNS)
def test_all_turns_of_the_shipped_methods_are_recorded_and_equal_launched_ones(
    name: str, dtype: torch.dtype, device: torch.device, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "mean_flow" and device.type == "cpu":
        pytest.skip(NO_TAPE)
    # Where turns are recorded, on GPUs, all noise comes from PyTorch; a tape stands for one on a CPU.
    monkeypatch.setattr(normal, "_WORTH_A_GENERATOR", math.inf)
    recipe, info = SHIPPED[name]()

    def build() -> Method:
        method = recipe.method.build()
        for module in method.modules():
            # The residual blocks' dropout, which the small recipe goes without.
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.1
        return method

    def batches(step: int) -> Sequence[Batch]:
        draws = torch.Generator().manual_seed(step)
        records = torch.rand(4, *info.media.shape, generator=draws) * 2 - 1
        label = torch.randint(2, (4,), generator=draws)
        batch = {info.media.kind: records.to(device), "label": label.to(device)}
        # As large as what stands beside them.
        beside = {s.key: F.interpolate(records.flip(0), s.shape[1:]).to(device) for s in info.sides}
        return [batch | beside]

    runs = [
        Run(build, device, dtype, recipe.optimizers).go(5, recorded=recorded, batches=batches)
        for recorded in (False, True)
    ]
    assert not runs[1].notes()
    # A phase of every second step has had three turns by then, and is recorded in the last.
    assert sorted(recordings) == sorted(phase.name for phase in build().phases())
    assert_same(*runs)


def test_a_network_called_twice_in_one_loss_is_itself_both_times(device: torch.device) -> None:
    run = Run(shared, device).go(8, recorded=True, batches=pictures(device))
    for step in run.taken:
        assert step.losses["both"] > 0
        assert step.losses["both/near"] != step.losses["both/far"]


def test_a_recorded_run_leaves_parameters_frozen_and_without_gradients(
    device: torch.device, recordings: list[str]
) -> None:
    run = Run(flow, device).go(8, recorded=True, batches=pictures(device))
    assert recordings
    assert not any(p.requires_grad for p in run.method.parameters())
    assert all(p.grad is None for p in run.method.parameters())


def test_a_bad_value_in_a_replay_is_found_with_its_step(device: torch.device) -> None:
    plain = pictures(device)

    def poisonous(step: int) -> Sequence[Batch]:
        (batch,) = plain(step)
        return [{**batch, "image": batch["image"] / (0.0 if step == 5 else 1.0)}]

    run = Run(flow, device).go(8, recorded=True, batches=poisonous)
    with pytest.raises(TrainingFailed, match="step 5: the loss of phase 'flow'"):
        run.check.settle()


@pytest.mark.parametrize("algorithm", ["adam", "muon"])
@pytest.mark.parametrize("first", [True, False])
def test_a_run_saved_with_recordings_goes_on_without_and_the_other_way(
    first: bool, algorithm: Literal["adam", "muon"], device: torch.device
) -> None:
    config = OptimizerConfig(algorithm=algorithm, rate=RateConfig(peak=1e-2, warmup=64), weight_decay=0.1)
    whole = Run(gan, device, config=config).go(10, recorded=False, batches=pictures(device))
    begun = Run(gan, device, config=config).go(5, recorded=first, batches=pictures(device))
    assert_same(begun.resumed().go(10, recorded=not first, batches=pictures(device)), whole)


def test_a_phase_that_does_not_ask_is_launched_and_that_is_said_once(
    device: torch.device, recordings: list[str]
) -> None:
    def build() -> Method:
        return ToyFlowConfig().build()

    run = Run(build, device).go(5, recorded=True, batches=pictures(device))
    assert not recordings
    (note,) = run.notes()
    assert "phase flow kernel by kernel" in note
    assert "does not ask" in note
    assert_same(run, Run(build, device).go(5, recorded=False, batches=pictures(device)))


def test_in_float16_turns_are_launched_and_that_is_said(device: torch.device, recordings: list[str]) -> None:
    run = Run(flow, device, torch.float16).go(4, recorded=True, batches=pictures(device))
    assert not recordings
    assert ["float16" in note for note in run.notes()] == [True]


@pytest.mark.gpu
def test_draws_of_the_processor_keep_a_phase_from_being_recorded(recordings: list[str]) -> None:
    cuda = torch.device("cuda")

    def loss(method: Method, batch: Batch) -> Loss:
        drawn = method.generator(torch.randn(8, 4).pin_memory().to(cuda, non_blocking=True))
        return Loss((drawn - batch["image"]).square().mean())

    run = Run(flow_with(loss), cuda).go(4, recorded=True, batches=pictures(cuda))
    assert not recordings
    assert "processor's generator" in run.notes()[0]


@pytest.mark.gpu
def test_a_loss_that_waits_for_the_gpu_is_launched_and_that_is_said(recordings: list[str]) -> None:
    cuda = torch.device("cuda")

    def loss(method: Method, batch: Batch) -> Loss:
        value = (method.generator(batch["image"].flatten(1)[:, :4]) - batch["image"]).square().mean()
        return Loss(value, {"doubled": torch.full((), 2 * value.item(), device=cuda)})

    run = Run(flow_with(loss), cuda).go(4, recorded=True, batches=pictures(cuda))
    assert not recordings
    assert "waits for the device (test_recording.py:" in run.notes()[0]


def test_a_turn_that_cannot_be_recorded_fails_with_advice(device: torch.device) -> None:
    if device.type == "cuda":
        pytest.skip("a recording that broke leaves PyTorch's allocator in no state for other tests")

    def loss(method: Method, batch: Batch) -> Loss:
        value = (method.generator(batch["image"].flatten(1)[:, :4]) - batch["image"]).square().mean()
        return Loss(value, {"doubled": torch.full((), 2 * value.item())})

    with pytest.raises(TrainingFailed, match=r"phase 'flow' says .* when stream is capturing.*--compile off"):
        Run(flow_with(loss), device).go(4, recorded=True, batches=pictures(device))


def test_batches_of_ever_new_shapes_are_launched(device: torch.device, recordings: list[str]) -> None:
    def growing(step: int) -> Sequence[Batch]:
        (batch,) = pictures(device)(step)
        return [{"image": batch["image"][: 2 + step // 4]}]

    run = Run(flow, device).go(24, recorded=True, batches=growing)
    assert len(recordings) == recording._FORMS
    assert ["ever new shapes" in note for note in run.notes()] == [True]
    assert run.taken[16].notes == tuple(run.notes())
