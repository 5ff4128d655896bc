"""Noises that are matched to clean samples."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.contracts import Moment
from diorama.methods.diffusion.coupling import matched
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.processes.times import UniformTimes
from tests.synthesis.test_diffusion import FLOW, LABELLED


def _rows(x: torch.Tensor) -> list[list[float]]:
    return sorted(x.flatten(1).tolist())


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 1_000), count=st.integers(1, 12))
def test_noises_change_places_and_come_closer(seed: int, count: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    clean, noise = (torch.randn(count, 2, 3, generator=generator) for _ in range(2))
    found = matched(noise, clean)
    assert _rows(found) == _rows(noise)
    after, before = (clean - found).square().sum(), (clean - noise).square().sum()
    assert after <= before + 1e-4
    # No exchange of two would bring them closer still.
    for i in range(count):
        swapped = found.clone()
        swapped[[i, 0]] = found[[0, i]]
        assert (clean - swapped).square().sum() >= after - 1e-4


def test_a_noise_that_is_a_clean_sample_finds_it() -> None:
    clean = torch.randn(20, 3, 4, 4)
    assert torch.equal(matched(clean[torch.randperm(20)], clean), clean)


@pytest.mark.parametrize("soft", [False, True])
def test_only_noises_of_one_class_change_places(soft: bool) -> None:
    labels = torch.arange(30) % 3
    clean, noise = torch.randn(30, 5), torch.randn(30, 5)
    given = torch.nn.functional.one_hot(labels, 3).float() if soft else labels
    found = matched(noise, clean, given)
    for label in range(3):
        own = labels == label
        assert _rows(found[own]) == _rows(noise[own])
        assert torch.equal(found[own], matched(noise[own], clean[own]))
    assert not torch.equal(found, matched(noise, clean))


def test_a_coupled_method_trains_on_matched_noise_and_is_not_recorded() -> None:
    config = DiffusionMethodConfig(synthesizer=FLOW, times=UniformTimes(low=0.5))
    coupled = replace(config, coupling="minibatch")
    batch = {"image": torch.rand(64, *FLOW.media.shape) * 2 - 1}
    values = []
    for settings_ in (config, coupled):
        method = settings_.build()
        for parameter in method.parameters():
            torch.nn.init.zeros_(parameter)
        torch.manual_seed(0)
        values.append(method.loss(batch, Moment(0, 0)).value.item())
    # A network that says nothing is off by the squared length of the paths, which are shorter.
    assert values[1] < 0.97 * values[0]
    assert config.build().phases()[0].recorded
    assert not coupled.build().phases()[0].recorded


def test_labels_are_read_where_the_model_has_them() -> None:
    method = DiffusionMethodConfig(synthesizer=LABELLED, coupling="minibatch").build()
    batch = {"image": torch.rand(8, *LABELLED.media.shape), "label": torch.arange(8) % 2}
    assert method.loss(batch, Moment(0, 0)).value.isfinite()
