"""A system of one's own that uses trained parts: given by folder, refused by name, drawn with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.conftest import Run
from tests.training.toy import write_data, write_model

FILE = '''
"""A recipe whose method wants a codec and a teacher."""

from tests.training.toy import CATALOG, student_recipe


def student(info):
    return student_recipe({})
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my_student.py"
    path.write_text(FILE)
    return path


def test_parts_are_given_by_folder_and_refused_by_name(diorama: Run, file: Path, tmp_path: Path) -> None:
    data = write_data(tmp_path / "data")
    for seed, name in enumerate(("codec", "teacher", "other")):
        write_model(tmp_path / name, seed)
    train = ("train", f"{file}:student", "--data", data, "--out", tmp_path / "run", "--device", "cpu")
    teacher = ("--frozen.teacher", tmp_path / "teacher")

    assert "--frozen.codec FOLDER, a toy that decodes" in diorama(*train, *teacher, code=2)
    assert "no such field" in diorama(*train, *teacher, "--frozen.tutor", tmp_path / "teacher", code=2)
    told = diorama(*train, *teacher, "--frozen.codec", tmp_path / "nowhere", code=1)
    assert f"frozen.codec: {tmp_path / 'nowhere'}: there is no such folder" in told
    assert not (tmp_path / "run/recipe.json").exists()

    given = (*train, *teacher, "--frozen.codec", tmp_path / "codec")
    assert "is complete" in diorama(*given)
    assert "codec" in diorama("describe", tmp_path / "run", "--with", file)
    diorama("sample", tmp_path / "run", "--with", file, "--count", "2", "--out", tmp_path / "samples")
    assert len(list((tmp_path / "samples").glob("*.png"))) == 2

    told = diorama(*train, *teacher, "--frozen.codec", tmp_path / "other", code=1)
    assert "frozen.codec " in told
    assert "is complete" in diorama(*given)
