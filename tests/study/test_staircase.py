"""Exposures of HYPE_time follow a rater's answers, whatever is sent again, at once, or after a closed tab."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.data.answers import read_answers
from diorama.study.answers import write_answers
from diorama.study.bundle import write_bundle
from diorama.study.design import Session, Stop, StudyDesign, read_design, write_design
from diorama.study.exporting import answers_of
from diorama.study.questions import choices_of
from diorama.study.staircase import Staircase
from tests.study.studies import QUICK, Served, body_of, served, small_study

SESSION = Session(judgements=12, repeats=2, attention=2, practice=2)
STEPS = Staircase(start_ms=300, shortest_ms=200, longest_ms=350, blocks=2)


def stepped(**changes: Any) -> StudyDesign:
    """A study whose exposures follow the answers."""
    plain = StudyDesign(
        name="small",
        kind="real_or_fake",
        systems=("real", "one"),
        session=SESSION,
        stop=Stop(raters=9),
        staircase=STEPS,
    )
    return replace(plain, **changes)


def test_three_right_answers_in_a_row_shorten_and_one_wrong_lengthens() -> None:
    steps = Staircase()
    assert steps.exposure([]) == 500
    assert steps.exposure([True, True]) == 500
    assert steps.exposure([True] * 3) == 470
    # The row begins anew after each step, and a wrong answer ends it.
    assert steps.exposure([True] * 5) == 470
    assert steps.exposure([True] * 6) == 440
    assert steps.exposure([True, True, False]) == 510
    assert steps.exposure([True, True, False, True, True]) == 510
    assert steps.exposure([False, False]) == 520
    assert steps.exposure([True] * 500) == 100
    assert steps.exposure([False] * 500) == 1_000


@given(right=st.lists(st.booleans(), max_size=60), streak=st.integers(1, 4))
def test_exposures_stay_in_their_range_and_move_by_their_steps(right: list[bool], streak: int) -> None:
    steps = Staircase(start_ms=150, shortest_ms=120, longest_ms=180, streak=streak)
    shown = [steps.exposure(right[:i]) for i in range(len(right) + 1)]
    assert all(120 <= ms <= 180 for ms in shown)
    for before, after, one in zip(shown, shown[1:], right, strict=False):
        assert after in ({before, max(120, before - 30)} if one else {min(180, before + 10)})


def test_many_staircases_at_once_are_the_same_as_one_by_one() -> None:
    steps, right = Staircase(), np.random.default_rng(0).random((5, 40)) < 0.7
    ms, row = np.full(5, steps.start_ms), np.zeros(5, np.int64)
    for place in range(40):
        ms, row = steps.step(ms, row, right[:, place])
    assert ms.tolist() == [steps.exposure(one.tolist()) for one in right]


def test_blocks_share_the_judgements_evenly() -> None:
    assert [Staircase(blocks=3).block_of(i, 9) for i in range(11)] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "2afc"\n[staircase]\n', "staircase needs the kind real_or_fake"),
        ('kind = "real_or_fake"\norder = "adaptive"\n[staircase]\n', "staircase needs order"),
        ('kind = "real_or_fake"\n[session]\nexposure_ms = 200\n[staircase]\n', "session.exposure_ms fixes them"),
        ('kind = "real_or_fake"\n[staircase]\nblocks = 0\n', "staircase: blocks must be in [1, 20], got 0"),
        ('kind = "real_or_fake"\n[session]\njudgements = 4\n[staircase]\nblocks = 5\n', "staircase.blocks must be"),
        ('kind = "real_or_fake"\n[staircase]\nshortest_ms = 600\n', "must rise within [50, 60000], got 600, 500, 1000"),
        ('kind = "real_or_fake"\n[staircase]\nstreak = 0\n', "streak must be in [1, 20], got 0"),
        ('kind = "real_or_fake"\n[staircase]\nlonger_by_ms = 0\n', "longer_by_ms must be in [1, 1000], got 0"),
        ('kind = "real_or_fake"\n[staircase]\nstep = 1\n', "staircase.step: there is no such field"),
    ],
)
def test_a_staircase_that_cannot_be_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'name = "x"\nsystems = ["real", "b"]\n{text.replace("judgements = 4", "judgements = 4")}')
    if "judgements = 4" in text:
        path.write_text(path.read_text().replace("judgements = 4", "judgements = 4\nrepeats = 1\npractice = 0"))
    with pytest.raises(BadInput) as refused:
        read_design(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_design_with_a_staircase_is_read_back_and_asks_for_two_answers(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    write_design(path, stepped())
    assert read_design(path) == stepped()
    assert [choice.value for choice in choices_of(stepped())] == ["real", "fake"]
    with pytest.raises(ValueError, match="make a study for each"):
        stepped(systems=("real", "one", "two"))


@pytest.fixture
def server(new_database: Callable[[], str], tmp_path: Path) -> Iterator[Served]:
    with served(small_study(tmp_path, stepped()), new_database(), limits=QUICK) as running:
        yield running


def expected(rows: list[dict[str, Any]], steps: Staircase) -> list[int]:
    """The exposures of one rater's judgements, from the answers that the export has."""
    shown, blocks = [], [[] for _ in range(steps.blocks)]  # type: list[int], list[list[bool]]
    for row in rows:
        mine = blocks[row["block"]]
        shown.append(steps.exposure(mine))
        if row["choice"]:
            mine.append((row["choice"] == "real") == (row["left"] == "real"))
    return shown


