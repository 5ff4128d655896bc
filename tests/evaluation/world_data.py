"""Data that say of themselves that the built-in world drew them."""

from __future__ import annotations

from diorama.data.dataset import Dataset, open_dataset
from diorama.data.manifest import write_manifest


def older(dataset: Dataset) -> Dataset:
    """The same folder, prepared before manifests said what drew their records."""
    kept = {key: value for key, value in dataset.manifest.items() if key != "generator"}
    write_manifest(dataset.path / "dataset.json", kept)
    return open_dataset(dataset.path)


def said_to_be_of_the_world(dataset: Dataset) -> Dataset:
    """The same folder, whose manifest names the world as what drew its records."""
    write_manifest(dataset.path / "dataset.json", {**dataset.manifest, "generator": "world"})
    return open_dataset(dataset.path)
