"""Samplers by name."""

from __future__ import annotations

import pytest

from diorama.core.errors import BadConfig
from diorama.samplers.catalog import SAMPLERS, name_of, sampler_named
from diorama.samplers.ddim import DDIMConfig
from diorama.samplers.dpm_solver import DPMSolverConfig


@pytest.mark.parametrize("name", SAMPLERS)
def test_names_go_there_and_back(name: str) -> None:
    assert name_of(sampler_named(name)) == name


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadConfig, match=r"did you mean 'heun'.*ancestral, .*ddim, .*dpmpp_2m, .*heun, .*unipc"):
        sampler_named("heum")


def test_other_settings_keep_the_name_of_what_they_are_most_like() -> None:
    assert name_of(DDIMConfig(eta=1.0)) == "ddim"
    assert name_of(DPMSolverConfig(order=3, third="published", stochastic=True)) == "dpmpp_3m_sde"
    assert name_of(DPMSolverConfig(order=2, rule="heun")) == "dpmpp_2m"
