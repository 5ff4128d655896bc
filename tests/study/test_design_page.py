"""A design that is written on a page is the one that TOML would say, and whatever a browser sends stays inert."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from html import unescape
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diorama.cli import main as program
from diorama.cli.study_design import help_of_new
from diorama.core.errors import BadInput
from diorama.study.design import KINDS, MOST_BYTES, Kind, Session, StudyDesign, read_design, write_design
from diorama.study.designing.fields import FIELDS
from diorama.study.designing.file import DesignFile, comments_of, file_of, mark_of
from diorama.study.designing.form import Problem, blank_texts, draft_from, texts_of
from diorama.study.designing.server import design_app
from diorama.study.draft import Draft, draft_of, draft_to_toml, read_draft
from diorama.study.folder import open_study
from diorama.study.power import power_of
from diorama.study.staircase import Staircase
from tests.study.studies import ITEMS, Reply, ask, design, running, small_study, write_pictures

TOKEN = "designer-of-tests"
HOSTILE = "<script>alert(1)</script>'; DROP TABLE answers; --"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Page:
    """The page as it is served.

    Args:
        address: of its server.
        path: of the file that it writes.
    """

    address: str
    path: Path

    def get(self, token: str = TOKEN) -> Reply:
        """What a browser is shown."""
        return ask(self.address, f"/d/{token}")

    def press(self, button: str, texts: Mapping[str, str], token: str = TOKEN) -> Reply:
        """Press a button of a form that was filled in just now."""
        mark = mark_of(self.path.read_bytes() if self.path.exists() else b"")
        body = urlencode({"mark": mark, **texts, "do": button}).encode()
        return ask(self.address, f"/d/{token}", "POST", body, FORM)


def served_page(file: DesignFile) -> Any:
    """A page of a file, in this process."""
    return running(design_app(file, TOKEN, help_of_new()))


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """The page of a file that is not there yet."""
    path = tmp_path / "new.toml"
    with served_page(file_of(path)) as address:
        yield Page(address, path)


def filled(**changes: str) -> dict[str, str]:
    """A form whose design fits."""
    return {**blank_texts("new"), "systems": "real=pictures/real\none=pictures/one", **changes}


def problem_at(reply: Reply, key: str) -> str:
    """What is said beside a field."""
    found = re.search(rf'<p class="problem" id="{re.escape(key)}.problem">(.*?)</p>', reply.text)
    assert found is not None, reply.text
    return found[1]


def leaves(kind: type[Any], before: str = "") -> Iterator[str]:
    """The keys of a design's values, dotted within tables."""
    for field in fields(kind):
        hint = get_type_hints(kind)[field.name]
        table = next((one for one in (hint, *get_args(hint)) if is_dataclass(one)), None)
        if table is None:
            yield f"{before}{field.name}"
        else:
            yield from leaves(table, f"{field.name}.")


def test_every_value_of_a_design_has_a_field_and_the_command_lines_help(page: Page) -> None:
    assert {field.key for field in FIELDS} == {*leaves(StudyDesign), "staircase"}
    shown, known = unescape(page.get().text), help_of_new()
    for field in FIELDS:
        assert f'name="{field.key}"' in shown
        assert bool(field.option) != bool(field.about)
        assert (known[field.option] if field.option else field.about) in shown


