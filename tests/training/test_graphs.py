"""When networks are recorded, and what the stand-in does with calls that it must not replay."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.training.graphs import Recorded, record_networks
from tests.training.toy import ToyFlowConfig, ToyGANConfig

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_only_one_phase_methods_on_cuda_without_accumulation_are_recorded() -> None:
    assert record_networks(ToyFlowConfig().build(), CUDA, micro_batches=1)
    assert not record_networks(ToyFlowConfig().build(), CPU, micro_batches=1)
    assert not record_networks(ToyFlowConfig().build(), CUDA, micro_batches=2)
    assert not record_networks(ToyGANConfig().build(), CUDA, micro_batches=1)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Linear:
    """A layer whose recording answers with sevens."""
    linear = nn.Linear(2, 2)
    linear.forward = Recorded(linear)
    monkeypatch.setattr(Recorded, "_record", lambda self, inputs: lambda x: torch.full_like(x, 7))
    return linear


def test_training_calls_of_the_recorded_shape_are_replayed(network: nn.Linear) -> None:
    assert (network(torch.zeros(3, 2)) == 7).all()
    assert (network(torch.ones(3, 2)) == 7).all()


def test_other_shapes_and_calls_without_gradients_reach_the_network(network: nn.Linear) -> None:
    network(torch.zeros(3, 2))
    expected = nn.functional.linear(torch.ones(4, 2), network.weight, network.bias)
    assert torch.equal(network(torch.ones(4, 2)), expected)
    with torch.no_grad():
        assert not (network(torch.zeros(3, 2)) == 7).any()
    network.eval()
    assert not (network(torch.zeros(3, 2)) == 7).any()


def test_inputs_that_need_gradients_reach_the_network(network: nn.Linear) -> None:
    assert not (network(torch.zeros(3, 2, requires_grad=True)) == 7).any()


@pytest.mark.gpu
def test_replayed_steps_equal_launched_ones() -> None:
    def losses(recorded: bool) -> list[float]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Linear(4, 64), nn.SiLU(), nn.Dropout(0.5), nn.Linear(64, 4)).cuda()
        if recorded:
            network.forward = Recorded(network)
        optimizer = torch.optim.Adam(network.parameters(), 1e-2)
        values = []
        for step in range(20):
            torch.cuda.manual_seed(step)
            x = torch.randn(16, 4, device="cuda")
            loss = (network(x) - x).square().mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            values.append(loss.item())
        return values

    assert losses(True) == pytest.approx(losses(False), rel=1e-4)
