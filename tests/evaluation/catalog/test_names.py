"""Metrics by the names that people type."""

from __future__ import annotations

import pytest

from diorama.core.errors import BadInput
from diorama.evaluation.catalog.metrics import SHIPPED
from diorama.evaluation.catalog.names import ABSENT, ELSEWHERE, plain


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fid", "fd@inception"),
        ("FID", "fd@inception"),
        ("Fréchet Inception Distance", "fd@inception"),
        ("fid@inception", "fd@inception"),
        ("fd", "fd@lite"),
        ("FD@Lite-Clip", "fd@lite-clip"),
        ("is", "is@inception"),
        ("inception_score", "is@inception"),
        ("Inception-Score", "is@inception"),
        ("ISC", "is@inception"),
        ("KID", "kid@inception"),
        ("Precision", "precision@lite"),
        ("recall", "recall@lite"),
        ("density", "density@lite"),
        ("coverage", "coverage@lite"),
        ("PRDC", "precision@lite,recall@lite,density@lite,coverage@lite"),
        ("PSNR", "psnr"),
        ("ssim", "ssim"),
        ("bits_per_dim", "bpd"),
        ("Factor-Coverage", "factor_coverage"),
        ("fd@lite", "fd@lite"),
    ],
)
def test_what_is_typed_finds_what_is_meant(typed: str, meant: str) -> None:
    assert SHIPPED.spelled([typed]) == {typed: tuple(meant.split(","))}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("fvd", r"I3D.*not here yet; the nearest that there is: fd@lite-clip"),
        ("DISTS", r"pair by pair.*the nearest that there is: lpips-alex"),
        ("ms-ssim", r"not here yet.*ssim"),
        ("clip_score", r"CLIP.*caption_colours"),
        ("fid@lite", r"FID is of Inception's features.*fd@inception"),
        ("fid50k", "did you mean fid"),
        ("precison", "did you mean precision"),
    ],
)
def test_what_is_not_here_is_said_with_the_nearest(typed: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as told:
        SHIPPED.spelled([typed])
    assert "\n" not in str(told.value)


def test_names_from_elsewhere_lead_to_metrics_that_exist() -> None:
    for typed, meant in ELSEWHERE.items():
        assert plain(typed) == typed
        assert all(name in SHIPPED.metrics for name in meant), typed
    for typed, (_, nearest) in ABSENT.items():
        assert plain(typed) == typed
        assert nearest in SHIPPED.metrics, typed
        assert typed not in ELSEWHERE


def test_a_single_metric_is_asked_for_by_its_own_name_and_the_other_is_offered() -> None:
    with pytest.raises(BadInput, match="no metric 'fid'; did you mean fd@inception"):
        SHIPPED.metric("fid")
