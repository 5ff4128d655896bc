"""The mark that says a picture or clip is synthetic, and which model drew it.

Pictures carry it as XMP (PNG, JPEG, WebP, TIFF), clips as JSON in the comment (MP4, WebM, GIF); both hold the IPTC
digital source type, the word by which other programs know synthetic media. NumPy files have no place for it.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import av
from PIL import Image

TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
XMP_KEYWORD = "XML:com.adobe.xmp"
XMP_TIFF_TAG = 700

_HOW = ("index", "condition", "sampler", "steps", "guidance", "guidance_kind", "psi", "cutoff", "standing")
"""What a stamp says of how one sample was drawn."""
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_OWN = "https://diorama.readthedocs.io/ns/stamp/1.0/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LONGEST = 65_536
_VIDEO_SUFFIXES = (".mp4", ".webm")
_PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF")


@dataclass(frozen=True, kw_only=True)
class SyntheticStamp:
    """What a drawn picture or clip says of its origin.

    Args:
        model: the model's SHA-256, hexadecimal.
        seed: the sample's seed.
        recipe: the recipe's name.
        composite: the sample is an edit of a real picture.
        index: of the sample among those of its seed; ``None`` for a sheet of several.
        condition: what it was given, in words.
        sampler: that drew it; ``None`` for models that draw in one pass, and where it is not known.
        steps: of the sampler.
        guidance: scale of the guidance.
        guidance_kind: in words; ``None`` for plain classifier-free guidance.
        psi: truncation of a GAN; ``None`` for none.
        cutoff: how many of its layers are truncated; ``None`` for all.
        standing: batches that the statistics of its batch norms were taken over; ``None`` for those of training.
    """

    model: str
    seed: int
    recipe: str
    composite: bool = False
    index: int | None = None
    condition: Mapping[str, str] = field(default_factory=dict)
    sampler: str | None = None
    steps: int | None = None
    guidance: float | None = None
    guidance_kind: str | None = None
    psi: float | None = None
    cutoff: int | None = None
    standing: int | None = None

    @property
    def source_type(self) -> str:
        """IPTC's URI for how the media came about."""
        return COMPOSITE if self.composite else TRAINED


def to_xmp(stamp: SyntheticStamp) -> bytes:
    """The stamp as an XMP packet, with ``Iptc4xmpExt:DigitalSourceType``.

    Reference: IPTC Photo Metadata Standard 2023.1, "Digital Source Type".
    """
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{_IPTC}" xmlns:diorama="{_OWN}"'
        f" Iptc4xmpExt:DigitalSourceType={quoteattr(stamp.source_type)}"
        f" diorama:model={quoteattr(stamp.model)} diorama:seed={quoteattr(str(stamp.seed))}"
        f" diorama:recipe={quoteattr(stamp.recipe)}"
        f"{''.join(f' diorama:{name}={quoteattr(_as_text(value))}' for name, value in _drawn(stamp).items())}/>"
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def from_xmp(packet: bytes) -> SyntheticStamp | None:
    """The stamp in an XMP packet; ``None`` where there is none, or where the packet is not to be trusted."""
    # Entities could grow without end when expanded, and no honest packet declares any.
    if len(packet) > _LONGEST or b"<!" in packet:
        return None
    try:
        descriptions = ElementTree.fromstring(packet.decode().strip("\ufeff\0 \n")).iter(f"{{{_RDF}}}Description")
        for description in descriptions:
            values = {key: description.get(f"{{{_OWN}}}{key}") for key in ("model", "seed", "recipe", *_HOW)}
            stamp = _from_values(values | {"digital_source_type": description.get(f"{{{_IPTC}}}DigitalSourceType")})
            if stamp is not None:
                return stamp
    except (ElementTree.ParseError, UnicodeDecodeError):
        pass
    return None


def to_comment(stamp: SyntheticStamp) -> str:
    """The stamp as one line of JSON, for the comment of a clip."""
    named = {"model": stamp.model, "seed": stamp.seed, "recipe": stamp.recipe}
    return json.dumps({"digital_source_type": stamp.source_type, **named, **_drawn(stamp)})


def from_comment(comment: str | bytes) -> SyntheticStamp | None:
    """The stamp in a clip's comment; ``None`` where there is none."""
    try:
        values = json.loads(comment) if len(comment) <= _LONGEST else None
    except ValueError:
        return None
    return _from_values(values) if isinstance(values, dict) else None


def read_stamp(path: Path) -> SyntheticStamp | None:
    """The stamp of a picture or clip; ``None`` where the file carries none or cannot be read."""
    if path.suffix.lower() in _VIDEO_SUFFIXES:
        return _read_video_stamp(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_PICTURE_FORMATS) as image:
                comment = image.info.get("comment", b"")
                packet = image.info.get("xmp") or image.info.get(XMP_KEYWORD) or b""
    except Exception:  # whatever a decoder raises on a foreign file, it carries no stamp of ours
        return None
    packet = packet.encode() if isinstance(packet, str) else packet
    return from_xmp(packet) or from_comment(comment)


def _read_video_stamp(path: Path) -> SyntheticStamp | None:
    try:
        with path.open("rb") as file, av.open(file, metadata_errors="ignore") as container:
            metadata = {key.lower(): value for key, value in container.metadata.items()}
    except (OSError, av.FFmpegError):
        return None
    return from_comment(metadata.get("comment", ""))


def _drawn(stamp: SyntheticStamp) -> dict[str, Any]:
    """How a sample was drawn, as far as the stamp says so."""
    known = {name: getattr(stamp, name) for name in _HOW} | {"condition": dict(stamp.condition) or None}
    return {name: value for name, value in known.items() if value is not None}


def _as_text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _from_values(values: dict[str, Any]) -> SyntheticStamp | None:
    model, seed, recipe = values.get("model"), values.get("seed"), values.get("recipe")
    source_type = values.get("digital_source_type")
    if not isinstance(model, str) or not isinstance(recipe, str) or source_type not in (TRAINED, COMPOSITE):
        return None
    try:
        stamp = SyntheticStamp(model=model, seed=int(str(seed)), recipe=recipe, composite=source_type == COMPOSITE)
        return replace(stamp, **_how(values))
    except (ValueError, TypeError):
        return None


def _how(values: dict[str, Any]) -> dict[str, Any]:
    """How a sample was drawn, of values or their text; stamps of older versions do not say it."""
    read: dict[str, type] = {"index": int, "steps": int, "guidance": float, "sampler": str, "guidance_kind": str}
    read |= {"psi": float, "cutoff": int, "standing": int}
    how: dict[str, Any] = {name: kind(values[name]) for name, kind in read.items() if values.get(name) is not None}
    condition = values.get("condition") or {}
    condition = json.loads(condition) if isinstance(condition, str) else condition
    if not isinstance(condition, dict):
        raise TypeError(f"a condition is an object, got {condition!r}")
    return how | {"condition": {str(key): str(value) for key, value in condition.items()}}
