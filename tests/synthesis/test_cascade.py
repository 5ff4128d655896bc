"""Synthesizers of synthesizers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import ConditionSpec
from diorama.core.errors import BadConfig
from diorama.synthesis import store
from diorama.synthesis.cascade import CascadeSynthesizer, cascade
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer
from tests.synthesis.models import tiny_diffusion, tiny_gan


def _enlarger(channels: int = 1, classes: tuple[str, ...] = ()) -> DiffusionSynthesizer:
    """From 8 x 8 to 16 x 16."""
    config = tiny_diffusion(classes).config
    picture = ConditionSpec(key="image", shape=(channels, 8, 8))
    larger = replace(
        config,
        media=replace(config.media, height=16, width=16, channels=channels),
        conditions=(*config.conditions, picture),
        denoiser=replace(config.denoiser, picture=channels, in_channels=channels, out_channels=channels),
    )
    torch.manual_seed(1)
    model = larger.build().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    return model


def test_each_member_draws_what_the_one_before_it_hands_on() -> None:
    first, second = tiny_diffusion(), _enlarger()
    both = cascade(first, second)
    noise = torch.randn(2, 64 + 256)
    small = first.sample(2, noise=noise[:, :64].reshape(2, 1, 8, 8))
    expected = second.sample(2, noise=noise[:, 64:].reshape(2, 1, 16, 16), condition={"image": small})
    torch.testing.assert_close(both.sample(2, noise=noise), expected, atol=1e-5, rtol=1e-4)
    assert both.noise_shape == (64 + 256,)


def test_conditions_reach_every_member_that_reads_them() -> None:
    names = ("cat", "dog")
    both = cascade(tiny_diffusion(names), _enlarger(classes=names))
    assert [spec.key for spec in both.config.conditions] == ["label"]
    cats, dogs = (both.sample(2, condition={"label": torch.full((2,), i)}) for i in range(2))
    assert cats.shape == (2, 1, 16, 16)
    assert not torch.allclose(cats, dogs)


def test_a_gan_may_begin() -> None:
    assert cascade(tiny_gan(channels=3), _enlarger(channels=3)).sample(1).shape == (1, 3, 16, 16)


def test_samples_do_not_depend_on_their_batch() -> None:
    both = cascade(tiny_diffusion(), _enlarger())
    apart = torch.cat([both.sample(1, seed=3, first=i) for i in range(3)])
    torch.testing.assert_close(both.sample(3, seed=3), apart, atol=1e-4, rtol=1e-3)


def test_it_is_a_model_folder_like_any_other(tmp_path: Path) -> None:
    both = cascade(tiny_diffusion(), _enlarger())
    assert decode(AnySynthesizer, json.loads(json.dumps(encode(both.config)))) == both.config
    store.save(tmp_path / "model", both.config, both.state_dict(), {}, "")
    again = store.load(tmp_path / "model")
    assert isinstance(again, CascadeSynthesizer)
    assert torch.equal(again.sample(1), both.sample(1))


def test_members_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadConfig, match=r"then\[0\]: is given pictures of shape \(3, 8, 8\)"):
        cascade(tiny_gan(channels=3), _enlarger())
    with pytest.raises(BadConfig, match="condition image is none"):
        cascade(tiny_diffusion(), tiny_diffusion())
