"""What the factor reader tells of samples: modes, factors, and whether the colours of captions were drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.data.synthetic.palette import COLOURS
from diorama.data.synthetic.world import World
from diorama.evaluation.catalog.metrics import SHIPPED
from diorama.evaluation.extractors import FeatureTaker
from diorama.evaluation.factor_features import VALUES, colours_named, read
from diorama.evaluation.measures import Pair
from diorama.evaluation.world import caption_colours, factor_coverage, modes, other_caption_colours
from diorama.text.bytes import encode

WORLD = World(size=32, seed=5)


def _batch(pixels: np.ndarray, captions: list[str] | None = None) -> Batch:
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    batch = {"image": x, "index": torch.arange(len(x))}
    return batch if captions is None else batch | {"tokens": encode(captions, 200)}


def _pair(found: list[list[str]], captions: list[str]) -> Pair:
    """Colours that were found, and captions."""
    rows = [
        [float(c in colours) for c in COLOURS] + [float(c in colours_named(caption)) for c in COLOURS]
        for colours, caption in zip(found, captions, strict=True)
    ]
    return Pair(torch.tensor(rows))


def test_a_caption_names_colours_as_words() -> None:
    assert colours_named("a small striped Red circle on the left, and an orange star in fog") == ["red", "orange"]
    assert colours_named("a redder greenish thing on a white background") == []


def test_captions_of_the_world_name_the_colours_of_its_objects() -> None:
    indices = np.arange(50)
    for scene, caption in zip(WORLD.scenes(indices), WORLD.captions(indices), strict=True):
        assert set(colours_named(caption)) == {thing.colour for thing in scene.objects}


def test_pictures_of_the_world_show_the_colours_of_their_captions() -> None:
    indices = np.arange(120)
    pair = Pair(read(_batch(WORLD.pictures(indices), WORLD.captions(indices)))["colours"])
    own, other = caption_colours(pair), other_caption_colours(pair)
    # An object may hide behind another, so the share is not 1.
    assert own.value > 0.9
    assert other.value < 0.4
    assert other.interval.high < own.interval.low


def test_all_colours_that_are_named_must_be_found() -> None:
    captions = ["a red ball", "a red ball and a blue box", "a green star", "a pink ring"]
    found = [["red", "blue"], ["red"], [], ["pink"]]
    own = caption_colours(_pair(found, captions))
    assert own.value == 0.5
    wilson = stats.binomtest(2, 4).proportion_ci(0.95, "wilson")
    assert (own.interval.low, own.interval.high) == pytest.approx((wilson.low, wilson.high))
    assert own.warnings == ("the factor reader found no object in 1 of 4 samples, which count as not following",)


def test_the_other_caption_is_that_of_the_next_sample() -> None:
    captions = ["a red ball", "a blue ball", "a green ball"]
    shifted = [["blue"], ["green"], ["red"]]
    assert other_caption_colours(_pair(shifted, captions)).value == 1.0
    assert caption_colours(_pair(shifted, captions)).value == 0.0


def test_captions_without_colours_are_left_out_and_counted() -> None:
    own = caption_colours(_pair([["red"], ["red"], []], ["a red ball", "a ball", ""]))
    assert own.value == 1.0
    assert own.warnings == ("the captions of 2 of 3 samples name no colour, so these are left out",)
    with pytest.raises(BadInput, match="no caption names a colour"):
        caption_colours(_pair([["red"]], ["a ball"]))


def test_modes_and_factors_grow_with_the_samples() -> None:
    rows = read(_batch(WORLD.pictures(np.arange(60))))
    assert set(rows) == {"modes", "values"}
    assert rows["values"].shape == (60, VALUES)
    few, many = (modes(Pair(rows["modes"][:n])) for n in (10, 60))
    assert few.value < many.value <= many.interval.high
    assert factor_coverage(Pair(rows["values"][:5])).value < factor_coverage(Pair(rows["values"])).value <= 1


def test_abstentions_are_told() -> None:
    grey = np.full((4, 32, 32, 3), 128, np.uint8)
    pixels = np.concatenate([WORLD.pictures(np.arange(8)), grey])
    found = modes(Pair(read(_batch(pixels))["modes"]))
    (warning,) = found.warnings
    assert "abstained from the mode of" in warning
    assert "of 12 samples" in warning


def test_only_colour_pictures_are_read() -> None:
    with pytest.raises(BadInput, match="these have 1 channels"):
        read({"image": torch.zeros(2, 1, 32, 32), "index": torch.arange(2)})


def test_clips_are_read_at_their_first_frame() -> None:
    world = World(size=32, video=True, frames=3, seed=5)
    clips = torch.from_numpy(world.clips(np.arange(6))).permute(0, 4, 1, 2, 3) / 127.5 - 1
    index = torch.arange(6)
    of_clips, of_frames = read({"video": clips, "index": index}), read({"image": clips[:, :, 0], "index": index})
    assert torch.equal(of_clips["values"], of_frames["values"])


def test_samples_without_texts_are_taken_for_the_metrics_that_need_none() -> None:
    asked = [SHIPPED.metric(name) for name in ("modes", "caption_colours")]
    taker, batch = FeatureTaker(asked, "cpu"), _batch(WORLD.pictures(np.arange(2)))
    with pytest.raises(BadInput, match="factors-colours"):
        taker.take(batch)
    assert taker.only(asked[:1]).take(batch).keys() == {"factors-modes"}
