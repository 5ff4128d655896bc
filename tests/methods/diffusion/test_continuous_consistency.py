"""Continuous-time consistency models: training and distillation."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import Condition, Denoise, Level, Moment, Prediction, Process
from diorama.core.errors import BadConfig
from diorama.core.rng import initial_noise
from diorama.methods.base import live_tensors
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.continuous_consistency import (
    ContinuousDistillation,
    ContinuousDistillationConfig,
    ContinuousObjective,
    ContinuousTraining,
    ContinuousTrainingConfig,
)
from diorama.methods.diffusion.denoiser import broadcast
from diorama.methods.diffusion.students import jumping_spacing
from diorama.nn.differentiation import twice_differentiable
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.samplers.consistency import ConsistencyConfig
from diorama.samplers.ddim import DDIMConfig
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from tests.synthesis.models import tiny_diffusion, tiny_gan
from tests.synthesis.test_diffusion import EDM, FLOW, NETWORK, PLAIN

MOMENT = Moment(0, 0)
SLOW = replace(
    FLOW,
    preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=3.0),
    spacing=jumping_spacing(FLOW.process),
    sampler=ConsistencyConfig(sigma_min=0.0),
    steps=1,
)
STEPS = replace(PLAIN, preconditioning=TargetPreconditioning(predicts="velocity", time_scale=0.1))
DATA = torch.full((8, *EDM.media.shape), 0.5)
PLAINLY = ContinuousObjective(uncertainty=None)


def _teacher(config: DiffusionSynthesizerConfig) -> DiffusionSynthesizer:
    torch.manual_seed(0)
    model = config.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def _student(config: DiffusionSynthesizerConfig, objective: ContinuousObjective = PLAINLY) -> ContinuousDistillation:
    # A teacher draws in many steps, which SLOW, trained from data, does not.
    teacher = replace(config, sampler=DDIMConfig()) if isinstance(config.sampler, ConsistencyConfig) else config
    return ContinuousDistillationConfig(objective=objective).build({"teacher": _teacher(teacher)})


def _model(method: ContinuousDistillation | ContinuousTraining) -> DiffusionSynthesizer:
    model = method.synthesizer().build().eval()
    model.load_state_dict(live_tensors(method.averaged()))
    return model


@pytest.mark.parametrize("config", [EDM, SLOW, STEPS], ids=["edm", "flow", "steps"])
def test_the_change_along_a_path_is_that_of_finite_differences(config: DiffusionSynthesizerConfig) -> None:
    method = _student(config)
    process = config.process
    ratio = torch.tensor([0.3, 1.0, 3.0])
    towards, noise = (torch.randn(3, *config.media.shape) for _ in range(2))
    h = 2e-2

    def found(log_shift: float) -> torch.Tensor:
        level = broadcast(process.at(process.time_of(ratio.double() * torch.tensor(log_shift).exp())), 4)
        x = level.alpha * towards + level.sigma * noise
        with torch.no_grad(), twice_differentiable():
            return method.denoise({})(x.float(), level).clean

    t = process.time_of(ratio.double()).float()
    level = broadcast(process.at(t), 4)
    change = method.change(level.alpha * towards + level.sigma * noise, t, towards, {})
    torch.testing.assert_close(change, (found(h) - found(-h)) / (2 * h), rtol=2e-2, atol=2e-3)


class _Exact:
    """What is known of normally distributed data of deviation 0.5: the end of every path, and the mean given x."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def end(self, x: torch.Tensor, level: Level) -> Prediction:
        return Prediction(self.scale * 0.5 * x / ((0.5 * level.alpha) ** 2 + level.sigma**2).sqrt())

    def mean(self, x: torch.Tensor, level: Level) -> torch.Tensor:
        return level.alpha * 0.25 * x / ((0.5 * level.alpha) ** 2 + level.sigma**2)


