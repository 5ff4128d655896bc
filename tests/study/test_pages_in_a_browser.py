"""A whole study in a real browser: by keyboard and by touch, on a desk and on a phone, in light and dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diorama.study.bundle import answers_of_downloads, write_bundle
from diorama.study.design import Session
from diorama.study.staircase import Staircase
from tests.study.studies import QUICK, Served, design, served, small_study
from tests.study.test_bundle import given_of

SESSION = Session(judgements=2, repeats=1, attention=1, practice=1)
TRIALS = 5
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WATCH = """() => {
  // How long each picture was there, in milliseconds.
  window.seen = []; let since = null;
  const look = (now) => {
    const shown = !!document.querySelector(".frame:not(.hidden) img");
    if (shown && since === null) since = now;
    if (!shown && since !== null) { seen.push(now - since); since = null; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
ENABLED = "button[data-choice]:enabled"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A short study for raters of several tests; what a browser does is the same whatever the database."""
    with served(small_study(tmp_path_factory.mktemp("study"), design(session=SESSION)), limits=QUICK) as running:
        yield running


def opened(browser: Any, link: str, *, phone: bool = False, scheme: str = "light") -> tuple[Any, list[str]]:
    """A page, and what its browser complains of."""
    context = browser.new_context(
        viewport=PHONE if phone else DESK, color_scheme=scheme, has_touch=phone, is_mobile=phone
    )
    page, problems = context.new_page(), []
    page.set_default_timeout(20_000)
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda problem: problems.append(str(problem)))
    page.goto(link)
    return page, problems


def walk(page: Any, act: Callable[[], None], check: Callable[[], None] = lambda: None) -> int:
    """Answer until the last page; how many trials there were."""
    count = 0
    while True:
        # The last answer loads a page of its own, which locators wait for.
        turn = page.locator("#count", has_text=re.compile(rf"^{count + 1} of "))
        turn.or_(page.locator("#finished")).locator("visible=true").first.wait_for()
        page.locator(f"{ENABLED}, #finished").locator("visible=true").first.wait_for()
        if page.locator("#finished:visible").count():
            return count
        check()
        act()
        count += 1


@pytest.mark.parametrize(
    ("kind", "key", "choice"),
    [("pairwise", "ArrowDown", "tie"), ("2afc", "r", "right"), ("real_or_fake", "u", "unsure"), ("opinion", "4", "4")],
)
def test_a_study_is_walked_by_keyboard(browser: Any, tmp_path: Path, kind: Any, key: str, choice: str) -> None:
    with served(small_study(tmp_path, design(kind, session=SESSION, completion_code="C-42")), limits=QUICK) as server:
        page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        def shown() -> None:
            pictures = page.locator("#stage img")
            assert pictures.count() == (2 if server.version.design.two else 1)
            # Nothing may be judged before all of it is there.
            assert page.evaluate(
                "[...document.querySelectorAll('#stage img')].every(i => i.complete && i.naturalWidth)"
            )
            assert page.locator(".frame.hidden").count() == 0

        assert walk(page, lambda: page.keyboard.press(key), shown) == TRIALS
        assert page.locator(".code").inner_text() == "C-42"
        assert problems == []
        rows = server.answers()
        assert [row["choice"] for row in rows] == [choice] * (TRIALS - SESSION.practice)
        assert all(0 < row["ms"] < 60_000 for row in rows)
        page.context.close()


@pytest.mark.parametrize(("scheme", "clips"), [("light", False), ("dark", True)], ids=["light-pictures", "dark-clips"])
def test_a_study_is_walked_by_touch_on_a_phone(browser: Any, tmp_path: Path, scheme: str, clips: bool) -> None:
    with served(small_study(tmp_path, design(session=SESSION), clips=clips), limits=QUICK) as server:
        page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}", phone=True, scheme=scheme)
        page.get_by_role("button", name="I agree").tap()

        def fits() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
            last = page.locator("button[data-choice]").last.bounding_box()
            assert last["y"] + last["height"] <= PHONE["height"]
            assert all(box.bounding_box()["height"] >= 44 for box in page.locator("button[data-choice]").all())

        assert walk(page, lambda: page.get_by_role("button", name="Right").tap(), fits) == TRIALS
        assert problems == []
        assert {row["choice"] for row in server.answers()} == {"right"}
        page.context.close()


def test_two_clips_play_together_and_pause_together(browser: Any, tmp_path: Path) -> None:
    with served(small_study(tmp_path, design(session=SESSION), clips=True), limits=QUICK) as server:
        page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
        page.get_by_role("button", name="I agree").click()
        page.locator(ENABLED).first.wait_for()
        places = "[...document.querySelectorAll('#stage video')].map(v => v.currentTime)"
        apart, moved = [], set()
        for _ in range(30):
            left, right = page.evaluate(places)
            apart.append(abs(left - right))
            moved.add(round(left, 2))
            page.wait_for_timeout(50)
        assert len(moved) > 3
        # Half a frame of a clip of eight frames a second, in the median of many looks.
        assert sorted(apart)[len(apart) // 2] < 1 / 16
        page.keyboard.press(" ")
        page.wait_for_timeout(100)
        left, right = page.evaluate(places)
        assert abs(left - right) < 0.05
        page.wait_for_timeout(200)
        assert page.evaluate(places) == [left, right]
        assert page.get_by_role("button", name="Play").count() == 1
        page.get_by_role("button", name="From the start").click()
        page.wait_for_timeout(200)
        assert page.evaluate("[...document.querySelectorAll('#stage video')].every(v => !v.paused || v.ended)")
        assert problems == []
        page.context.close()


def test_a_picture_of_timed_exposure_comes_when_asked_for_and_goes(browser: Any, tmp_path: Path) -> None:
    timed = design("real_or_fake", session=replace(SESSION, exposure_ms=300))
    with served(small_study(tmp_path, timed), limits=QUICK) as server:
        page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
        page.get_by_role("button", name="I agree").click()
        for _ in range(TRIALS):
            page.locator("#ready:visible").wait_for()
            assert page.locator("#stage img").count() == 0
            assert page.locator(ENABLED).count() == 0
            page.keyboard.press("Enter")
            page.locator(ENABLED).first.wait_for()
            page.locator(".frame.hidden img").wait_for(state="attached")
            page.keyboard.press("f")
        page.locator("#finished").wait_for()
        assert {row["choice"] for row in server.answers()} == {"fake"}
        assert problems == []
        page.context.close()


def test_a_picture_is_seen_for_as_long_as_is_recorded(browser: Any, tmp_path: Path) -> None:
    """From the frame in which it appears to the one in which it goes, by the browser's own clock."""
    steps = Staircase(start_ms=200, shortest_ms=200, longest_ms=400, longer_by_ms=100)
    timed = design("real_or_fake", systems=("real", "one"), session=SESSION, staircase=steps)
    with served(small_study(tmp_path, timed), limits=QUICK) as server:
        page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
        page.get_by_role("button", name="I agree").click()
        page.locator("#ready:visible").wait_for()
        page.evaluate(WATCH)
        for _ in range(TRIALS):
            page.locator("#ready:visible").wait_for()
            page.keyboard.press("Enter")
            # Who answers before the picture has gone is not heard.
            page.keyboard.press("f")
            page.locator(ENABLED).first.wait_for()
            assert page.locator(".frame.hidden img").count() == 1
            seen = page.evaluate("seen")
            page.locator(".mask").wait_for(state="detached")
            page.keyboard.press("f")
        page.locator("#finished").wait_for()
        recorded = [row["exposure_ms"] for row in server.answers()]
        assert len(set(recorded)) > 1
        # Never shorter by more than a frame; a busy machine may add some to a few of them.
        late = [ms - wanted for ms, wanted in zip(seen[SESSION.practice :], recorded, strict=True)]
        assert all(ms >= -17 for ms in late)
        assert sorted(late)[len(late) // 2] < 60
        assert problems == []
        page.context.close()


def test_a_closed_tab_goes_on_and_the_next_picture_is_already_there(browser: Any, server: Served) -> None:
    link = f"{server.address}/s/{server.tokens(1)[0]}"
    page, _ = opened(browser, link)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    page.wait_for_load_state("networkidle")
    assert len([url for url in asked if "/m/" in url]) == 4
    page.keyboard.press("ArrowLeft")
    page.get_by_text(f"2 of {TRIALS}").wait_for()
    page.locator(ENABLED).first.wait_for()
    sources = [picture.get_attribute("src") for picture in page.locator("#stage img").all()]
    assert all(any(url.endswith(source) for url in asked[:8]) for source in sources)
    page.context.close()
    again, _ = opened(browser, link)
    again.locator(ENABLED).first.wait_for()
    assert again.locator("#count").inner_text() == f"2 of {TRIALS}"
    assert [picture.get_attribute("src") for picture in again.locator("#stage img").all()] == sources
    again.context.close()


def test_an_answer_that_cannot_be_sent_is_kept_and_sent_again(browser: Any, server: Served) -> None:
    page, _ = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    bodies: list[str] = []

    def lost(route: Any) -> None:
        bodies.append(route.request.post_data)
        if len(bodies) == 1:
            route.abort()
        elif len(bodies) == 2:
            route.fulfill(status=503, body="{}")
        else:
            route.continue_()

    page.route("**/answers", lost)
    page.keyboard.press("ArrowRight")
    page.get_by_text("sent again").wait_for()
    page.get_by_text(f"2 of {TRIALS}").wait_for()
    assert len(bodies) == 3
    assert len({json.loads(body)["key"] for body in bodies}) == 1
    page.context.close()


def test_a_page_whose_pictures_vanish_goes_on_with_the_next_trial(browser: Any, tmp_path: Path) -> None:
    study = small_study(tmp_path, design(session=SESSION))
    with served(study, limits=QUICK) as server:
        page, _ = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
        for medium in study.collection.media[:6]:
            (study.folder / "media" / medium.file).unlink()
        page.get_by_role("button", name="I agree").click()
        # Whose pictures are gone is not counted.
        assert 0 < walk(page, lambda: page.keyboard.press("ArrowLeft")) <= TRIALS
        page.context.close()


def test_pages_speak_to_screen_readers(browser: Any, server: Served) -> None:
    page, _ = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    assert page.get_by_role("heading", name="Which of the two looks better?").count() == 1
    assert [image.get_attribute("alt") for image in page.locator("#stage img").all()] == [
        "Left picture",
        "Right picture",
    ]
    group = page.get_by_role("group", name="Which of the two looks better?")
    assert group.get_by_role("button").count() == 3
    assert page.get_by_role("progressbar", name="Progress").count() == 1
    assert page.locator("[role=status], [aria-live=polite]").count() == 2
    page.keyboard.press("ArrowLeft")
    page.get_by_text(f"2 of {TRIALS}").wait_for()
    page.locator(ENABLED).first.wait_for()
    # The question is read out again with every trial.
    page.wait_for_timeout(100)
    assert page.evaluate("document.activeElement.id") == "asked"
    page.context.close()


def test_a_picture_that_does_not_come_is_asked_for_again_without_haste(browser: Any, server: Served) -> None:
    page, _ = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    page.route("**/m/*", lambda route: route.abort())
    page.get_by_role("button", name="I agree").click()
    page.get_by_text("A picture could not be loaded.").wait_for()
    before = len(asked)
    page.wait_for_timeout(1_500)
    assert len(asked) == before
    page.unroute("**/m/*")
    page.locator(ENABLED).first.wait_for()
    page.context.close()


def test_a_reply_that_is_not_the_studys_is_no_acknowledgement(browser: Any, server: Served) -> None:
    (token,) = server.tokens(1)
    page, _ = opened(browser, f"{server.address}/s/{token}")
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    page.route("**/answers", lambda route: route.fulfill(status=200, content_type="text/html", body="<p>Log in"))
    page.keyboard.press("ArrowLeft")
    page.get_by_text("could not be stored yet").wait_for()
    page.unroute("**/answers")
    page.get_by_text("2 of ").wait_for()
    page.context.close()


def test_letters_are_keys_with_caps_lock_too(browser: Any, server: Served) -> None:
    page, problems = opened(browser, f"{server.address}/s/{server.tokens(1)[0]}")
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    page.keyboard.press("L")
    page.get_by_text("2 of ").wait_for()
    assert problems == []
    page.context.close()


def test_the_administrator_sees_progress_and_makes_links(browser: Any, tmp_path: Path) -> None:
    with served(small_study(tmp_path), limits=QUICK) as server:
        page, problems = opened(browser, server.admin, phone=True)
        page.get_by_label("How many more?").fill("3")
        page.get_by_role("button", name="Make links").tap()
        page.locator(".links li").nth(2).wait_for()
        assert page.locator(".links li").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        with page.expect_download() as saved:
            page.get_by_role("link", name="CSV", exact=True).tap()
        assert saved.value.suggested_filename == "answers.csv"
        assert problems == []
        page.context.close()


def test_a_bundle_is_walked_from_disk_and_saves_its_answers(browser: Any, tmp_path: Path) -> None:
    study = small_study(tmp_path, design(session=SESSION, completion_code="C-43"))
    write_bundle(study, tmp_path / "bundle", 2)
    link = (tmp_path / "bundle" / "rater-0001.html").as_uri()
    page, problems = opened(browser, link)
    page.get_by_role("button", name="I agree").click()
    page.locator(ENABLED).first.wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_text(f"2 of {TRIALS}").wait_for()
    # What was answered outlives the page.
    page.reload()
    page.get_by_role("button", name="I agree").click()
    page.get_by_text(f"2 of {TRIALS}").wait_for()
    page.locator(ENABLED).first.wait_for()
    for i in range(2, TRIALS + 1):
        page.locator(ENABLED).first.wait_for()
        page.keyboard.press("ArrowRight")
        if i < TRIALS:
            page.get_by_text(f"{i + 1} of {TRIALS}").wait_for()
    page.locator("#finished:visible").wait_for()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save my answers").click()
    saved.value.save_as(tmp_path / "answers.json")
    answers, left_out = answers_of_downloads(study, [tmp_path / "answers.json"])
    assert left_out == []
    assert [row.choice for row in answers.rows] == ["right"] * (TRIALS - SESSION.practice)
    assert {row.rater for row in answers.rows} == {"b1-r0001"}
    assert problems == []
    page.context.close()


@pytest.mark.parametrize("missing", ["some", "all"])
def test_a_bundle_whose_pictures_are_missing_tells_the_truth(browser: Any, tmp_path: Path, missing: str) -> None:
    study = small_study(tmp_path, design(session=SESSION, completion_code="C-46"))
    write_bundle(study, tmp_path / "bundle", 1)
    trials = given_of(tmp_path / "bundle" / "rater-0000.html")["trials"]
    for address in {one for trial in trials[: 2 if missing == "some" else None] for one in trial["media"]}:
        (tmp_path / "bundle" / address).unlink()
    page, _ = opened(browser, (tmp_path / "bundle" / "rater-0000.html").as_uri())
    page.get_by_role("button", name="I agree").click()
    while True:
        page.locator(f"{ENABLED}, #finished").locator("visible=true").first.wait_for()
        if page.locator("#finished:visible").count():
            break
        before = page.locator("#count").inner_text()
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "before => document.querySelector('#count').textContent !== before || "
            "!document.querySelector('#done').hidden",
            arg=before,
        )
    said = page.locator("#done").inner_text()
    assert "answered everything" not in said
    assert ("all that could be shown" in said) == ("C-46" in said) == (missing == "some")
    assert ("asked nothing" in said) == (missing == "all")
    assert page.locator("#save:visible").count() == (missing == "some")
    page.context.close()


def test_two_windows_of_a_bundle_do_not_lose_each_others_answers(browser: Any, tmp_path: Path) -> None:
    study = small_study(tmp_path, design(session=SESSION))
    write_bundle(study, tmp_path / "bundle", 1)
    link = (tmp_path / "bundle" / "rater-0000.html").as_uri()
    first, problems = opened(browser, link)
    second = first.context.new_page()
    second.goto(link)
    for page in (first, second):
        page.get_by_role("button", name="I agree").click()
        page.locator(ENABLED).first.wait_for()
    for done in (2, 3):
        first.keyboard.press("ArrowLeft")
        first.get_by_text(f"{done} of {TRIALS}").wait_for()
        first.locator(ENABLED).first.wait_for()
    # It still shows the first trial: its answer adds nothing, and takes nothing away.
    second.keyboard.press("ArrowRight")
    second.get_by_text(f"3 of {TRIALS}").wait_for()
    second.reload()
    second.get_by_role("button", name="I agree").click()
    second.get_by_text(f"3 of {TRIALS}").wait_for()
    assert problems == []
    first.context.close()
