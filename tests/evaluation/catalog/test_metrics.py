"""Names of metrics, and the entries behind them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.data.synthetic.segment import WORKING_SIDE
from diorama.evaluation.catalog import features, models
from diorama.evaluation.catalog.entries import ExtractorEntry, MetricEntry, SampleMetric, resolve
from diorama.evaluation.catalog.extractors import LITE
from diorama.evaluation.catalog.metrics import SHIPPED, catalog_with, comparing_metrics, default_metrics, parse_metric
from diorama.networks.features import lite

PICTURES = MediaSpec(kind="image", channels=3, height=8, width=8)
CLIPS = MediaSpec(kind="video", channels=3, height=8, width=8, frames=4)


def take_nothing(pair: object) -> None:
    """Stands for a metric of a user's own."""


OWN = SampleMetric(name="own", title="Own", meaning="Mine.", better="higher", function=take_nothing)


@pytest.mark.parametrize(
    ("name", "entry", "kind"),
    [
        ("fd@lite", features.FD, "lite"),
        ("kid@lite-clip", features.KID, "lite-clip"),
        ("is@inception", features.INCEPTION_SCORE, "inception-logits"),
        ("psnr", models.PSNR, ""),
    ],
)
def test_names_say_what_is_measured_on_what(name: str, entry: MetricEntry, kind: str) -> None:
    metric = parse_metric(name)
    assert (metric.name, metric.entry, metric.features) == (name, entry, kind)


def test_every_metric_names_a_function_and_says_what_it_is() -> None:
    for metric in SHIPPED.metrics.values():
        assert callable(resolve(metric.entry.function)), metric.name
        assert metric.entry.title, metric.name
        assert metric.entry.meaning.endswith("."), metric.name
        assert metric.extractor is None or callable(resolve(metric.extractor.load)), metric.name


def test_distances_are_better_low_and_shares_and_scores_high() -> None:
    assert {entry.better for entry in (features.FD, features.KID)} == {"lower"}
    higher = (features.PRECISION, features.RECALL, features.DENSITY, features.COVERAGE, features.INCEPTION_SCORE)
    assert {entry.better for entry in higher} == {"higher"}


def test_direction_belongs_to_the_metric() -> None:
    assert parse_metric("fd@lite").improved_by(1.0, 2.0)
    assert not parse_metric("fd@lite").improved_by(2.0, 1.0)
    assert parse_metric("recall@lite").improved_by(0.9, 0.5)
    assert not parse_metric("recall@lite").improved_by(0.5, 0.5)


def test_metrics_of_clips_say_so() -> None:
    metric = parse_metric("fd@lite-clip")
    assert metric.title == "Fréchet distance (clips)"
    assert "clips" in metric.needs
    assert parse_metric("fd@lite").title == "Fréchet distance"


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("fd@light", "fd@lite"),
        ("fd@foo", "did you mean fd@lite"),
        ("ssmi", "ssim"),
        ("fid", "kid|fd"),
        ("xyzzy", "known"),
    ],
)
def test_unknown_names_get_the_nearest(wrong: str, nearest: str) -> None:
    with pytest.raises(BadInput, match=nearest):
        parse_metric(wrong)


def test_defaults_include_the_distance_that_every_machine_can_take() -> None:
    assert "fd@lite" in default_metrics(PICTURES)
    assert {"fd@lite", "fd@lite-clip"} <= set(default_metrics(CLIPS))
    read = replace(PICTURES, height=WORKING_SIDE, width=WORKING_SIDE)
    assert "modes" in default_metrics(read, of_world=True)
    assert "modes" not in default_metrics(read)
    for change in (
        {"channels": 1},
        {"width": 2 * WORKING_SIDE},
        {"height": WORKING_SIDE // 2, "width": WORKING_SIDE // 2},
    ):
        assert "modes" not in default_metrics(replace(read, **change), of_world=True)
    assert all(SHIPPED.find(name) for media in (PICTURES, CLIPS) for name in comparing_metrics(media, of_world=True))
    assert not any("FID" in name.upper() and "lite" in name for name in SHIPPED.metrics)


def test_a_metric_of_ones_own_is_taken_of_every_extractor() -> None:
    names = catalog_with((int, OWN)).metrics
    assert {"own@lite", "own@lite-clip", "own@inception"} <= set(names)
    assert resolve(names["own@lite"].entry.function) is take_nothing
    assert catalog_with((int,)) is SHIPPED


def test_an_extractor_of_ones_own_has_every_metric() -> None:
    own = ExtractorEntry(name="mine", load=take_nothing, views=("",))
    names = catalog_with((own,)).metrics
    assert {"fd@mine", "kid@mine"} <= set(names)
    assert "fd@mine-clip" not in names
    assert "is@mine" not in names


def test_a_metric_may_have_its_extractor_in_itself() -> None:
    own = ExtractorEntry(name="mine", load=take_nothing, views=("", "special"))
    metric = replace(OWN, extractor="mine", view="special")
    found = parse_metric("own", (own, metric))
    assert (found.extractor, found.features) == (own, "mine-special")
    with pytest.raises(BadInput, match="no extractor of the catalog"):
        parse_metric("own", (metric,))


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="two metrics of name 'fd'"):
        catalog_with((replace(OWN, name="fd"),))
    with pytest.raises(BadInput, match="two extractors of name 'lite'"):
        catalog_with((ExtractorEntry(name="lite", load=take_nothing),))


def test_entries_that_cannot_be_named_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be empty nor hold"):
        replace(OWN, name="a@b")
    with pytest.raises(ValueError, match="must not be empty nor hold"):
        ExtractorEntry(name="a-b", load=take_nothing)
    with pytest.raises(ValueError, match="at least 1 record"):
        replace(OWN, least=0)
    with pytest.raises(TypeError, match="a SampleMetric or a ModelMetric"):
        MetricEntry(name="x", title="X", meaning="X.", better="lower", function=take_nothing)


def test_a_function_that_is_not_there_is_named() -> None:
    for wrong in ("diorama.evaluation.measures:nothing", "no_such_module:take", "no colon"):
        with pytest.raises(BadConfig, match=wrong):
            resolve(wrong)


def test_the_resize_of_lite_is_what_the_network_does() -> None:
    assert LITE.resize == f"none from {lite.SMALLEST} to {lite.LARGEST} px, else bilinear to the nearer"


def test_the_catalog_imports_no_pytorch() -> None:
    code = (
        "import sys, diorama.recipes.catalog, diorama.evaluation.catalog.metrics as m; "
        "m.parse_metric('fd@lite'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
