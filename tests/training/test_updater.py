"""One player's optimizer: algorithms, clipping, float16, and its state."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from diorama.core import device as devices
from diorama.core.device import Precision
from diorama.core.errors import BadInput
from diorama.training.recipe import OptimizerConfig, RateConfig
from diorama.training.updater import Updater

CPU = torch.device("cpu")
FULL = Precision(torch.float32, CPU)
FLAT = RateConfig(peak=0.1)


def parameters() -> list[nn.Parameter]:
    torch.manual_seed(0)
    return [nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(5))]


def descend(updater: Updater, count: int = 1, scale: float = 1.0) -> None:
    for step in range(count):
        updater.set_rate(step)
        with updater.thawed():
            updater.backward(scale * sum(p.square().sum() for p in updater.parameters), last=True)
            updater.step()


@pytest.mark.parametrize(
    ("config", "reference"),
    [
        (OptimizerConfig(rate=FLAT, betas=(0.5, 0.9)), lambda p: torch.optim.Adam(p, 0.1, betas=(0.5, 0.9))),
        (
            OptimizerConfig(algorithm="adamw", rate=FLAT, weight_decay=0.3),
            lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.3),
        ),
        (
            OptimizerConfig(algorithm="rmsprop", rate=FLAT, betas=(0.2, 0.95)),
            lambda p: torch.optim.RMSprop(p, 0.1, alpha=0.95, momentum=0.2),
        ),
    ],
)
def test_an_algorithm_moves_as_pytorch_does(config: OptimizerConfig, reference) -> None:  # type: ignore[no-untyped-def]
    updater, plain = Updater(parameters(), config, FULL, total=100), parameters()
    optimizer = reference(plain)
    for _ in range(3):
        descend(updater)
        optimizer.zero_grad()
        sum(p.square().sum() for p in plain).backward()
        optimizer.step()
    for ours, theirs in zip(updater.parameters, plain, strict=True):
        torch.testing.assert_close(ours.detach(), theirs.detach())


def test_clipping_bounds_the_norm_and_tells_the_norm_before() -> None:
    updater = Updater(parameters(), OptimizerConfig(rate=FLAT, clip=0.5), FULL, total=100)
    expected = torch.cat([2 * p.detach().flatten() for p in updater.parameters]).norm()
    descend(updater)
    clipped = torch.cat([p.grad.flatten() for p in updater.parameters if p.grad is not None]).norm()
    torch.testing.assert_close(updater.norm, expected)
    torch.testing.assert_close(clipped, torch.tensor(0.5))


@pytest.mark.parametrize("algorithm", ["adam", "rmsprop", "muon"])
def test_an_updater_that_begins_anew_moves_as_a_fresh_one(algorithm: str) -> None:
    config = OptimizerConfig(algorithm=algorithm, rate=FLAT, betas=(0.3, 0.99))  # type: ignore[arg-type]
    used, fresh = Updater(parameters(), config, FULL, total=100), Updater(parameters(), config, FULL, total=100)
    descend(used, 3)
    with torch.no_grad():
        for ours, theirs in zip(used.parameters, parameters(), strict=True):
            ours.copy_(theirs)
    used.begin_anew()
    for updater in (used, fresh):
        descend(updater, 2)
    for ours, theirs in zip(used.parameters, fresh.parameters, strict=True):
        assert torch.equal(ours, theirs)


def test_the_rate_follows_images() -> None:
    config = OptimizerConfig(rate=RateConfig(peak=1.0, warmup=10))
    updater = Updater(parameters(), config, FULL, total=100)
    updater.set_rate(5)
    assert updater.optimizer.param_groups[0]["lr"] == 0.5


def test_the_rate_that_recordings_read_stays_in_its_place_and_follows_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_graphs", lambda device: True)
    updater = Updater(parameters(), OptimizerConfig(rate=RateConfig(peak=1.0, warmup=10)), FULL, total=100)
    place = updater.optimizer.param_groups[0]["lr"]
    assert place.item() == 1.0
    updater.set_rate(5)
    assert place.item() == 0.5
    state = copy.deepcopy(updater.state_dict())
    assert state["optimizer"]["param_groups"][0]["lr"] == 0.5
    updater.set_rate(7)
    updater.load_state_dict(state)
    assert updater.optimizer.param_groups[0]["lr"] is place
    assert place.item() == 0.5
    updater.set_rate(8)
    assert place.item() == pytest.approx(0.8)


def test_a_beta_follows_images_in_its_place_and_through_a_resume() -> None:
    config = OptimizerConfig(rate=FLAT, betas=(0.0, 0.9), beta2_final=0.99)
    whole, first, second = (Updater(parameters(), config, FULL, total=4) for _ in range(3))
    place = whole.optimizer.beta2  # type: ignore[attr-defined]
    descend(whole, 4)
    assert place is whole.optimizer.beta2  # type: ignore[attr-defined]
    assert place.item() == pytest.approx(0.99 - 0.09 * 0.5 * (1 + math.cos(math.pi * 3 / 4)))
    descend(first, 2)
    for ours, theirs in zip(second.parameters, first.parameters, strict=True):
        ours.data.copy_(theirs.data)
    second.check(first.state_dict())
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for step in (2, 3):
        second.set_rate(step)
        with second.thawed():
            second.backward(sum(p.square().sum() for p in second.parameters), last=True)  # type: ignore[arg-type]
            second.step()
    for ours, theirs in zip(second.parameters, whole.parameters, strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.gpu
def test_a_recorded_step_reads_the_beta_that_stands_there() -> None:
    config, device = OptimizerConfig(rate=FLAT, betas=(0.0, 0.9), beta2_final=0.5), torch.device("cuda")
    plain = Updater(parameters(), config, FULL, total=8)
    moved = [nn.Parameter(p.detach().to(device)) for p in parameters()]
    updater = Updater(moved, config, Precision(torch.float32, device), total=8)
    # Gradients of ever the same place, since a recording reads them there.
    grads = [torch.randn_like(p) for p in updater.parameters]
    for parameter, grad in zip(updater.parameters, grads, strict=True):
        parameter.grad = grad
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        updater.set_rate(0)
        updater.optimizer.step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        updater.optimizer.step()
    for step in range(1, 8):
        updater.set_rate(step)
        graph.replay()
    for step in range(8):
        plain.set_rate(step)
        for parameter, grad in zip(plain.parameters, grads, strict=True):
            parameter.grad = grad.cpu()
        plain.optimizer.step()
    for ours, theirs in zip(updater.parameters, plain.parameters, strict=True):
        torch.testing.assert_close(ours.detach().cpu(), theirs.detach())


@pytest.mark.parametrize("algorithm", ["adam", "adamw", "rmsprop"])
@pytest.mark.gpu
def test_a_state_travels_between_a_gpu_and_a_cpu(algorithm: str) -> None:
    config = OptimizerConfig(algorithm=algorithm, rate=FLAT)  # type: ignore[arg-type]
    ways = {}
    for first, second in (("cpu", "cuda"), ("cuda", "cpu")):
        state = None
        values = parameters()
        for name in (first, second):
            device = torch.device(name)
            values = [nn.Parameter(p.detach().to(device)) for p in values]
            updater = Updater(values, config, Precision(torch.float32, device), total=100)
            if state is not None:
                updater.load_state_dict(state)
            descend(updater, 2)
            state = copy.deepcopy(updater.state_dict())
        ways[first] = [p.detach().cpu() for p in values]
    for ours, theirs in zip(ways["cpu"], ways["cuda"], strict=True):
        torch.testing.assert_close(ours, theirs)


def test_parameters_are_thawed_in_their_turn_only() -> None:
    updater = Updater(parameters(), OptimizerConfig(rate=FLAT), FULL, total=100)
    for parameter in updater.parameters:
        parameter.requires_grad_(False)
    with updater.thawed():
        assert all(p.requires_grad for p in updater.parameters)
    assert not any(p.requires_grad for p in updater.parameters)


def test_an_overflow_in_float16_skips_the_step_and_halves_the_scale() -> None:
    updater = Updater(parameters(), OptimizerConfig(rate=FLAT), Precision(torch.float16, CPU), total=100)
    before, scale = [p.detach().clone() for p in updater.parameters], updater.scaler.get_scale()
    descend(updater, scale=float("inf"))
    assert all(torch.equal(old, new) for old, new in zip(before, updater.parameters, strict=True))
    assert updater.scaler.get_scale() == scale / 2


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_restored_updater_moves_as_the_one_that_was_saved(dtype: torch.dtype) -> None:
    precision = Precision(dtype, CPU)
    config = OptimizerConfig(rate=FLAT)
    updater = Updater(parameters(), config, precision, total=100)
    descend(updater, scale=float("inf"))
    descend(updater, 3)
    other = Updater([nn.Parameter(p.detach().clone()) for p in updater.parameters], config, precision, total=100)
    other.load_state_dict(copy.deepcopy(updater.state_dict()))
    descend(updater, 2)
    descend(other, 2)
    assert other.scaler.get_scale() == updater.scaler.get_scale()
    assert all(torch.equal(a, b) for a, b in zip(updater.parameters, other.parameters, strict=True))


def test_restored_moments_lie_in_memory_as_their_parameters_do() -> None:
    layer = nn.Conv2d(8, 4, 3)
    devices.channels_last(layer)
    updater = Updater(list(layer.parameters()), OptimizerConfig(rate=FLAT), FULL, total=100)
    descend(updater)
    state = updater.state_dict()
    for moments in state["optimizer"]["state"].values():
        moments["exp_avg"] = moments["exp_avg"].contiguous()
    updater.load_state_dict(state)
    moment = updater.optimizer.state[layer.weight]["exp_avg"]
    assert moment.stride() == layer.weight.stride() != layer.weight.contiguous().stride()


def test_in_float16_gradients_are_clipped_by_their_true_norm_and_not_by_the_scaled_one() -> None:
    config = OptimizerConfig(rate=FLAT, clip=0.5)
    half = Updater(parameters(), config, Precision(torch.float16, CPU), total=100)
    full = Updater(parameters(), config, FULL, total=100)
    assert half.scaler.get_scale() > 1
    for updater in (half, full):
        descend(updater, scale=0.05)
    torch.testing.assert_close(half.norm, full.norm)
    for ours, theirs in zip(half.parameters, full.parameters, strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad)


def a_state() -> tuple[Updater, dict[str, Any]]:
    """An updater and what it saved after two steps."""
    updater = Updater(parameters(), OptimizerConfig(rate=FLAT), FULL, total=100)
    descend(updater, 2)
    return updater, copy.deepcopy(updater.state_dict())


def without_groups(state: dict[str, Any]) -> None:
    del state["optimizer"]["param_groups"]


def with_fewer_parameters(state: dict[str, Any]) -> None:
    state["optimizer"]["param_groups"][0]["params"].pop()


def with_an_unknown_parameter(state: dict[str, Any]) -> None:
    state["optimizer"]["state"][7] = state["optimizer"]["state"].pop(1)


def with_fewer_moments(state: dict[str, Any]) -> None:
    del state["optimizer"]["state"][0]["exp_avg"]


def with_another_shape(state: dict[str, Any]) -> None:
    state["optimizer"]["state"][0]["exp_avg"] = torch.zeros(7)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_groups, "lacks 'param_groups'"),
        (with_fewer_parameters, "over 1 parameters, not 2"),
        (with_an_unknown_parameter, "does not name"),
        (with_fewer_moments, "other moments for some"),
        (with_another_shape, r"exp_avg of shape \(7,\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(spoil: Callable[[dict[str, Any]], None], said: str) -> None:
    updater, state = a_state()
    updater.check(state)
    spoil(state)
    with pytest.raises(BadInput, match=said):
        updater.check(state)


def test_parameters_that_never_had_a_gradient_have_no_moments() -> None:
    used, unused = parameters()
    updater = Updater([used, unused], OptimizerConfig(rate=FLAT), FULL, total=100)
    with updater.thawed():
        updater.set_rate(0)
        updater.backward(used.square().sum(), last=True)
        updater.step()
    state = updater.state_dict()
    assert len(state["optimizer"]["state"]) == 1
    updater.check(state)
    updater.load_state_dict(state)
