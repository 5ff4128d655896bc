"""Samplers by name."""

from __future__ import annotations

import pytest
import torch

from diorama.core.errors import BadConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.spacing import StepSpacing, UniformSpacing
from diorama.samplers.catalog import SAMPLERS, check_serves, name_of, sampler_named
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.dpm_solver import DPMSolverConfig
from diorama.samplers.interpolant import InterpolantConfig
from diorama.samplers.midpoint import MidpointConfig


@pytest.mark.parametrize("name", SAMPLERS)
def test_names_go_there_and_back(name: str) -> None:
    assert name_of(sampler_named(name)) == name


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadConfig, match=r"did you mean 'heun'.*ancestral, .*ddim, .*dpmpp_2m, .*heun, .*unipc"):
        sampler_named("heum")


def test_settings_behind_a_name_are_refused_with_the_places_that_set_them() -> None:
    with pytest.raises(BadConfig, match=r"pc takes no settings behind a colon.*--method\.synthesizer\.sampler.*Python"):
        sampler_named("pc:corrector=none")


def test_other_settings_keep_the_name_of_what_they_are_most_like() -> None:
    assert name_of(DDIMConfig(eta=1.0)) == "ddim"
    assert name_of(DPMSolverConfig(order=3, third="published", stochastic=True)) == "dpmpp_3m_sde"
    assert name_of(DPMSolverConfig(order=2, rule="heun")) == "dpmpp_2m"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("lms", "take ddim"),
        ("kdpm2", "take ddim"),
        ("pndm", "take ddim"),
        ("lcm", "lcm counts steps of a discrete process, and this model's process has none; take ddim"),
    ],
)
def test_a_sampler_that_cannot_walk_a_flow_says_so(name: str, why: str) -> None:
    times = torch.linspace(1, 0, 9, dtype=torch.float64)
    with pytest.raises(ValueError, match=why):
        check_serves(sampler_named(name), FlowProcess(), times)
    check_serves(sampler_named(name), DiscreteProcess(), 1000 * times)


@pytest.mark.parametrize("name", ["ancestral", "consistency", "ddim", "euler", "heun", "tcd"])
def test_the_others_walk_a_flow(name: str) -> None:
    check_serves(sampler_named(name), FlowProcess(), torch.linspace(1, 0, 9, dtype=torch.float64))


def test_samplers_that_cannot_walk_a_models_levels_are_refused_before_drawing() -> None:
    discrete, flow = DiscreteProcess(steps=20), FlowProcess()
    with pytest.raises(ValueError, match=r"interpolant serves flows, .*this model has a discrete process; take ddim"):
        check_serves(InterpolantConfig(), discrete, StepSpacing().times(discrete, 4))
    with pytest.raises(ValueError, match=r"midpoint needs a ratio of noise to signal.*take ddim"):
        check_serves(MidpointConfig(), flow, UniformSpacing().times(flow, 4))
    check_serves(InterpolantConfig(), flow, UniformSpacing().times(flow, 4))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dpm++_2m", "dpmpp_2m"),
        ("DPM++", "dpmpp_2m"),
        ("PLMS", "pndm"),
        ("ddpm", "ancestral"),
        ("euler-a", "ancestral"),
    ],
)
def test_names_that_other_programs_give_find_the_sampler(typed: str, meant: str) -> None:
    with pytest.raises(BadConfig, match=f"did you mean '{meant}'"):
        sampler_named(typed)
