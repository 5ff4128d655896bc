"""A design is written on its page by keyboard alone, on a phone, in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from diorama.study.design import read_design
from diorama.study.designing.fields import FIELDS
from diorama.study.designing.file import file_of
from diorama.study.draft import read_draft
from tests.study.test_design_page import TOKEN, served_page
from tests.study.test_pages_in_a_browser import PHONE, opened

pytestmark = pytest.mark.slow

FOCUSED = "document.activeElement.name || document.activeElement.id"
SAVE = "do"


def go_to(page: Any, name: str) -> list[str]:
    """Press Tab until a field has the focus; the names of those on the way."""
    passed: list[str] = []
    while (focused := page.evaluate(FOCUSED)) != name:
        assert len(passed) < 3 * len(FIELDS), f"{name} cannot be reached by keyboard; passed were {passed}"
        passed.append(focused)
        page.keyboard.press("Tab")
    return passed


def check_fits(page: Any) -> None:
    """Nothing is wider than the phone, nothing that is touched is small, and every field is named."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    boxes = [one.bounding_box() for one in page.locator("button, .one, .field > input, textarea").all()]
    assert all(box["height"] >= 44 for box in boxes if box is not None)
    unnamed = (
        "[...document.querySelectorAll('input:not([type=hidden]), textarea')].filter(i => !i.labels.length).length"
    )
    assert page.evaluate(unnamed) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_design_is_written_by_keyboard_on_a_phone(browser: Any, tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "pictures.toml"
    with served_page(file_of(path)) as address:
        page, problems = opened(browser, f"{address}/d/{TOKEN}", phone=True, scheme=scheme)
        check_fits(page)
        passed = go_to(page, "kind")
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        passed += go_to(page, "systems")
        page.keyboard.type("real=pictures/real\nmine=runs/first")
        passed += go_to(page, "session.repeats")
        page.keyboard.type("99")
        passed += go_to(page, "staircase")
        page.keyboard.press(" ")
        passed += go_to(page, SAVE)
        assert {field.key for field in FIELDS} <= set(passed)
        page.keyboard.press("Enter")
        page.get_by_role("alert").wait_for()
        # What is wrong has the focus, and is said to whoever does not see it.
        assert page.evaluate(FOCUSED) == "session.repeats"
        assert page.locator("[id='session.repeats.problem']").inner_text().startswith("session: repeats must be in")
        assert "session.repeats.problem" in page.locator("[name='session.repeats']").get_attribute("aria-describedby")
        check_fits(page)
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("5")
        assert page.locator(".problem").count() == 0
        page.get_by_text("20 raters tell HYPE_time to within").wait_for()
        go_to(page, SAVE)
        page.keyboard.press("Enter")
        page.get_by_text("pictures.toml is saved").wait_for()
        check_fits(page)
        assert [one for one in problems if "422" not in one] == []
        page.context.close()
    draft = read_draft(path)
    assert (draft.design.kind, draft.design.session.repeats) == ("real_or_fake", 5)
    assert draft.design.staircase is not None
    assert draft.sources == {"real": "pictures/real", "mine": "runs/first"}


def test_the_page_works_without_its_script(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "pictures.toml"
    with served_page(file_of(path)) as address:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}/d/{TOKEN}")
        page.locator("[name=systems]").fill("one\ntwo")
        page.get_by_role("button", name="Check").click()
        assert "The design fits" in page.get_by_role("status").first.inner_text()
        assert "20 raters with 40 judgements each" in page.locator("#power").inner_text()
        page.get_by_role("button", name="Save").click()
        page.get_by_text("pictures.toml is saved").wait_for()
        context.close()
    assert read_design(path).systems == ("one", "two")