@pytest.mark.parametrize(
    ("kind", "timed"),
    [*((kind, timed) for kind in KINDS for timed in ("untimed", "exposure")), ("real_or_fake", "staircase")],
)
def test_a_study_of_the_page_is_that_of_toml(page: Page, tmp_path: Path, kind: Kind, timed: str) -> None:
    sources = {name: str(write_pictures(tmp_path / "of" / name, i)) for i, name in enumerate(("real", "one"))}
    session = Session(
        judgements=3, repeats=1, attention=0, practice=1, exposure_ms=250 if timed == "exposure" else None
    )
    steps = Staircase(start_ms=400, blocks=2) if timed == "staircase" else None
    wanted = design(kind, systems=("real", "one"), session=session, staircase=steps, consent="One\n\n“two” # three\n")
    write_design(tmp_path / "by-hand.toml", wanted)
    assert page.press("save", texts_of(Draft(wanted, sources))).status == 303
    of_page, of_toml = tmp_path / "of-page", tmp_path / "of-toml"
    small = ["--items", str(ITEMS), "--device", "cpu"]
    assert program.run(["study", "new", str(of_page), "--design", str(page.path), *small]) == program.DONE
    words = ["study", "new", str(of_toml), "--design", str(tmp_path / "by-hand.toml"), *small]
    assert program.run([*words, "--systems", *(f"{name}={path}" for name, path in sources.items())]) == program.DONE
    one, other = open_study(of_page), open_study(of_toml)
    assert one.design == other.design == wanted
    assert (of_page / "study.toml").read_bytes() == (of_toml / "study.toml").read_bytes()
    assert (one.collection.systems, one.collection.items) == (other.collection.systems, other.collection.items)


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters="\n\t"), max_size=40)


