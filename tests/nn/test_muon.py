"""Muon for matrices and convolutions, Adam for all else."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from diorama.core.device import Precision
from diorama.core.errors import BadInput
from diorama.nn import muon
from diorama.nn.muon import MuonWithAdam, orthogonalized
from diorama.training.recipe import OptimizerConfig, RateConfig
from diorama.training.updater import Updater

FULL = Precision(torch.float32, torch.device("cpu"))
CONFIG = OptimizerConfig(algorithm="muon", rate=RateConfig(peak=0.02, warmup=4), weight_decay=0.1)


def network(memory_format: torch.memory_format = torch.contiguous_format) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.SiLU(), nn.Conv2d(8, 4, 1), nn.Flatten(), nn.Linear(144, 5)).to(
        memory_format=memory_format  # type: ignore[call-overload]
    )


def updater(net: nn.Module, config: OptimizerConfig = CONFIG) -> Updater:
    return Updater(list(net.parameters()), config, FULL, total=100)


def train(net: nn.Module, by: Updater, start: int, stop: int) -> list[Tensor]:
    for step in range(start, stop):
        x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        by.set_rate(step)
        with by.thawed():
            by.backward(net(x).square().mean(), last=True)
            by.step()
    return [p.detach().clone() for p in net.parameters()]


def test_it_moves_as_pytorchs_own_do(monkeypatch: pytest.MonkeyPatch) -> None:
    # PyTorch's turns in bfloat16 on any device.
    monkeypatch.setattr(muon, "has_bf16", lambda device: True)
    net, plain = network(), network()
    by = updater(net, replace(CONFIG, rate=RateConfig(peak=0.02)))
    wide, narrow = ([p for p in plain.parameters() if (p.dim() > 1) is w] for w in (True, False))
    # The same weights as matrices of their own.
    flat = [nn.Parameter(p.detach().flatten(1).clone()) for p in wide]
    turned = torch.optim.Muon(flat, lr=0.02, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(narrow, lr=0.02, weight_decay=0.1)
    for step in range(3):
        found = train(net, by, step, step + 1)
        x = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(step))
        plain.zero_grad()
        plain(x).square().mean().backward()
        for matrix, p in zip(flat, wide, strict=True):
            assert p.grad is not None
            matrix.grad = p.grad.flatten(1)
        turned.step()
        adam.step()
        with torch.no_grad():
            for matrix, p in zip(flat, wide, strict=True):
                p.copy_(matrix.reshape(p.shape))
        torch.testing.assert_close(found, [p.detach() for p in plain.parameters()], rtol=1e-4, atol=1e-5)


SHAPES = [(8, 12), (12, 8), (8, 12), (6, 6), (12, 8), (9, 3, 2, 2), (6, 6), (9, 12), (4,), (7,), ()]
"""Wide, tall and square ones, several of one shape, a convolution's, and what is no matrix."""


