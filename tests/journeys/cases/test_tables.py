"""Cases of tables, lists and files beside a record: the labels, captions and groups that they hold are read.

Each test bears the name of the report that it stands for.
"""

from __future__ import annotations

import io
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.pictures import picture, save
from tests.data.sources.examples import tarred, zipped
from tests.journeys.cases.conftest import Prepare
from tests.journeys.conftest import Run

LETTERS = {f"{i}.png": "ab"[i % 2] for i in range(20)}
"""The label of every picture in the folders below."""


def _pictures(folder: Path, names: list[str] | None = None) -> Path:
    for number, name in enumerate(names or list(LETTERS)):
        save(picture(number), folder / name)
    return folder


def _bytes(seed: int, suffix: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(seed)).save(buffer, suffix)
    return buffer.getvalue()


def test_c07_labels_of_a_dataset_json_are_read(prepare: Prepare, tmp_path: Path) -> None:
    names = [f"{i // 10:05d}/img{i:08d}.png" for i in range(40)]
    files = {name: _bytes(i, "PNG") for i, name in enumerate(names)}
    labels = [[name, i % 4] for i, name in enumerate(names)]
    made = prepare(zipped(tmp_path / "set.zip", files | {"dataset.json": json.dumps({"labels": labels}).encode()}))
    assert {path: r.label for path, r in made.records.items()} == {name: str(i % 4) for i, name in enumerate(names)}
    assert made.said("facts were read from dataset.json")


def test_c08_a_metadata_csv_gives_labels_and_captions(prepare: Prepare, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "set")
    rows = "".join(f"{name},{label},number {name[:-4]}\n" for name, label in LETTERS.items())
    (folder / "metadata.csv").write_text("file_name,label,text\n" + rows)
    made = prepare(folder)
    assert {path: r.label for path, r in made.records.items()} == LETTERS
    assert {path: r.captions for path, r in made.records.items()} == {n: (f"number {n[:-4]}",) for n in LETTERS}
    assert made.said("facts were read from metadata.csv")


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("c10 absolute", "60 of 60 rows of table.csv were matched by where the source lies on disk"),
        ("c10c prefixed", "60 of 60 rows of table.csv were matched without their first folder"),
    ],
)
def test_c10_rows_are_matched_and_patients_stay_on_one_side(
    prepare: Prepare, tmp_path: Path, case: str, said: str
) -> None:
    scans = _pictures(tmp_path / "scans", [f"{i:02d}.png" for i in range(60)])
    start = f"{scans.resolve()}/" if case == "c10 absolute" else "scans/"
    rows = "".join(f"{start}{i:02d}.png,{'ab'[i % 2]},{i // 6}\n" for i in range(60))
    (tmp_path / "table.csv").write_text("path,label,patient\n" + rows)
    made = prepare(scans, "--table", tmp_path / "table.csv", "--group", "patient")
    assert made.said(said)
    sides: dict[str, set[str]] = {}
    for path, record in made.records.items():
        assert record.label == "ab"[int(path[:2]) % 2]
        assert record.facts["patient"] == str(int(path[:2]) // 6)
        sides.setdefault(record.facts["patient"], set()).add(record.split)
    assert len(sides) == 10
    assert all(len(side) == 1 for side in sides.values())
    assert all(made.counts.values())


@pytest.mark.parametrize("name", ["c10 nothing matches", "c10 nothing in the column"])
def test_c10_a_group_that_groups_nothing_is_refused(diorama: Run, tmp_path: Path, name: str) -> None:
    scans = _pictures(tmp_path / "scans")
    row = "elsewhere/{}.jpg,{}\n" if name == "c10 nothing matches" else "{}.png,\n"
    (tmp_path / "table.csv").write_text("path,patient\n" + "".join(row.format(i, i // 4) for i in range(100, 120)))
    if name == "c10 nothing in the column":
        (tmp_path / "table.csv").write_text("path,patient\n" + "".join(f"{i}.png,\n" for i in range(20)))
    told = diorama(
        *("prepare", scans, "--out", tmp_path / "out", "--table", tmp_path / "table.csv", "--group", "patient"), code=1
    )
    assert len([line for line in told.splitlines() if line.startswith("diorama: ")]) == 1
    assert not (tmp_path / "out").exists()


def test_c11_names_meet_however_their_letters_are_composed(prepare: Prepare, tmp_path: Path) -> None:
    names = [f"{word}_{i}.png" for word in ("café", "Übung") for i in range(10)]
    folder = _pictures(tmp_path / "set", [unicodedata.normalize("NFD", name) for name in names])
    rows = "".join(f"{unicodedata.normalize('NFC', name)},{name[0]}\n" for name in names)
    (folder / "labels.csv").write_text("path,label\n" + rows, encoding="utf-8")
    made = prepare(folder)
    assert made.classes == {"c": 10, "Ü": 10}
    assert "no such file" not in made.told


LABELS = np.arange(40) % 4


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.eye(4, dtype=np.float32)[LABELS], "40 x labels are one-hot rows"),
        (LABELS.astype(np.float64), "40 x labels are whole numbers, stored as floats"),
        (LABELS[:, None], ""),
    ],
    ids=["onehot", "floats", "columns"],
)
def test_c21_labels_of_an_npz_are_read_in_every_form(
    prepare: Prepare, tmp_path: Path, labels: np.ndarray, said: str
) -> None:
    np.savez(tmp_path / "set.npz", images=np.stack([picture(i) for i in range(40)]), labels=labels)
    made = prepare(tmp_path / "set.npz", "--size", "None")
    assert made.classes == dict.fromkeys("0123", 10)
    for record in made.records.values():
        number = next(i for i in range(40) if (record.pixels == picture(i)).all())
        assert record.label == str(number % 4)
    assert made.said(said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("path,label\n" + "".join(f"{n[:-4]},{v}\n" for n, v in LETTERS.items()), "were matched by adding the suffix"),
        ("filename,class\n" + "".join(f"{n},{v}\n" for n, v in LETTERS.items()), "'class' of X.csv was read as label"),
        ("sep=;\r\nfilename;label\r\n" + "".join(f"{n};{v}\r\n" for n, v in LETTERS.items()), ""),
        ("Path,Label\n" + "".join(f"{n},{v}\n" for n, v in LETTERS.items()), ""),
        (("path\tlabel\r\n" + "".join(f"{n}\t{v}\r\n" for n, v in LETTERS.items())).encode("utf-16"), ""),
        ("path;label;weight,kg\n" + "".join(f"{n};{v};1,5\n" for n, v in LETTERS.items()), ""),
    ],
    ids=["noext", "class", "excel", "capital", "utf16", "semicolon_decimal"],
)
def test_c24_tables_are_read_as_people_write_them(
    prepare: Prepare, tmp_path: Path, content: str | bytes, said: str
) -> None:
    folder, table = _pictures(tmp_path / "p"), tmp_path / "X.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    made = prepare(folder, "--table", table)
    assert {path: record.label for path, record in made.records.items()} == LETTERS
    assert made.said(said)
    if b"weight" in table.read_bytes():
        assert {record.facts["weight,kg"] for record in made.records.values()} == {"1,5"}


