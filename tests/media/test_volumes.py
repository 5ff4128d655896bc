"""DICOM and NIfTI in the units of the file, whatever hostile headers say."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from diorama.core.errors import BadInput
from diorama.media.dicom import read_dicom
from diorama.media.kinds import HEAD_BYTES, kind_by_content
from diorama.media.limits import Limits
from diorama.media.nifti import read_nifti
from diorama.media.volume import Volume, rescaled
from tests.media.scans import PATIENT, PATIENT_ID, dicom, nifti, ramp

pydicom = pytest.importorskip("pydicom", reason="needs the extra `medical`")
pytest.importorskip("nibabel", reason="needs the extra `medical`")


def only(volume: Volume) -> np.ndarray:
    """The pixels of a file with one slice, (h, w, c)."""
    assert (volume.slices, volume.times) == (1, 1)
    return volume.read(0, 0)


def item(**elements: Any) -> Any:
    made = pydicom.Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"), [(1, -1024, np.int32), (0.5, -3, np.float32), (1, 0, np.uint16)]
)
def test_slope_and_intercept_give_the_units_of_the_file(slope: float, intercept: float, dtype: type) -> None:
    stored = ramp()[0]
    pixels = only(read_dicom(dicom(stored, RescaleSlope=slope, RescaleIntercept=intercept), "a.dcm"))
    assert pixels.dtype == dtype
    assert (pixels[..., 0] == stored * np.float64(slope) + intercept).all()


def test_signed_values_keep_their_sign() -> None:
    stored = ramp()[0].astype(np.int16) - 1000
    assert (only(read_dicom(dicom(stored), "a.dcm"))[..., 0] == stored).all()


@given(st.integers(-(2**15), 2**15 - 1), st.integers(-3000, 3000), st.integers(-3000, 3000))
def test_whole_slopes_are_exact(value: int, slope: int, intercept: int) -> None:
    assert rescaled(np.array([value], np.int16), slope, intercept)[0] == slope * value + intercept


def test_the_table_of_the_modality_is_applied() -> None:
    table = item(LUTDescriptor=[4, 0, 16], ModalityLUTType="US", LUTData=np.array([7, 70, 700, 7000], "<u2").tobytes())
    stored = np.array([[0, 1], [2, 3]], np.uint16)
    pixels = only(read_dicom(dicom(stored, ModalityLUTSequence=[table]), "a.dcm"))
    assert pixels[..., 0].tolist() == [[7, 70], [700, 7000]]


@pytest.mark.parametrize("bits", [8, 12])
def test_zero_that_stands_for_white_is_turned_over_with_its_window(bits: int) -> None:
    stored = ramp(most=(1 << bits) - 1)[0].astype(np.uint8 if bits == 8 else np.uint16)
    window = {"WindowCenter": 100, "WindowWidth": 50, "VOILUTFunction": "LINEAR_EXACT"}
    made = dicom(stored, BitsStored=bits, HighBit=bits - 1, PhotometricInterpretation="MONOCHROME1", **window)
    volume = read_dicom(made, "a.dcm")
    most = (1 << bits) - 1
    assert (only(volume)[..., 0] == most - stored).all()
    assert only(volume).dtype == stored.dtype
    assert volume.windows == ((most - 125, most - 75),)
    assert "zero stood for white" in volume.notes


def test_turning_over_keeps_to_the_units() -> None:
    stored = ramp(most=4095)[0]
    units = {"RescaleSlope": 2, "RescaleIntercept": -9}
    made = dicom(stored, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1", **units)
    assert (only(read_dicom(made, "a.dcm"))[..., 0] == 2 * (4095 - stored.astype(int)) - 9).all()


def test_a_table_that_cannot_be_turned_over_is_refused() -> None:
    table = item(LUTDescriptor=[4, 0, 16], ModalityLUTType="US", LUTData=np.array([7, 8000, 9, 10], "<u2").tobytes())
    elements = {"BitsStored": 2, "HighBit": 1, "PhotometricInterpretation": "MONOCHROME1"}
    made = dicom(np.array([[0, 1], [2, 3]], np.uint16), ModalityLUTSequence=[table], **elements)
    with pytest.raises(BadInput, match="its zero stands for white, and some of its values lie beyond white"):
        only(read_dicom(made, "a.dcm"))


def test_palettes_become_colour() -> None:
    stored = np.array([[0, 1], [2, 1]], np.uint8)
    elements: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour, entries in (("Red", [1, 2, 3, 4]), ("Green", [40, 50, 60, 70]), ("Blue", [7, 8, 9, 10])):
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = [4, 0, 8]
        elements[f"{colour}PaletteColorLookupTableData"] = bytes(entries)
    volume = read_dicom(dicom(stored, **elements), "a.dcm")
    assert only(volume).tolist() == [[[1, 40, 7], [2, 50, 8]], [[3, 60, 9], [2, 50, 8]]]
    assert volume.notes == ("palette became colour",)


def test_colour_and_ybr_become_rgb() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    assert (only(read_dicom(dicom(rgb, PhotometricInterpretation="RGB"), "a.dcm")) == rgb).all()
    ybr = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    found = only(read_dicom(dicom(ybr, PhotometricInterpretation="YBR_FULL"), "a.dcm"))
    assert abs(found.astype(int) - rgb).max() <= 3


def test_one_bit_becomes_0_and_255() -> None:
    stored = np.array([[0, 1, 1, 0, 0, 0, 0, 1]] * 2, np.uint8)
    packed = np.packbits(stored, bitorder="little").tobytes()
    made = dicom(stored, BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed)
    assert (only(read_dicom(made, "a.dcm"))[..., 0] == stored * 255).all()


def test_frames_are_slices_each_with_what_its_own_header_says() -> None:
    stored = ramp(3)
    frames = [
        item(
            PixelValueTransformationSequence=[item(RescaleSlope=1, RescaleIntercept=-number)],
            FrameVOILUTSequence=[item(WindowCenter=number, WindowWidth=11)],
        )
        for number in range(3)
    ]
    volume = read_dicom(dicom(stored, PerFrameFunctionalGroupsSequence=frames), "a.dcm")
    assert volume.slices == 3
    for number in range(3):
        assert (volume.read(number, 0)[..., 0] == stored[number].astype(int) - number).all()
        assert volume.windows[number] == (number - 5.5, number + 4.5)


@pytest.mark.parametrize(
    ("elements", "window"),
    [
        ({"WindowCenter": 40, "WindowWidth": 400}, (-160, 239)),
        ({"WindowCenter": 128, "WindowWidth": 256}, (0, 255)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}, (-160, 240)),
        ({"WindowCenter": [40, 300], "WindowWidth": [400, 1500]}, (-160, 239)),
        ({"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"}, None),
        ({"WindowCenter": 40, "WindowWidth": 1}, None),
        ({"WindowCenter": 40}, None),
        ({}, None),
    ],
)
def test_the_window_is_that_of_the_standard(elements: dict[str, Any], window: tuple[float, float] | None) -> None:
    assert read_dicom(dicom(ramp()[0], **elements), "a.dcm").windows == (window,)


@pytest.mark.parametrize("syntax", ["RLELossless", "ExplicitVRBigEndian", "ImplicitVRLittleEndian", "Deflated"])
def test_transfer_syntaxes_that_pydicom_unpacks(syntax: str) -> None:
    stored = ramp()[0]
    made = pydicom.dcmread(io.BytesIO(dicom(stored)))
    if syntax == "RLELossless":
        made.compress(pydicom.uid.RLELossless)
    elif syntax == "ExplicitVRBigEndian":
        made.PixelData = stored.astype(">u2").tobytes()
    uid = pydicom.uid.DeflatedExplicitVRLittleEndian if syntax == "Deflated" else getattr(pydicom.uid, syntax)
    made.file_meta.TransferSyntaxUID = uid
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, implicit_vr=uid.is_implicit_VR, little_endian=uid.is_little_endian)
    assert (only(read_dicom(buffer.getvalue(), "a.dcm"))[..., 0] == stored).all()


def test_jpeg_2000_is_read_through_pillow() -> None:
    stored = ramp(most=255, height=32, width=32)[0].astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "JPEG2000", no_jp2=True)
    packed = pydicom.encaps.encapsulate([buffer.getvalue()])
    made = dicom(stored, syntax=pydicom.uid.JPEG2000Lossless, PixelData=packed)
    assert (only(read_dicom(made, "a.dcm"))[..., 0] == stored).all()


@pytest.mark.parametrize(
    ("syntax", "words"),
    [
        ("1.2.840.10008.1.2.4.70", r"JPEG Lossless.*pip install 'pylibjpeg\[all\]'"),
        ("1.2.840.10008.1.2.4.102", r"MPEG-4.*save it uncompressed"),
        ("1.2.840.99999.1.2.4.70", "packed in a way that no standard names"),
    ],
)
def test_packings_that_nothing_installed_unpacks_are_named(syntax: str, words: str, monkeypatch: Any) -> None:
    decoder = pydicom.pixels.get_decoder(pydicom.uid.JPEGLosslessSV1)
    monkeypatch.setattr(type(decoder), "is_available", property(lambda self: False))
    written = syntax.replace("99999", "10008")
    made = dicom(ramp()[0], syntax=written, PixelData=pydicom.encaps.encapsulate([bytes(100)]))
    made = made.replace(written.encode(), syntax.encode())
    with pytest.raises(BadInput, match=words):
        read_dicom(made, "a.dcm")


def test_a_packing_that_fails_is_named_with_what_may_read_it() -> None:
    packed = pydicom.encaps.encapsulate([bytes(100)])
    made = dicom(ramp()[0], syntax=pydicom.uid.JPEGExtended12Bit, PixelData=packed)
    with pytest.raises(BadInput, match=r"JPEG Extended .* are broken, or `pip install 'pylibjpeg\[all\]'` reads them"):
        read_dicom(made, "a.dcm")


def without_preamble(content: bytes) -> bytes:
    """As files were before there was a mark: neither it nor what it leads in."""
    made = pydicom.dcmread(io.BytesIO(content))
    buffer = io.BytesIO()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    pydicom.dcmwrite(buffer, made, implicit_vr=True, little_endian=True, enforce_file_format=False)
    return buffer.getvalue().removeprefix(bytes(128) + b"DICM")


def test_files_without_a_mark_are_read_where_they_are_called_dcm() -> None:
    stored = ramp()[0]
    assert (only(read_dicom(without_preamble(dicom(stored)), "a.dcm"))[..., 0] == stored).all()


def test_what_is_no_picture_is_named_in_one_line() -> None:
    report = dicom(ramp()[0], PixelData=None, SOPClassUID=pydicom.uid.BasicTextSRStorage)
    with pytest.raises(BadInput, match=r"^a.dcm: a DICOM that is no picture \(Basic Text SR Storage\)$"):
        read_dicom(report, "a.dcm")
    with pytest.raises(BadInput, match="a DICOM that is no picture"):
        read_dicom(bytes(128) + b"DICM" + bytes(300), "a.dcm")


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"Rows": 60_000, "Columns": 60_000}, "60000 x 60000 pixels are more than"),
        ({"NumberOfFrames": 2_000_000_000}, "2000000000 slices of 20 x 24 are more than"),
        ({"NumberOfFrames": -3}, "-3 slices"),
        ({"Rows": 0}, "0 pixels"),
        ({"Rows": None}, "broken or truncated DICOM file"),
        ({"NumberOfFrames": 2}, "broken or truncated DICOM file"),
        ({"BitsStored": 60_000}, "broken or truncated DICOM file"),
        ({"PhotometricInterpretation": "CMYK"}, "colours are of a kind"),
        ({"RescaleSlope": 0}, "cannot be rescaled by 0"),
    ],
)
def test_hostile_headers_are_refused_in_a_line(elements: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words) as problem:
        read_dicom(dicom(ramp()[0], **elements), "a.dcm").read(0, 0)
    assert "\n" not in str(problem.value)


def test_bombs_are_refused_before_they_are_unpacked() -> None:
    made = pydicom.dcmread(io.BytesIO(dicom(ramp()[0])))
    made.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    made.PixelData = bytes(1 << 20)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    with pytest.raises(BadInput, match="unpacks to more than 65536 bytes"):
        read_dicom(buffer.getvalue(), "a.dcm", Limits(entry_bytes=1 << 16))


def broken(content: bytes, cut: int, at: int, byte: int) -> bytes:
    changed = bytearray(content[: max(1, len(content) - cut)])
    changed[at % len(changed)] = byte
    return bytes(changed)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["dicom", "nifti", "gz"]), st.integers(0, 900), st.integers(0, 2_000), st.integers(0, 255))
def test_broken_bytes_end_in_pixels_or_in_one_line_without_the_patient(kind: str, cut: int, at: int, byte: int) -> None:
    content = dicom(ramp()[0]) if kind == "dicom" else nifti(ramp(4).astype(np.int16))
    damaged = broken(gzip.compress(content, mtime=0) if kind == "gz" else content, cut, at, byte)
    said = ""
    try:
        volume = read_dicom(damaged, "a") if kind == "dicom" else read_nifti(damaged, "a")
        volume.read(volume.slices - 1, volume.times - 1)
    except BadInput as problem:
        said = str(problem)
    assert "\n" not in said
    assert PATIENT not in said
    assert PATIENT_ID not in said


def test_nothing_of_the_patient_is_logged(caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    odd = dicom(ramp()[0]).replace(b"19700101", b"Doe^Jane")
    read_dicom(odd, "a.dcm")
    out, err = capfd.readouterr()
    assert "Doe" not in caplog.text + out + err


def test_files_of_one_patient_are_of_one_group() -> None:
    groups = [
        read_dicom(dicom(ramp()[0], **elements), name).group
        for name, elements in {
            "a": {},
            "b": {},
            "c": {"patient": "another"},
            "d": {"patient": "", "StudyInstanceUID": "1.2"},
            "e": {"patient": "", "StudyInstanceUID": "1.2"},
            "f": {"patient": ""},
            "g": {"patient": ""},
        }.items()
    ]
    assert groups[0] == groups[1]
    assert groups[3] == groups[4]
    assert len(set(groups)) == 5


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, ">i2"])
@pytest.mark.parametrize("packed", [False, True])
def test_slices_lie_along_the_third_axis(dtype: Any, packed: bool) -> None:
    values = ramp(5, 4, 3, most=200).astype(dtype)
    content = nifti(values, slope=2, intercept=-7)
    volume = read_nifti(gzip.compress(content) if packed else content, "a.nii")
    assert (volume.slices, volume.times) == (3, 1)
    for number in range(3):
        assert (volume.read(number, 0)[..., 0] == values[:, :, number].astype(int) * 2 - 7).all()
    assert any("axes pointing to RAS" in note for note in volume.notes)


def test_times_are_the_fourth_axis() -> None:
    values = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    volume = read_nifti(nifti(values, window=(10, 20)), "a.nii")
    assert (volume.slices, volume.times, volume.windows) == (4, 5, ((10, 20),) * 4)
    assert (volume.read(2, 3)[..., 0] == values[:, :, 2, 3]).all()


def test_colour_of_nifti_is_colour() -> None:
    values = np.random.default_rng(0).integers(0, 256, (3, 4, 2, 3), dtype=np.uint8)
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    volume = read_nifti(nifti(np.ascontiguousarray(values).view(kind)[..., 0]), "a.nii")
    assert (volume.read(1, 0) == values[:, :, 1]).all()


def test_the_second_version_of_nifti_is_read() -> None:
    import nibabel

    values = ramp(5, 4, 3).astype(np.int16)
    content = nibabel.Nifti2Image(values, np.eye(4)).to_bytes()
    assert (read_nifti(content, "a.nii").read(1, 0)[..., 0] == values[:, :, 1]).all()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 2, 2, 2, 3), np.int16), "5 axes"),
        (np.zeros((2, 2), np.complex64), "neither numbers nor RGB"),
        (np.full((2, 2), np.nan, np.float32), "NaN"),
    ],
)
def test_volumes_that_are_no_pictures_are_named(values: np.ndarray, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_nifti(nifti(values), "a.nii").read(0, 0)


def test_a_volume_that_declares_too_much_is_refused_before_it_is_unpacked() -> None:
    content = bytearray(nifti(np.zeros((4, 4, 4), np.int16)))
    content[42:48] = np.array([32_000] * 3, "<i2").tobytes()
    with pytest.raises(BadInput, match="are more than"):
        read_nifti(gzip.compress(bytes(content)), "a.nii.gz")
    content[42:48] = np.array([400, 400, 400], "<i2").tobytes()
    with pytest.raises(BadInput, match="broken or truncated NIfTI file"):
        read_nifti(zlib.compress(bytes(content), wbits=31), "a.nii.gz")


def test_kinds_are_known_by_content() -> None:
    volume = nifti(ramp(3).astype(np.int16))
    for content in (dicom(ramp()[0]), volume, gzip.compress(volume)):
        assert kind_by_content(content[:HEAD_BYTES]) == "volume"
    assert kind_by_content(gzip.compress(bytes(1_000))[:HEAD_BYTES]) is None


@pytest.mark.parametrize(("package", "read"), [("pydicom", read_dicom), ("nibabel", read_nifti)])
def test_without_the_extra_the_remedy_is_named(package: str, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    content = dicom(ramp()[0]) if package == "pydicom" else nifti(ramp().astype(np.int16))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadInput, match=r"pip install 'diorama\[medical\]'"):
        read(content, "a")
