"""Generators of one step or a few whose distribution is their teacher's."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import DataInfo, Level, Moment, Prediction
from diorama.core.errors import BadConfig, BadInput
from diorama.core.rng import initial_noise
from diorama.methods.base import live_tensors
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.distribution_matching import (
    AdversarialConfig,
    DistributionMatching,
    DistributionMatchingConfig,
    KLMatching,
    ScoreIdentity,
    levels_of,
)
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.gaussian import noised
from diorama.processes.times import KarrasTimes, LogNormalTimes
from diorama.recipes.distribution_matching import sida, sida_cpu
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.training.recipe import Recipe
from tests.synthesis.models import tiny_diffusion, tiny_gan
from tests.synthesis.test_diffusion import EDM, FLOW, LABELLED, PLAIN

MOMENT = Moment(0, 0)
SHAPE = EDM.media.shape
DATA = torch.full((8, *SHAPE), 0.5)
KL = DistributionMatchingConfig(matching=KLMatching(), interval=2)
SID = DistributionMatchingConfig(matching=ScoreIdentity(alpha=1.0))
DMD = replace(KL, adversarial=AdversarialConfig(head="convolutions", generator=3e-3, scaled=False))
SIDA = replace(SID, adversarial=AdversarialConfig(generator=1e-4))
FLAT = replace(DMD, adversarial=replace(DMD.adversarial, loss="relativistic", flatness=10.0))
ALL = {"kl": KL, "identity": SID, "dmd": DMD, "sida": SIDA, "flat": FLAT}


def _teacher(config: DiffusionSynthesizerConfig = EDM) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval().requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    return model


def _method(
    config: DistributionMatchingConfig, teacher: DiffusionSynthesizerConfig = EDM
) -> DistributionMatching:  # fmt: skip
    return config.build({"teacher": _teacher(teacher)})


def _knowing(x: Tensor, level: Level) -> Prediction:
    return Prediction(torch.full_like(x, 0.5))


def _model(method: DistributionMatching) -> DiffusionSynthesizer:
    model = method.synthesizer().build().eval()
    model.load_state_dict(live_tensors(method.averaged()))
    return model


def _train(method: DistributionMatching, batches: Sequence[Tensor], rate: float, slower: float = 1.0) -> list[float]:
    """The turns of the loop, where parameters need gradients in their own player's turn alone."""
    players, values = method.players(), []
    rates = {"fake": rate, "generator": rate * slower}
    optimizers = {
        name: torch.optim.Adam(own, lr=rates[name], betas=(0.0, 0.999), fused=True) for name, own in players.items()
    }
    method.requires_grad_(False)
    for step, images in enumerate(batches):
        for phase in method.phases():
            if step % phase.interval:
                continue
            optimizers[phase.player].zero_grad()
            for parameter in players[phase.player]:
                parameter.requires_grad_(True)
            loss = phase.loss({"image": images}, Moment(step, 0)).value
            loss.backward()
            optimizers[phase.player].step()
            for parameter in players[phase.player]:
                parameter.requires_grad_(False)
            values.append(loss.item())
    return values


@pytest.mark.parametrize("name", ALL)
def test_a_step_of_the_trained_model_comes_closer_to_what_the_teacher_knows(name: str) -> None:
    method = _method(ALL[name])
    noise = initial_noise(SHAPE, seed=0, first=0, count=8)
    before = (_model(method).sample(8, noise=noise) - DATA).abs().mean().item()
    method.teacher.denoise = lambda condition: _knowing  # type: ignore[method-assign]
    assert all(map(math.isfinite, _train(method, [DATA] * 12, 5e-3)))
    after = (_model(method).sample(8, noise=noise) - DATA).abs().mean().item()
    assert after < 0.8 * before


