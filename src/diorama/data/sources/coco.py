"""Annotations as COCO publishes them: captions, boxes and masks of many pictures in one JSON file.

Reference:
    Lin et al., "Microsoft COCO: Common Objects in Context", 2014, arXiv:1405.0312.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from diorama.data.objects import Box, Objects, Region, Runs
from diorama.data.sources.entries import Entry
from diorama.data.sources.json_members import decoded, elements
from diorama.data.sources.layout import split_named
from diorama.data.sources.matching import plain
from diorama.data.sources.names import parent, printable, stem
from diorama.data.sources.regions import UNSOUND, Key, key_of, region_of
from diorama.data.sources.tables import Table
from diorama.media.limits import Limits

_BEGINNING = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"(?:info|licenses|images|annotations|categories|type)"\s*:')
_URLS = ("coco_url", "flickr_url")
_NOT_FACTS = ("id", "file_name", "height", "width", "license", "label", "split", "caption", "path", "objects")
_LONGEST_FACT, _LONGEST_PATH = 1_000, 4_096


def may_be_coco(head: bytes) -> bool:
    """Whether a file's first bytes are those of COCO's annotations."""
    return _BEGINNING.match(head) is not None


def read_coco(entry: Entry, limits: Limits) -> Table | None:
    """The table in a file of annotations; ``None`` where the file is something else.

    Raises:
        BadInput: it is broken, or larger than ``limits.annotation_bytes``.
    """
    reading = _Reading(limits.pixels)
    text = decoded(entry.content(limits, limits.annotation_bytes), entry.path)
    for key, element in elements(text, entry.path):
        reading.add(key, element)
    return reading.table(entry.path) if reading.files else None


def beside_pictures(table: Table, folders: Iterable[str]) -> Table:
    """The table with its paths read from the folder that its name speaks of: ``captions_val2017`` is about ``val2017``.

    Args:
        table: of annotations.
        folders: that hold pictures.
    """
    word = stem(table.name).rpartition("_")[2]
    named = [folder for folder in folders if word and folder.rpartition("/")[2] == word]
    if len(named) == 1:
        table.folder = named[0]
    return table


class _Reading:
    """What has been read of one file of annotations, whose lists come in any order.

    Args:
        pixels: of one mask, at most.
    """

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels
        self.files: dict[Key, str] = {}
        self._images: dict[Key, Mapping[str, Any]] = {}
        self._captions: dict[Key, dict[str, None]] = {}
        self._regions: dict[Key, dict[tuple[Key, Box], tuple[Key, Region]]] = {}
        self._categories: dict[Key, str] = {}
        self._licences: dict[Key, str] = {}
        self._maps: set[str] = set()
        self._odd: Counter[str] = Counter()

    def add(self, key: str, element: Any) -> None:
        """One element of one of its lists."""
        takers = {
            "images": self._image,
            "annotations": self._annotation,
            "categories": lambda one: self._named(one, self._categories),
            "licenses": lambda one: self._named(one, self._licences),
        }
        if key not in takers:
            return
        if isinstance(element, dict):
            takers[key](element)
        else:
            self._odd[f"elements of {key!r} are no objects"] += 1

    def table(self, name: str) -> Table:
        """All of it as a table."""
        split = split_named(stem(name).rpartition("_")[2])
        rows: dict[str, Mapping[str, str]] = {}
        captions: dict[str, dict[str, None]] = {}
        regions: dict[str, list[Region]] = {}
        sizes: dict[str, tuple[int, int] | None] = {}
        for number, path in self.files.items():
            # Two pictures of one name are one file, and what is said of either is said of it.
            own = captions.setdefault(path, {})
            own.update(self._captions.pop(number, {}))
            shown = regions.setdefault(path, [])
            sizes[path] = _size(self._images[number]) or sizes.get(path)
            for key, region in self._regions.pop(number, {}).values():
                if isinstance(region.outline, Runs):
                    sizes[path] = sizes[path] or region.outline.size
                    if sizes[path] != region.outline.size:
                        self._odd["objects have a mask of another size than their picture and were left out"] += 1
                        continue
                shown.append(self._categorised(key, region))
            rows[path] = self._facts(number, split, own)
        several = {path: tuple(own) for path, own in captions.items() if len(own) > 1}
        objects = {path: Objects(tuple(shown), sizes[path]) for path, shown in regions.items() if shown}
        columns = list(dict.fromkeys(column for row in rows.values() for column in row))
        notes = tuple(f"{name}: {said}" for said in self._said(rows, captions, objects))
        return Table(name, columns, rows, several, notes, parent(name), objects=objects, maps=frozenset(self._maps))

    def _image(self, image: Mapping[str, Any]) -> None:
        key, name = key_of(image.get("id")), image.get("file_name")
        if not isinstance(name, str):
            url = image.get("coco_url")
            name = "/".join(url.split("/")[-2:]) if isinstance(url, str) else ""
        path = printable(plain(name))
        if key is None or not path or len(path) > _LONGEST_PATH:
            self._odd["pictures without a number or a file's name were left out"] += 1
        elif key in self.files:
            self._odd["pictures have the number of one before and were left out"] += 1
        else:
            self.files[key], self._images[key] = path, image

    def _annotation(self, annotation: Mapping[str, Any]) -> None:
        key = key_of(annotation.get("image_id"))
        if key is None:
            self._odd["annotations name no picture and were left out"] += 1
            return
        caption = annotation.get("caption")
        if isinstance(caption, str) and caption.strip():
            own = self._captions.setdefault(key, {})
            self._odd["captions are there twice and were read once"] += caption.strip() in own
            own[caption.strip()] = None
        elif "bbox" in annotation or "segmentation" in annotation:
            self._region(key, annotation)
        elif isinstance(annotation.get("segments_info"), list):
            self._panoptic(key, annotation)
        else:
            self._odd["annotations hold neither caption, box nor mask and were left out"] += 1
        self._odd["annotations have keypoints, which are not read"] += bool(annotation.get("keypoints"))

    def _panoptic(self, key: Key, annotation: Mapping[str, Any]) -> None:
        """All segments of a picture, whose masks lie in a picture of their own."""
        if isinstance(name := annotation.get("file_name"), str):
            self._maps.add(printable(plain(name)))
        for segment in annotation["segments_info"]:
            if isinstance(segment, dict):
                self._region(key, segment)
        self._odd["maps of segments (panoptic) were left out; of their segments the boxes were read"] += 1

    def _region(self, key: Key, annotation: Mapping[str, Any]) -> None:
        try:
            region = region_of(annotation, self._pixels)
        except UNSOUND:
            self._odd["objects have no sound box or mask and were left out"] += 1
            return
        category = key_of(annotation.get("category_id"))
        own = self._regions.setdefault(key, {})
        place = ("" if category is None else category, region.box)
        self._odd["objects are there twice and were read once"] += place in own
        self._odd["objects are crowds, many things in one region (`iscrowd`)"] += region.crowd
        own[place] = (place[0], region)

    def _named(self, one: Mapping[str, Any], names: dict[Key, str]) -> None:
        key, name = key_of(one.get("id")), one.get("name")
        if key is not None and isinstance(name, str):
            names.setdefault(key, printable(name.strip()))

    def _categorised(self, key: Key, region: Region) -> Region:
        if key not in self._categories:
            self._odd["objects are of a category without a name and keep its number"] += 1
        category = self._categories.get(key, str(key))
        return Region(category, region.box, region.outline, region.crowd)

    def _facts(self, number: Key, split: str | None, captions: Mapping[str, None]) -> Mapping[str, str]:
        image = self._images[number]
        licence = key_of(image.get("license"))
        facts = {"image_id": str(number), "caption": next(iter(captions), ""), "split": split or ""}
        facts["licence"] = "" if licence is None else self._licences.get(licence, str(licence))
        for key, value in image.items():
            if key not in _NOT_FACTS and isinstance(value, (str, int, float)) and len(str(value)) <= _LONGEST_FACT:
                facts[key] = str(value)
        return {key: value for key, value in facts.items() if value}

    def _said(
        self,
        rows: Mapping[str, Mapping[str, str]],
        captions: Mapping[str, Mapping[str, None]],
        objects: Mapping[str, Objects],
    ) -> Iterator[str]:
        found = sum(map(len, captions.values())), sum(len(one.regions) for one in objects.values())
        told = " and ".join(f"{n} {what}" for n, what in zip(found, ("captions", "objects"), strict=True) if n)
        yield f"{told or 'nothing'} of {len(rows)} pictures"
        if bare := sum(not captions[path] and path not in objects for path in rows):
            yield f"{bare} pictures have no annotation"
        # What was not taken up by a picture above is of none.
        if lost := sum(map(len, self._captions.values())) + sum(map(len, self._regions.values())):
            yield f"{lost} annotations are of pictures that it does not list and were left out"
        if len(self.files) > len(rows):
            again = len(self.files) - len(rows)
            yield f"{again:,} pictures have the file's name of one before and count as one with it"
        yield from (f"{count} {what}" for what, count in self._odd.items() if count)


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = image.get("height"), image.get("width")
    if isinstance(height, int) and isinstance(width, int) and height > 0 and width > 0:
        return height, width
    return None
