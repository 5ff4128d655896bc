"""Shapes and textures: coverage and tone are shares, and outlines fill the extents that the walls rely on."""

from __future__ import annotations

import numpy as np
import pytest

from diorama.data.synthetic.geometry import EXTENTS, RADII, SHAPES, TEXTURES, coverage, tone

RADIUS = 100.0
PLACE = np.linspace(-1.4, 1.4, 561, dtype=np.float32)
U, V = PLACE[None, :], PLACE[:, None]


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_an_outline_fills_its_extent_and_no_more(shape: int) -> None:
    down, across = np.nonzero(coverage(shape, U, V, RADIUS) > 0.5)
    for places, extent in ((across, EXTENTS[shape, 0]), (down, EXTENTS[shape, 1])):
        assert PLACE[places.min()] == pytest.approx(-extent, abs=0.03)
        assert PLACE[places.max()] == pytest.approx(extent, abs=0.03)


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=SHAPES)
def test_coverage_is_a_share_symmetric_about_the_upright_axis(shape: int) -> None:
    cover = coverage(shape, U, V, 4.0)
    assert cover.min() == 0
    assert cover.max() == 1
    assert np.allclose(cover, cover[:, ::-1], atol=1e-5)


def test_outlines_differ_from_one_another_by_a_good_part_of_their_area() -> None:
    covers = np.stack([coverage(shape, U, V, RADIUS) for shape in range(len(SHAPES))])
    for a in range(len(SHAPES)):
        for b in range(a):
            both, either = np.minimum(covers[a], covers[b]).sum(), np.maximum(covers[a], covers[b]).sum()
            assert both / either < 0.85, (SHAPES[a], SHAPES[b])


def test_a_heart_has_no_hole() -> None:
    cover = coverage(SHAPES.index("heart"), U, V, RADIUS) > 0.5
    for row in cover[PLACE > -0.4]:
        inside = np.nonzero(row)[0]
        assert len(inside) == 0 or row[inside[0] : inside[-1] + 1].all()


@pytest.mark.parametrize("texture", range(len(TEXTURES)), ids=TEXTURES)
def test_tones_are_shares(texture: int) -> None:
    tones = tone(texture, U, V, 5.0)
    assert tones.shape == (len(PLACE), len(PLACE))
    assert tones.min() >= 0
    assert tones.max() == 1
    assert (tones.min() == 1) == (TEXTURES[texture] == "plain")


def test_sizes_are_well_apart() -> None:
    assert (RADII[1:] / RADII[:-1] > 1.3).all()