@pytest.mark.parametrize("config", [EDM, FLOW, PLAIN], ids=["edm", "flow", "ddpm"])
def test_the_generator_starts_as_its_teacher_at_a_fixed_level(config: DiffusionSynthesizerConfig) -> None:
    method, noise = _method(KL, replace(config, clip=False)), initial_noise(SHAPE, seed=0, first=0, count=2)
    process = config.process
    level = process.at(process.time_of(torch.tensor(2.5, dtype=torch.float64)))
    with torch.no_grad():
        wanted = method.teacher.denoise({})(level.sigma * noise, level).clean.clamp(-1, 1)
    torch.testing.assert_close(_model(method).sample(2, noise=noise), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(method.prior, level.sigma.item())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("phase", ["fake", "generator"])
def test_a_turn_moves_its_own_player_and_never_the_teacher(name: str, phase: str) -> None:
    method = _method(ALL[name], replace(LABELLED, clip=False))
    before, players = copy.deepcopy(method.teacher.state_dict()), method.players()
    method.requires_grad_(False)
    for parameter in players[phase]:
        parameter.requires_grad_(True)
    (turn,) = (one for one in method.phases() if one.name == phase)
    turn.loss({"image": DATA[:2], "label": torch.tensor([0, 1])}, MOMENT).value.backward()
    for player, parameters in players.items():
        # A table of labels has rows that no sample asked for, and still a gradient.
        assert all((parameter.grad is not None) == (player == phase) for parameter in parameters)
    assert all(torch.equal(before[key], value) for key, value in method.teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in method.teacher.parameters())


@pytest.mark.parametrize(("name", "passes"), [("kl", 1), ("identity", 3), ("dmd", 2), ("sida", 3)])
def test_no_more_passes_go_backwards_than_the_loss_needs(name: str, passes: int) -> None:
    method = _method(ALL[name])
    method.requires_grad_(False)
    for parameter in method.players()["generator"]:
        parameter.requires_grad_(True)
    networks = (method.denoiser, method.teacher.denoiser, method.fake["denoiser"])
    seen: list[bool] = []
    for network in networks:
        network.conv_in.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    method.generator_loss({"image": DATA}, MOMENT)
    assert len(seen) == 3
    assert sum(seen) == passes


def test_a_model_of_two_steps_learns_what_it_will_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    method = _method(replace(KL, ratios=levels_of(2)), FLOW)
    first, second = (initial_noise(SHAPE, seed=0, first=i, count=4) for i in (0, 4))
    draws = iter([first, second] * 2)
    monkeypatch.setattr(torch, "randn_like", lambda x: next(draws))
    config, drawn = method.synthesizer(), []
    times = config.spacing.times(config.process, 2)
    assert method.times.tolist() == pytest.approx(times[:-1].tolist())
    model = _model(method)
    with torch.no_grad():
        for place in (0, 1):
            monkeypatch.setattr(torch, "randint", lambda *args, place=place, **kwargs: torch.full((4, 1, 1, 1), place))
            drawn.append(method.draw(DATA[:4], {}))
    monkeypatch.undo()
    x = method.prior * first
    with torch.no_grad():
        stages = list(
            ConsistencyConfig(sigma_min=0.0).run(model.denoise({}), x, config.process, times, lambda i: second)
        )
    for own, stage in zip(drawn, stages, strict=True):
        assert stage.clean is not None
        torch.testing.assert_close(own, stage.clean, rtol=1e-4, atol=1e-4)


def test_a_model_draws_in_the_steps_that_it_was_trained_for() -> None:
    model = _model(_method(replace(KL, ratios=levels_of(2))))
    assert (model.sampling.sampler, model.sampling.steps) == ("consistency", 2)
    assert model.resampled(Sampling(steps=1)).sample(2).isfinite().all()
    with pytest.raises(BadInput, match="trained at 2 levels, so it draws in no more steps, got 3"):
        model.resampled(Sampling(steps=3))


def test_levels_are_even_in_the_share_of_noise() -> None:
    assert levels_of(1) == (2.5,)
    shares = [ratio / (1 + ratio) for ratio in levels_of(4)]
    assert shares == pytest.approx([5 / 7, 15 / 28, 5 / 14, 5 / 28])
    with pytest.raises(ValueError, match="steps must be at least 1"):
        levels_of(0)


def test_all_turns_are_recorded_but_those_that_ask_a_guided_teacher() -> None:
    assert [phase.recorded for phase in _method(SIDA).phases()] == [True, True]
    guided = replace(LABELLED, guidance=2.0, guidance_kind=ClassifierFreeGuidance(), clip=False)
    method = _method(DMD, guided)
    assert [phase.recorded for phase in method.phases()] == [True, False]
    assert method.synthesizer().guidance == 1
    loss = method.generator_loss({"image": DATA[:2], "label": torch.tensor([0, 1])}, MOMENT)
    assert loss.value.isfinite()


def test_students_have_no_dropout_and_teachers_no_limit() -> None:
    method = _method(SIDA, replace(PLAIN, denoiser=replace(PLAIN.denoiser, dropout=0.5), clip=True)).train()
    assert method.model.denoiser == PLAIN.denoiser
    x, level = 5 * torch.randn(8, *SHAPE), method.model.process.at(torch.full((8, 1, 1, 1), 3.0))
    assert method.teacher.denoise({})(x, level).clean.abs().max() > 1
    with torch.no_grad():
        first, second = (method._fake(x, level, {})[0] for _ in range(2))
    assert torch.equal(first, second)


@pytest.mark.parametrize("wrong", ["gan", "consistency", "boundary"])
def test_what_is_no_teacher_is_refused(wrong: str) -> None:
    teachers = {
        "gan": tiny_gan,
        "consistency": lambda: _model(_method(KL)),
        "boundary": lambda: _teacher(replace(EDM, preconditioning=ConsistencyPreconditioning())),
    }
    with pytest.raises(BadConfig, match=r"frozen\.teacher: .*must be a trained diffusion or flow model"):
        KL.build({"teacher": teachers[wrong]()})


def test_a_network_without_a_middle_cannot_judge() -> None:
    teacher = _teacher(replace(PLAIN, denoiser=replace(PLAIN.denoiser, middle="none")))
    with pytest.raises(BadConfig, match="adversarial: DDPMUNet has no middle"):
        SIDA.build({"teacher": teacher})
    assert KL.build({"teacher": teacher}).head is None


def test_a_steep_discriminator_pays_where_it_is_held_flat() -> None:
    method = _method(replace(FLAT, adversarial=replace(FLAT.adversarial, nudge=0.5)))
    head = method.head
    assert head is not None

    def flatness(steeper: float) -> float:
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in head.parameters():
                parameter.mul_(steeper)
        return method.fake_loss({"image": DATA}, MOMENT).scalars["flatness"].item()

    assert 0 < flatness(1.0) < flatness(2.0)
    plain = _method(DMD).fake_loss({"image": DATA}, MOMENT)
    assert "flatness" not in plain.scalars


def test_flatness_times_the_squared_nudge_is_a_penalty_on_both_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    method, nudge = _method(replace(FLAT, adversarial=replace(FLAT.adversarial, nudge=0.1))), 0.1
    module = "diorama.methods.diffusion.distribution_matching"
    # A discriminator whose logit is the sum of what the network is given, and so has the same gradient everywhere.
    monkeypatch.setattr(f"{module}.with_bottleneck", lambda network, x, t, given: (torch.zeros_like(x), x))
    monkeypatch.setattr(f"{module}.bottleneck", lambda network, x, t, given: x)
    monkeypatch.setattr(method, "head", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1, bias=False)))
    torch.nn.init.ones_(method.head[1].weight)
    level = method.model.process.at(torch.ones(512, 1, 1, 1))
    monkeypatch.setattr(method, "_level", lambda times, like: level)
    torch.manual_seed(0)
    found = method.fake_loss({"image": DATA[:1].expand(512, *SHAPE)}, MOMENT).scalars["flatness"].item()
    squared_gradient = 64 * method.model.preconditioning.input(level).square().mean().item()
    assert found == pytest.approx(2 * nudge**2 * squared_gradient, rel=0.15)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="interval must be at least 1"):
        replace(KL, interval=0)
    with pytest.raises(ValueError, match="ratios"):
        replace(KL, ratios=(1.0, 2.0))
    with pytest.raises(ValueError, match="generator must be finite and not negative"):
        AdversarialConfig(generator=-1.0)
    with pytest.raises(ValueError, match="discriminator: a generator that learns from it"):
        AdversarialConfig(generator=1e-3, discriminator=0.0)