PROCESSES: list[Process] = [ExplodingProcess(), FlowProcess(), PreservingProcess(), DiscreteProcess(betas="cosine")]


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: type(process).__name__)
def test_the_known_answer_for_normal_data_does_not_change_along_the_path(process: Process) -> None:
    method, exact = _student(EDM), _Exact()
    method.model = SimpleNamespace(process=process)  # type: ignore[assignment]
    method.denoise = lambda condition: exact.end  # type: ignore[method-assign]
    t = process.time_of(torch.tensor([0.05, 0.5, 5.0, 40.0], dtype=torch.float64)).double()
    level = broadcast(process.at(t), 4)
    x = torch.randn(4, *EDM.media.shape, dtype=torch.float64) * ((0.5 * level.alpha) ** 2 + level.sigma**2).sqrt()
    change = method.change(x, t, exact.mean(x, level), {})
    assert change.abs().max() < 1e-5
    # Along another path it does.
    assert method.change(x, t, 0 * x, {}).abs().max() > 0.1


def _papers_tangent(method: ContinuousDistillation, x: torch.Tensor, clean: torch.Tensor, r: float) -> torch.Tensor:
    """Algorithm 1 as it stands, for the network of EDM, which is the paper's F with the other sign."""
    s, sigma = 0.5, 2.0
    u = torch.full((len(x), 1, 1, 1), sigma / s).atan()
    cos, sin = u.cos(), u.sin()

    def network(x_u: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        told = (s * u.tan()).log() / 4
        output: torch.Tensor = -method.denoiser(x_u / s, told.flatten(), {})
        return output

    x_u = cos * x  # the paper's sample
    slope = cos * (x - clean) / sigma * s - sin * clean
    with torch.no_grad(), twice_differentiable():
        f, df = torch.func.jvp(network, (x_u, u), (cos * sin * slope, cos * sin))
    g = -(cos**2) * (s * f - slope) - r * (cos * sin * x_u + s * df)
    size = g.flatten(1).square().mean(1).sqrt().reshape(-1, 1, 1, 1)
    return g / (size + 0.1)


@pytest.mark.parametrize("r", [0.0, 0.3, 1.0])
def test_the_gradient_is_that_of_the_papers_algorithm(r: float) -> None:
    method = _student(EDM, ContinuousObjective(uncertainty=None, warmup=0 if r == 1 else 10))
    method.share.fill_(r)
    clean = DATA + 0.1 * torch.randn_like(DATA)
    seen: dict[str, Any] = {}
    method.path = lambda x, clean, level, condition: seen.update(x=x) or clean  # type: ignore[method-assign]
    method.objective = replace(method.objective, times=_Always(2.0))  # type: ignore[arg-type]
    loss = method.loss({"image": clean}, MOMENT).value
    wanted = _papers_tangent(method, seen["x"], clean, r)
    assert loss.item() == pytest.approx(wanted.square().flatten(1).mean(1).mean().item(), rel=1e-3)
    mine = torch.autograd.grad(loss, list(method.denoiser.parameters()))
    f = -method.denoiser(seen["x"] / 4.25**0.5, torch.full((8,), 2.0).log() / 4, {})
    theirs = torch.autograd.grad((f - f.detach() - wanted).square().mean(), list(method.denoiser.parameters()))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-4)


class _Always:
    def __init__(self, ratio: float) -> None:
        self.ratio = ratio

    def draw(self, process: Process, count: int, device: torch.device) -> torch.Tensor:
        return process.time_of(torch.full((count,), self.ratio, device=device))


def _trained(method: ContinuousDistillation | ContinuousTraining, steps: int) -> None:
    optimizer = torch.optim.Adam(method.players()["denoiser"], lr=1e-2, fused=True)
    for step in range(steps):
        loss = method.loss({"image": DATA}, Moment(step, 8 * step)).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            method.after_step(Moment(step + 1, 8 * (step + 1)))
        assert loss.isfinite()


