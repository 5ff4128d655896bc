"""Names of metrics."""

from __future__ import annotations

import pytest

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.evaluation.catalog import METRICS, default_metrics, parse_metric

PICTURES = MediaSpec(kind="image", channels=3, height=8, width=8)
CLIPS = MediaSpec(kind="video", channels=3, height=8, width=8, frames=4)


@pytest.mark.parametrize(
    ("name", "measure", "features"),
    [
        ("fd@lite", "fd", "lite"),
        ("kid@lite-clip", "kid", "lite-clip"),
        ("is@inception", "is", "inception-logits"),
        ("psnr", "psnr", ""),
        ("modes", "modes", ""),
    ],
)
def test_names_say_what_is_measured_on_what(name: str, measure: str, features: str) -> None:
    metric = parse_metric(name)
    assert (metric.name, metric.measure, metric.features) == (name, measure, features)


def test_every_name_parses() -> None:
    assert [parse_metric(name).name for name in METRICS] == list(METRICS)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("fd@light", "fd@lite"), ("fd@foo", "did you mean fd@lite"), ("ssmi", "ssim"), ("fid", "kid|fd")],
)
def test_unknown_names_get_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(BadInput, match=nearest):
        parse_metric(wrong)


def test_defaults_include_the_distance_that_every_machine_can_take() -> None:
    assert "fd@lite" in default_metrics(PICTURES)
    assert {"fd@lite", "fd@lite-clip"} <= set(default_metrics(CLIPS))
    assert "modes" in default_metrics(PICTURES, "world")
    assert "modes" not in default_metrics(PICTURES, "cifar10")
    assert not any("FID" in name.upper() and "lite" in name for name in METRICS)