@pytest.mark.parametrize("name", ALL)
def test_configs_survive_json(name: str) -> None:
    assert decode(AnyMethod, json.loads(json.dumps(encode(ALL[name])))) == ALL[name]


def test_steps_before_the_first_are_not_asked_of_a_discrete_process() -> None:
    method = SID.build({"teacher": tiny_diffusion().requires_grad_(False)})
    level = method._level(KarrasTimes(low=1e-6, high=1e-5), DATA)
    assert level.t.flatten().tolist() == [1.0] * 8


SMALL = replace(EDM.media, height=4, width=4)


def _bars(count: int) -> Tensor:
    """Small pictures whose left or right half is brighter than the other, by different amounts."""
    left = torch.rand(count, 1, 1, 1) < 0.5
    bright = 0.4 + 0.4 * torch.rand(count, 1, 1, 1)
    half = torch.arange(SMALL.width) < SMALL.width // 2
    return torch.where(half == left, bright, -0.5).expand(count, *SMALL.shape)


def _energy_distance(a: Tensor, b: Tensor) -> float:
    a, b = a.flatten(1), b.flatten(1)
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


def _rate(make: Callable[[DataInfo], Recipe], player: str) -> float:
    return make(DataInfo(name="bars", media=EDM.media, count=64)).optimizers[player].rate.peak


