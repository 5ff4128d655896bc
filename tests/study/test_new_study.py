"""What a study shows says nothing of where it comes from, and is what it was made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diorama.core.errors import BadInput
from diorama.media.image import read_image, write_image
from diorama.media.stamp import SyntheticStamp, read_stamp
from diorama.media.video import read_video, write_video
from diorama.study.collection import media_path
from diorama.study.design import Session
from diorama.study.folder import Study, open_study
from diorama.study.make import new_study
from diorama.study.plan import trials_of
from diorama.study.sources import Shown
from diorama.study.turns import judgements_of
from tests.study.studies import ITEMS, SIDE, design, small_study, write_pictures

STAMP = SyntheticStamp(model="ab" * 32, seed=3, recipe="secret-recipe")


def test_pictures_are_kept_to_the_pixel_and_lose_what_they_say_of_themselves(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (3, ITEMS, 16, 24, 3), dtype=np.uint8)
    sources = {}
    for system, ending, own in zip(("real", "one", "two"), ("png", "webp", "png"), pixels, strict=True):
        sources[system] = tmp_path / system
        for i, one in enumerate(own):
            write_image(tmp_path / system / f"{i:03d}.{ending}", one, STAMP)
    made = new_study(tmp_path / "study", design(), sources, ITEMS, Shown())
    assert made.notes == ("the same file names of every system are one item",)
    study = open_study(tmp_path / "study")
    assert (study.collection.height, study.collection.width) == (16, 24)
    for place, medium in enumerate(study.collection.media[: study.collection.ordinary]):
        path = media_path(study.folder, medium)
        item, system = divmod(place, 3)
        assert (medium.system, medium.item) == (("real", "one", "two")[system], f"{item:03d}")
        np.testing.assert_array_equal(read_image(path.read_bytes(), "x").pixels, pixels[system, item])
        assert read_stamp(path) is None
        assert b"secret" not in path.read_bytes()
        with Image.open(path) as opened:
            assert opened.info == {}
    assert {path.stat().st_size for path in (study.folder / "media").iterdir()} == {study.collection.bytes}
    assert len({medium.file for medium in study.collection.media}) == len(study.collection.media)


def test_clips_are_of_one_length_and_play(tmp_path: Path) -> None:
    for system, frames in (("real", 7), ("one", 5), ("two", 9)):
        for i in range(ITEMS):
            clip = np.full((frames, SIDE, SIDE, 3), 30 * i, np.uint8)
            write_video(tmp_path / system / f"{i}.mp4", clip, 8.0, STAMP)
    sources = {system: tmp_path / system for system in ("real", "one", "two")}
    made = new_study(tmp_path / "study", design(), sources, ITEMS, Shown(clips=True))
    assert any("12 clips cut to 5 frames" in note for note in made.notes)
    study = open_study(tmp_path / "study")
    for medium in study.collection.media:
        path = media_path(study.folder, medium)
        assert len(list(read_video(path))) == 5
        assert path.stat().st_size == study.collection.bytes
        assert b"secret" not in path.read_bytes()
        assert read_stamp(path) is None


def test_pictures_of_several_sizes_are_brought_to_the_smallest_and_it_is_said(tmp_path: Path) -> None:
    sides = {"real": 32, "one": 64, "two": 48}
    sources = {name: write_pictures(tmp_path / name, i, side=side) for i, (name, side) in enumerate(sides.items())}
    made = new_study(tmp_path / "study", design(), sources, ITEMS, Shown())
    assert (made.collection.height, made.collection.width) == (32, 32)
    assert any("12 pictures cropped and scaled to 32x32" in note for note in made.notes)
    larger = new_study(tmp_path / "larger", design(), sources, ITEMS, Shown(size=40))
    assert (larger.collection.height, larger.collection.width) == (40, 40)


def test_files_of_other_names_are_matched_by_their_order_and_it_is_said(tmp_path: Path) -> None:
    sources = {name: write_pictures(tmp_path / name, i) for i, name in enumerate(("real", "one", "two"))}
    for path in list((tmp_path / "one").iterdir()):
        path.rename(path.with_name(f"sample-{path.name}"))
    made = new_study(tmp_path / "study", design(), sources, 4, Shown())
    assert any("n-th file" in note for note in made.notes)
    assert len(made.collection.items) == 4


def test_more_judgements_than_there_are_different_ones_are_said(tmp_path: Path) -> None:
    sources = {name: write_pictures(tmp_path / name, i) for i, name in enumerate(("real", "one", "two"))}
    made = new_study(tmp_path / "study", design(), sources, 1, Shown())
    assert any("a rater gives 6 judgements, and there are 3 different ones" in note for note in made.notes)


def test_too_few_pictures_or_a_folder_that_is_there_are_refused(tmp_path: Path) -> None:
    sources = {name: write_pictures(tmp_path / name, i) for i, name in enumerate(("real", "one", "two"))}
    with pytest.raises(BadInput, match="6 pictures, and --items asks for 7; ask for 6 or fewer"):
        new_study(tmp_path / "study", design(), sources, 7, Shown())
    assert not (tmp_path / "study").exists()
    with pytest.raises(BadInput, match="there already"):
        new_study(tmp_path / "real", design(), sources, 2, Shown())
    (tmp_path / "real" / "000000.png").write_bytes(b"no picture")
    with pytest.raises(BadInput, match=r"real/000000\.png: "):
        new_study(tmp_path / "other", design(), sources, ITEMS, Shown())
    assert not (tmp_path / "other").exists()
    with pytest.raises(BadInput, match="real: has 1 clip, and --items asks for 2"):
        new_study(tmp_path / "clips", design(), sources, 2, Shown(clips=True))


@pytest.mark.parametrize("kind", ["pairwise", "2afc", "real_or_fake", "opinion"])
def test_a_raters_trials_are_practice_then_judgements_with_attention_then_repeats(kind: str, tmp_path: Path) -> None:
    study = small_study(tmp_path, design(kind))  # type: ignore[arg-type]
    collection, session = study.collection, study.design.session
    for rater in range(12):
        trials = trials_of(study.design, collection, rater, judgements_of(study.design, collection, rater))
        roles = [trial.role for trial in trials]
        assert roles[: session.practice] == ["practice"] * session.practice
        assert roles[-session.repeats :] == ["repeat"] * session.repeats
        assert roles.count("judge") == session.judgements
        assert roles.count("attention") == session.attention
        assert roles[session.practice] == "judge"
        for trial in trials:
            _check_trial(study, trial, trials)


def test_a_forced_choice_with_too_few_items_says_that_true_pictures_come_again(tmp_path: Path) -> None:
    sources = {name: write_pictures(tmp_path / name, i) for i, name in enumerate(("real", "one", "two"))}
    for judgements, told in ((ITEMS, 0), (ITEMS + 1, 1)):
        asked = design("2afc", session=Session(judgements=judgements))
        made = new_study(tmp_path / f"study-{judgements}", asked, sources, ITEMS, Shown())
        assert sum("gives itself away" in note for note in made.notes) == told


@pytest.mark.parametrize("kind", ["2afc", "opinion"])
def test_practice_and_attention_show_nothing_that_is_judged(kind: str, tmp_path: Path) -> None:
    session = Session(judgements=3, attention=2, practice=2, repeats=0)
    study = small_study(tmp_path, design(kind, session=session))  # type: ignore[arg-type]
    collection = study.collection
    for rater in range(12):
        trials = trials_of(study.design, collection, rater, judgements_of(study.design, collection, rater))
        shown: dict[bool, set[int]] = {True: set(), False: set()}
        for trial in trials:
            places = {place for place in (trial.left, trial.right) if place is not None} - set(collection.noise)
            shown[trial.role == "judge"] |= {place // len(study.design.systems) for place in places}
        assert shown[True].isdisjoint(shown[False])


def _check_trial(study: Study, trial, trials) -> None:  # type: ignore[no-untyped-def]
    noise = [place in study.collection.noise for place in (trial.left, trial.right) if place is not None]
    assert len(noise) == (2 if study.design.two else 1)
    assert sum(noise) == (trial.role == "attention")
    if trial.role == "attention" and study.design.two:
        assert trial.wanted == ("right" if noise[0] else "left")
    if trial.role == "repeat":
        first = trials[trial.of]
        assert first.role == "judge"
        assert (trial.left, trial.right) == ((first.right, first.left) if study.design.two else (first.left, None))
