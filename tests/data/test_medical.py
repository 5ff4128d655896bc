"""Medical files on their way into a prepared folder: units and window kept, patients together and never named."""

from __future__ import annotations

import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from diorama.core.errors import BadInput
from diorama.data.dataset import Dataset
from diorama.data.scales import Scale
from diorama.data.sources.base import Scan, SourceOptions
from diorama.data.windows import common_window, holding
from diorama.media.convert import to_stored
from diorama.media.image import read_image, suffix_for, write_image
from tests.data.pictures import prepared
from tests.data.sources.examples import fill, read_all, reasons, tarred, zipped
from tests.media.scans import PATIENT, PATIENT_ID, dicom, nifti, ramp

pytest.importorskip("pydicom", reason="needs the extra `medical`")
pytest.importorskip("nibabel", reason="needs the extra `medical`")

CT = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1024}
WINDOW = {"WindowCenter": 40, "WindowWidth": 400}


def patients(count: int = 8, slices: int = 3) -> dict[str, bytes]:
    """CT slices in one folder, by names that say who is who to the test alone."""
    return {
        f"{person}-{number}.dcm": dicom(
            ramp(seed=100 * person + number)[0], patient=f"{PATIENT_ID}{person}", **CT, **WINDOW
        )
        for person in range(count)
        for number in range(slices)
    }


def records(dataset: Dataset) -> dict[str, np.ndarray]:
    return {str(one.facts["path"]): one.pixels for name in dataset.splits for one in dataset.split(name)[:]}


def test_slices_are_in_hounsfield_units_and_the_window_is_kept(tmp_path: Path) -> None:
    dataset, audit = prepared(fill(tmp_path / "set", patients()), tmp_path / "out", size=None)
    media = dataset.info.media
    assert (media.dtype, media.low, media.high) == ("float32", -160, 239)
    found = records(dataset)
    for person in range(8):
        assert (found[f"{person}-1.dcm"][..., 0] == ramp(seed=100 * person + 1)[0].astype(int) - 1024).all()
    batch = dataset.split("train").read(np.arange(2))["image"]
    assert batch.min() == -1
    assert batch.max() == 1
    assert any("the window -160 to 239, which is kept" in note for note in audit.notes)


def test_patients_stay_on_one_side(tmp_path: Path) -> None:
    dataset, _ = prepared(fill(tmp_path / "set", patients()), tmp_path / "out")
    sides = defaultdict(set)
    for name in dataset.splits:
        for record in dataset.split(name)[:]:
            sides[str(record.facts["path"])[0]].add(name)
    assert all(len(where) == 1 for where in sides.values())
    assert set.union(*sides.values()) == {"train", "val", "test"}


def test_nothing_of_a_patient_is_written(tmp_path: Path) -> None:
    files = patients(3)
    # Splits that tear a patient apart are spoken of, and what is broken is listed with its reason.
    files = {f"{'train' if number % 2 else 'test'}/{name}": one for number, (name, one) in enumerate(files.items())}
    files["train/cut.dcm"] = files["test/0-0.dcm"][:-50]
    files["train/odd.dcm"] = dicom(ramp()[0]).replace(b"MONOCHROME2 ", f"{PATIENT_ID} ".encode())
    files["test/volume.nii"] = nifti(ramp(20, 24, 3).astype(np.int16), window=(0, 100))
    _, audit = prepared(fill(tmp_path / "set", files), tmp_path / "out", size=16)
    assert {skip.path for skip in audit.skipped} == {"train/cut.dcm", "train/odd.dcm"}
    assert any("on several sides of the source's own splits" in note for note in audit.notes)
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    for secret in (PATIENT, PATIENT_ID, "Unmistakable", "19700101"):
        assert secret.encode() not in written


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([(-160.0, 239.0), (-1000.0, 1000.0)], "files state 2 windows, such as -1000 to 1000 and -160 to 239;"),
        ([(-160.0, 239.0), None], "1 of 2 records state no window, the others -160 to 239;"),
        ([None, None], "no file states a window;"),
    ],
)
def test_windows_that_differ_or_are_missing_are_not_kept(windows: list[tuple[float, float] | None], said: str) -> None:
    kept, notes = common_window([Scan("", window) for window in windows], Scale("float32"))
    assert kept is None
    assert notes[0].startswith(said)


def test_pictures_that_are_not_medical_are_not_spoken_of() -> None:
    assert common_window([None, None], Scale("uint8")) == (None, [])
    assert common_window([None, Scan("", (0.0, 9.0))], Scale("uint8"))[0] is None


def test_values_that_were_scaled_have_left_their_window() -> None:
    scans = [Scan("", (0.0, 9.0))] * 2
    assert common_window(scans, Scale("uint16", {"uint8": 257.0}))[0] is None


@pytest.mark.parametrize(
    ("dtype", "window", "held"),
    [
        ("uint16", (0.0, 4095.0), "uint16"),
        ("uint16", (-5.0, 100.0), "float32"),
        ("uint8", (0.0, 300.0), "float32"),
        ("float32", (-5.0, 9.0), "float32"),
        ("uint8", None, "uint8"),
    ],
)
def test_the_type_holds_the_ends_of_the_window(dtype: str, window: tuple[float, float] | None, held: str) -> None:
    assert holding(Scale(dtype), window).dtype == held


