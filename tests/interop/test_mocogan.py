"""MoCoGAN in the authors' layout, both ways."""

from __future__ import annotations

import pytest
import torch

from diorama.interop import mocogan as published

GENERATOR = {"n_channels": 1, "ngf": 2, "dim_z_content": 4, "dim_z_motion": 3, "dim_z_category": 2, "video_length": 5}
CRITIC = {"n_channels": 1, "ndf": 2, "use_noise": True, "noise_sigma": 0.2}


def test_generator_round_trip() -> None:
    config = published.generator_config(GENERATOR)
    network = config.build().eval()
    state = published.export_generator(network)
    assert {"recurrent.weight_ih", "main.0.weight", "main.12.weight"} <= set(state)
    back = published.import_generator(state, config)
    draws = (torch.randn(2, 4), torch.randn(2, 3), torch.randn(2, 5, 3), network.one_hot(torch.tensor([0, 1])))
    assert torch.equal(back(*draws), network(*draws))


@pytest.mark.parametrize(
    ("config", "last"),
    [
        (published.image_discriminator_config(CRITIC, patch=False), "main.15.weight"),
        (published.image_discriminator_config(CRITIC, patch=True), "main.12.weight"),
        (published.video_discriminator_config(CRITIC, patch=False), "main.15.weight"),
        (published.video_discriminator_config(CRITIC, patch=True), "main.11.weight"),
        (published.video_discriminator_config(CRITIC | {"dim_categorical": 3}, patch=False), "main.15.weight"),
    ],
)
def test_discriminator_round_trip(config: published.DiscriminatorConfig, last: str) -> None:
    assert config.noise == 0.2
    network = config.build().eval()
    state = published.export_discriminator(network)
    assert last in state
    frames = isinstance(config, published.MoCoGANImageDiscriminatorConfig)
    x = torch.randn(2, 1, 64, 64) if frames else torch.randn(2, 1, 16, 64, 64)
    back = published.import_discriminator(state, config)
    theirs, ours = published.published_outputs(back, x), published.published_outputs(network, x)
    assert torch.equal(theirs[0], ours[0])
    assert (theirs[1] is None) == (getattr(config, "categories", 0) == 0)


def test_published_outputs_lose_the_axis_of_a_batch_of_one() -> None:
    network = published.image_discriminator_config(CRITIC, patch=False).build().eval()
    assert published.published_outputs(network, torch.randn(1, 1, 64, 64))[0].shape == ()
