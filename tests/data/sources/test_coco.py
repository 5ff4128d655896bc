"""Annotations of COCO: captions, boxes and masks become facts, and what is odd is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.data.objects import segmentation_mask
from diorama.data.sources.base import SourceOptions
from diorama.data.sources.json_members import elements
from diorama.media.limits import Limits
from tests.data.pictures import prepared
from tests.data.sources.examples import fill, packed_counts, read_all, reasons, zipped
from tests.media.examples import png

BOX = {"image_id": 1, "category_id": 3, "bbox": [1, 2, 3, 4]}


def document(**more: Any) -> dict[str, Any]:
    """Two pictures, the first with a caption and a box."""
    return {
        "info": {"description": "a test"},
        "images": [{"id": n, "file_name": f"{n}.png", "height": 8, "width": 8, "license": 1} for n in (1, 2)],
        "annotations": [{"image_id": 1, "caption": " a cat\n"}, BOX],
        "categories": [{"id": 3, "name": "cat"}],
        "licenses": [{"id": 1, "name": "CC0"}],
    } | more


def source_of(folder: Path, given: Any, name: str = "annotations/x_val2017.json") -> Path:
    """Two pictures with one file of annotations."""
    content = given if isinstance(given, bytes) else json.dumps(given).encode()
    return fill(folder, {"val2017/1.png": png(seed=1), "val2017/2.png": png(seed=2), name: content})


def test_coco_as_published(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    dataset, audit = prepared(real_data("coco_mini_by"), tmp_path / "out", size=64)
    assert dataset.splits == {"train": 26, "val": 25}
    assert dataset.info.classes == ()
    facts = [fact for name, count in dataset.splits.items() for fact in dataset.split(name).facts(np.arange(count))]
    assert [len(fact["captions"]) for fact in facts] == [5] * 51
    assert all(caption == caption.strip() for fact in facts for caption in fact["captions"])
    objects = [one for fact in facts for one in fact["objects"]]
    assert {"person", "dog"} <= {one["category"] for one in objects}
    for one in objects:
        x, y, width, height = one["bbox"]
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert max(x + width, y + height) <= 64.01
    assert any(one["iscrowd"] and one["segmentation"]["size"] == [64, 64] for one in objects)
    assert [skip.path for skip in audit.skipped] == ["README.md"]
    (outside,) = [note for note in audit.notes if "outside the kept part" in note]
    assert int(outside.split()[0]) + len(objects) == 333 + 213
    assert dataset.split("train").read(np.arange(4))["tokens"].shape[0] == 4


def test_all_regions_are_kept_where_nothing_is_cut(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    dataset, _ = prepared(real_data("coco_mini_by"), tmp_path / "out", size=96, fit="pad")
    facts = [fact for name, count in dataset.splits.items() for fact in dataset.split(name).facts(np.arange(count))]
    assert sum(len(fact["objects"]) for fact in facts) == 333 + 213


@pytest.mark.parametrize("packed", [False, True, "polygon"])
def test_a_mask_lies_on_what_it_shows(tmp_path: Path, packed: Any) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 26:46] = 255
    (tmp_path / "in/images").mkdir(parents=True)
    Image.fromarray(pixels).save(tmp_path / "in/images/1.png")
    counts: Any = [26 * 40 + 10, *[20, 20] * 19, 20, 10 + 14 * 40]
    if packed == "polygon":
        segmentation: Any = [[26, 10, 46, 10, 46, 30, 26, 30]]
    else:
        segmentation = {"size": [40, 60], "counts": packed_counts(counts) if packed else counts}
    shown = {**BOX, "bbox": [26, 10, 20, 20], "segmentation": segmentation}
    image = {"id": 1, "file_name": "1.png", "height": 40, "width": 60}
    given = document(images=[image], annotations=[shown])
    fill(tmp_path / "in", {"annotations.json": json.dumps(given).encode()})
    for size, policy in ((20, "crop"), (60, "pad"), (None, "crop")):
        dataset, _ = prepared(tmp_path / "in", tmp_path / f"{size}{policy}", size=size, fit=policy, split=(1, 0, 0))
        split = dataset.split("train")
        (fact,) = split.facts(np.arange(1))
        stored = split.record(0)[..., 0] > 127
        assert np.array_equal(segmentation_mask(fact["objects"][0]["segmentation"], stored.shape), stored)
        assert fact["original_size"] == [40, 60]


@pytest.mark.parametrize("name", ["annotations/instances_val2017.json", "val2017/_annotations.coco.json", "a.json"])
@pytest.mark.parametrize("prefix", ["", "val2017/", "/home/me/coco/val2017/"])
def test_wherever_the_file_lies(tmp_path: Path, name: str, prefix: str) -> None:
    images = [{"id": n, "file_name": f"{prefix}{n}.png"} for n in (1, 2)]
    source, items = read_all(source_of(tmp_path, document(images=images), name))
    assert [item.facts.get("caption") for item in items] == ["a cat", None]
    assert items[0].objects is not None
    assert items[0].objects.regions[0].category == "cat"
    assert not source.skipped


def test_equal_names_in_both_splits_are_told_apart(tmp_path: Path) -> None:
    for split in ("train2017", "val2017"):
        given = document(annotations=[{"image_id": 1, "caption": f"of {split}"}])
        files = {f"{split}/{n}.png": png(seed=len(split) + n) for n in (1, 2)}
        fill(tmp_path, {**files, f"annotations/captions_{split}.json": json.dumps(given).encode()})
    _, items = read_all(tmp_path)
    assert {item.path: item.facts["caption"] for item in items if "caption" in item.facts} == {
        "train2017/1.png": "of train2017",
        "val2017/1.png": "of val2017",
    }


def test_splits_of_one_folder_are_those_of_the_files(tmp_path: Path) -> None:
    for number, name in enumerate(("train", "val"), 1):
        image = {"id": 1, "file_name": f"{number}.png"}
        fill(tmp_path, {f"images/{number}.png": png(seed=number)})
        fill(tmp_path, {f"annotations/instances_{name}.json": json.dumps(document(images=[image])).encode()})
    _, items = read_all(tmp_path)
    assert [item.facts["split"] for item in items] == ["train", "val"]


def test_it_is_read_out_of_an_archive(tmp_path: Path) -> None:
    files = {"coco/val2017/1.png": png(), "coco/annotations/captions_val2017.json": json.dumps(document()).encode()}
    source, items = read_all(zipped(tmp_path / "coco.zip", files))
    assert (items[0].facts["caption"], items[0].facts["licence"]) == ("a cat", "CC0")
    assert reasons(source) == {
        "2.png": "named in coco/annotations/captions_val2017.json, but there is no such file",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"images": [{"id": n, "file_name": f"{n}.png"} for n in (1, 2, 2)]},
            "1 pictures have the number of one before",
        ),
        (
            {"images": [{"id": n, "file_name": "1.png"} for n in (1, 2)]},
            "1 pictures have the file's name of one before",
        ),
        ({"images": [{"id": 1, "file_name": "1.png"}, {"id": 2}, 7]}, "1 pictures without a number or a file's name"),
        ({"annotations": [BOX, {**BOX, "image_id": 9}]}, "1 annotations are of pictures that it does not list"),
        ({"annotations": [BOX, BOX]}, "1 objects are there twice"),
        ({"annotations": [BOX, {**BOX, "image_id": 2, "iscrowd": 1}]}, "1 objects are crowds"),
        ({"annotations": [BOX, {**BOX, "category_id": 8}]}, "1 objects are of a category without a name"),
        (
            {"annotations": [BOX, {**BOX, "image_id": 2, "segmentation": {"size": [9, 9], "counts": [81]}}]},
            "1 objects have a mask of another size than their picture",
        ),
        ({"annotations": [BOX, {"image_id": 1}, {"id": 5}]}, "1 annotations hold neither caption, box nor mask"),
        ({"annotations": [BOX, {**BOX, "keypoints": [1, 2, 2]}]}, "1 annotations have keypoints, which are not read"),
        *(
            ({"annotations": [BOX, {**BOX, "image_id": 2, **broken}]}, "1 objects have no sound box or mask")
            for broken in (
                {"bbox": [0, 0, 0, 5]},
                {"bbox": [0, 0, float("inf"), 5]},
                {"bbox": "all"},
                {"bbox": [10**400, 0, 1, 1]},
                {"segmentation": {"size": [8, 8], "counts": [3, 4]}},
                {"segmentation": {"size": [10**9, 10**9], "counts": [10**18 - 1]}},
                {"segmentation": {"size": [8, 8], "counts": "ooooo"}},
                {"segmentation": {"size": [8], "counts": []}},
                {"segmentation": {"size": [60_000, 60_000], "counts": [60_000**2]}},
                {"segmentation": [[1, 2, 3]]},
                {"segmentation": [[[[1]]]]},
            )
        ),
    ],
)
def test_what_is_odd_is_counted_and_the_rest_kept(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    source, items = read_all(source_of(tmp_path, document(**change)))
    assert len(items) == 2
    assert items[0].objects is not None
    assert any(said in note for note in source.notes), source.notes


def test_pictures_without_annotation_are_counted(tmp_path: Path) -> None:
    source, _ = read_all(source_of(tmp_path, document()))
    assert "annotations/x_val2017.json: 1 captions and 1 objects of 2 pictures" in source.notes
    assert "annotations/x_val2017.json: 1 pictures have no annotation" in source.notes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (json.dumps(document()).encode()[:-40], "is broken or cut off"),
        (json.dumps(document()).encode()[:60], "is broken or cut off"),
        (b'{"images": [' + b"[" * 200_000, "is nested too deeply"),
        (b'{"info": ' + b'{"a":' * 200_000, "is nested too deeply"),
        (b'{"images": [\xff\xfe]}', "is not Unicode text"),
    ],
)
def test_a_broken_file_is_listed_and_the_pictures_kept(tmp_path: Path, content: bytes, reason: str) -> None:
    source, items = read_all(source_of(tmp_path, content))
    assert len(items) == 2
    assert reasons(source)["annotations/x_val2017.json"].startswith(reason)


def test_another_json_is_none_of_coco(tmp_path: Path) -> None:
    source, items = read_all(source_of(tmp_path, {"info": {"a": 1}, "images": []}, "val2017/1.json"))
    assert items[0].objects is None
    assert reasons(source) == {"val2017/1.json": "not a picture, clip or array"}


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    options = SourceOptions(limits=Limits(annotation_bytes=100))
    source, _ = read_all(source_of(tmp_path, document()), options)
    assert "more than 100" in reasons(source)["annotations/x_val2017.json"]


def test_lists_are_read_an_element_at_a_time() -> None:
    text = ' {"a" : [ 1 , {"b": [2]} ] , "c": {"d": [3]}, "e": [], "f": "x", "g": [null]} '
    assert list(elements(text, "x")) == [("a", 1), ("a", {"b": [2]}), ("g", None)]


@pytest.mark.parametrize("text", ["", "[1]", '{"a": [1,]}', '{"a": [1 2]}', '{"a" [1]}', '{"a": [1]', '{"a": 1,'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"^x: is broken or cut off"):
        list(elements(text, "x"))


@pytest.mark.parametrize("suffix", ["png", "PNG"])
def test_maps_of_segments_are_no_pictures(tmp_path: Path, suffix: str) -> None:
    segments = [{"id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 0}]
    told = [{"image_id": 1, "file_name": f"1.{suffix}", "segments_info": segments}]
    folder = source_of(tmp_path, document(annotations=told), "annotations/panoptic_val2017.json")
    fill(folder, {f"annotations/panoptic_val2017/1.{suffix}": png(seed=9)})
    source, items = read_all(folder)
    assert [item.path for item in items] == ["val2017/1.png", "val2017/2.png"]
    assert "a map of the segments" in reasons(source)[f"annotations/panoptic_val2017/1.{suffix}"]
    assert items[0].objects is not None
    assert [region.category for region in items[0].objects.regions] == ["cat"]
    assert any("1 maps of segments (panoptic) were left out" in note for note in source.notes)
