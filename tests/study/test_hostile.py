"""Strangers, and things that break: whatever is sent or lost, nothing is told, and no acknowledged answer is lost."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from benchmarks.postgres_cluster import Cluster
from sqlalchemy import event

from diorama.core.errors import BadInput
from diorama.study.database import FILE, Database, DatabaseUnavailable
from diorama.study.design import FILE as DESIGN
from diorama.study.design import write_design
from diorama.study.folder import open_study
from diorama.study.limits import Rate
from diorama.study.middleware import MOST_BODY_BYTES
from diorama.study.server import Limits
from diorama.study.versions import open_version, versions_of
from tests.study.studies import ADMIN, QUICK, Served, answer_all, body_of, design, served, small_study

SQL = "x'; DROP TABLE diorama_study_answers; --"
HTML = "<script>alert(1)</script>"


def stored(server: Served) -> int:
    """How many answers the export has."""
    return len([row for row in server.answers() if row["choice"]])


FORGED = ("A" * 24, "A" * 23, SQL, HTML, "..%2f..%2fstudy.toml", "%00", "é" * 24, "A" * 5000)


def test_a_forged_link_leads_nowhere(server: Served) -> None:
    for path in (quote(token, safe="%") for token in FORGED):
        for reply in (
            server.ask(f"/s/{path}"),
            server.ask(f"/s/{path}/consent", "POST"),
            server.answer(path, {"key": "k" * 16, "trial": "t", "choice": "left", "ms": 1}),
            server.ask(f"/s/{path}/m/{'A' * 24}"),
            server.ask(f"/a/{path}"),
            server.ask(f"/a/{path}/answers.csv"),
            server.ask(f"/a/{path}/links", "POST", b"count=3"),
        ):
            assert reply.status == 404, path
            assert HTML not in reply.text
            assert "Traceback" not in reply.text
    assert server.answers() == []


@pytest.mark.parametrize("field", ["key", "trial", "choice", "ms", "further"])
@pytest.mark.parametrize("value", [SQL, HTML, "", "\0", None, [], {}, -1, 1e99, True, "x" * 4000])
def test_whatever_stands_in_a_field_is_no_answer(field: str, value: Any, hostile_server: Served) -> None:
    (token,) = hostile_server.tokens(1)
    state = hostile_server.begin(token)
    before = stored(hostile_server)
    reply = hostile_server.answer(token, {**body_of(state), field: value})
    assert reply.status in (409, 422)
    assert reply.json()["accepted"] is False
    assert HTML not in reply.text
    assert stored(hostile_server) == before
    assert hostile_server.state(token)["question"] == state["question"]


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(small_study(tmp_path_factory.mktemp("study")), limits=QUICK) as running:
        yield running


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 4000, b"key=1"])
def test_a_body_that_is_no_json_is_no_answer(body: bytes, hostile_server: Served) -> None:
    (token,) = hostile_server.tokens(1)
    hostile_server.begin(token)
    reply = hostile_server.ask(f"/s/{token}/answers", "POST", body, {"Content-Type": "application/json"})
    assert reply.status in (400, 422)
    assert reply.json() == {"accepted": False, "message": "This is no answer to the question."}


def test_a_large_body_is_refused_before_it_is_read(hostile_server: Served) -> None:
    (token,) = hostile_server.tokens(1)
    path = f"/s/{token}/answers"
    reply = hostile_server.ask(path, "POST", b"x" * (MOST_BODY_BYTES + 1), {"Content-Type": "application/json"})
    assert reply.status == 413
    host, port = hostile_server.address.removeprefix("http://").split(":")
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection((host, int(port)), timeout=20) as raw:
        raw.sendall(head)
        said = b""
        try:
            for _ in range(40):
                raw.sendall(b"400\r\n" + b"x" * 0x400 + b"\r\n")
            said = raw.recv(100)
        except ConnectionError:
            said = said or raw.recv(100)
    assert b" 413 " in said


@pytest.mark.parametrize(
    "address", ["..%2f..%2fstudy.toml", "../../study.toml", "%2e%2e/answers.sqlite", "A" * 24, HTML, SQL, "%00"]
)
def test_no_address_of_media_leads_out_of_the_study(address: str, hostile_server: Served) -> None:
    (token,) = hostile_server.tokens(1)
    hostile_server.begin(token)
    reply = hostile_server.ask(f"/s/{token}/m/{quote(address, safe='%/.')}")
    assert reply.status == 404
    assert b"systems" not in reply.body


def test_pictures_of_another_rater_or_of_later_trials_are_not_shown(server: Served) -> None:
    one, other = server.tokens(2)
    first, second = server.begin(one), server.begin(other)
    own = first["question"]["media"][0]
    assert server.ask(f"/s/{own}").status == 200
    assert server.ask(f"/s/{own.replace(one, other)}").status == 404
    assert {*first["question"]["media"], *first["then"]}.isdisjoint({*second["question"]["media"], *second["then"]})


def test_replies_with_pictures_differ_in_nothing_but_pixels(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    replies = []
    while not state.get("done"):
        replies += [server.ask(f"/s/{address}") for address in state["question"]["media"]]
        state = server.answer(token, body_of(state)).json()
    assert all(reply.status == 200 for reply in replies)
    # The clock goes on.
    heads = {tuple(sorted((k, v) for k, v in reply.headers.items() if k != "date")) for reply in replies}
    assert len(heads) == 1
    assert len({len(reply.body) for reply in replies}) == 1
    assert len({reply.body for reply in replies}) > 1
    for name in ("etag", "last-modified", "content-disposition", "server", "set-cookie"):
        assert name not in dict(next(iter(heads)))


def test_nothing_that_a_rater_gets_names_a_system_or_an_item(server: Served) -> None:
    (token,) = server.tokens(1)
    state = server.begin(token)
    said = server.ask(f"/s/{token}").text
    while not state.get("done"):
        reply = server.answer(token, body_of(state))
        said += reply.text
        state = reply.json()
    given = said[said.index('id="given"') :]
    for word in ("attention", "repeat", "noise", '"one"', '"two"', '"real"', "00000", "wanted"):
        assert word not in given.partition("<script>")[0]


def test_texts_of_the_design_are_shown_as_text(tmp_path: Path) -> None:
    texts = dict.fromkeys(("title", "question", "instructions", "consent", "completion_code"), f"{HTML} {SQL} \"'&")
    with served(small_study(tmp_path, design(**texts)), limits=QUICK) as server:
        (token,) = server.tokens(1)
        pages = [server.ask(f"/s/{token}").text]
        server.begin(token)
        pages.append(server.ask(f"/s/{token}").text)
        answer_all(server, token)
        pages += [server.ask(f"/s/{token}").text, server.ask(f"/a/{ADMIN}").text]
    for page in pages:
        assert HTML not in page
        assert "&lt;script&gt;" in page or "administrator" in page or "Links" in page
        assert page.count("<script") <= 2


def test_who_asks_too_often_waits(tmp_path: Path) -> None:
    slow = Rate(burst=3, seconds=600)
    with served(small_study(tmp_path), limits=Limits(answers=slow, unknown=slow, joins=slow), anyone=True) as server:
        assert [server.ask(f"/s/{'A' * 24}").status for _ in range(4)] == [404, 404, 404, 429]
        assert [server.ask("/join", "POST").status for _ in range(4)] == [303, 303, 303, 429]
        (token,) = server.tokens(1)
        state = server.begin(token)
        for _ in range(3):
            state = server.answer(token, body_of(state)).json()
        refused = server.answer(token, body_of(state))
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) > 100
        assert server.state(token)["question"] == state["question"]


def test_behind_a_web_server_each_rater_has_an_address_of_his_own(tmp_path: Path) -> None:
    limits = replace(QUICK, unknown=Rate(burst=2, seconds=100))
    with served(small_study(tmp_path), limits=limits) as server:

        def status(forwarded: str) -> int:
            return server.ask(f"/s/{'A' * 24}", headers={"X-Forwarded-For": forwarded}).status

        assert [status("192.0.2.1") for _ in range(3)] == [404, 404, 429]
        assert status("192.0.2.2") == 404
        # What the rater's own browser claims stands before what the web server saw.
        assert status("192.0.2.3, 192.0.2.1") == 429


def test_items_whose_pictures_are_gone_are_withdrawn(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served(study, limits=QUICK) as server:
        (token,) = server.tokens(1)
        state = server.begin(token)
        state = server.answer(token, body_of(state)).json()
        for medium in study.collection.media[:9]:
            (study.folder / "media" / medium.file).unlink(missing_ok=True)
        shown, count = set(), 1
        while not state.get("done"):
            state = server.state(token)
            if state.get("done"):
                break
            assert all(server.ask(f"/s/{address}").status == 200 for address in state["question"]["media"])
            reply = server.answer(token, body_of(state))
            shown.add(reply.status)
            state, count = reply.json(), count + 1
        assert shown == {200}
        session = study.design.session
        assert count < session.judgements + session.repeats + session.attention + session.practice
        page = server.ask(f"/a/{ADMIN}").text
        assert "9 files missing" in page
        kept = {row["item"] for row in server.answers() if row["choice"]}
        assert kept.isdisjoint({"000000", "000001", "000002"})


def test_whoever_finds_all_pictures_gone_is_told_so_and_not_counted_as_finished(tmp_path: Path) -> None:
    study = small_study(tmp_path, design(completion_code="C-44"))
    with served(study, limits=QUICK) as server:
        (token,) = server.tokens(1)
        for path in (study.folder / "media").iterdir():
            path.unlink()
        server.begin(token)
        page = server.ask(f"/s/{token}").text
        assert "asked nothing" in page
        assert "tell whoever sent you the link" in page
        assert "answered everything" not in page
        assert "C-44" not in page
        assert ">0 of 50<" in server.ask(f"/a/{ADMIN}").text


def test_whoever_was_asked_a_part_is_told_how_much_was_left_out(tmp_path: Path) -> None:
    study = small_study(tmp_path, design(completion_code="C-45"))
    with served(study, limits=QUICK) as server:
        whole, part = server.tokens(2)
        answer_all(server, whole)
        state = server.answer(part, body_of(server.begin(part))).json()
        for path in (study.folder / "media").iterdir():
            path.unlink()
        # The trial that is before the rater's eyes may be answered.
        while not state.get("done"):
            state = server.answer(part, body_of(state)).json()
        asked = len([row for row in server.answers() if row["rater"] == "r0001"])
        session = study.design.session
        left = session.judgements + session.repeats + session.attention - asked
        page = server.ask(f"/s/{part}").text
        assert left > 0
        assert f"all that could be shown, and all of it is stored; {left} questions could not be asked" in page
        assert "C-45" in page
        assert "You have answered everything, and all of it is stored." in server.ask(f"/s/{whole}").text


def test_without_its_database_a_study_says_so_and_acknowledges_nothing(cluster: Cluster, tmp_path: Path) -> None:
    with served(small_study(tmp_path), cluster.database("away"), limits=QUICK) as server:
        (token,) = server.tokens(1)
        state = server.begin(token)
        kept = server.answer(token, body_of(state))
        state = kept.json()
        cluster.stop()
        try:
            page, answer = server.ask(f"/s/{token}"), server.answer(token, body_of(state))
        finally:
            cluster.start()
        assert page.status == answer.status == 503
        assert "out of reach" in page.text
        assert answer.json()["accepted"] is False
        assert "postgres" not in page.text + answer.text
        # It goes on by itself once the database is back.
        assert server.state(token)["question"] == state["question"]
        assert server.answer(token, body_of(state)).status == 200


def test_on_a_full_disk_answers_are_refused_and_none_is_lost(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served(study, limits=QUICK) as server:
        tokens = server.tokens(20)
        states = [server.begin(token) for token in tokens]
        acknowledged = 0
        with sqlite3.connect(study.folder / FILE) as direct:
            (pages,) = direct.execute("PRAGMA page_count").fetchone()

        def full(connection: Any, _: object, __: object) -> None:
            connection.execute(f"PRAGMA max_page_count={pages + 1}")

        # SQLite itself then says that the disk is full, and rolls back.
        event.listen(server.database.engine, "checkout", full)
        refused = 0
        for _ in range(10):
            for i, token in enumerate(tokens):
                if states[i].get("done"):
                    continue
                reply = server.answer(token, body_of(states[i]))
                if reply.status == 200:
                    acknowledged += 1
                    states[i] = reply.json()
                else:
                    assert reply.status == 503
                    refused += 1
        assert refused
        assert acknowledged
        event.remove(server.database.engine, "checkout", full)
        server.database.engine.dispose()
        practice = server.version.design.session.practice * len(tokens)
        assert stored(server) == max(0, acknowledged - practice)
        assert server.answer(tokens[0], body_of(server.state(tokens[0]))).status == 200


def test_a_database_that_cannot_be_reached_ends_the_start_plainly(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(DatabaseUnavailable, match="refuses"):
        Database(f"postgresql://nobody@127.0.0.1:{port}/none")
    with pytest.raises(BadInput, match="SQLite"):
        Database("mysql://nobody@localhost/none")
    with pytest.raises(DatabaseUnavailable):
        Database(tmp_path / "no-such-folder" / "answers.sqlite")


def test_a_changed_study_is_refused_or_begins_a_version_of_its_own(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served(study, limits=QUICK) as server:
        (old,) = server.tokens(1)
        begun = server.begin(old)
        begun = server.answer(old, body_of(begun)).json()
        server.answer(old, body_of(begun, "tie"))
    write_design(study.folder / DESIGN, design(question="Which is worse?"))
    changed = open_study(study.folder)
    database = Database(study.folder / FILE)
    with pytest.raises(BadInput, match="question"):
        open_version(database, changed)
    second = open_version(database, changed, changed=True)
    assert second.number == 2
    assert open_version(database, changed).id == second.id
    assert [version.number for version in versions_of(database, "small")] == [1, 2]
    database.close()
    with served(changed, limits=QUICK) as server:
        (new,) = server.tokens(1)
        assert "Which is worse?" in server.ask(f"/s/{new}").text
        # Whoever began with the earlier one ends with it.
        assert "Which of the two looks better?" in server.ask(f"/s/{old}").text
        server.begin(new)
        assert {row["study"] for row in server.answers()} <= {"small@2"}
        earlier = json.loads(server.ask(f"/a/{ADMIN}/answers.json?version=1").text)["answers"]
        assert [row["choice"] for row in earlier] == ["tie", ""]
        assert {row["study"] for row in earlier} == {"small"}
        assert server.ask(f"/a/{ADMIN}/answers.csv?version=9").status == 404


def test_a_list_of_media_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    path = study.folder / "media.json"
    values = json.loads(path.read_text())
    for name in ("../study.toml", "/etc/passwd", "..", ".hidden", "a/b.png"):
        values["media"][0]["file"] = name
        path.write_text(json.dumps(values))
        with pytest.raises(BadInput, match="no file name"):
            open_study(study.folder)
    shutil.rmtree(study.folder)
    with pytest.raises(BadInput, match="study new"):
        open_study(study.folder)
