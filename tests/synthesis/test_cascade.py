"""Synthesizers of synthesizers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.synthesis import store
from diorama.synthesis.base import AS_TRAINED, Sampling
from diorama.synthesis.cascade import CascadeSynthesizer, cascade
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.provenance import Provenance
from tests.synthesis.models import enlarger, tiny_diffusion, tiny_gan


def test_each_member_draws_what_the_one_before_it_hands_on() -> None:
    first, second = tiny_diffusion(), enlarger()
    both = cascade(first, second)
    noise = torch.randn(2, 64 + 256)
    small = first.sample(2, noise=noise[:, :64].reshape(2, 1, 8, 8))
    expected = second.sample(2, noise=noise[:, 64:].reshape(2, 1, 16, 16), condition={"image": small})
    torch.testing.assert_close(both.sample(2, noise=noise), expected, atol=1e-5, rtol=1e-4)
    assert both.noise_shape == (64 + 256,)


def test_conditions_reach_every_member_that_reads_them() -> None:
    names = ("cat", "dog")
    both = cascade(tiny_diffusion(names), enlarger(classes=names))
    assert [spec.key for spec in both.config.conditions] == ["label"]
    cats, dogs = (both.sample(2, condition={"label": torch.full((2,), i)}) for i in range(2))
    assert cats.shape == (2, 1, 16, 16)
    assert not torch.allclose(cats, dogs)


def test_a_gan_may_begin() -> None:
    assert cascade(tiny_gan(channels=3), enlarger(channels=3)).sample(1).shape == (1, 3, 16, 16)


def test_samples_do_not_depend_on_their_batch() -> None:
    both = cascade(tiny_diffusion(), enlarger())
    apart = torch.cat([both.sample(1, seed=3, first=i) for i in range(3)])
    torch.testing.assert_close(both.sample(3, seed=3), apart, atol=1e-4, rtol=1e-3)


def test_it_is_a_model_folder_like_any_other(tmp_path: Path) -> None:
    both = cascade(tiny_diffusion(), enlarger())
    assert decode(AnySynthesizer, json.loads(json.dumps(encode(both.config)))) == both.config
    store.save(tmp_path / "model", both.config, both.state_dict(), Provenance(), "")
    again = store.load(tmp_path / "model")
    assert isinstance(again, CascadeSynthesizer)
    assert torch.equal(again.sample(1), both.sample(1))


def test_members_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadConfig, match=r"then\[0\]: is given pictures of shape \(3, 8, 8\)"):
        cascade(tiny_gan(channels=3), enlarger())
    with pytest.raises(BadConfig, match="condition image is none"):
        cascade(tiny_diffusion(), tiny_diffusion())


def test_conditions_of_one_name_that_mean_different_things_are_refused() -> None:
    with pytest.raises(BadConfig, match="label means different things"):
        cascade(tiny_diffusion(("cat", "dog")), enlarger(classes=("dog", "cat")))


def test_its_members_keep_their_samplers() -> None:
    both = cascade(tiny_diffusion(), enlarger())
    assert both.resampled(AS_TRAINED) is both
    with pytest.raises(BadInput, match="samplers of their own"):
        both.resampled(Sampling(steps=3))
