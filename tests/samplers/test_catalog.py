"""Samplers by name."""

from __future__ import annotations

import pytest

from diorama.core.errors import BadConfig
from diorama.samplers.catalog import SAMPLERS, name_of, sampler_named


@pytest.mark.parametrize("name", SAMPLERS)
def test_names_go_there_and_back(name: str) -> None:
    assert name_of(sampler_named(name)) == name


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadConfig, match=f"did you mean 'heun'.*known are {', '.join(SAMPLERS)}"):
        sampler_named("heum")
