"""A rater's way through a study over HTTP, on both databases: every answer is stored once, whatever is sent."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from diorama.study.design import Session, Stop
from tests.study.studies import QUICK, Served, answer_all, body_of, design, served, small_study


def test_a_rater_answers_everything_and_the_export_has_it_without_practice(server: Served) -> None:
    (token,) = server.tokens(1)
    session = server.version.design.session
    assert answer_all(server, token) == session.judgements + session.repeats + session.attention + session.practice
    rows = server.answers()
    assert len(rows) == session.judgements + session.repeats + session.attention
    assert {row["rater"] for row in rows} == {"r0000"}
    assert [row["ms"] for row in rows] == [100 + session.practice + i for i in range(len(rows))]
    assert all(row["shown_at"].endswith("Z") for row in rows)
    judged = [row for row in rows if row["kind"] == "pairwise"]
    assert {row["left"] for row in judged} | {row["right"] for row in judged} == {"real", "one", "two"}
    assert [row["repeat"] for row in judged].count(1) == session.repeats
    (attention,) = (row for row in rows if row["kind"] == "attention")
    assert attention["right"] in ("left", "right")
    page = server.ask(f"/s/{token}").text
    assert "Thank you" in page


def test_the_csv_is_the_json(server: Served) -> None:
    answer_all(server, server.tokens(1)[0])
    lines = server.ask(f"{server.admin.removeprefix(server.address)}/answers.csv").text.splitlines()
    assert lines[0] == "study,item,rater,kind,left,right,choice,ms,shown_at,repeat"
    assert len(lines) == 1 + len(server.answers())


def test_what_was_shown_and_not_answered_has_no_choice(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    state = server.answer(token, body_of(state)).json()
    assert [row["choice"] for row in server.answers()] == [""]
    server.answer(token, body_of(state, "tie"))
    assert [row["choice"] for row in server.answers()] == ["tie", ""]


def test_a_closed_page_goes_on_where_it_was(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    after = server.answer(token, body_of(state)).json()
    again = server.state(token)
    assert again["question"] == after["question"]
    assert again["answered"] == 1


def test_an_answer_that_is_sent_again_is_stored_once(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    state = server.answer(token, body_of(state)).json()
    body = body_of(state)
    first, again = server.answer(token, body), server.answer(token, body)
    assert first.status == again.status == 200
    assert again.json() == first.json()
    assert [row["choice"] for row in server.answers()] == ["left", ""]


@pytest.mark.parametrize("change", [{"choice": "right"}, {"key": "another-key"}])
def test_an_answered_trial_cannot_be_answered_otherwise(server: Served, change: dict[str, str]) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    state = server.answer(token, body_of(state)).json()
    body = body_of(state)
    server.answer(token, body)
    reply = server.answer(token, {**body, **change})
    assert reply.status == 409
    assert reply.json()["accepted"] is False
    assert [row["choice"] for row in server.answers()] == ["left", ""]


def test_a_key_of_another_answer_stores_nothing(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    body = body_of(state)
    state = server.answer(token, body).json()
    assert server.answer(token, body_of(state, key=body["key"])).status == 409
    assert server.state(token)["question"] == state["question"]


def test_answers_out_of_turn_are_refused(server: Served) -> None:
    one, other = server.tokens(2)
    own, others = server.begin(one), server.begin(other)
    assert server.answer(one, body_of(others)).status == 409
    first = body_of(own)
    second = server.answer(one, first).json()
    server.answer(one, body_of(second))
    assert server.answer(one, body_of(second)).status == 409
    assert len([row for row in server.answers() if row["choice"]]) == 1


def test_of_many_answers_at_once_one_is_stored(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.answer(token, body_of(server.begin(token))).json()
    same, others = body_of(state), [body_of(state, choice, f"another-{i}") for i, choice in enumerate(["right"] * 4)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda body: server.answer(token, body), [same] * 4 + others))
    assert {reply.status for reply in replies} <= {200, 409}
    accepted = [i for i, reply in enumerate(replies) if reply.status == 200]
    assert accepted
    assert len([row for row in server.answers() if row["choice"]]) == 1
    # Either the four that are one answer were taken, or one of the others.
    assert set(accepted) <= {0, 1, 2, 3} or len(accepted) == 1


def test_raters_that_come_at_once_get_numbers_of_their_own(server: Served) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = [token for made in pool.map(server.tokens, [3] * 8) for token in made]
        states = list(pool.map(server.begin, tokens))
    assert len(set(tokens)) == 24
    assert len({state["question"]["trial"] for state in states}) == 24


def test_whoever_comes_after_the_last_rater_is_told_so(new_database: Callable[[], str], tmp_path: Path) -> None:
    full = small_study(tmp_path, design(stop=Stop(raters=1)))
    with served(full, new_database(), limits=QUICK, anyone=True) as server:
        early, begun, late = server.tokens(3)
        first = server.begin(begun)
        answer_all(server, early)
        assert "all the answers it needs" in server.ask(f"/s/{late}").text
        assert server.ask(f"/s/{late}/consent", "POST").status == 409
        assert "all the answers it needs" in server.ask("/").text
        # Whoever has begun may finish.
        assert server.answer(begun, body_of(first)).status == 200


@pytest.mark.parametrize("kind", ["pairwise", "2afc", "real_or_fake", "opinion"])
@pytest.mark.parametrize("order", ["balanced", "adaptive"])
def test_every_kind_of_question_is_asked_in_both_orders(kind: str, order: str, tmp_path: Path) -> None:
    choices = {"pairwise": "right", "2afc": "left", "real_or_fake": "fake", "opinion": "4"}
    session = Session(judgements=7, repeats=2, attention=1, practice=1)
    asked = design(kind, order=order, session=session)  # type: ignore[arg-type]
    with served(small_study(tmp_path, asked), limits=QUICK) as server:
        for token in server.tokens(2):
            assert answer_all(server, token, choices[kind]) == 11
        rows = server.answers()
    assert len(rows) == 20
    assert all(row["choice"] == choices[kind] for row in rows)
    shown = [row for row in rows if row["kind"] == kind]
    assert all((row["right"] != "") == (kind in ("pairwise", "2afc")) for row in shown)
    if kind == "2afc":
        assert all("real" in (row["left"], row["right"]) for row in shown)
    for rater in ("r0000", "r0001"):
        repeated = [row for row in shown if row["rater"] == rater and row["repeat"]]
        firsts = {(row["item"], row["left"], row["right"]) for row in shown if row["rater"] == rater}
        for row in repeated:
            sides = (row["right"], row["left"]) if row["right"] else (row["left"], "")
            assert (row["item"], *sides) in firsts


def test_an_adaptive_order_shows_no_true_picture_twice_while_there_are_others(tmp_path: Path) -> None:
    session = Session(judgements=4, repeats=0, attention=1, practice=1)
    with served(small_study(tmp_path, design("2afc", order="adaptive", session=session)), limits=QUICK) as server:
        for token in server.tokens(4):
            answer_all(server, token)
        rows = server.answers()
    for rater in {row["rater"] for row in rows}:
        items = [row["item"] for row in rows if row["rater"] == rater]
        assert len(items) == len(set(items)) == 5


def test_anyone_may_take_part_where_the_server_says_so(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served(study, limits=QUICK, anyone=True) as server:
        reply = server.ask("/join", "POST")
        assert reply.status == 303
        assert "I agree" in server.ask(f"/{reply.headers['location']}").text
    with served(study, limits=QUICK) as closed:
        assert closed.ask("/join", "POST").status == 404
        assert "a link of your own" in closed.ask("/").text


def test_keys_are_the_browsers_own(server: Served) -> None:
    # Two raters may use the same key, as two browsers with the same clock and a poor source of chance would.
    key = secrets.token_hex(8)
    for token in server.tokens(2):
        assert server.answer(token, body_of(server.begin(token), key=key)).status == 200