def walked(server: Served, token: str, choices: str) -> list[tuple[str, int]]:
    """Answer everything by turns; role and exposure of every trial."""
    state, seen = server.begin(token), []
    while not state.get("done"):
        question = state["question"]
        seen.append((question["role"], question["exposure_ms"]))
        choice = {"r": "real", "f": "fake"}[choices[len(seen) % len(choices)]]
        state = server.answer(token, body_of(state, choice)).json()
    return seen


def test_exposures_follow_the_answers_and_are_exported(server: Served) -> None:
    (token,) = server.tokens(1)
    seen = walked(server, token, "rrf")
    rows = server.answers()
    assert [ms for role, ms in seen if role == "practice"] == [STEPS.start_ms] * SESSION.practice
    assert [ms for role, ms in seen if role == "judge"] == [row["exposure_ms"] for row in rows]
    judged = [row for row in rows if "block" in row]
    assert len(judged) == SESSION.judgements
    assert [row["block"] for row in judged] == [0] * 6 + [1] * 6
    assert [row["exposure_ms"] for row in judged] == expected(judged, STEPS)
    assert len({row["exposure_ms"] for row in judged}) > 1
    # Repeats and attention items are shown as the staircase stands, and do not move it.
    assert all("block" not in row for row in rows if row["repeat"] or row["kind"] == "attention")


def test_the_csv_has_no_further_column_and_the_json_is_read_back(server: Served, tmp_path: Path) -> None:
    (token,) = server.tokens(1)
    walked(server, token, "rf")
    lines = server.ask(f"{server.admin.removeprefix(server.address)}/answers.csv").text.splitlines()
    assert lines[0] == "study,item,rater,kind,left,right,choice,ms,shown_at,repeat"
    assert all(line.count(",") == 9 for line in lines)
    assert "The JSON has the exposures" in server.ask(server.admin.removeprefix(server.address)).text
    answers = answers_of(server.database, server.version)
    write_answers(tmp_path / "answers.json", answers)
    assert read_answers(tmp_path / "answers.json") == answers


def test_a_closed_tab_and_an_answer_sent_again_change_no_exposure(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    while not state.get("done"):
        assert server.state(token)["question"] == state["question"]
        body = body_of(state, "fake")
        after = server.answer(token, body).json()
        assert server.answer(token, body).json() == after
        state = after
    judged = [row for row in server.answers() if "block" in row]
    assert [row["exposure_ms"] for row in judged] == expected(judged, STEPS)


def test_answers_at_once_move_a_staircase_once(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    with ThreadPoolExecutor(6) as pool:
        while not state.get("done"):
            bodies: list[Mapping[str, Any]] = [body_of(state, choice) for choice in ("real", "fake") * 3]
            replies = list(pool.map(lambda body: server.answer(token, body), bodies))
            assert [reply.status for reply in replies].count(200) == 1
            pages = list(pool.map(server.state, [token] * 3))
            assert len({json.dumps(page, sort_keys=True) for page in pages}) == 1
            state = pages[0]
    judged = [row for row in server.answers() if "block" in row]
    assert len(judged) == SESSION.judgements
    assert [row["exposure_ms"] for row in judged] == expected(judged, STEPS)


def test_withdrawn_pictures_move_no_staircase(tmp_path: Path) -> None:
    study = small_study(tmp_path, stepped())
    with served(study, limits=QUICK) as server:
        (token,) = server.tokens(1)
        state = server.begin(token)
        for medium in study.collection.media[:4]:
            (study.folder / "media" / medium.file).unlink(missing_ok=True)
        while not state.get("done"):
            state = server.state(token)
            if not state.get("done"):
                state = server.answer(token, body_of(state, "fake")).json()
        judged = [row for row in server.answers() if "block" in row and row["choice"]]
        assert 0 < len(judged) < SESSION.judgements
        assert [row["exposure_ms"] for row in judged] == expected(judged, STEPS)


def test_fixed_exposures_are_exported_too_and_belong_to_no_staircase(tmp_path: Path) -> None:
    fixed = stepped(staircase=None, session=replace(SESSION, exposure_ms=250))
    with served(small_study(tmp_path, fixed), limits=QUICK) as server:
        (token,) = server.tokens(1)
        assert {ms for _, ms in walked(server, token, "r")} == {250}
        rows = server.answers()
        assert {row["exposure_ms"] for row in rows} == {250}
        assert not any("block" in row for row in rows)


def test_a_database_of_before_staircases_is_opened(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served(study, limits=QUICK) as server:
        (token,) = server.tokens(1)
        state = server.answer(token, body_of(server.begin(token))).json()
    with sqlite3.connect(study.folder / "answers.sqlite") as direct:
        direct.execute("DROP TABLE diorama_study_exposures")
    with served(study, limits=QUICK) as server:
        assert server.state(token)["question"] == state["question"]
        assert server.answers()


def test_a_bundle_cannot_follow_answers(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"study\.toml: exposures follow whether answers are right"):
        write_bundle(small_study(tmp_path, stepped()), tmp_path / "bundle", 2)
    assert not (tmp_path / "bundle").exists()


def test_the_consent_page_tells_of_the_exposures(tmp_path: Path) -> None:
    with served(small_study(tmp_path, stepped()), limits=QUICK) as server:
        page = server.ask(f"/s/{server.tokens(1)[0]}").text
    assert "between 200 and 350 milliseconds" in page
    assert "Not sure" not in page