def test_the_generator_of_sida_is_slower_than_the_fake_score() -> None:
    # As fast as the fake score, it was driven round: its pictures ended in one layout.
    for make in (sida, sida_cpu):
        assert _rate(make, "generator") <= _rate(make, "fake") / 4


def test_the_times_are_those_that_the_teacher_of_a_flow_knows() -> None:
    # A flow's training looks beyond a ratio of 20 once in 700 times, and below 0.05 as rarely.
    for config in (KL, SID):
        method = _method(config, FLOW)
        for times in (method.asked, method.learned):
            seen = times.draw(FLOW.process, 4_000, torch.device("cpu"))
            share = ((seen < 0.05 / 1.05) | (seen > 20 / 21)).float().mean()
            assert share < 0.01
    assert _method(SID, EDM).asked == KarrasTimes(low=0.002, high=24.4)
    assert _method(KL, EDM).learned == KarrasTimes()
    given = replace(SID, times=KarrasTimes(low=0.1, high=1.0))
    assert _method(given, FLOW).asked == given.times


def test_the_generator_learns_from_the_discriminator_only_after_a_while() -> None:
    method = _method(replace(SIDA, adversarial=AdversarialConfig(generator=1.0, after=100)))
    values = []
    for images in (0, 99, 100):
        method.after_step(Moment(1, images))
        torch.manual_seed(0)
        loss = method.generator_loss({"image": DATA}, MOMENT)
        values.append((loss.value - loss.scalars["matching"]).item())
    assert values[:2] == [0.0, 0.0]
    assert values[2] > 0
    with pytest.raises(ValueError, match="after must be at least 0"):
        AdversarialConfig(after=-1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "config", "steps"),
    [
        pytest.param("sida", EDM, 80, id="sida-edm"),
        pytest.param("sida", FLOW, 160, id="sida-flow", marks=pytest.mark.long),
        pytest.param("dmd", EDM, 160, id="dmd-edm", marks=pytest.mark.long),
        pytest.param("dmd", FLOW, 160, id="dmd-flow", marks=pytest.mark.long),
    ],
)
def test_one_step_comes_closer_to_the_data_than_the_start(
    name: str, config: DiffusionSynthesizerConfig, steps: int
) -> None:
    torch.manual_seed(0)
    wide = replace(config, media=SMALL, denoiser=replace(config.denoiser, widths=(16, 16)))
    # A teacher of seconds knows the levels alone at which it was trained, so that no others are asked about.
    seen = LogNormalTimes(mean=-0.5, deviation=1.2)
    training = DiffusionMethodConfig(synthesizer=wide, times=seen).build()
    optimizer = torch.optim.Adam(training.players()["denoiser"], lr=3e-3, fused=True)
    for _ in range(steps):
        optimizer.zero_grad()
        training.loss({"image": _bars(64)}, MOMENT).value.backward()
        optimizer.step()
    teacher = wide.build().eval().requires_grad_(False)
    teacher.load_state_dict(live_tensors(training.averaged()))
    asked = replace(ALL[name], times=KarrasTimes(low=0.05, high=4.0), fake_times=seen)
    method = asked.build({"teacher": teacher})
    # Three other pairs of seeds leave 0.1 to 0.25 of the start as well.
    torch.manual_seed(1)
    real = _bars(512)
    before = _energy_distance(_model(method).sample(256, seed=0), real)
    # As in the recipes: SiDA's generator has a turn in every step, and must not outrun the fake score.
    slower = _rate(sida_cpu, "generator") / _rate(sida_cpu, "fake") if name == "sida" else 1.0
    _train(method, [_bars(64) for _ in range(steps // 2)], 0.08 / steps, slower)
    after = _energy_distance(_model(method).sample(256, seed=0), real)
    assert after < 0.6 * before


def test_noise_of_the_samples_is_what_the_fake_score_learns_from() -> None:
    # A fake score that knows the samples exactly has no error left but that of what noise hides.
    method = _method(KL)
    with torch.no_grad():
        drawn = method.draw(DATA, {})
        level = method._level(LogNormalTimes(mean=-8.0, deviation=0.1), drawn)
        found, features = method._fake(noised(drawn, torch.randn_like(drawn), level), level, {})
    assert (found - drawn).abs().max() < 0.01
    assert not len(features)