@given(
    kind=st.sampled_from(KINDS),
    texts=st.tuples(TEXTS, TEXTS, TEXTS.filter(str.strip)),
    source=TEXTS.map(lambda text: " ".join(text.split())),
    dotted=st.booleans(),
)
def test_a_draft_is_the_same_after_the_form_and_after_the_file(
    kind: Kind, texts: tuple[str, str, str], source: str, dotted: bool
) -> None:
    name = "one.two" if dotted else "one"
    question, instructions, consent = texts
    made = StudyDesign(
        name="x", kind=kind, systems=("real", name), question=question, instructions=instructions, consent=consent
    )
    draft = Draft(made, {name: source} if source else {})
    assert draft_from(texts_of(draft)) == draft
    assert draft_of(tomllib.loads(draft_to_toml(draft)), "again") == draft


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("name", "a b", "name must be letters"),
        ("systems", "one", "systems: pairwise takes 2 to 50, got 1"),
        ("systems", "one=a\none=b", "systems must differ"),
        ("systems", "one\n<b>=x", "systems: &#39;&lt;b&gt;&#39; must be letters"),
        ("kind", "guess", "is not one of"),
        ("kind", "", "is not one of"),
        ("consent", " ", "consent is empty"),
        ("title", "a\x00", "title must be text without control characters"),
        ("title", "a" * 20_001, "title must be text"),
        ("return_address", "javascript:alert(1)", "return_address must be https://HOST"),
        ("session.judgements", "many", "session.judgements: expected a whole number, got &#39;many&#39;"),
        ("session.judgements", "", "expected a whole number"),
        ("session.judgements", "9" * 5_000, "expected a whole number"),
        ("session.repeats", "41", "session: repeats must be in [0, 40]"),
        ("session.exposure_ms", "5", "exposure_ms must be in"),
        ("stop.raters", "0", "raters must be in [1, 1,000,000]"),
        ("stop.raters", "9" * 29, "raters must be in [1, 1,000,000]"),
        ("stop.judgements", "0", "judgements must be in"),
        ("power.effect", "1.5", "power.effect is a share"),
        ("power.effect", "nan", "effect must be in"),
        ("power.level", "1e999", "level must be in"),
        ("staircase", "on", "staircase needs the kind real_or_fake"),
        ("seed", "-1", "seed must be in"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field_and_not_saved(
    page: Page, key: str, text: str, message: str
) -> None:
    reply = page.press("save", filled(**{key: text}))
    assert reply.status == 422
    assert message in problem_at(reply, key)
    assert "aria-invalid" in reply.text
    assert not page.path.exists()


def test_mistakes_of_the_staircase_are_said_beside_its_steps(page: Page) -> None:
    timed = filled(kind="real_or_fake", staircase="on", **{"staircase.start_ms": "5000"})
    assert "must rise" in problem_at(page.press("check", timed), "staircase.shortest_ms")


def test_the_power_is_what_the_command_line_says(page: Page) -> None:
    texts = filled(kind="2afc", **{"stop.raters": "9"})
    draft = draft_from(texts)
    assert isinstance(draft, Draft)
    reply = page.press("check", texts)
    assert (reply.status, page.path.exists()) == (200, False)
    assert all(line in reply.text for line in power_of(draft.design))
    assert "9 raters with 40 judgements each find right answers in 60 % of choices with probability" in reply.text
    staircase = page.press("check", filled(kind="real_or_fake", staircase="on"))
    assert "20 raters tell HYPE_time to within" in staircase.text


def test_an_effect_that_nobody_said_is_the_usual_one_of_the_kind() -> None:
    found = [draft_from(filled(kind=kind)) for kind in ("pairwise", "opinion")]
    assert [one.design.power.effect for one in found if isinstance(one, Draft)] == [0.6, 0.5]


def test_nobody_without_the_token_sees_or_writes_anything(page: Page) -> None:
    for token in ("", "x", TOKEN[:-1], TOKEN + "x", "%C3%A9"):
        assert page.get(token).status == 404
        reply = page.press("save", filled(), token)
        assert (reply.status, TOKEN in reply.text) == (404, False)
    assert not page.path.exists()
    headers = page.get().headers
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_markup_and_sql_in_fields_stay_text(page: Page) -> None:
    written = ("title", "question", "instructions", "consent", "completion_code")
    texts = filled(**dict.fromkeys(written, HOSTILE), systems=f"real={HOSTILE}\none")
    assert page.press("save", texts).status == 303
    draft = read_draft(page.path)
    assert (draft.design.title, draft.sources) == (HOSTILE, {"real": HOSTILE})
    for reply in (page.get(), page.press("check", texts), page.press("check", dict.fromkeys(texts, HOSTILE))):
        assert "<script>alert" not in reply.text
        assert "&lt;script&gt;alert" in reply.text


def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_is_sent(page: Page) -> None:
    # Of a whole one the server would close the connection while it is still being sent.
    reply = ask(page.address, f"/d/{TOKEN}", "POST", b"a=x", {**FORM, "Content-Length": str(MOST_BYTES + 1)})
    assert reply.status == 413
    assert not page.path.exists()


@pytest.mark.parametrize("body", [b"&".join(b"a%d=1" % i for i in range(200)), b"\xff\xfe"])
def test_what_is_no_form_is_refused(page: Page, body: bytes) -> None:
    reply = ask(page.address, f"/d/{TOKEN}", "POST", body, FORM)
    assert reply.status in (413, 422)
    assert not page.path.exists()


def test_a_form_without_fields_is_checked_and_not_saved(page: Page) -> None:
    assert ask(page.address, f"/d/{TOKEN}", "POST", b"", FORM).status == 200
    assert page.press("save", {}).status == 422
    assert not page.path.exists()


def test_comments_are_lost_only_where_that_was_said_and_agreed_to(page: Page) -> None:
    before = (
        draft_to_toml(Draft(design())).replace("\n[session]", "# Agreed with the board.\n[session] # short") + "# end"
    )
    page.path.write_text(before)
    texts = {**texts_of(read_draft(page.path)), "title": "Other"}
    assert "new.toml has comments" in page.get().text
    refused = page.press("save", texts)
    assert refused.status == 409
    assert "Not saved: the comments of new.toml (lines" in refused.text
    assert 'value="Other"' in refused.text
    assert page.path.read_text() == before
    assert page.press("save", {**texts, "overwrite": "on"}).status == 303
    assert read_draft(page.path).design.title == "Other"
    assert "has comments" not in page.get().text


def test_what_another_program_wrote_meanwhile_is_not_written_over_unseen(page: Page) -> None:
    shown = page.get().text
    mark = re.search(r'name="mark" value="(\w+)"', shown)
    assert mark is not None
    page.path.write_text(draft_to_toml(Draft(design())))
    refused = page.press("save", {**filled(), "mark": mark[1]})
    assert refused.status == 409
    assert "was changed since" in refused.text
    assert read_design(page.path) == design()
    fresh = re.search(r'name="mark" value="(\w+)"', refused.text)
    assert fresh is not None
    assert page.press("save", {**filled(), "mark": fresh[1]}).status == 303


def test_what_cannot_be_written_is_told_and_the_form_keeps_it(page: Page) -> None:
    page.path.parent.joinpath("taken").touch()
    with served_page(DesignFile(page.path.parent / "taken" / "new.toml")) as address:
        reply = Page(address, page.path).press("save", filled(title="Kept"))
    assert reply.status == 500
    assert "Not saved: " in reply.text
    assert 'value="Kept"' in reply.text


def test_a_file_that_became_no_design_is_told_and_kept(page: Page) -> None:
    page.path.write_text("tile = 1")
    reply = page.get()
    assert reply.status == 422
    assert "tile: there is no such field" in reply.text
    assert page.path.read_text() == "tile = 1"


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ('a = "#" # one\n', (1,)),
        ("a = '#'\n#\n", (2,)),
        ('a = """\n# no\n\\"""# no\n""" # yes\n', (4,)),
        ('a = """x""""" # yes\nb = "\\"#" # yes', (1, 2)),
        ("a = '''\n#\n'''#", (3,)),
        ('a = ["#", 1]', ()),
    ],
)
def test_comments_are_told_from_marks_within_texts(content: str, lines: tuple[int, ...]) -> None:
    assert comments_of(content.encode()) == lines


