"""Mean flows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import Moment
from diorama.core.rng import initial_noise
from diorama.methods.base import live_tensors
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.mean_flow import MeanFlow, MeanFlowConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.nn.differentiation import twice_differentiable
from diorama.processes.precondition import TargetPreconditioning
from diorama.samplers.jumps import JumpsConfig
from diorama.synthesis.base import Sampling
from tests.synthesis.test_diffusion import FLOW

assert isinstance(FLOW.denoiser, DDPMUNetConfig)
JUMPING = replace(
    FLOW,
    denoiser=replace(FLOW.denoiser, embedding=replace(FLOW.denoiser.embedding, two_times=True)),
    preconditioning=TargetPreconditioning(predicts="flow", time_input="time", time_scale=10.0, two_times=True),
    sampler=JumpsConfig(),
    steps=1,
)
MOMENT = Moment(0, 0)


def _method(config: MeanFlowConfig | None = None) -> MeanFlow:
    torch.manual_seed(0)
    method = (config or MeanFlowConfig(synthesizer=JUMPING)).build()
    for parameter in method.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return method


def test_the_change_along_a_path_is_that_of_finite_differences() -> None:
    # In float64, and with times that change slowly.
    slow = replace(JUMPING, preconditioning=replace(JUMPING.preconditioning, time_scale=3.0))
    method = _method(MeanFlowConfig(synthesizer=slow)).double()
    method.average = lambda z, t, r, c: method.denoiser(z, 3 * torch.stack([t, t - r], 1), c)  # type: ignore[method-assign]
    z, along = (torch.randn(3, *JUMPING.media.shape, dtype=torch.float64) for _ in range(2))
    t, r = (torch.tensor(values, dtype=torch.float64) for values in ([0.7, 0.5, 0.9], [0.2, 0.5, 0.0]))
    average, change = method.average_and_change(z, (t, r), along, {})
    with twice_differentiable():
        h = 2e-3  # the waves of the time are of float32, whose rounding a smaller step would magnify
        low, high = (method.average(z + s * along, t + s, r, {}) for s in (-h, h))
        torch.testing.assert_close(average, method.average(z, t, r, {}))
    torch.testing.assert_close(change, (high - low) / (2 * h), rtol=5e-3, atol=1e-3)


@pytest.mark.parametrize("along", ["said", "drawn"])
def test_training_lowers_the_error_and_one_jump_comes_closer_to_the_data(along: str) -> None:
    torch.manual_seed(0)
    method = MeanFlowConfig(synthesizer=JUMPING, along=along).build()  # type: ignore[arg-type]
    data = torch.full((8, *JUMPING.media.shape), 0.5)
    noise = initial_noise(JUMPING.media.shape, seed=0, first=0, count=8)

    def distance() -> float:
        model = method.synthesizer().build().eval()
        model.load_state_dict(live_tensors(method.averaged()))
        return (model.sample(8, noise=noise) - data).abs().mean().item()

    before, errors = distance(), []
    optimizer = torch.optim.Adam(method.players()["denoiser"], lr=1e-2, fused=True)
    for _ in range(16):
        loss = method.loss({"image": data}, MOMENT)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        errors.append(loss.scalars["error"].item())
    assert sum(errors[-5:]) < 0.7 * sum(errors[:5])
    assert distance() < 0.7 * before


def test_the_network_is_told_both_times() -> None:
    model = JUMPING.build().eval()
    seen: list[torch.Tensor] = []
    model.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[1]))
    model.resampled(Sampling(steps=2)).sample(3)
    assert [told[0].tolist() for told in seen] == [[10, 5], [5, 5]]
    # A sampler that does not jump asks for the slope itself.
    seen.clear()
    model.resampled(Sampling(sampler="ddim", steps=2)).sample(3)
    assert [told[0].tolist() for told in seen] == [[10, 0], [5, 0]]


def test_times_are_one_as_often_as_is_asked_for() -> None:
    t, earlier = _method(MeanFlowConfig(synthesizer=JUMPING, equal=0.75))._times(4_000, torch.device("cpu"))
    assert bool((earlier <= t).all())
    assert (t == earlier).float().mean().item() == pytest.approx(0.75, abs=0.03)


def test_models_of_one_time_are_refused() -> None:
    with pytest.raises(ValueError, match="two times"):
        MeanFlowConfig(synthesizer=FLOW)
    with pytest.raises(ValueError, match="jumps are made by models of two times"):
        replace(FLOW, sampler=JumpsConfig())
    with pytest.raises(ValueError, match=r"restarts are made by models of two times .* take ddim"):
        replace(FLOW, sampler=JumpsConfig(restart=True))
    with pytest.raises(ValueError, match=r"preconditioning\.two_times: is False, and the network takes 2"):
        replace(JUMPING, preconditioning=FLOW.preconditioning, sampler=FLOW.sampler)
    with pytest.raises(ValueError, match="predicts 'flow'"):
        TargetPreconditioning(predicts="noise", time_input="time", two_times=True)
    with pytest.raises(ValueError, match="two_times: both times"):
        TargetPreconditioning(predicts="flow", time_input="time", two_times=True, time_offset=1.0)


def test_it_survives_json() -> None:
    config = MeanFlowConfig(synthesizer=JUMPING, along="drawn")
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config
