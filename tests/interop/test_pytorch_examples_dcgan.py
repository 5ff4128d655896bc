"""DCGAN in the layout of the PyTorch examples: against the layers written anew, and both ways."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.pytorch_examples_dcgan import DISCRIMINATOR, GENERATOR, published_probability
from diorama.networks.adversarial.dcgan import DCGANDiscriminator, DCGANDiscriminatorConfig, DCGANGeneratorConfig
from tests.interop.oracles import dcgan_discriminator, dcgan_generator, randomised

WIDTHS = {"nc": st.integers(1, 4), "features": st.integers(1, 6), "nz": st.integers(1, 12), "count": st.integers(1, 3)}


@settings(max_examples=12, deadline=None)
@given(**WIDTHS)
@torch.no_grad()
def test_the_generator_draws_what_the_published_layers_draw(nc: int, features: int, nz: int, count: int) -> None:
    theirs = randomised(dcgan_generator(nc, features, nz))
    config = {"nc": nc, "ngf": features, "nz": nz}
    z = torch.randn(count, nz, generator=torch.Generator().manual_seed(1))
    expected = theirs.main(z[:, :, None, None])  # type: ignore[operator]
    for published in (config, {}, config | {"ndf": 7, "ngpu": 2}):
        torch.testing.assert_close(GENERATOR.load(published, theirs.state_dict())(z), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(**WIDTHS)
@torch.no_grad()
def test_the_discriminator_judges_as_the_published_layers_do(nc: int, features: int, nz: int, count: int) -> None:
    theirs = randomised(dcgan_discriminator(nc, features))
    x = torch.randn(count, nc, 64, 64, generator=torch.Generator().manual_seed(1))
    expected = theirs.main(x).flatten()  # type: ignore[operator]
    for published in ({"nc": nc, "ndf": features}, {}, {"nz": nz}):
        network = cast(DCGANDiscriminator, DISCRIMINATOR.load(published, theirs.state_dict()))
        torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(published_probability(network, x), expected.sigmoid(), rtol=1e-4, atol=1e-5)


def test_the_config_decides_and_not_the_file() -> None:
    config = DCGANGeneratorConfig(channels=1, features=3, latent=5)
    state = GENERATOR.export_state(config, config.build().state_dict())
    with pytest.raises(BadInput, match=r"main\.0\.weight.*the config asks for"):
        GENERATOR.load({"ngf": 4}, state)


@pytest.mark.parametrize(
    ("layout", "config"),
    [
        (GENERATOR, DCGANGeneratorConfig(size=(32, 32), features=2)),
        (DISCRIMINATOR, DCGANDiscriminatorConfig(size=(64, 128), features=2)),
    ],
)
def test_sizes_that_the_published_classes_lack_are_not_written(layout: Any, config: Any) -> None:
    with pytest.raises(BadInput, match=r"size: the published .* is of 64 x 64"):
        layout.to_published(config)