def test_the_page_of_a_made_study_keeps_its_systems(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with served_page(file_of(study.folder)) as address:
        page = Page(address, study.folder / "study.toml")
        texts = texts_of(Draft(study.design))
        assert "diorama study serve" in page.get().text
        assert "make another" in problem_at(page.press("save", {**texts, "systems": "one\ntwo"}), "systems")
        assert page.press("save", {**texts, "title": "Anew"}).status == 303
    assert open_study(study.folder).design == design(title="Anew")


def test_the_program_serves_the_page_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "diorama", "study", "design", str(tmp_path / "new.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            address = server.stdout.readline().split()[-1]
            host, _, token = address.partition("/d/")
            assert host.startswith("http://127.0.0.1:")
            assert len(token) >= 32
            assert 'value="new"' in ask(host, f"/d/{token}").text
        finally:
            server.terminate()


def test_folders_of_no_study_and_broken_files_are_refused_at_the_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadInput, match="is the folder of no study"):
        file_of(tmp_path)
    assert program.run(["study", "design", str(tmp_path / "new.toml"), "--port", "70000"]) == program.WRONG
    assert "--port must be in [0, 65535]" in capsys.readouterr().err
    (tmp_path / "broken.toml").write_text("tile = 1")
    assert program.run(["study", "design", str(tmp_path / "broken.toml")]) == program.NOTHING_DONE
    assert "broken.toml: tile: there is no such field" in capsys.readouterr().err


def test_a_file_of_a_design_is_not_contradicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = Draft(design(systems=("real", "one")), {"real": str(tmp_path)})
    path = tmp_path / "plan.toml"
    path.write_text(draft_to_toml(draft))
    for more, message in (
        (["--title", "x"], "--title: is for"),
        (["--kind", "pairwise"], "--kind: is for"),
        (["--no-ties"], "--no-ties: is for"),
        (["--systems", "two=x"], "--systems: two is none of"),
        ([], "add --systems one=FOLDER_OR_RUN"),
    ):
        words = ["study", "new", str(tmp_path / "study"), "--design", str(path), *more]
        assert program.run(words) == program.WRONG
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("sources", [{"two": "x"}, {"one": ""}, {"one": "a\nb"}, {"one": 1}, 5])
def test_sources_that_do_not_fit_are_refused(sources: object) -> None:
    with pytest.raises(BadInput, match="where: sources"):
        draft_of({"name": "x", "kind": "pairwise", "systems": ["real", "one"], "sources": sources}, "where")


def test_problems_of_unknown_places_are_still_told() -> None:
    problem = draft_from({})
    assert isinstance(problem, Problem)
    assert problem.message
