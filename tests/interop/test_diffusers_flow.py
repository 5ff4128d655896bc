"""Schedulers of diffusers for flows: where they end and what they tell the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_scheduler import read_schedule
from diorama.processes.flow_spacing import FlowSpacing
from tests.interop.published_steps import ours, theirs

_CURVES = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas")


@st.composite
def eulers(draw: st.DrawFn) -> dict[str, Any]:
    """Configs of Euler's."""
    curve = draw(st.sampled_from(["", *_CURVES]))
    inverted = draw(st.booleans())
    return {
        "_class_name": "FlowMatchEulerDiscreteScheduler",
        "num_train_timesteps": draw(st.sampled_from([1000, 60])),
        "shift": draw(st.sampled_from([1.0, 3.0, 0.7])),
        "use_dynamic_shifting": draw(st.booleans()),
        "time_shift_type": draw(st.sampled_from(["exponential", "linear"])),
        "shift_terminal": draw(st.sampled_from([None, 0.02])),
        "invert_sigmas": inverted,
        "stochastic_sampling": not inverted and draw(st.booleans()),
    } | ({curve: True} if curve else {})


@settings(max_examples=30, deadline=None)
@given(
    document=eulers(),
    mu=st.sampled_from([0.6, 1.2]),
    chosen=st.lists(st.floats(0.05, 1), min_size=2, max_size=9, unique_by=lambda t: round(t, 3)),
    count=st.none() | st.integers(2, 12),
)
def test_euler(document: dict[str, Any], mu: float, chosen: list[float], count: int | None) -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler.from_config(document)
    chosen = sorted(chosen, reverse=True)
    ended, told = theirs(scheduler, {"mu": mu} | ({"num_inference_steps": count} if count else {"sigmas": chosen}))
    schedule = read_schedule(document)
    assert isinstance(schedule.spacing, FlowSpacing)
    spacing = schedule.spacing.at_strength(mu)
    spacing = spacing if count else replace(spacing, chosen=tuple(chosen))
    found, asked = ours(replace(schedule, spacing=spacing), count)
    assert asked == pytest.approx(told, abs=2e-3)
    torch.testing.assert_close(found, ended, rtol=1e-4, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(steps=st.sampled_from([1000, 60]), shift=st.sampled_from([1.0, 3.0, 0.7]), count=st.integers(1, 12))
def test_heun(steps: int, shift: float, count: int) -> None:
    diffusers = pytest.importorskip("diffusers")
    document = {"_class_name": "FlowMatchHeunDiscreteScheduler", "num_train_timesteps": steps, "shift": shift}
    scheduler = diffusers.FlowMatchHeunDiscreteScheduler.from_config(document)
    ended, told = theirs(scheduler, {"num_inference_steps": count})
    found, asked = ours(read_schedule(document), count)
    assert asked == pytest.approx(told, abs=2e-3)
    torch.testing.assert_close(found, ended, rtol=1e-3, atol=1e-3)


def test_a_dynamic_shift_is_that_of_the_pipelines_at_each_size() -> None:
    document = {"_class_name": "FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting": True}
    schedule = read_schedule(document)
    assert isinstance(schedule.spacing, FlowSpacing)
    with pytest.raises(ValueError, match="at_size"):
        schedule.spacing.times(schedule.process, 4)
    for places, mu in ((256, 0.5), (4096, 1.15), (2176, 0.825)):
        assert schedule.spacing.at_size(places) == schedule.spacing.at_strength(mu)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"invert_sigmas": True, "stochastic_sampling": True}, "stochastic_sampling"),
        ({"use_karras_sigmas": True, "use_beta_sigmas": True}, "only one of them"),
        ({"use_dynamic_shifting": True, "max_shift": None}, "max_shift"),
        ({"use_dynamic_shifting": True, "max_image_seq_len": 256}, "low_places"),
        ({"shift": -1.0}, "shift must be positive"),
        ({"num_train_timesteps": 0}, "num_train_timesteps"),
        ({"time_shift_type": "cubic"}, "time_shift_type"),
        ({"flow_shift": 2.0}, "flow_shift"),
    ],
)
def test_what_is_not_followed_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule({"_class_name": "FlowMatchEulerDiscreteScheduler"} | change)
