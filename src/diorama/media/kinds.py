"""What a file is by its first bytes, whatever it is called; and what can be done about kinds that are not read."""

from __future__ import annotations

import zlib
from typing import Literal

from diorama.media.heif import HEIF_IS_READ

HEAD_BYTES = 512

Kind = Literal["picture", "animation", "video", "array", "parquet", "volume"]

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", "picture"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"BM", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"\0\0\0\x0cjP  ", "picture"),
    (b"GIF87a", "animation"),
    (b"GIF89a", "animation"),
    (b"\x93NUMPY", "array"),
    (b"PAR1", "parquet"),
)
_DEMUXERS: dict[bytes, str] = {
    b"\x1aE\xdf\xa3": "matroska",
    b"FLV\x01": "flv",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "asf",
    b"\0\0\x01\xba": "mpeg",
    b"\0\0\x01\xb3": "mpegvideo",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01": "mxf",
    b"OggS": "ogg",
}
"""FFmpeg's readers by how their files begin."""
_IN_RIFF: dict[bytes, Kind] = {b"WEBP": "picture", b"AVI ": "video"}
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_KIND_WORDS = {
    "video": "a clip",
    "array": "a NumPy array",
    "parquet": "a Parquet file",
    "volume": "a DICOM or NIfTI file",
}
_TS_PACKET, _M2TS_PACKET, _TS_SYNC = 188, 192, 0x47

_PICKLE = "a Python pickle, which could run code and is not read; save its arrays as NPY"
_WEB_PAGE = "a web page in the place of a file; download it again"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"\xff\x0a", "a JPEG XL picture, which is not read; convert it (djxl IN.jxl OUT.png)"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture, which is not read; convert it (djxl IN.jxl OUT.png)"),
    (b"8BPS", "a Photoshop document, which is not read; export it as PNG"),
    (b"v/1\x01", "an OpenEXR picture, which is not read; convert it to TIFF or NPY"),
    (b"%PDF", "a PDF document, which is not read; export its pages as PNG"),
    (b"\0\0\x08\x01", "an IDX file of labels (MNIST), which is not read; save it as NPY (np.frombuffer(…, offset=8))"),
    (
        b"\0\0\x08\x03",
        "an IDX file of pictures (MNIST), which is not read; save it as NPY (np.frombuffer(…, offset=16).reshape(…))",
    ),
    (b"\x80\x02", _PICKLE),
    (b"\x80\x03", _PICKLE),
    (b"\x80\x04", _PICKLE),
    (b"\x80\x05", _PICKLE),
    (b"\x1f\x8b", "packed with gzip, which is read of tars and NIfTI only; unpack it (gunzip)"),
    (b"PK\x03\x04", "a zip, or a document in one (Excel, Word); call it .zip, or save a sheet as CSV"),
    (b"version https://git-lfs", "a pointer of Git LFS in the place of the file; fetch it (git lfs pull)"),
    (b"<svg", "an SVG drawing, which is not read; export it as PNG"),
    (b"<?xml", "XML text, not pixels; export a drawing (SVG) as PNG"),
    (b"<!DOCTYPE html", _WEB_PAGE),
    (b"<!doctype html", _WEB_PAGE),
    (b"<html", _WEB_PAGE),
    (b"SIMPLE  =", "a FITS file, which is not read; save its data as NPY"),
    (b"\x89HDF\r\n", "an HDF5 file, which is not read; save its arrays as NPY"),
    (b"MATLAB 5.0", "a MATLAB file, which is not read; save its arrays as NPY (scipy.io.loadmat)"),
    (b"Rar!\x1a\x07", "a RAR archive, which is not read; unpack it, or pack it as a zip or tar"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, which is not read; unpack it, or pack it as a zip or tar"),
)
_CR2_AT = 8
_DICOM_AT, _DICOM = 128, b"DICM"
DICOM_MARK_END = _DICOM_AT + len(_DICOM)
GZIP = b"\x1f\x8b"
_NIFTI_AT, _NIFTI, _NIFTI_PAIR = 344, b"n+1\0", b"ni1\0"
_NIFTI2_AT, _NIFTI2 = 4, b"n+2\0"


def kind_by_content(head: bytes) -> Kind | None:
    """What a file holds, by its first :data:`HEAD_BYTES`; ``None`` where that is nothing that is read."""
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if is_dicom(head) or nifti_version(head) is not None:
        return "volume"
    if head[:4] == b"RIFF":
        return _IN_RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand in _HEIC_BRANDS:
            return "picture" if HEIF_IS_READ else None
        return "picture" if brand in _AVIF_BRANDS else "video"
    return "video" if demuxer_of(head) is not None or is_transport_stream(head) else None


def demuxer_of(head: bytes) -> str | None:
    """FFmpeg's reader of a clip whose first bytes alone tell its container."""
    return next((name for start, name in _DEMUXERS.items() if head.startswith(start)), None)


def is_transport_stream(head: bytes) -> bool:
    """Whether two packets of an MPEG transport stream begin where they must."""
    # Those of cameras and Blu-ray discs have four bytes of time before each packet.
    plain = len(head) > _TS_PACKET and head[0] == head[_TS_PACKET] == _TS_SYNC
    return plain or (len(head) > _M2TS_PACKET + 4 and head[4] == head[_M2TS_PACKET + 4] == _TS_SYNC)


def is_dicom(head: bytes) -> bool:
    """Whether a file bears DICOM's mark."""
    return head[_DICOM_AT:DICOM_MARK_END] == _DICOM


def nifti_version(head: bytes) -> Literal[1, 2] | None:
    """The version of a NIfTI volume in one file, packed with gzip or not; ``None`` where it is none."""
    if head.startswith(GZIP):
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
        except zlib.error:
            return None
    if head[_NIFTI2_AT : _NIFTI2_AT + 4] == _NIFTI2:
        return 2
    return 1 if head[_NIFTI_AT : _NIFTI_AT + 4] == _NIFTI else None


def unlike_a_picture(head: bytes) -> str | None:
    """What a file is that is called a picture and is none; ``None`` where nobody knows."""
    kind = kind_by_content(head)
    if kind is not None and kind not in ("picture", "animation"):
        return f"not a picture but {_KIND_WORDS[kind]}, by its content; give it the suffix of what it is"
    return foreign_kind(head)


def foreign_kind(head: bytes) -> str | None:
    """What a file is that is not read, and how it can be; ``None`` where nobody knows."""
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return "a HEIC picture; `pip install pillow-heif` reads it"
    if head[_CR2_AT : _CR2_AT + 2] == b"CR" and head.startswith(b"II*\0"):
        return "a camera's raw file, which is not read; develop it to TIFF"
    if head[_NIFTI_AT : _NIFTI_AT + 4] == _NIFTI_PAIR:
        return "a NIfTI header whose values lie in another file; save both in one (nibabel: save(load(FILE), 'x.nii'))"
    return next((words for start, words in _FOREIGN if head.startswith(start)), None)