@pytest.mark.parametrize("where", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rate_as_tensor", [False, True])
def test_matrices_that_move_together_move_as_pytorch_moves_each(where: str, decay: float, rate_as_tensor: bool) -> None:
    torch.manual_seed(0)
    start = [torch.randn(shape, device=where) for shape in SHAPES]
    ours = [nn.Parameter(value.clone()) for value in start]
    theirs = [nn.Parameter(value.flatten(1).clone() if value.dim() > 1 else value.clone()) for value in start]
    place = torch.zeros((), device=where) if rate_as_tensor else None
    together = MuonWithAdam(
        ours, lr=0.0 if place is None else place, momentum=0.9, betas=(0.8, 0.99), eps=1e-8, weight_decay=decay
    )
    single = torch.optim.Muon(
        [p for p in theirs if p.dim() > 1], momentum=0.9, weight_decay=decay, adjust_lr_fn="match_rms_adamw"
    )
    adam = torch.optim.AdamW([p for p in theirs if p.dim() < 2], betas=(0.8, 0.99), weight_decay=decay)
    for step in range(4):
        rate = 0.02 / (1 + step)
        if place is not None:
            place.fill_(rate)
        else:
            for group in together.param_groups:
                group["lr"] = rate
        single.param_groups[0]["lr"] = adam.param_groups[0]["lr"] = rate
        for our, their in zip(ours, theirs, strict=True):
            our.grad = torch.randn_like(our)
            their.grad = our.grad.reshape(their.shape).clone()
        together.step()
        single.step()
        adam.step()
    for value, our, their in zip(start, ours, theirs, strict=True):
        way, off = their.detach().reshape(value.shape) - value, our.detach() - their.detach().reshape(value.shape)
        # Products are rounded to the eight bits of bfloat16; Adam's arithmetic is in float32.
        assert off.norm() <= (0.05 if value.dim() > 1 else 1e-5) * way.norm()


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (12, 12)])
@pytest.mark.parametrize("half", [True, False])
def test_what_is_orthogonalized_keeps_its_directions_and_loses_its_lengths(
    shape: tuple[int, int], half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(muon, "has_bf16", lambda device: half)
    torch.manual_seed(0)
    short = min(shape)
    left, right = (torch.linalg.qr(torch.randn(4, n, short))[0] for n in shape)
    lengths = torch.linspace(0.2, 1.0, short) * torch.tensor([1e-3, 1.0, 1e3, 1.0])[:, None]
    found = orthogonalized(left * lengths[:, None] @ right.mT)
    assert found.dtype == (torch.bfloat16 if half else torch.float32)
    turned = left.mT @ found.float() @ right
    diagonal = turned.diagonal(dim1=1, dim2=2)
    assert 0.6 < diagonal.min() <= diagonal.max() < 1.3
    assert (turned - torch.diag_embed(diagonal)).abs().max() < 0.05


def test_a_matrix_of_zeros_stays_one_among_others() -> None:
    matrices = torch.stack([torch.zeros(4, 6), torch.randn(4, 6)])
    found = orthogonalized(matrices)
    assert not found[0].any()
    assert found[1].isfinite().all()
    assert found[1].any()


def test_its_state_has_the_form_of_earlier_ones() -> None:
    net = network()
    by = updater(net)
    train(net, by, 0, 2)
    state = by.state_dict()["optimizer"]
    wide, narrow = state["param_groups"]
    assert wide.keys() == narrow.keys() == {"params", "lr", "capturable"}
    assert not wide["capturable"]
    for place, moments in state["state"].items():
        expected = {"momentum_buffer"} if place in wide["params"] else {"step", "exp_avg", "exp_avg_sq"}
        assert moments.keys() == expected


def test_the_layout_in_memory_changes_nothing() -> None:
    plain, turned = network(), network(torch.channels_last)
    found, expected = train(turned, updater(turned), 0, 3), train(plain, updater(plain), 0, 3)
    # The sums of bfloat16 products are taken in another order.
    torch.testing.assert_close(found, expected, rtol=0.05, atol=2e-3)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_resume_is_exact_to_the_bit(memory_format: torch.memory_format) -> None:
    net = network(memory_format)
    whole = train(net, updater(net), 0, 6)
    first = network(memory_format)
    by = updater(first)
    train(first, by, 0, 3)
    state = copy.deepcopy(by.state_dict())
    second = network(memory_format)
    second.load_state_dict(first.state_dict())
    other = updater(second)
    other.check(state)
    other.load_state_dict(state)
    resumed = train(second, other, 3, 6)
    assert all(torch.equal(a, b) for a, b in zip(whole, resumed, strict=True))


def test_an_update_turns_matrices_alike_in_all_directions() -> None:
    weight = nn.Parameter(torch.zeros(16, 4, 2, 2))
    optimizer = MuonWithAdam([weight], lr=1.0, momentum=0.0, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.0)
    weight.grad = torch.randn(16, 4, 2, 2) * torch.logspace(-2, 2, 16)[:, None, None, None]
    optimizer.step()
    values = torch.linalg.svdvals(weight.detach().flatten(1))
    assert (values.max() / values.median()).item() < 2


def test_a_state_of_another_algorithm_is_refused() -> None:
    net = network()
    adam = updater(net, OptimizerConfig(rate=RateConfig(peak=0.1)))
    train(net, adam, 0, 1)
    with pytest.raises(BadInput, match="in other groups"):
        updater(net).check(adam.state_dict())


def test_a_parameter_without_a_gradient_stays() -> None:
    net = network()
    extra = nn.Parameter(torch.ones(3, 3))
    by = Updater([*net.parameters(), extra], CONFIG, FULL, total=100)
    train(net, by, 0, 2)
    assert torch.equal(extra.detach(), torch.ones(3, 3))


def test_impossible_momentum_is_refused() -> None:
    with pytest.raises(ValueError, match="momentum must be in"):
        OptimizerConfig(algorithm="muon", rate=RateConfig(peak=0.1), momentum=1.0)
