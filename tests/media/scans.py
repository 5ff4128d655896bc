"""Files of medical scanners that the tests of media and data make for themselves."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

PATIENT, PATIENT_ID = "Doe^Jane Unmistakable", "ID-48151623"


def ramp(count: int = 1, height: int = 24, width: int = 20, most: int = 4095, seed: int = 0) -> np.ndarray:
    """(count, height, width) uint16 of all values up to ``most``, none like another."""
    return np.random.default_rng(seed).integers(0, most + 1, (count, height, width), dtype=np.uint16)


def dicom(stored: np.ndarray, *, patient: str = PATIENT_ID, syntax: str | None = None, **elements: Any) -> bytes:
    """A DICOM file of a patient.

    Args:
        stored: (h, w), (n, h, w) or, with ``PhotometricInterpretation`` in colour, (h, w, 3).
        patient: its ID.
        syntax: UID of the transfer syntax; explicit little endian by default.
        elements: further elements by their keywords, or others in the place of those that are written.
    """
    pydicom = pytest.importorskip("pydicom", reason="needs the extra `medical`")
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = CTImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = "1.2.3.4"
    made.PatientName, made.PatientID = PATIENT, patient
    made.PatientBirthDate, made.InstitutionName = "19700101", "Hospital Unmistakable"
    colour = elements.get("PhotometricInterpretation", "").startswith(("RGB", "YBR"))
    made.SamplesPerPixel = 3 if colour else 1
    if colour:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation = "MONOCHROME2"
    frames = stored[None] if stored.ndim == 2 or colour else stored
    if len(frames) > 1:
        made.NumberOfFrames = len(frames)
    made.Rows, made.Columns = frames.shape[1:3]
    made.BitsAllocated = made.BitsStored = 8 * stored.dtype.itemsize
    made.HighBit = made.BitsStored - 1
    made.PixelRepresentation = int(stored.dtype.kind == "i")
    made.PixelData = stored.tobytes()
    made["PixelData"].VR = "OB" if stored.dtype.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def nifti(
    values: np.ndarray, *, slope: float = 1.0, intercept: float = 0.0, window: tuple[float, float] = (0, 0)
) -> bytes:
    """A NIfTI file whose values are stored as they are, to be rescaled by its reader."""
    nibabel = pytest.importorskip("nibabel", reason="needs the extra `medical`")
    image = nibabel.Nifti1Image(values, np.eye(4))
    image.header["cal_min"], image.header["cal_max"] = window
    image.header["descrip"] = PATIENT
    content = bytearray(image.to_bytes())
    # Its writer takes slope and intercept for its own business.
    content[112:120] = np.array([slope, intercept], "<f4").tobytes()
    return bytes(content)