@pytest.mark.parametrize("which", ["data", "teacher"])
def test_one_step_comes_closer_to_the_data(which: str) -> None:
    objective = ContinuousObjective(warmup=48)
    method: ContinuousDistillation | ContinuousTraining
    if which == "data":
        torch.manual_seed(0)
        method = ContinuousTrainingConfig(synthesizer=SLOW, objective=objective).build()
    else:
        method = _student(EDM, objective)
        # A teacher that knows the data, which its untrained network does not.
        method.frozen["teacher"].denoise = lambda condition: lambda x, level: Prediction(torch.full_like(x, 0.5))
    noise = initial_noise(EDM.media.shape, seed=0, first=0, count=8)
    before = (_model(method).sample(8, noise=noise) - DATA).abs().mean().item()
    _trained(method, 12)
    assert (_model(method).sample(8, noise=noise) - DATA).abs().mean().item() < 0.7 * before
    assert method.share.item() == 1


def test_more_of_the_derivative_counts_as_training_goes_on_and_is_kept_in_the_state() -> None:
    method = _student(EDM, ContinuousObjective(warmup=100))
    assert method.share.item() == 0
    method.after_step(Moment(1, 25))
    assert method.state_dict()["share"].item() == 0.25
    assert any(name.startswith("uncertainty.") for name in method.state_dict())
    assert len(method.players()["denoiser"]) > len(list(method.denoiser.parameters()))


def test_dropout_is_the_same_in_the_answer_and_its_derivative() -> None:
    method = ContinuousDistillationConfig(objective=PLAINLY, dropout=0.5).build({"teacher": _teacher(EDM)})
    *_, last = (module for module in method.denoiser.modules() if module.__class__.__name__ == "Conv2d")
    seen: list[torch.Tensor] = []
    last.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    answers: list[torch.Tensor] = []
    denoise = method.denoise

    def noting(condition: Condition) -> Denoise:
        def answer(x: torch.Tensor, level: Level) -> Prediction:
            prediction = denoise(condition)(x, level)
            answers.append(torch.func.debug_unwrap(prediction.clean, recurse=True).detach())
            return prediction

        return answer

    method.denoise = noting  # type: ignore[method-assign]
    method.loss({"image": DATA}, MOMENT)
    torch.testing.assert_close(answers[0], answers[1])


def test_the_student_draws_in_one_step_or_two_from_its_process_noisiest_level() -> None:
    for config in (EDM, SLOW, STEPS):
        model = _model(_student(config))
        assert (model.sampling.sampler, model.sampling.steps) == ("consistency", 1)
        two = model.resampled(Sampling(steps=2))
        assert two.sample(2).isfinite().all()
        times = two.config.spacing.times(config.process, 2)
        level = config.process.at(times[1])
        assert level.sigma / level.alpha == pytest.approx(0.8, abs=0.05) or config is STEPS
        assert model.config.process.at(times[0]).sigma >= 0.9


def test_models_whose_outputs_do_not_end_at_the_sample_are_refused() -> None:
    config = ContinuousDistillationConfig()
    with pytest.raises(BadConfig, match=r"frozen\.teacher: is a GAN, and must be .*edm_cpu"):
        config.build({"teacher": tiny_gan()})
    with pytest.raises(BadConfig, match=r"frozen\.teacher: predicts noise"):
        config.build({"teacher": PLAIN.build()})
    learned = replace(
        PLAIN,
        denoiser=replace(NETWORK, out_channels=2),
        preconditioning=TargetPreconditioning(predicts="velocity", variance="share"),
    )
    with pytest.raises(BadConfig, match=r"frozen\.teacher: learned a variance"):
        config.build({"teacher": learned.build()})
    with pytest.raises(ValueError, match=r"synthesizer\.preconditioning: predicts noise"):
        ContinuousTrainingConfig(synthesizer=PLAIN)
    config.build({"teacher": tiny_diffusion()})


@pytest.mark.parametrize(
    ("name", "value"), [("sigma_data", 0.0), ("steady", 0.0), ("warmup", -1)], ids=["sigma_data", "steady", "warmup"]
)
def test_impossible_objectives_are_refused_by_field(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        replace(PLAINLY, **{name: value})


@pytest.mark.parametrize(
    "config",
    [ContinuousDistillationConfig(objective=PLAINLY, dropout=0.1), ContinuousTrainingConfig(synthesizer=SLOW)],
    ids=["teacher", "data"],
)
def test_configs_survive_json(config: AnyMethod) -> None:
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config
