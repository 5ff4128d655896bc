"""Samplers by name."""

from __future__ import annotations

import pytest
import torch

from diorama.core.errors import BadConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.samplers.catalog import SAMPLERS, check_serves, name_of, sampler_named


@pytest.mark.parametrize("name", SAMPLERS)
def test_names_go_there_and_back(name: str) -> None:
    assert name_of(sampler_named(name)) == name


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadConfig, match=r"did you mean 'heun'.*ancestral, consistency, ddim, euler, heun, kdpm2"):
        sampler_named("heum")


@pytest.mark.parametrize(
    ("name", "why"),
    [("lms", "take ddim"), ("kdpm2", "take ddim"), ("pndm", "take ddim"), ("lcm", "FlowProcess has none")],
)
def test_a_sampler_that_cannot_walk_a_flow_says_so(name: str, why: str) -> None:
    times = torch.linspace(1, 0, 9, dtype=torch.float64)
    with pytest.raises(ValueError, match=why):
        check_serves(sampler_named(name), FlowProcess(), times)
    check_serves(sampler_named(name), DiscreteProcess(), 1000 * times)


@pytest.mark.parametrize("name", ["ancestral", "consistency", "ddim", "euler", "heun", "tcd"])
def test_the_others_walk_a_flow(name: str) -> None:
    check_serves(sampler_named(name), FlowProcess(), torch.linspace(1, 0, 9, dtype=torch.float64))
