"""Consistency training, distillation and tuning."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Literal

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import Level, Moment, Prediction
from diorama.core.errors import BadConfig
from diorama.core.rng import initial_noise
from diorama.methods.base import live_tensors
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.consistency import (
    ConsistencyDistillationConfig,
    ConsistencyObjective,
    ConsistencyTrainingConfig,
    PairMethod,
)
from diorama.methods.diffusion.continuous_consistency import ContinuousDistillationConfig
from diorama.methods.diffusion.curriculum import DoublingCurriculum, FixedCurriculum, ProgressiveCurriculum
from diorama.methods.diffusion.easy_consistency import EasyConsistency, EasyConsistencyConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.processes.times import LogNormalTimes
from diorama.samplers.consistency import ConsistencyConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from tests.synthesis.models import tiny_diffusion, tiny_gan
from tests.synthesis.test_diffusion import EDM, FLOW, LABELLED, PLAIN

MOMENT = Moment(0, 0)
DATA = torch.full((8, *EDM.media.shape), 0.5)
LEVEL = EDM.process.at(torch.full((8,), 1.0))
VELOCITY = tiny_diffusion().config
LABELLED_FLOW = replace(FLOW, denoiser=LABELLED.denoiser, conditions=LABELLED.conditions)
BOUNDARY = replace(EDM, preconditioning=ConsistencyPreconditioning())
FIXED = ConsistencyObjective(curriculum=FixedCurriculum(levels=8, decay=0.5), pairs=None, by_gap=False)
DOUBLING = ConsistencyObjective(curriculum=DoublingCurriculum(first=4, last=16, length=1_000))


def _teacher() -> DiffusionSynthesizer:
    torch.manual_seed(0)
    return EDM.build().eval()


def _random(config: DiffusionSynthesizerConfig) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def _knowing(x: torch.Tensor, level: Level) -> Prediction:
    return Prediction(torch.full_like(x, 0.5))


def _methods() -> list[PairMethod]:
    torch.manual_seed(0)
    return [
        ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=DOUBLING).build(),
        ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=FIXED).build(),
        ConsistencyDistillationConfig(objective=FIXED).build({"teacher": _teacher()}),
        EasyConsistencyConfig(stage=300).build({"teacher": _teacher()}),
    ]


def _model(method: PairMethod) -> DiffusionSynthesizer:
    model = method.synthesizer().build().eval()
    model.load_state_dict(live_tensors(method.averaged()))
    return model


def _trained(method: PairMethod, steps: int) -> list[float]:
    optimizer = torch.optim.Adam(method.players()["denoiser"], lr=3e-3, fused=True)
    losses = []
    for step in range(steps):
        loss = method.loss({"image": DATA}, Moment(step, 32 * step)).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step(Moment(step + 1, 32 * (step + 1)))
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("which", range(4))
def test_a_step_of_the_trained_model_comes_closer_to_the_data(which: int) -> None:
    method = _methods()[which]
    noise = initial_noise(EDM.media.shape, seed=0, first=0, count=8)
    before = (_model(method).sample(8, noise=noise) - DATA).abs().mean().item()
    if which == 2:
        # A teacher that knows the data, which its untrained network does not.
        method.frozen["teacher"].denoise = lambda condition: _knowing
    losses = _trained(method, 60)
    assert all(map(math.isfinite, losses))
    after = (_model(method).sample(8, noise=noise) - DATA).abs().mean().item()
    assert after < 0.9 * before


def test_the_loss_of_one_curriculum_stage_falls() -> None:
    torch.manual_seed(0)
    objective = replace(DOUBLING, curriculum=DoublingCurriculum(first=8, last=8, length=1))
    losses = _trained(ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=objective).build(), 40)
    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_the_target_follows_slowly_and_is_kept_in_the_state() -> None:
    method = ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=FIXED).build()
    (mine, new), *_ = zip(method.target.parameters(), method.denoiser.parameters(), strict=True)
    old = mine.clone()
    with torch.no_grad():
        new.add_(1.0)
    method.after_step(Moment(1, 32))
    torch.testing.assert_close(mine, old + 0.5)
    assert any(name.startswith("target.denoiser.") for name in method.state_dict())
    assert not any(parameter is mine for parameter in method.players()["denoiser"])
    # Where the target is the network itself, nothing is copied.
    assert not len(ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=DOUBLING).build().target)


def test_dropout_is_the_same_for_both_answers() -> None:
    torch.manual_seed(0)
    network = replace(EDM.denoiser, dropout=0.5)
    objective = ConsistencyObjective(curriculum=FixedCurriculum(levels=2, decay=0.0), pairs=None)
    method = ConsistencyTrainingConfig(
        synthesizer=replace(BOUNDARY, denoiser=network), objective=objective
    ).build()  # fmt: skip
    seen: list[torch.Tensor] = []
    method.judge = method.denoise  # type: ignore[method-assign]
    for module in method.denoiser.modules():
        if module.__class__.__name__ == "Conv2d":
            last = module
    last.register_forward_pre_hook(lambda module, args: seen.append(args[0] == 0))
    method.pair = lambda count, moment, device: (LEVEL, LEVEL)  # type: ignore[method-assign]
    method.loss({"image": DATA}, MOMENT)
    first, second = seen
    assert torch.equal(first, second)


def test_neighbours_are_drawn_as_often_as_the_log_normal_says() -> None:
    chances = DOUBLING.chances(41)
    assert chances.shape == (40,)
    assert chances.sum().item() == pytest.approx(1)
    assert bool((chances > 0).all())
    ratios = DOUBLING.spacing.ratios(41)
    mean = (chances * (ratios[:-1] * ratios[1:]).sqrt().log()).sum().item()
    assert mean == pytest.approx(-1.1, abs=0.3)
    assert torch.equal(FIXED.chances(5), torch.full((4,), 0.25, dtype=torch.float64))


def test_pairs_of_tuning_begin_at_the_clean_sample_and_come_closer() -> None:
    config = EasyConsistencyConfig(stage=100)
    ratios = torch.tensor([0.01, 1.0, 80.0])
    stages = torch.stack([config.nearer(ratios, config.closeness(images)) for images in (0, 100, 200, 800)])
    assert stages[0, 0] == 0
    assert bool((stages.diff(dim=0) >= 0).all())
    assert bool((stages < ratios).all())
    # Of large ratios half is left, then three quarters, and so on.
    torch.testing.assert_close(stages[:, 2], 80 * (1 - 0.5 ** torch.tensor([1.0, 2.0, 3.0, 9.0])))


def test_the_first_stage_of_tuning_asks_for_the_clean_sample() -> None:
    torch.manual_seed(0)
    method = EasyConsistencyConfig().build({"teacher": _teacher()})
    assert isinstance(method, EasyConsistency)
    level = EDM.process.at(torch.zeros(8, 1, 1, 1))
    assert torch.equal(method.judge({})(DATA, level).clean, DATA)


def test_tuning_along_the_teachers_path_asks_a_step_of_the_teacher_below() -> None:
    torch.manual_seed(0)
    teacher = _teacher()
    along, beside = (EasyConsistencyConfig(path=path).build({"teacher": teacher}) for path in ("teacher", "data"))
    assert isinstance(along, EasyConsistency)
    assert isinstance(beside, EasyConsistency)
    level, below = EDM.process.at(torch.tensor(2.0)), EDM.process.at(torch.tensor(1.5))
    noise = torch.randn_like(DATA)
    x = DATA + 2.0 * noise
    # Of EDM's process an Euler step keeps 1.5 / 2 of what the teacher takes for noise.
    known = teacher.denoise({})(x, level).clean
    torch.testing.assert_close(along.below(x, DATA, (level, below), {}), known + 0.75 * (x - known))
    torch.testing.assert_close(beside.below(x, DATA, (level, below), {}), DATA + 1.5 * noise)


def test_tuning_along_the_path_of_a_flow_asks_for_the_velocity_of_the_teacher() -> None:
    teacher = _random(FLOW)
    along = EasyConsistencyConfig(path="teacher").build({"teacher": teacher})
    assert isinstance(along, EasyConsistency)
    level, below = (FLOW.process.at(torch.tensor(time)) for time in (0.6, 0.5))
    x = 0.4 * DATA + 0.6 * torch.randn_like(DATA)
    # Along a straight path the velocity is that from the clean sample to the noise, (x - clean) / t.
    velocity = (x - teacher.denoise({})(x, level).clean) / 0.6
    assert velocity.std() > 0.1
    torch.testing.assert_close(along.below(x, DATA, (level, below), {}), x - 0.1 * velocity)


@pytest.mark.parametrize(("path", "recorded"), [("teacher", False), ("data", True)])
def test_turns_that_ask_a_guided_teacher_are_not_recorded(path: Literal["teacher", "data"], recorded: bool) -> None:
    config = EasyConsistencyConfig(path=path)
    guided = replace(LABELLED_FLOW, guidance=1.5)
    (phase,) = config.build({"teacher": guided.build().eval()}).phases()
    assert phase.recorded is recorded
    (phase,) = config.build({"teacher": LABELLED_FLOW.build().eval()}).phases()
    assert phase.recorded


@pytest.mark.parametrize(
    ("config", "part", "told"),
    [
        (EasyConsistencyConfig(), "gan", "is a GAN"),
        (EasyConsistencyConfig(), "noise", "predicts noise"),
        (ConsistencyDistillationConfig(objective=FIXED), "gan", "is a GAN"),
        (ConsistencyDistillationConfig(objective=FIXED), "velocity", "has another preconditioning"),
        (EasyConsistencyConfig(), "one level", "was trained at 1 level alone"),
        (EasyConsistencyConfig(path="teacher"), "jumps", "draws in one step or a few already"),
        (ContinuousDistillationConfig(), "jumps", "draws in one step or a few already"),
        (ConsistencyDistillationConfig(objective=FIXED), "jumps", "draws in one step or a few already"),
    ],
)
def test_teachers_whose_outputs_are_others_are_refused(
    config: EasyConsistencyConfig | ConsistencyDistillationConfig | ContinuousDistillationConfig, part: str, told: str
) -> None:
    jumps = replace(EDM, sampler=ConsistencyConfig(), steps=1)
    teachers = {
        "gan": tiny_gan(),
        "velocity": tiny_diffusion(),
        "noise": PLAIN.build(),
        "jumps": jumps.build(),
        "one level": replace(jumps, spacing=RatioSpacing(ratios=(2.5,))).build(),
    }
    with pytest.raises(BadConfig, match=rf"frozen\.teacher: {told}, and must be .*edm_cpu"):
        config.build({"teacher": teachers[part]})


def test_a_consistency_model_may_be_tuned_on() -> None:
    jumps = replace(EDM, sampler=ConsistencyConfig(), steps=1)
    assert EasyConsistencyConfig().build({"teacher": jumps.build().eval()}).model.sampler == ConsistencyConfig(
        sigma_min=0
    )


@pytest.mark.parametrize("model", [EDM, FLOW, VELOCITY], ids=["edm", "flow", "velocity"])
def test_any_kind_of_model_can_be_tuned_and_starts_as_its_teacher(model: DiffusionSynthesizerConfig) -> None:
    teacher = _random(model)
    method = EasyConsistencyConfig(stage=64, steps=2, dropout=0.25).build({"teacher": teacher})
    x, level = torch.randn(2, *model.media.shape), model.process.at(torch.tensor(0.7))
    student = _model(method)
    assert torch.equal(student.denoise({})(x, level).clean, teacher.denoise({})(x, level).clean)
    assert (student.sampling.sampler, student.sampling.steps) == ("consistency", 2)
    assert isinstance(method.synthesizer().denoiser, DDPMUNetConfig)
    assert method.synthesizer().denoiser.dropout == 0.25
    assert all(map(math.isfinite, _trained(method, 6)))
    assert student.sample(2).isfinite().all()


@pytest.mark.parametrize("steps", [1, 2])
def test_a_flow_is_drawn_from_levels_that_training_looks_at(steps: int) -> None:
    method = EasyConsistencyConfig(steps=steps).build({"teacher": FLOW.build().eval()})
    assert isinstance(method, EasyConsistency)
    model = method.synthesizer()
    times = model.spacing.times(model.process, steps)
    ratios = (times / (1 - times))[:-1].tolist()
    # The noise alone, where a flow ends, is asked about in training by no chance.
    assert ratios == pytest.approx([80.0, 0.8][:steps], rel=0.01)
    assert model.process.prior_scale(times[0]).item() == pytest.approx(80 / 81)
    torch.manual_seed(0)
    seen = method.times.draw(model.process, 4_000, torch.device("cpu"))
    assert 0.4 < (seen / (1 - seen)).median() < 2.5
    assert EasyConsistencyConfig().build({"teacher": _teacher()}).times == LogNormalTimes(mean=-1.1, deviation=2.0)


def test_pairs_come_closer_by_what_the_state_keeps() -> None:
    method = EasyConsistencyConfig(stage=64).build({"teacher": _teacher()})
    gaps = []
    for images in (0, 64, 640):
        method.after_step(Moment(1, images))
        torch.manual_seed(0)
        # What a step of a recording does not see: it was recorded at the first moment.
        level, below = method.pair(64, MOMENT, DATA.device)
        gaps.append((level.sigma - below.sigma).mean().item())
    assert gaps[0] > gaps[1] > gaps[2] > 0
    # Far beyond the last stage they would be the same in float32.
    assert method.state_dict()["closeness"].item() == EasyConsistencyConfig(stage=1).closeness(10**9) == 1_024


def test_a_model_without_the_boundary_is_refused() -> None:
    with pytest.raises(ValueError, match="ConsistencyPreconditioning whose sigma_min is the lowest level"):
        ConsistencyTrainingConfig(synthesizer=EDM, objective=FIXED)


@pytest.mark.parametrize("which", range(4))
def test_the_model_draws_in_one_step_or_more(which: int) -> None:
    model = _model(_methods()[which])
    assert model.sampling.steps == (1 if which >= 2 else BOUNDARY.steps)
    assert model.resampled(Sampling(steps=2)).sample(2).isfinite().all()


@pytest.mark.parametrize(
    "config",
    [
        ConsistencyTrainingConfig(synthesizer=BOUNDARY, objective=DOUBLING),
        ConsistencyDistillationConfig(objective=replace(FIXED, curriculum=ProgressiveCurriculum(length=10))),
        EasyConsistencyConfig(q=4.0),
    ],
)
def test_configs_survive_json(config: AnyMethod) -> None:
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config
