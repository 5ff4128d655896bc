"""BigGAN's recipes."""

from __future__ import annotations

import math

import pytest

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.catalog import AnyMethod
from diorama.recipes.biggan import biggan, biggan_cpu
from tests.recipes.families import clips, one_step, parameters, pictures

TEN = tuple("abcdefghij")


def method(size: int, classes: tuple[str, ...] = TEN) -> GANConfig:
    found = biggan(pictures(size, 3, classes)).method
    assert isinstance(found, GANConfig)
    return found


def test_small_pictures_have_the_authors_settings_for_cifar() -> None:
    recipe = biggan(pictures(32, 3, TEN))
    assert (recipe.batch_size, method(32).critic_steps, method(32).orthogonal) == (50, 4, 0)
    assert {o.rate.peak for o in recipe.optimizers.values()} == {2e-4}
    assert parameters(recipe) == 8_511_748


def test_larger_ones_have_the_papers() -> None:
    recipe = biggan(pictures(128, 3, TEN))
    assert (recipe.batch_size, method(128).critic_steps, method(128).orthogonal) == (256, 2, 1e-4)
    rates = {name: (o.rate.peak, o.betas) for name, o in recipe.optimizers.items()}
    assert rates == {"generator": (5e-5, (0.0, 0.999)), "discriminator": (2e-4, (0.0, 0.999))}
    generator = method(128).generator
    assert (generator.latent, generator.attention) == (120, (64,))  # type: ignore[union-attr]


def test_data_without_labels_or_with_one_train_without_a_condition() -> None:
    for classes in ((), ("only",)):
        assert method(32, classes).conditions == ()
        assert method(32, classes).generator.reads == ()
    assert method(32).conditions[0].names == TEN


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3), (96, 4)])
def test_the_small_one_is_small_and_takes_a_step(size: int, channels: int) -> None:
    recipe = biggan_cpu(pictures(size, channels, TEN))
    assert parameters(recipe) <= 3_000_000
    assert all(math.isfinite(loss) for loss in one_step(recipe).values())


def test_it_survives_json() -> None:
    found = biggan_cpu(pictures(32, 3, TEN)).method
    assert decode(AnyMethod, encode(found)) == found


def test_other_data_are_refused_with_advice() -> None:
    with pytest.raises(BadConfig, match="take mocogan"):
        biggan(clips())
    with pytest.raises(BadConfig, match="two to seven times"):
        biggan(pictures(30))
