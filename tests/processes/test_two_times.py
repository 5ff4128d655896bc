"""Networks of two times, the noise that they are trained with, and the levels that they are asked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Level
from diorama.processes.flow import FlowProcess
from diorama.processes.gaussian import along_noise, noised
from diorama.processes.jump_spacing import JumpSpacing
from diorama.processes.paths import CosineProcess
from diorama.processes.precondition import EDMPreconditioning, NetworkDenoise
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.two_times import TwoTimePreconditioning

FLOW, COSINE = ScaledNoiseProcess(), ScaledNoiseProcess(of=CosineProcess())
Form = Literal["euler_fm", "simple_edm", "identity"]
FORMS: tuple[Form, ...] = ("euler_fm", "simple_edm", "identity")


def _at(process: ScaledNoiseProcess, t: float) -> Level:
    return process.at(torch.tensor(t, dtype=torch.float64))


def _draws(seed: int) -> tuple[Tensor, Tensor]:
    clean, noise = torch.randn(2, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return 0.5 * clean, noise


@pytest.mark.parametrize("process", [FLOW, COSINE])
@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(t=st.floats(0.01, 0.99))
def test_the_target_means_the_clean_sample(process: ScaledNoiseProcess, form: Form, t: float) -> None:
    preconditioning, level, (clean, noise) = TwoTimePreconditioning(form=form), _at(process, t), _draws(0)
    target = preconditioning.target(clean, noise, level)
    torch.testing.assert_close(preconditioning.clean(target, noised(clean, noise, level), level), clean)


@pytest.mark.parametrize("form", FORMS)
@settings(deadline=None)
@given(t=st.floats(0.01, 0.99))
def test_the_weight_is_of_what_an_output_moves_the_clean_sample(form: Form, t: float) -> None:
    preconditioning, level = TwoTimePreconditioning(form=form), _at(FLOW, t)
    one, zero = torch.ones((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    moved = preconditioning.clean(one, zero, level) - preconditioning.clean(zero, zero, level)
    torch.testing.assert_close(preconditioning.weight(level), moved**-2)


@pytest.mark.parametrize("process", [FLOW, COSINE])
@settings(deadline=None)
@given(t=st.floats(0.05, 0.99), share=st.floats(0, 1))
def test_a_jump_of_the_arc_is_c_skip_x_and_c_out_output(process: ScaledNoiseProcess, t: float, share: float) -> None:
    level, end, (x, output) = _at(process, t), _at(process, share * t), _draws(1)
    found = along_noise(x, TwoTimePreconditioning(form="simple_edm").clean(output, x, level), level, end)
    # With sigma in units of the data's deviation, as in appendix C.5.
    s, s_end = 2 * level.sigma, 2 * end.sigma
    total = level.alpha**2 + s**2
    skip = (level.alpha * end.alpha + s * s_end) / total
    out = -(end.alpha * s - s_end * level.alpha) / total.sqrt()
    torch.testing.assert_close(found, skip * x + 0.5 * out * output)


@settings(deadline=None)
@given(t=st.floats(0.05, 0.99), share=st.floats(0, 1))
def test_a_jump_of_the_straight_path_is_a_step_of_eulers_method(t: float, share: float) -> None:
    level, end, (x, output) = _at(FLOW, t), _at(FLOW, share * t), _draws(2)
    found = along_noise(x, TwoTimePreconditioning(form="euler_fm").clean(output, x, level), level, end)
    torch.testing.assert_close(found, x - (level.t - end.t) * 0.5 * output)


@pytest.mark.parametrize("form", ["euler_fm", "simple_edm"])
def test_without_noise_the_sample_is_what_was_given(form: Form) -> None:
    x, output = _draws(3)
    torch.testing.assert_close(TwoTimePreconditioning(form=form).clean(output, x, _at(FLOW, 0.0)), x)


def test_of_the_arc_the_network_puts_out_what_that_of_edm_does_with_the_other_sign() -> None:
    edm, level, (x, output) = EDMPreconditioning(reverse=True), _at(FLOW, 0.6), _draws(4)
    ours = TwoTimePreconditioning(form="simple_edm")
    torch.testing.assert_close(ours.clean(output, x, level), edm.clean(output, x, level))
    torch.testing.assert_close(ours.input(level), edm.input(level))


@pytest.mark.parametrize("t", [0.0, 0.3, 0.994, 1.0])
def test_what_the_network_sees_has_unit_variance(t: float) -> None:
    clean, noise = torch.randn(2, 100_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    level = _at(FLOW, t)
    seen = TwoTimePreconditioning().input(level) * noised(0.5 * clean, noise, level)
    assert seen.std().item() == pytest.approx(1, abs=0.01)


def test_the_network_is_told_the_time_and_how_far_the_jump_goes() -> None:
    told: list[Tensor] = []

    def network(x: Tensor, t: Tensor, condition: object) -> Tensor:
        told.append(t)
        return x

    level = FLOW.at(torch.tensor([0.8, 0.5]).view(2, 1))
    denoise = NetworkDenoise(network, TwoTimePreconditioning(), {})
    denoise(torch.zeros(2, 5), replace(level, until=torch.tensor([0.3, 0.5]).view(2, 1)))
    denoise(torch.zeros(2, 5), level)
    torch.testing.assert_close(told[0], torch.tensor([[800.0, 500.0], [500.0, 0.0]]))
    torch.testing.assert_close(told[1], torch.tensor([[800.0, 0.0], [500.0, 0.0]]))


def test_two_steps_meet_in_the_middle_and_more_are_even() -> None:
    spacing = JumpSpacing()
    assert spacing.times(FLOW, 1).tolist() == pytest.approx([0.994, 0.006])
    # Where sigma / alpha is 1.4 for noise of the data's deviation.
    assert spacing.times(FLOW, 2).tolist() == pytest.approx([0.994, 1.4 / 2.4, 0.006])
    assert spacing.times(FLOW, 4).tolist() == pytest.approx([0.994, 0.747, 0.5, 0.253, 0.006])
    assert JumpSpacing(last=0.0).times(FlowProcess(), 8)[-1] == 0


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="last < first"):
        JumpSpacing(first=0.2, last=0.3)
    with pytest.raises(ValueError, match="middle"):
        JumpSpacing(middle=0.0)
    with pytest.raises(ValueError, match="does not lie between"):
        JumpSpacing(middle=1e4).times(FLOW, 2)
    with pytest.raises(ValueError, match="steps: this model needs a number of steps"):
        JumpSpacing().times(FLOW, None)
    with pytest.raises(ValueError, match="sigma_data"):
        TwoTimePreconditioning(sigma_data=0.0)
    with pytest.raises(ValueError, match="deviation"):
        ScaledNoiseProcess(deviation=-1.0)