def test_samples_are_written_in_the_units_of_the_file(tmp_path: Path) -> None:
    dataset, _ = prepared(fill(tmp_path / "set", patients()), tmp_path / "out")
    media = dataset.info.media
    pixels = to_stored(dataset.split("train").read(np.arange(1))["image"][0], media)
    path = tmp_path / f"0{suffix_for(media)}"
    write_image(path, pixels)
    back = read_image(path.read_bytes(), path.name).pixels
    assert back.dtype == np.float32
    stored = dataset.split("train")[0].pixels
    assert np.abs(back - np.clip(stored, -160, 239)).max() < 1e-3


@pytest.mark.parametrize("frames", [None, 4])
def test_a_stack_is_slices_or_a_clip(tmp_path: Path, frames: int | None) -> None:
    files = {f"{i}.dcm": dicom(ramp(4, seed=i), **CT) for i in range(4)}
    dataset, _ = prepared(fill(tmp_path / "set", files), tmp_path / "out", size=None, frames=frames)
    found = records(dataset)
    wanted = ramp(4, seed=2).astype(int)[..., None] - 1024
    if frames is None:
        assert len(found) == 16
        assert (found["2.dcm/000003"] == wanted[3]).all()
    else:
        assert len(found) == 4
        assert (found["2.dcm"] == wanted).all()


@pytest.mark.parametrize("frames", [None, 5])
def test_four_axes_are_slices_at_times_or_a_clip_of_each_slice(tmp_path: Path, frames: int | None) -> None:
    values = np.random.default_rng(0).normal(size=(6, 7, 3, 5)).astype(np.float32)
    files = {"a.nii.gz": gzip.compress(nifti(values)), "b.nii": nifti(values + 1)}
    dataset, _ = prepared(fill(tmp_path / "set", files), tmp_path / "out", size=None, frames=frames)
    found = records(dataset)
    if frames is None:
        assert (found["a.nii.gz/000004/000002"][..., 0] == values[:, :, 2, 4]).all()
    else:
        assert (found["a.nii.gz/000002"][..., 0] == values[:, :, 2].transpose(2, 0, 1)).all()
    assert len(found) == (30 if frames is None else 6)
    sides = {(str(one.facts["path"])[0], name) for name in dataset.splits for one in dataset.split(name)[:]}
    assert len(sides) == 2


def test_files_are_known_by_suffix_or_content_in_any_container(tmp_path: Path) -> None:
    volume = nifti(ramp(20, 24, 2).astype(np.int16))
    files = {
        "IM0001": dicom(ramp()[0]),
        "scan.DICOM": dicom(ramp(seed=1)[0]),
        "brain": volume,
        "brain.gz": gzip.compress(volume),
        "head.NII.GZ": gzip.compress(volume),
        "text.gz": gzip.compress(bytes(9_000)),
        "pair.hdr": bytes(344) + b"ni1\0",
    }
    volumes = ("brain", "brain.gz", "head.NII.GZ")
    paths = ["IM0001", "scan.DICOM", *(f"{name}/00000{i}" for name in volumes for i in (0, 1))]
    folder = fill(tmp_path / "set", files)
    for place in (folder, zipped(tmp_path / "a.zip", files), tarred(tmp_path / "a.tar.gz", files, "w:gz")):
        source, items = read_all(place)
        assert sorted(item.path for item in items) == sorted(paths)
        assert set(reasons(source)) == {"text.gz", "pair.hdr"}
        assert all(isinstance(item.load(), np.ndarray) for item in items)
    for name in ("IM0001", "brain.gz", "head.NII.GZ"):
        assert read_all(folder / name)[1]


def test_a_table_speaks_of_all_slices_of_a_file(tmp_path: Path) -> None:
    files = {f"{i}.nii": nifti(ramp(20, 24, 2, seed=i).astype(np.int16)) for i in range(4)}
    files["labels.csv"] = b"path,label\n" + b"".join(
        b"%d.nii,%s\n" % (i, b"sick" if i % 2 else b"well") for i in range(4)
    )
    dataset, audit = prepared(fill(tmp_path / "set", files), tmp_path / "out")
    assert dataset.info.classes == ("sick", "well")
    assert audit.labels == {"sick": 4, "well": 4}


def test_one_slice_where_clips_are_wanted_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path, {"0.dcm": dicom(ramp()[0]), "1.dcm": dicom(ramp(3))})
    source, items = read_all(tmp_path, SourceOptions(clips=True))
    assert [item.path for item in items] == ["1.dcm"]
    assert reasons(source) == {"0.dcm": "a single picture where clips are wanted"}


def test_a_dicom_that_is_no_picture_is_one_line(tmp_path: Path) -> None:
    report = dicom(ramp()[0], PixelData=None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    with pytest.raises(BadInput, match=r"a DICOM that is no picture \(Basic Text SR Storage\)") as problem:
        prepared(fill(tmp_path / "set", {"report.dcm": report}), tmp_path / "out")
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "out").exists()
