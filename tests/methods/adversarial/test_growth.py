"""Growth by images seen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.contracts import MediaSpec, Moment
from diorama.methods.adversarial.gan import GANConfig
from diorama.methods.adversarial.growth import Growth
from diorama.methods.adversarial.joint import JointPenalties
from diorama.networks.adversarial.progressive import (
    ProgressiveDiscriminatorConfig,
    ProgressiveGeneratorConfig,
    as_sharp,
)


def test_a_scale_is_steady_and_then_the_next_one_fades_in() -> None:
    growth = Growth(first=1, steady=100, fading=50)
    at = {0: 1, 99: 1, 100: 1, 125: 1.5, 149: 1.98, 150: 2, 250: 2, 275: 2.5, 300: 3, 10_000: 3}
    assert {images: growth.grown(images, 4) for images in at} == pytest.approx(at)
    assert growth.end(4) == 300


@given(st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(0, 80))
def test_it_never_shrinks_and_ends_at_the_last_scale(
    first: int, steady: int, fading: int, scales: int, images: int
) -> None:
    if steady + fading == 0:
        with pytest.raises(ValueError, match="spans"):
            Growth(first=first, steady=steady, fading=fading)
        return
    growth = Growth(first=first, steady=steady, fading=fading)
    now, later = growth.grown(images, scales), growth.grown(images + 1, scales)
    assert min(first, scales - 1) <= now <= later <= scales - 1
    assert growth.grown(growth.end(scales), scales) == scales - 1
    if growth.end(scales):
        assert growth.grown(growth.end(scales) - 1, scales) < scales - 1 or fading == 1


def growing(**changes: Any) -> GANConfig:
    return GANConfig(
        media=MediaSpec(kind="image", channels=1, height=16, width=16),
        generator=ProgressiveGeneratorConfig(widths=(4, 4, 4), channels=1, latent=3, grows=True),
        discriminator=ProgressiveDiscriminatorConfig(widths=(4, 4, 4), channels=1, grows=True),
        loss="wasserstein",
        joint=JointPenalties(gradient=10.0, drift=0.001),
        **changes,
    )


def test_networks_grow_with_images_seen_and_real_pictures_are_as_sharp() -> None:
    torch.manual_seed(0)
    method = growing(growth=Growth(first=1, steady=100, fading=100)).build()
    batch = {"image": torch.randn(4, 1, 16, 16)}
    model = method.synthesizer().build()
    for images, reached in ((0, 1.0), (150, 1.5), (500, 2.0)):
        method.after_step(Moment(1, images))
        assert method.generator.reached == method.discriminator.reached == reached
        real = method.real_pictures(batch)
        assert torch.equal(real, as_sharp(batch["image"], torch.tensor(reached), 3))
        assert torch.equal(real, batch["image"]) == (reached == 2)
        model.generator.load_state_dict(method.generator.state_dict())
        # Of the full size at every scale, so that a preview is.
        assert model.sample(2).shape == (2, 1, 16, 16)
        for phase in method.phases():
            assert torch.isfinite(phase.loss(batch, Moment(1, images)).value)


def test_optimizers_begin_anew_where_a_fade_begins_and_where_it_ends() -> None:
    method = growing(growth=Growth(first=0, steady=100, fading=60)).build()
    marks = range(0, 600, 20)
    found = [
        after for before, after in pairwise(marks) if method.begins_anew(Moment(before, before), Moment(after, after))
    ]
    # The last scale is reached after 320 images, and stays.
    assert found == [120, 160, 280, 320]


def test_growth_and_networks_that_grow_come_together() -> None:
    with pytest.raises(ValueError, match="growth: must be set where"):
        growing()


@pytest.mark.parametrize("wrong", [{"first": -1}, {"steady": -1}, {"fading": -1}])
def test_what_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        Growth(**wrong)  # type: ignore[arg-type]
