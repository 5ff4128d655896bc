"""DICOM pictures and stacks: the pixels and their units, and nothing of the patient."""

from __future__ import annotations

import io
import logging
import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diorama.core.errors import BadInput
from diorama.media.array import stored_values
from diorama.media.kinds import DICOM_MARK_END, is_dicom
from diorama.media.limits import DEFAULT_LIMITS, Limits
from diorama.media.volume import Volume, Window, check_size, guarded, is_identity, rescaled

# It logs values that it finds odd, and those may name a patient.
logging.getLogger("pydicom").propagate = False

_WHAT = "DICOM file"
_GREY, _PALETTE, _WHITE_IS_ZERO = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR", "MONOCHROME1"
_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "YBR_PARTIAL_420")
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_PATIENT = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID")
_PER_FRAME, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"
_PALETTES = tuple(
    f"{segmented}{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for segmented, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
)
_READ = (
    *_PIXELS,
    *_PATIENT,
    "IssuerOfPatientID",
    "SOPClassUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    *_PALETTES,
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    _PER_FRAME,
    _SHARED,
)
"""Elements that are taken from a header; what else stands there is passed over."""
_RESCALE = (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0))
"""What values are rescaled by, and what counts where the header does not say."""

_DEFLATED, _META_LENGTH, _META_START = b"1.2.840.10008.1.2.1.99", b"\x02\0\0\0UL\x04\0", 12


def read_dicom(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """The pixels of a DICOM file, frame by frame.

    Rescale slope and intercept, or the modality's table, are applied, so that CT is in Hounsfield units. Grey whose
    zero is white (``MONOCHROME1``) is turned over within its depth; palettes and YBR become RGB as pydicom converts
    them; one bit becomes 0 and 255. The window is that of ``WindowCenter`` and ``WindowWidth`` (PS3.3 C.11.2.1.2).

    Args:
        content: the file.
        name: what messages call it.
        limits: checked against the header before anything is decoded.

    Raises:
        BadInput: no picture, broken, truncated, too large, packed in a way that nothing installed unpacks; pydicom is
            not there.
    """
    try:
        import pydicom
    except ImportError:
        raise BadInput(f"{name}: a DICOM file; `pip install 'diorama[medical]'` reads it") from None
    if not is_dicom(content) and not content.startswith((b"\x08\0", b"\x02\0")):
        raise BadInput(f"{name}: not a {_WHAT}")
    with guarded(name, _WHAT):
        _check_deflated(content, name, limits)
        header = pydicom.dcmread(io.BytesIO(content), force=True, specific_tags=list(_READ))
        if not any(keyword in header for keyword in _PIXELS):
            raise BadInput(f"{name}: a DICOM that is no picture{_kind(header)}")
        mode = str(header.get("PhotometricInterpretation", ""))
        if mode not in (*_GREY, _PALETTE, *_COLOUR):
            raise BadInput(f"{name}: a DICOM whose colours are of a kind that is not read; convert it to RGB")
        frames = int(header.get("NumberOfFrames") or 1)
        check_size(int(header.Rows), int(header.Columns), frames, name, limits)
        decoded = _decoded(header, name)
        if len(decoded) != frames:
            raise BadInput(f"{name}: its header declares {frames} frames, and {len(decoded)} are there")
        if mode not in _GREY:
            return _coloured(header, decoded, mode, name)
        return _grey(header, decoded, name)


def _coloured(header: Any, decoded: list[NDArray[Any]], mode: str, name: str) -> Volume:
    """Frames in RGB."""
    from pydicom.pixels.processing import apply_color_lut

    def read(index: int, time: int) -> NDArray[Any]:
        with guarded(name, _WHAT):
            frame = decoded[index]
            return stored_values(apply_color_lut(frame, header) if mode == _PALETTE else frame, name)[0]

    notes = {_PALETTE: ("palette became colour",), "RGB": ()}.get(mode, (f"{mode} became RGB",))
    return Volume(len(decoded), 1, read, (None,) * len(decoded), _group(header, name), notes)


def _grey(header: Any, decoded: list[NDArray[Any]], name: str) -> Volume:
    """Frames of one channel, in the units that the header states."""
    bits, turned = int(header.get("BitsStored") or 0), header.PhotometricInterpretation == _WHITE_IS_ZERO
    whole = decoded[0].dtype.kind in "iu"
    if turned and not whole:
        raise BadInput(f"{name}: a DICOM of floats whose zero stands for white; save it as NPY")
    lowest = -(1 << bits - 1) if header.get("PixelRepresentation") and whole else 0
    ends = np.array([lowest, lowest + (1 << bits) - 1], np.int64)
    count = len(decoded)
    to_units = [_to_units(header, index, name) for index in range(count)]
    # Zero and white change places where the values are in their units, and so do the ends of the window.
    mirrors = [convert(ends).sum() if turned else 0 for convert, _ in to_units]

    def read(index: int, time: int) -> NDArray[Any]:
        with guarded(name, _WHAT):
            values = decoded[index].astype(bool) if bits == 1 else to_units[index][0](decoded[index])
            if bits == 1:
                values = values ^ turned
            elif turned:
                values = _mirrored(values, mirrors[index], name)
            return stored_values(values[..., np.newaxis], name)[0]

    windows = tuple(_window(header, index, mirrors[index] if turned else None) for index in range(count))
    notes = ["zero stood for white"] if turned else []
    if any(changed for _, changed in to_units):
        notes.append("stored values became the file's units by its slope and intercept, or its table")
    if _several_windows(header):
        notes.append("the first of its windows is kept")
    return Volume(count, 1, read, windows, _group(header, name), tuple(notes))


def _mirrored(values: NDArray[Any], mirror: float, name: str) -> NDArray[Any]:
    """The values counted down from ``mirror``, in their own type."""
    turned = mirror - values.astype(np.float64)
    if values.dtype.kind == "u" and turned.min() < 0:
        raise BadInput(f"{name}: its zero stands for white, and some of its values lie beyond white; save it as NPY")
    return turned.astype(values.dtype)


def _decoded(header: Any, name: str) -> list[NDArray[Any]]:
    """All frames, (h, w) or (h, w, 3), as they are stored."""
    from pydicom.pixels import get_decoder, iter_pixels
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, UID_dictionary

    syntax = header.file_meta.get("TransferSyntaxUID")
    if syntax is None:
        syntax = ImplicitVRLittleEndian if header.original_encoding[0] else ExplicitVRLittleEndian
        header.file_meta.TransferSyntaxUID = syntax
    known = UID_dictionary.get(str(syntax))
    packed = f"as {known[0]}" if known else "in a way that no standard names"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise BadInput(f"{name}: its pixels are packed {packed}, which is not read; save it uncompressed") from None
    if not decoder.is_available:
        raise BadInput(
            f"{name}: its pixels are packed {packed}; `pip install 'pylibjpeg[all]'` reads it, or save it uncompressed"
        )
    try:
        return list(iter_pixels(header))
    except RuntimeError:  # every unpacker that is installed has failed: Pillow's knows no JPEG of 12 bits
        raise BadInput(
            f"{name}: its pixels are packed {packed} and are broken, or `pip install 'pylibjpeg[all]'` reads them"
        ) from None


def _to_units(header: Any, index: int, name: str) -> tuple[Callable[[NDArray[Any]], NDArray[Any]], bool]:
    """How a frame's stored values become its units, and whether that changes them."""
    from pydicom.pixels.processing import apply_modality_lut

    if header.get("ModalityLUTSequence"):
        return (lambda values: apply_modality_lut(values, header)), True
    said = _of_frame(header, index, "PixelValueTransformationSequence")
    slope, intercept = (_number(said, word, default) for word, default in _RESCALE)
    if slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept)):
        raise BadInput(f"{name}: a DICOM whose values cannot be rescaled by {slope:g} and {intercept:g}")
    return (lambda values: rescaled(values, slope, intercept)), not is_identity(slope, intercept)


