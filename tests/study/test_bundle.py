"""A bundle shows a study without a server, says nothing of it, and what its pages save comes back as answers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diorama.core.errors import BadInput
from diorama.study.bundle import KEYS, answers_of_downloads, write_bundle
from diorama.study.design import Session
from diorama.study.folder import Study
from tests.study.studies import design, small_study


def given_of(page: Path) -> dict[str, Any]:
    """What a page's script is told."""
    found = re.search(r'id="given">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    given: dict[str, Any] = json.loads(found[1])
    return given


def saved(page: Path, to: Path, choice: str = "left", upto: int | None = None) -> Path:
    """The file that a page saves when everything is answered alike."""
    given = given_of(page)
    answers = [
        {"trial": one["trial"], "choice": choice, "ms": i, "shown_at": "2026-01-02T03:04:05.678Z"}
        for i, one in enumerate(given["trials"][:upto])
    ]
    held = {"bundle": given["bundle"], "rater": given["rater"], "answers": answers}
    to.write_text(json.dumps({"format": "diorama-study-download/1", **held}))
    return to


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = small_study(tmp_path)
    write_bundle(made, tmp_path / "bundle", 3)
    return made


def test_a_bundle_is_a_page_for_each_rater_and_media_that_tell_nothing(study: Study, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    pages = sorted(bundle.glob("*.html"))
    assert [page.name for page in pages] == ["rater-0000.html", "rater-0001.html", "rater-0002.html"]
    named = {medium.file for medium in study.collection.media}
    assert not named & {path.name for path in (bundle / "media").iterdir()}
    for page in pages:
        given = json.dumps(given_of(page))
        assert not any(word in given for word in ("000001", "noise", "attention", "repeat", '"one"', '"real"'))
        assert all((bundle / address).is_file() for one in given_of(page)["trials"] for address in one["media"])
    trials = [{one["trial"] for one in given_of(page)["trials"]} for page in pages]
    assert trials[0].isdisjoint(trials[1])


def test_what_pages_save_comes_back_as_answers(study: Study, tmp_path: Path) -> None:
    bundle, session = tmp_path / "bundle", study.design.session
    files = [saved(bundle / f"rater-000{i}.html", tmp_path / f"{i}.json", "right") for i in range(2)]
    # Sent too early, and again: the longer one counts.
    files.insert(0, saved(bundle / "rater-0000.html", tmp_path / "early.json", "left", upto=4))
    answers, problems = answers_of_downloads(study, files)
    assert problems == [f"{files[0]}: its rater's answers in 0.json are others, and count"]
    assert len(answers.rows) == 2 * (session.judgements + session.repeats + session.attention)
    assert {row.choice for row in answers.rows} == {"right"}
    assert {row.rater for row in answers.rows} == {"b1-r0000", "b1-r0001"}
    assert {row.left for row in answers.rows} == {"real", "one", "two", "noise"}
    assert all(row.shown_at == "2026-01-02T03:04:05.678Z" for row in answers.rows)


def test_pages_of_timed_exposure_know_it_and_their_answers_have_it(tmp_path: Path) -> None:
    timed = design("real_or_fake", session=Session(judgements=3, repeats=1, attention=1, practice=1, exposure_ms=300))
    study = small_study(tmp_path, timed)
    write_bundle(study, tmp_path / "bundle", 1)
    page = tmp_path / "bundle" / "rater-0000.html"
    assert {one["exposure_ms"] for one in given_of(page)["trials"]} == {300}
    answers, problems = answers_of_downloads(study, [saved(page, tmp_path / "0.json", "fake")])
    assert problems == []
    assert [(row.exposure_ms, row.block) for row in answers.rows] == [(300, None)] * 5


def test_files_of_strangers_are_left_out_and_named(study: Study, tmp_path: Path) -> None:
    good = saved(tmp_path / "bundle" / "rater-0002.html", tmp_path / "good.json")
    held = json.loads(good.read_text())
    bad = {
        "other.json": {**held, "bundle": "A" * 24},
        "rater.json": {**held, "rater": "r9999"},
        "no-rater.json": {**held, "rater": "../../etc"},
        # A digit to some of Python's tests, and no number.
        "power.json": {**held, "rater": "r000\u00b2"},
        "form.json": {"format": "else"},
        "list.json": [],
    }
    files = [good, tmp_path / "none.json", tmp_path / "broken.json"]
    (tmp_path / "broken.json").write_text("{")
    for name, value in bad.items():
        (tmp_path / name).write_text(json.dumps(value))
        files.append(tmp_path / name)
    answers, problems = answers_of_downloads(study, files)
    assert {row.rater for row in answers.rows} == {"b1-r0002"}
    assert len(problems) == len(files) - 1


def test_entries_that_are_no_answers_are_counted(study: Study, tmp_path: Path) -> None:
    path = saved(tmp_path / "bundle" / "rater-0001.html", tmp_path / "mixed.json")
    held = json.loads(path.read_text())
    whole, _ = answers_of_downloads(study, [path])
    last = held["answers"].pop()
    again = [last, {**last, "choice": "right"}, {**last, "choice": "<b>"}, {**last, "ms": True}]
    again += [{**last, "choice": []}, {**last, "ms": 10**30}]
    held["answers"] += [*again, {**last, "trial": "A" * 24}, "x", None]
    path.write_text(json.dumps(held))
    answers, problems = answers_of_downloads(study, [path])
    assert len(answers.rows) == len(whole.rows)
    assert problems == [f"{path}: 8 entries are no answers of its rater"]


def test_media_of_a_bundle_tell_nothing_by_their_times_and_their_order(study: Study, tmp_path: Path) -> None:
    media = list((tmp_path / "bundle" / "media").iterdir())
    assert len({path.stat().st_mtime for path in media}) == 1
    # Where a file system lists files as they were written, that is no other order than that of their names.
    by_birth = sorted(media, key=lambda path: path.stat().st_ctime_ns)
    assert by_birth == sorted(media)


def test_raters_of_two_bundles_are_different_people(study: Study, tmp_path: Path) -> None:
    write_bundle(study, tmp_path / "second", 1)
    files = [saved(tmp_path / which / "rater-0000.html", tmp_path / f"{which}.json") for which in ("bundle", "second")]
    answers, problems = answers_of_downloads(study, files)
    assert problems == []
    assert {row.rater for row in answers.rows} == {"b1-r0000", "b2-r0000"}


def test_answers_to_what_the_study_no_longer_asks_are_refused(study: Study, tmp_path: Path) -> None:
    file = saved(tmp_path / "bundle" / "rater-0000.html", tmp_path / "0.json")
    title, seed = replace(study.design, title="Another"), replace(study.design, seed=1)
    assert answers_of_downloads(replace(study, design=title), [file]) == answers_of_downloads(study, [file])
    answers, problems = answers_of_downloads(replace(study, design=seed), [file])
    assert answers.rows == ()
    assert len(problems) == 1
    assert "was changed" in problems[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"a": {}}', '{"a": 1}'])
def test_a_broken_list_of_bundles_is_said(content: str, study: Study, tmp_path: Path) -> None:
    file = saved(tmp_path / "bundle" / "rater-0000.html", tmp_path / "0.json")
    (study.folder / KEYS).write_text(content)
    with pytest.raises(BadInput, match=KEYS):
        answers_of_downloads(study, [file])


def test_an_adaptive_study_cannot_do_without_a_server(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="adaptive"):
        write_bundle(small_study(tmp_path, design(order="adaptive")), tmp_path / "bundle", 2)
    with pytest.raises(BadInput, match="there already"):
        write_bundle(small_study(tmp_path / "b"), tmp_path, 2)
