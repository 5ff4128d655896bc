"""Inductive moment matching."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import Moment
from diorama.core.errors import BadConfig
from diorama.core.rng import initial_noise
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.moment_matching import MomentMatching, MomentMatchingConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.jump_spacing import JumpSpacing
from diorama.processes.paths import CosineProcess
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.spacing import UniformSpacing
from diorama.processes.two_times import TwoTimePreconditioning
from diorama.samplers.jumps import JumpsConfig
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from tests.methods.diffusion.two_modes import PointNetwork, distance_from_modes, drawn, learn
from tests.synthesis.test_diffusion import FLOW, LABELLED, PLAIN

COSINE = ScaledNoiseProcess(of=CosineProcess())


def jumping(model: DiffusionSynthesizerConfig) -> DiffusionSynthesizerConfig:
    """A small model that jumps."""
    network = model.denoiser
    assert isinstance(network, DDPMUNetConfig)
    return replace(
        model,
        denoiser=replace(network, embedding=replace(network.embedding, two_times=True)),
        process=ScaledNoiseProcess(),
        preconditioning=TwoTimePreconditioning(),
        spacing=JumpSpacing(),
        sampler=JumpsConfig(),
        steps=1,
        clip=False,
    )


JUMPING = jumping(FLOW)
CONFIG = MomentMatchingConfig(synthesizer=JUMPING)
MOMENT = Moment(0, 0)


def _method(config: MomentMatchingConfig = CONFIG) -> MomentMatching:
    torch.manual_seed(0)
    return config.build()


def _pictures(count: int) -> Tensor:
    return torch.rand(count, *JUMPING.media.shape) * 2 - 1


def _randomised(config: DiffusionSynthesizerConfig) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("process", [ScaledNoiseProcess(), COSINE, FlowProcess()])
@settings(deadline=None)
@given(t=st.floats(0.05, 0.99), middle=st.floats(0.05, 1), share=st.floats(0, 1))
def test_the_interpolant_is_self_consistent_and_keeps_the_marginals(
    process: ScaledNoiseProcess | FlowProcess, t: float, middle: float, share: float
) -> None:
    level, between, end = (
        process.at(torch.tensor(time, dtype=torch.float64)) for time in (t, middle * t, share * middle * t)
    )
    clean, noise = torch.randn(2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = noised(clean, noise, level)
    through = along_noise(along_noise(x, clean, level, between), clean, between, end)
    torch.testing.assert_close(through, along_noise(x, clean, level, end))
    # What is left is the sample under the same noise at the end's level.
    torch.testing.assert_close(through, noised(clean, noise, end))


@pytest.mark.parametrize("process", [ScaledNoiseProcess(), COSINE])
def test_pairs_of_levels_are_a_constant_decrement_apart(process: ScaledNoiseProcess) -> None:
    model = replace(JUMPING, process=process, preconditioning=TwoTimePreconditioning(form="simple_edm"))
    method = _method(MomentMatchingConfig(synthesizer=model, halvings=10))
    t = torch.linspace(0.2, 0.994, 50, dtype=torch.float64)
    r = method.between(torch.zeros_like(t), t)
    level, lower = process.of.at(t), process.of.at(r)
    apart = level.sigma / level.alpha - lower.sigma / lower.alpha
    torch.testing.assert_close(apart, torch.full_like(apart, 160 / 2**10))
    # Near the end of the jump it is the end.
    assert method.between(torch.tensor([0.3, 0.01]), torch.tensor([0.31, 0.05])).tolist() == pytest.approx([0.3, 0.01])


def test_a_least_gap_keeps_pairs_apart_where_the_decrement_does_not() -> None:
    t = torch.tensor([0.5, 0.99])
    close, wide = (_method(replace(CONFIG, halvings=15, least_gap=gap)).between(0 * t, t) for gap in (0.0, 1e-3))
    assert bool((t - close > 0).all())
    assert (t - close)[1].item() < 1e-5
    assert (t - wide).tolist() == pytest.approx([0.00122, 1e-3], rel=0.01)


def test_times_are_in_order_and_even() -> None:
    t, r, s = _method().times(20_000, torch.device("cpu"))
    assert bool((s <= r).all() and (r <= t).all())
    assert (t.min().item(), t.max().item()) == pytest.approx((0.006, 0.994), abs=1e-3)
    assert t.mean().item() == pytest.approx(0.5, abs=0.01)
    assert ((s - 0.006) / (t - 0.006)).mean().item() == pytest.approx(0.5, abs=0.01)


def test_levels_of_a_flow_weigh_as_the_paper_says() -> None:
    t = torch.linspace(0.01, 0.99, 20, dtype=torch.float64)
    found = _method(replace(CONFIG, power=2.0, bias=4.0)).weight(t)
    log_snr = 2 * ((1 - t) / t).log()
    wanted = 0.5 * torch.sigmoid(4 - log_snr) * 2 / (t * (1 - t)) * (1 - t) ** 2 / ((1 - t) ** 2 + t**2)
    torch.testing.assert_close(found, wanted)


def test_the_kernel_is_scaled_by_how_far_an_output_reaches() -> None:
    method = _method()
    times = method.times(8, torch.device("cpu"))
    torch.testing.assert_close(method.scale(times), 1 / (0.5 * (times.t - times.s)), rtol=1e-3, atol=0)
    # Of a jump that leads nowhere it stays finite.
    assert method.scale(times._replace(s=times.t)).isfinite().all()


def test_the_lower_side_of_a_pair_gets_no_gradient_and_both_see_the_groups_levels() -> None:
    method, seen = _method(), list[tuple[bool, Tensor]]()
    method.denoiser.register_forward_hook(lambda module, args, output: seen.append((output.requires_grad, args[1])))
    method.loss({"image": _pictures(8)}, MOMENT).value.backward()
    (higher, told), (lower, below) = seen
    assert (higher, lower) == (True, False)
    for times in (told, below):
        assert all(len(group.unique(dim=0)) == 1 for group in times.split(4))
    assert bool((below <= told).all())
    # Both jumps end at one level.
    torch.testing.assert_close(told[:, 0] - told[:, 1], below[:, 0] - below[:, 1], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("form", ["euler_fm", "simple_edm"])
def test_two_modes_are_learned_by_jumps_of_one_step_and_of_several(form: str) -> None:
    model = replace(JUMPING, preconditioning=TwoTimePreconditioning(form=form))  # type: ignore[arg-type]
    method = _method(MomentMatchingConfig(synthesizer=model, halvings=6))
    method.denoiser = PointNetwork()
    before = distance_from_modes(drawn(method))
    learn(method, 400)
    once, several = (distance_from_modes(drawn(method, steps)) for steps in (1, 4))
    assert several < once < 0.5 * before
    assert distance_from_modes(drawn(method, 2, JumpsConfig(restart=True))) < 0.3 * before
    # Both modes are there.
    assert 0.25 < (drawn(method)[:, 0] > 0).float().mean().item() < 0.75


def test_guidance_combines_outputs_of_the_network() -> None:
    config = jumping(LABELLED)
    model = _randomised(replace(config, guidance=1.5, steps=2))
    labels, noise = {"label": torch.tensor([0, 1])}, initial_noise(config.media.shape, seed=0, first=0, count=2)
    found = [stage.x for stage in model.stages(noise, labels)]
    # Equation 86, with the straight path's c_skip and c_out.
    x = 0.5 * noise
    times = [float(time) for time in model.config.spacing.times(model.config.process, 2)]
    for t, s, stage in zip(times[:-1], times[1:], found, strict=True):
        level = model.config.process.at(torch.tensor(t))
        told = torch.tensor([[1000 * t, 1000 * (t - s)]] * 2)
        outputs = [
            model.denoiser(TwoTimePreconditioning().input(level) * x, told, {"label": label})
            for label in (labels["label"], torch.tensor([2, 2]))
        ]
        x = x - (t - s) * 0.5 * (1.5 * outputs[0] - 0.5 * outputs[1])
        torch.testing.assert_close(stage, x, rtol=1e-3, atol=1e-4)


def test_labels_are_left_out_as_often_as_the_condition_says() -> None:
    model = jumping(LABELLED)
    model = replace(model, conditions=(replace(model.conditions[0], dropout=0.5),))
    method, seen = _method(MomentMatchingConfig(synthesizer=model)), list[Tensor]()
    method.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[2]["label"]))
    batch = {"image": _pictures(64), "label": torch.zeros(64, dtype=torch.int64)}
    assert method.loss(batch, MOMENT).value.isfinite()
    assert 0.2 < (seen[0] == 2).float().mean().item() < 0.8
    assert torch.equal(seen[0], seen[1])


def test_models_and_batches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="TwoTimePreconditioning"):
        MomentMatchingConfig(synthesizer=replace(FLOW, steps=1))
    with pytest.raises(ValueError, match=r"process: must be a ScaledNoiseProcess"):
        MomentMatchingConfig(synthesizer=replace(PLAIN, process=DiscreteProcess(steps=20, last=0.3)))
    with pytest.raises(ValueError, match=r"sigma_data: is 0\.5.*deviation of 1;"):
        MomentMatchingConfig(synthesizer=replace(JUMPING, process=FlowProcess()))
    with pytest.raises(ValueError, match="'euler_fm' is for the path of a FlowProcess"):
        MomentMatchingConfig(synthesizer=replace(JUMPING, process=COSINE))
    with pytest.raises(ValueError, match=r"samples start at time 1, .* 0\.994; take a JumpSpacing"):
        MomentMatchingConfig(synthesizer=replace(JUMPING, spacing=UniformSpacing()))
    with pytest.raises(ValueError, match=r"samples end at time 0, .* before earliest, 0\.006; take a JumpSpacing"):
        MomentMatchingConfig(synthesizer=replace(JUMPING, spacing=JumpSpacing(last=0.0)))
    with pytest.raises(ValueError, match="particles"):
        replace(CONFIG, particles=0)
    with pytest.raises(ValueError, match="earliest < latest"):
        replace(CONFIG, earliest=0.995)
    with pytest.raises(ValueError, match="eta_max"):
        replace(CONFIG, eta_max=0.0)
    for name in ("eta_max", "halvings", "least_gap", "power", "bias"):
        for value in (float("inf"), float("nan")):
            with pytest.raises(ValueError, match=name):
                replace(CONFIG, **{name: value})  # type: ignore[arg-type]
    assert MomentMatchingConfig(synthesizer=replace(JUMPING, spacing=JumpSpacing(last=0.0)), earliest=0.0)
    with pytest.raises(BadConfig, match="6 samples in a pass are no whole groups of 4"):
        _method().loss({"image": _pictures(6)}, MOMENT)
    with pytest.raises(ValueError, match="network takes 2 times"):
        replace(JUMPING, preconditioning=FLOW.preconditioning)


def test_it_survives_json() -> None:
    config = replace(CONFIG, particles=8, halvings=11.5, power=2.0)
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config
