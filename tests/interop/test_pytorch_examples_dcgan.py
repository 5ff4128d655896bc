"""DCGAN in the layout of the PyTorch examples, both ways."""

from __future__ import annotations

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.interop import pytorch_examples_dcgan as published

ARGUMENTS = {"nc": 1, "ngf": 3, "ndf": 2, "nz": 5}


def test_generator_round_trip() -> None:
    config = published.generator_config(ARGUMENTS)
    network = config.build().eval()
    state = published.export_generator(network)
    assert next(iter(state)) == "main.0.weight"
    assert state["main.12.weight"].shape == (3, 1, 4, 4)
    z = torch.randn(2, 5)
    assert torch.equal(published.import_generator(state, config)(z), network(z))


def test_discriminator_round_trip_and_probability() -> None:
    config = published.discriminator_config(ARGUMENTS)
    network = config.build().eval()
    state = published.export_discriminator(network)
    assert state["main.11.weight"].shape == (1, 16, 4, 4)
    x = torch.randn(2, 1, 64, 64)
    back = published.import_discriminator(state, config)
    assert torch.equal(published.published_probability(back, x), network(x).sigmoid())


def test_the_config_decides_and_not_the_file() -> None:
    state = published.export_generator(published.generator_config(ARGUMENTS).build())
    with pytest.raises(BadInput, match=r"main\.0\.weight"):
        published.import_generator(state, published.generator_config(ARGUMENTS | {"ngf": 4}))
