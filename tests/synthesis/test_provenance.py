"""Where a model comes from: what was written is read back, and what is wrong is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from diorama.core.errors import BadConfig
from diorama.synthesis.provenance import (
    DataOrigin,
    Provenance,
    PublishedOrigin,
    TrainingSpent,
    decode_provenance,
    encode_provenance,
)

WHOLE = Provenance(
    recipe={"kind": "Recipe", "name": "mine", "method": {"kind": "OnlyHereConfig"}},
    data=DataOrigin(name="shapes", count=12, sha256="ab"),
    frozen={"codec": "cd"},
    start_from="ef",
    training=TrainingSpent(steps=3, images=48, seconds=1.5, joules=20.0, energy="NVML", device="a GPU", processes=2),
    versions={"torch": "3"},
    scores=({"metric": "fd@lite", "value": 3.0, "interval": {"low": 2.0, "high": 4.0}},),
)


def read(document: Any) -> Provenance:
    return decode_provenance(json.loads(json.dumps(document)), "provenance.json")


CONFIG = {"kind": "theirs", "width": 2}
IMPORTED = Provenance(published=PublishedOrigin(publisher="them", network="UNet", file="net.pth", config=CONFIG))


@pytest.mark.parametrize("provenance", [WHOLE, IMPORTED, Provenance(), Provenance(recipe="gaussian mixture")])
def test_what_was_written_is_read_back(provenance: Provenance) -> None:
    assert read(encode_provenance(provenance)) == provenance


def test_the_names_on_disk_are_those_of_the_first_release() -> None:
    written = encode_provenance(WHOLE)
    assert list(written) == ["recipe", "data", "frozen", "start_from", "training", "versions", "scores", "published"]
    assert list(written["data"]) == ["name", "count", "sha256"]
    assert list(written["training"]) == ["steps", "images", "seconds", "joules", "energy", "device", "processes"]


def test_a_recipe_is_known_by_its_name_or_its_fields() -> None:
    assert WHOLE.recipe_name == "mine"
    assert Provenance(recipe="gaussian mixture").recipe_name == "gaussian mixture"
    assert Provenance().recipe_name == ""


def test_what_is_not_there_has_a_default_and_what_a_later_version_added_is_passed_over() -> None:
    data = {"sha256": "ab", "records": 9}
    assert read({"data": data, "watermark": "x"}) == Provenance(data=DataOrigin(sha256="ab"))


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"recipe": 3}, "recipe"),
        ({"data": ["shapes"]}, "data"),
        ({"data": {"count": "many"}}, "data.count"),
        ({"training": {"steps": 1.5}}, "training.steps"),
        ({"scores": {"fd": 3}}, "scores"),
        ({"frozen": {"codec": None}}, "frozen.codec"),
        ({"published": {"file": "net.pth"}}, "published.publisher"),
    ],
)
def test_a_field_of_another_type_is_named(document: Any, field: str) -> None:
    with pytest.raises(BadConfig, match=rf"provenance\.json.*{field}"):
        read(document)
