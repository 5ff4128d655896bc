"""The real data sets open as their READMEs describe them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from diorama.data.sources.base import Item, SourceOptions
from diorama.data.sources.open import open_source
from diorama.media.image import read_image

Finder = Callable[[str], Path]


def pixels(item: Item) -> np.ndarray:
    """A record, decoded."""
    content = item.load()
    return read_image(content, item.path).pixels if isinstance(content, bytes) else np.asarray(content)


@pytest.mark.parametrize(
    ("name", "records", "shape"),
    [
        ("fashion_mnist_sample900", 900, (28, 28, 1)),
        ("med_chest_xray128", 2800, (128, 128, 1)),
        ("mocogan_actions_weizmann", 36, (61, 64, 64, 3)),
        ("lfw_faces", 3324, (96, 96, 3)),
        ("sr_set5_set14", 38, None),
        ("sr_bsd100_crops", 320, None),
        ("med_retina_vessels", 390, None),
        ("open_mix64", 6317, (64, 64, 3)),
    ],
)
def test_every_record_is_there(real_data: Finder, name: str, records: int, shape: tuple[int, ...] | None) -> None:
    folder = real_data(name)
    source = open_source(folder, SourceOptions(table=folder / "index.csv"))
    count, first = 0, None
    for item in source.items():
        first = item if first is None else first
        count += 1
    assert count == records
    assert {skip.path for skip in source.skipped} == {"README.md", "contact.png"}
    assert first is not None
    decoded = pixels(first)
    assert shape is None or decoded.shape[-3:] == shape[-3:]


def test_patients_come_with_the_chest_pictures(real_data: Finder) -> None:
    folder = real_data("med_chest_xray128")
    source = open_source(folder, SourceOptions(table=folder / "index.csv", group="patient"))
    items = list(source.items())
    assert all(item.facts["patient"] for item in items)
    assert Counter(item.facts["label"] for item in items) == {"normal": 1400, "pneumonia": 1400}
    assert {item.facts["split"] for item in items} == {"train", "val", "test"}


def test_strips_of_moving_shapes(real_data: Finder) -> None:
    folder = real_data("mocogan_shapes")
    source = open_source(folder, SourceOptions(table=folder / "index.csv"))
    items = list(source.items())
    assert Counter(item.facts["split"] for item in items) == {"train": 6400, "test": 1600}
    assert {item.kind for item in items} == {"video"}
    assert pixels(items[4000]).shape == (32, 64, 64, 3)


def test_the_tars_of_cifar_keep_their_order(real_data: Finder) -> None:
    items = list(islice(open_source(real_data("cifar10") / "test.tar.gz").items(), 50))
    assert items[0].path == "test/airplane/0000.jpg"
    assert {pixels(item).shape for item in items} == {(32, 32, 3)}
    assert dict(items[0].facts) == {"split": "test", "label": "airplane"}


@pytest.mark.slow
@pytest.mark.long
def test_all_of_cifar(real_data: Finder) -> None:
    source = open_source(real_data("cifar10"))
    seen = Counter((item.facts["split"], pixels(item).shape) for item in source.items())
    assert seen == {("train", (32, 32, 3)): 50_000, ("test", (32, 32, 3)): 10_000}
