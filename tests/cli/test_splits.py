"""`--split` and `--subject-split` of a name that the data do not have: every command says that it is a wrong value."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.cli.main import NOTHING_DONE, WRONG, run
from diorama.core.errors import BadInput, WrongValue
from diorama.data.dataset import open_dataset
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from tests.data.pictures import packed, picture, save
from tests.synthesis.models import enlarger, tiny_gan


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepared data with one split, raw ones with two, and a model that is given pictures."""
    monkeypatch.setenv("DIORAMA_CACHE", str(tmp_path / "cache"))
    packed(tmp_path / "data", 12)
    for number in range(4):
        save(picture(number, (8, 8)), tmp_path / "raw" / ("train" if number < 2 else "val") / f"{number}.png")
    model = enlarger(channels=3)
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(recipe="random"), "# Random\n")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("evaluate", "data", "--against", "data", "--split", "vla"), "data: has no split 'vla', only train"),
        (("evaluate", "data", "--against", "data", "--subject-split", "vla"), "data: has no split 'vla', only train"),
        (("evaluate", "data", "--against", "raw", "--split", "vla"), "raw: has no split 'vla', only train, val"),
        (
            ("evaluate", "raw", "--against", "data", "--subject-split", "vla"),
            "raw: has no split 'vla', only train, val",
        ),
        (
            ("compare", "--samples", "a=raw", "--count", "4", "--data", "data", "--split", "vla"),
            "data: has no split 'vla', only train",
        ),
        (("sample", "model", "--records", "data", "--split", "vla"), "data: has no split 'vla', only train"),
        (("sample", "model", "--records", "data"), "data: has no split 'val', only train"),
    ],
)
def test_a_split_that_is_not_there_is_a_wrong_value(
    place: Path, words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    out = () if words[0] == "evaluate" else ("--out", "out")
    assert run([*words, *out]) == WRONG
    told = capsys.readouterr().err.splitlines()[-1]
    assert named in told
    assert not (place / "out").exists()


def test_data_without_a_split_to_train_on_cannot_be_trained_on(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed(place / "held", 12, split="test")
    assert run(["train", "ddpm_toy", "--data", str(place / "held"), "--out", str(place / "run")]) == NOTHING_DONE
    assert "has no split 'train', only test, so there is nothing to train on" in capsys.readouterr().err


def test_no_other_split_would_serve_where_there_is_nothing_to_train_on(tmp_path: Path) -> None:
    packed(tmp_path / "held", 3, split="test")
    held = open_dataset(tmp_path / "held")
    with pytest.raises(WrongValue):
        held.split("train")
    with pytest.raises(BadInput) as refused:
        _ = held.training
    assert not isinstance(refused.value, WrongValue)


def test_a_model_has_no_splits(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_gan(channels=3)
    store.save(place / "gan", model.config, model.state_dict(), Provenance(recipe="random"), "# Random\n")
    words = ("evaluate", str(place / "gan"), "--against", str(place / "data"), "--subject-split", "train")
    assert run(words) == NOTHING_DONE
    assert "subject_split 'train': a model has no splits; leave it out" in capsys.readouterr().err
