"""The loop: what a step does, that it is a function of its number, and that players keep to their turns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from diorama.core import device as devices
from diorama.core.contracts import Batch, Loss, Moment
from diorama.core.device import Precision
from diorama.core.errors import TrainingFailed
from diorama.core.seeds import fold
from diorama.methods.base import Method, Phase
from diorama.nn.differentiation import is_twice_differentiable
from diorama.nn.half import own_precision
from diorama.training.steps import steps
from diorama.training.turn import FiniteCheck, StepOptions
from diorama.training.updater import Updater
from tests.training.toy import ToyFlow, ToyFlowConfig, ToyGAN, ToyGANConfig, optimizer

CPU = torch.device("cpu")
FULL = Precision(torch.float32, CPU)


def batches(step: int) -> Sequence[Batch]:
    draws = torch.Generator().manual_seed(1000 + step)
    return [{"image": torch.rand(8, 3, 4, 4, generator=draws) * 2 - 1} for _ in range(2)]


def build(kind: type[ToyGANConfig] | type[ToyFlowConfig], precision: Precision = FULL, **fields: float) -> Method:
    torch.manual_seed(0)
    return kind(**fields).build()


def updaters(method: Method, precision: Precision = FULL) -> dict[str, Updater]:
    return {name: Updater(p, optimizer(), precision, total=1000) for name, p in method.players().items()}


def options(precision: Precision = FULL) -> StepOptions:
    return StepOptions(batch_size=16, precision=precision, check=FiniteCheck(CPU))


def walk(method: Method, movers: dict[str, Updater], start: int, stop: int, precision: Precision = FULL) -> list:
    return list(steps(method, movers, batches, options(precision), start=start, stop=stop, seed=7))


def test_a_lazy_phase_takes_its_turn_in_every_interval_th_step() -> None:
    gan = build(ToyGANConfig)
    seen = walk(gan, updaters(gan), 0, 5)
    assert [step.step for step in seen if "discriminator.r1" in step.losses] == [1, 5]
    assert set(seen[1].losses) == {"discriminator", "discriminator/real", "generator"}
    assert [step.images for step in seen] == [16, 32, 48, 64, 80]


@pytest.mark.parametrize("kind", [ToyGANConfig, ToyFlowConfig])
def test_a_step_needs_no_state_of_random_generators(kind: type) -> None:
    whole = build(kind)
    walk(whole, updaters(whole), 0, 12)

    parts = build(kind)
    movers = updaters(parts)
    walk(parts, movers, 0, 5)
    torch.manual_seed(999)
    walk(parts, movers, 5, 12)

    for name, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[name]), name


def test_the_loop_equals_one_written_by_hand() -> None:
    flow, hand = build(ToyFlowConfig), build(ToyFlowConfig)
    assert isinstance(hand, ToyFlow)
    walk(flow, updaters(flow), 0, 4)

    adam = torch.optim.Adam(hand.parameters(), betas=(0.5, 0.99), fused=True)
    for step in range(4):
        torch.manual_seed(fold(7, 0, step, 0))
        adam.zero_grad()
        for batch in batches(step):
            (hand.loss(batch, Moment(step, 16 * step)).value / 2).backward()
        torch.nn.utils.clip_grad_norm_(hand.parameters(), 5.0)
        adam.param_groups[0]["lr"] = 1e-2 * min(1.0, 16 * step / 32)
        adam.step()

    for name, value in hand.state_dict().items():
        assert torch.equal(value, flow.state_dict()[name]), name


def test_optimizers_begin_anew_after_the_step_that_the_method_says(monkeypatch: pytest.MonkeyPatch) -> None:
    gan = build(ToyGANConfig)
    movers = updaters(gan)
    monkeypatch.setattr(gan, "begins_anew", lambda before, after: before.images < 40 <= after.images)
    counts = [
        {float(moments["step"]) for mover in movers.values() for moments in mover.optimizer.state.values()}
        for _ in steps(gan, movers, batches, options(), start=0, stop=5, seed=7)
    ]
    assert [max(each) for each in counts[:2]] == [2.0, 3.0]  # the penalty moves the discriminator in the first step too
    assert counts[2] == {0.0}
    assert max(counts[3]) == 1.0


def test_a_player_is_untouched_by_the_turns_of_others() -> None:
    gan = build(ToyGANConfig)
    assert isinstance(gan, ToyGAN)
    before = [p.clone() for p in gan.generator.parameters()]
    gan.phases = lambda: (Phase("discriminator", "discriminator", gan.judge),)  # type: ignore[method-assign]
    walk(gan, updaters(gan), 0, 3)
    assert all(torch.equal(old, new) for old, new in zip(before, gan.generator.parameters(), strict=True))
    assert all(p.grad is None for p in gan.generator.parameters())


def test_only_the_player_whose_turn_it_is_needs_gradients() -> None:
    gan = build(ToyGANConfig)
    assert isinstance(gan, ToyGAN)
    thawed: list[set[str]] = []

    def watched(batch: Batch, moment: Moment) -> Loss:
        thawed.append({name.split(".")[0] for name, p in gan.named_parameters() if p.requires_grad})
        return gan.draw_loss(batch, moment)

    gan.phases = lambda: (Phase("generator", "generator", watched),)  # type: ignore[method-assign]
    walk(gan, updaters(gan), 0, 1)
    assert thawed == [{"generator"}] * 2
    assert not any(p.requires_grad for p in gan.parameters())


def test_micro_batches_of_unequal_size_weigh_by_their_size() -> None:
    def uneven(step: int) -> Sequence[Batch]:
        whole = torch.cat([batch["image"] for batch in batches(step)])
        return [{"image": whole[:12]}, {"image": whole[12:]}]

    def mean(batch: Batch, moment: Moment) -> Loss:
        return Loss(flow.generator.outer.bias.sum() * 0 + batch["image"].mean())

    flow = build(ToyFlowConfig)
    assert isinstance(flow, ToyFlow)
    flow.phases = lambda: (Phase("flow", "generator", mean),)  # type: ignore[method-assign]
    (step,) = steps(flow, updaters(flow), uneven, options(), start=0, stop=1, seed=7)
    expected = torch.cat([batch["image"] for batch in batches(0)]).mean()
    torch.testing.assert_close(step.losses["flow"], expected)


def test_a_loss_that_is_not_finite_stops_before_the_weights_move() -> None:
    gan = build(ToyGANConfig, poison=2)
    assert isinstance(gan, ToyGAN)
    movers = updaters(gan)
    walk(gan, movers, 0, 2)
    before = [p.clone() for p in gan.generator.parameters()]
    with pytest.raises(TrainingFailed, match=r"step 2: the loss of phase 'generator'.*--optimizers\.generator"):
        walk(gan, movers, 2, 4)
    assert all(torch.equal(old, new) for old, new in zip(before, gan.generator.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_stops_before_the_weights_move() -> None:
    flow = build(ToyFlowConfig)
    assert isinstance(flow, ToyFlow)

    def steep(batch: Batch, moment: Moment) -> Loss:
        # The root's slope at zero is infinite, its value is not.
        return Loss((flow.generator.inner.weight * 0).sum().sqrt())

    flow.phases = lambda: (Phase("flow", "generator", steep),)  # type: ignore[method-assign]
    before = flow.generator.inner.weight.clone()
    with pytest.raises(TrainingFailed, match="step 0: the gradient of phase 'flow'"):
        walk(flow, updaters(flow), 0, 1)
    assert torch.equal(before, flow.generator.inner.weight)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_trains(dtype: torch.dtype) -> None:
    precision = Precision(dtype, CPU)
    flow = build(ToyFlowConfig)
    losses = [s.losses["flow"].item() for s in walk(flow, updaters(flow, precision), 0, 30, precision)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])


def test_second_order_phases_run_in_full_float32() -> None:
    seen: dict[str, tuple[object, ...]] = {}
    gan = build(ToyGANConfig)
    assert isinstance(gan, ToyGAN)
    before = torch.get_float32_matmul_precision()

    def note(name: str) -> Phase:
        def loss(batch: Batch, moment: Moment) -> Loss:
            value = gan.discriminator(batch["image"])
            flags = (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32, is_twice_differentiable())
            seen[name] = (value.dtype, *flags)
            return Loss(value.float().mean())

        return Phase(name, "discriminator", loss, second_order=name == "second")

    gan.phases = lambda: (note("first"), note("second"), note("third"))  # type: ignore[method-assign]
    precision = Precision(torch.bfloat16, CPU)
    torch.set_float32_matmul_precision("high")
    try:
        walk(gan, updaters(gan, precision), 0, 1, precision)
    finally:
        torch.set_float32_matmul_precision(before)
    assert seen["second"] == (torch.float32, "highest", False, True)
    assert seen["first"] == seen["third"] == (torch.bfloat16, "high", torch.backends.cudnn.allow_tf32, False)


class OwnHalf(nn.Module):
    """Logits of pictures through a block that chooses half precision itself, with a clamp."""

    def __init__(self, half: bool) -> None:
        super().__init__()
        self.half_precision, self.inner, self.outer = half, nn.Linear(48, 8), nn.Linear(8, 1)
        self.seen: list[torch.dtype] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with own_precision(x.device, half=self.half_precision) as dtype:
            inner = F.linear(x.flatten(1).to(dtype), self.inner.weight.to(dtype), self.inner.bias.to(dtype))
            self.seen.append(inner.dtype)
            inner = F.softplus(inner.clamp(-256, 256)).float()
        return self.outer(inner)


@pytest.mark.parametrize(
    ("dtype", "half", "expected"),
    [
        (torch.bfloat16, True, torch.float16),
        (torch.float16, True, torch.float16),
        (torch.bfloat16, False, torch.float32),
        (torch.float32, True, torch.float32),
    ],
)
def test_blocks_that_choose_half_precision_keep_it_in_phases_of_both_orders(
    dtype: torch.dtype, half: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "finest_half", lambda device: torch.float16)
    gan, precision = build(ToyGANConfig), Precision(dtype, CPU)
    assert isinstance(gan, ToyGAN)
    gan.discriminator = network = OwnHalf(half)
    walk(gan, updaters(gan, precision), 0, 1, precision)
    # The discriminator's two passes, that of the penalty, that of the generator; each for two micro-batches.
    assert network.seen == [expected] * 8
    # Elsewhere nobody has said that they may.
    network(batches(0)[0]["image"])
    assert network.seen[-1] == torch.float32


@pytest.mark.gpu
def test_second_order_phases_on_a_gpu_multiply_without_tf32() -> None:
    device = torch.device("cuda")
    gan = build(ToyGANConfig).to(device)
    found: dict[str, torch.Tensor] = {}
    left, kernel = torch.randn(64, 512, device=device), torch.randn(16, 512, 3, 3, device=device)

    def note(name: str) -> Phase:
        def loss(batch: Batch, moment: Moment) -> Loss:
            found[name] = left @ left.T
            found[name + " convolution"] = F.conv2d(left.view(8, 512, 2, 4), kernel, padding=1)
            return Loss(gan.discriminator(batch["image"]).mean())

        return Phase(name, "discriminator", loss, second_order=name == "second")

    gan.phases = lambda: (note("first"), note("second"))  # type: ignore[method-assign]
    precision, before = Precision(torch.float32, device), torch.get_float32_matmul_precision()
    watch = StepOptions(batch_size=16, precision=precision, check=FiniteCheck(device))
    devices.choose_kernels(device)
    try:
        moved = [{"image": batch["image"].to(device)} for batch in batches(0)]
        list(steps(gan, updaters(gan, precision), lambda step: moved, watch, start=0, stop=1, seed=7))
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.benchmark = False
    exact = left.double() @ left.double().T
    of_kernel = F.conv2d(left.double().view(8, 512, 2, 4), kernel.double(), padding=1)
    error = {name: (found[name] - exact).norm() / exact.norm() for name in ("first", "second")}
    assert error["second"] < 3e-6
    assert (found["second convolution"] - of_kernel).norm() / of_kernel.norm() < 3e-6
    # Were the first as exact, this test would say nothing.
    assert error["first"] > 3e-5


@pytest.mark.parametrize(
    ("losses", "norms", "expected"),
    [
        ((1.0, float("inf"), float("nan")), (1.0, 1.0, 1.0), "step 1: the loss of phase 'generator'"),
        ((1.0, 1.0, 1.0), (1.0, 1.0, float("nan")), "step 2: the gradient of phase 'generator'"),
        ((1.0, 1.0, float("-inf")), (1.0, 1.0, float("nan")), "step 2: the loss of phase 'generator'"),
    ],
)
def test_bad_values_noted_on_a_device_are_raised_with_their_first_step(
    losses: Sequence[float], norms: Sequence[float], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "runs_ahead", lambda device: True)
    check = FiniteCheck(CPU)
    phase = Phase("generator", "generator", lambda batch, moment: Loss(torch.zeros(())))
    for step, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
        check.begin(step)
        check.see(phase, Moment(step, step), torch.tensor(loss), torch.tensor(norm))
    with pytest.raises(TrainingFailed, match=expected):
        check.settle()


def test_nothing_noted_is_nothing_raised() -> None:
    FiniteCheck(CPU).settle()


def test_processes_draw_different_noise_and_each_the_same_every_time() -> None:
    def losses(rank: int) -> list[float]:
        flow = build(ToyFlowConfig)
        taken = steps(flow, updaters(flow), batches, options(), start=0, stop=3, seed=7, rank=rank)
        return [step.losses["flow"].item() for step in taken]

    def after(rank: int) -> float:
        gan = build(ToyGANConfig)
        assert isinstance(gan, ToyGAN)
        list(steps(gan, updaters(gan), batches, options(), start=0, stop=1, seed=7, rank=rank))
        return gan.jitter.item()

    assert losses(0) == losses(0) != losses(1)
    assert after(0) == after(0) != after(1)