def _window(header: Any, index: int, mirror: float | None) -> Window | None:
    """The values between which a frame is to be shown; ``None`` where it states none, or one without ends."""
    said = _of_frame(header, index, "FrameVOILUTSequence")
    centre, width = (_number(said, keyword, math.nan) for keyword in ("WindowCenter", "WindowWidth"))
    function = str(said.get("VOILUTFunction") or "LINEAR")
    if function == "LINEAR":  # PS3.3 C.11.2.1.2.1: a width counts whole values, of which the ends are two
        centre, width = centre - 0.5, width - 1
    if function not in ("LINEAR", "LINEAR_EXACT") or not (math.isfinite(centre) and 0 < width < math.inf):
        return None
    low, high = centre - width / 2, centre + width / 2
    return (low, high) if mirror is None else (float(mirror) - high, float(mirror) - low)


def _of_frame(header: Any, index: int, sequence: str) -> Any:
    """Where a header speaks of one frame: in the frame's group, in that of all frames, or at its top."""
    for groups, place in ((header.get(_PER_FRAME), index), (header.get(_SHARED), 0)):
        if groups and place < len(groups) and groups[place].get(sequence):
            return groups[place].get(sequence)[0]
    return header


def _number(said: Any, keyword: str, default: float) -> float:
    """The first value of an element."""
    value = said.get(keyword)
    if value is None or value == "":
        return default
    return float(value) if not hasattr(value, "__len__") else float(value[0]) if len(value) else default


def _several_windows(header: Any) -> bool:
    value = _of_frame(header, 0, "FrameVOILUTSequence").get("WindowCenter")
    return hasattr(value, "__len__") and len(value) > 1


def _group(header: Any, name: str) -> str:
    """What is equal in all files of one patient; of one file where the header says nothing."""
    for keyword in _PATIENT:
        value = str(header.get(keyword) or "").strip()
        if value:
            issuer = str(header.get("IssuerOfPatientID") or "").strip() if keyword == "PatientID" else ""
            return "\0".join((keyword, issuer, value))
    return f"file {name}"


def _kind(header: Any) -> str:
    """What a DICOM without pixels is, by the standard's own name of its class."""
    from pydicom.uid import UID_dictionary

    known = UID_dictionary.get(str(header.get("SOPClassUID") or ""))
    return f" ({known[0]})" if known else " (it holds no pixels)"


def _check_deflated(content: bytes, name: str, limits: Limits) -> None:
    """Refuse a deflated file that unpacks to more than a file may have: pydicom would unpack it whole."""
    at = DICOM_MARK_END
    if _DEFLATED not in content[: at + 1_024]:
        return
    if content[at : at + len(_META_LENGTH)] != _META_LENGTH:
        raise BadInput(f"{name}: a deflated DICOM whose header does not say how long it is; save it uncompressed")
    start = at + _META_START + int.from_bytes(content[at + 8 : at + _META_START], "little")
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS)
    unpacking.decompress(content[start:], limits.entry_bytes)
    if unpacking.unconsumed_tail:
        raise BadInput(f"{name}: unpacks to more than {limits.entry_bytes} bytes")
