"""The report in a real browser: nothing is fetched, nothing overflows a phone, clips play."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from diorama.comparison.report import write_report
from tests.comparison.examples import CLIPS, IMAGES, comparison


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report([comparison(IMAGES), comparison(CLIPS)], tmp_path_factory.mktemp("report"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_fits_a_phone_and_fetches_nothing(browser: Any, report: Path, scheme: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.goto(report.as_uri())
    page.wait_for_load_state("load")
    assert [url for url in asked if not url.startswith(("data:", report.as_uri()))] == []
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    smallest = "Math.min(...[...document.querySelectorAll('svg text')].map(t => t.getBoundingClientRect().height))"
    assert page.evaluate(smallest) >= 8
    page.close()


def test_light_and_dark_differ_in_paper_and_ink(browser: Any, report: Path) -> None:
    seen = []
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(report.as_uri())
        style = "(([b]) => [getComputedStyle(b).backgroundColor, getComputedStyle(b).color])([document.body])"
        seen.append(page.evaluate(style))
        page.close()
    assert seen[0] != seen[1]


def test_clips_play_by_themselves_when_they_come_into_view(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(report.as_uri())
    clips = page.locator("video")
    assert clips.count() >= 4
    clips.first.scroll_into_view_if_needed()
    # Polled from here, since the page's own content policy forbids to evaluate anything inside it.
    playing = "(v => !v.paused && v.currentTime > 0)(document.querySelector('video'))"
    deadline = time.monotonic() + 10
    while not page.evaluate(playing) and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert page.evaluate(playing)
    page.close()


def test_every_picture_has_words_for_those_who_cannot_see_it(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    assert page.locator("img:not([alt]), video:not([aria-label])").count() == 0
    page.close()


@pytest.mark.parametrize("way", ["click", "keyboard"])
def test_a_picture_fills_the_window_and_becomes_small_again(browser: Any, report: Path, way: str) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.goto(report.as_uri())
    picture, box = page.locator("img.pixels").first, page.locator(".enlarge input").first
    small, height = picture.bounding_box(), page.evaluate("document.documentElement.scrollHeight")

    def turn() -> None:
        if way == "click":
            picture.click()
        else:
            box.focus()
            page.keyboard.press("Space")

    turn()
    large = picture.bounding_box()
    assert (large["x"], large["y"], large["width"], large["height"]) == (0, 0, 1000, 700)
    # What lies around it keeps its place.
    assert page.evaluate("document.documentElement.scrollHeight") == height
    turn()
    assert (picture.bounding_box()["width"], picture.bounding_box()["height"]) == (small["width"], small["height"])
    page.close()


def test_names_stay_in_sight_when_a_table_is_scrolled_on_a_phone(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(report.as_uri())
    table, cost = page.locator('[aria-label="Scores"]').first, page.locator('[aria-label="Costs"]').first
    for region in (table, cost):
        region.evaluate("r => { r.scrollLeft = 10000 }")
        for name in region.locator("tbody th[scope=row]").all():
            place = name.bounding_box()
            assert 0 <= place["x"] < 60
            assert place["width"] < 200
    page.close()


def test_without_scripts_everything_can_be_read(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("summary", has_text="Before training").first.click()
    folded, deadline = page.get_by_text("dcgan_toy, untrained").first, time.monotonic() + 10
    while not folded.is_visible() and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    assert folded.is_visible()
    context.close()