def test_c24_commas_in_captions_are_read_to_the_end_of_the_line(prepare: Prepare, tmp_path: Path) -> None:
    folder, table = _pictures(tmp_path / "p"), tmp_path / "commas.csv"
    table.write_text("path,caption\n" + "".join(f"{n},a picture, number {v}, in colour\n" for n, v in LETTERS.items()))
    made = prepare(folder, "--table", table)
    expected = {name: (f"a picture, number {label}, in colour",) for name, label in LETTERS.items()}
    assert {path: record.captions for path, record in made.records.items()} == expected
    assert made.said("20 captions of commas.csv hold ',' without quotes and were read to the end of the line")


def test_c27_files_beside_a_record_are_its_facts(prepare: Prepare, tmp_path: Path) -> None:
    files = {}
    for i in range(30):
        files[f"{i:06d}.jpg"] = _bytes(i, "JPEG")
        files[f"{i:06d}.cls"], files[f"{i:06d}.txt"] = str(i % 3).encode(), f"picture {i}".encode()
    (tmp_path / "set").mkdir()
    tarred(tmp_path / "set/shard-000000.tar", files)
    made = prepare(tmp_path / "set")
    assert made.classes == dict.fromkeys("012", 10)
    for path, record in made.records.items():
        number = int(Path(path).stem)
        assert (record.label, record.captions) == (str(number % 3), (f"picture {number}",))
    assert made.said("facts were read from 60 files beside the records (.cls, .txt)")


def test_c33_rows_that_name_their_own_folder_are_matched(prepare: Prepare, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "set/train").parent
    rows = [{"file_name": f"train/{n}", "text": f"n {n[:-4]}", "label": v} for n, v in LETTERS.items()]
    (folder / "train/metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = prepare(folder)
    assert {path: r.label for path, r in made.records.items()} == {f"train/{n}": v for n, v in LETTERS.items()}
    assert made.records["train/7.png"].captions == ("n 7",)
    assert made.said("facts were read from train/metadata.jsonl")
