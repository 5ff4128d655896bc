"""Pages are whole, escape what they are told and ask nothing of the network."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from diorama.web.embed import clip, data_uri, picture
from diorama.web.page import breakable, page


def test_a_page_is_one_document_with_light_and_dark_and_a_phone_viewport() -> None:
    text = page("Cats & <dogs>", "<p>body</p>", style=".mine{}")
    assert text.startswith("<!doctype html>")
    assert "<title>Cats &amp; &lt;dogs&gt;</title>" in text
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text
    assert ".mine{}" in text


def test_a_page_names_no_address_and_has_no_script() -> None:
    text = page("t", "b")
    assert not re.findall(r"https?://|<script|@import|url\(", text)
    assert "default-src 'none'" in text


def test_pictures_and_clips_are_embedded() -> None:
    assert data_uri(b"abc", ".png") == "data:image/png;base64,YWJj"
    assert 'alt="a &quot;b&quot;"' in picture(b"x", ".webp", alt='a "b"', size=(4, 2))
    video = clip(b"x", ".mp4", alt="moves", size=(4, 2))
    assert all(word in video for word in ("autoplay", "loop", "muted", "playsinline"))
    assert clip(b"x", ".gif", alt="moves", size=(4, 2)).startswith("<img")


def test_what_browsers_do_not_show_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\.tif"):
        data_uri(b"", ".tif")


def test_long_names_in_headings_break_after_their_own_marks() -> None:
    assert breakable("my_x-rays <all>") == "my_<wbr>x-<wbr>rays &lt;all&gt;"
    assert breakable("two words_") == "two words_"


def test_a_page_runs_its_own_script_and_no_other() -> None:
    script = "document.title = 'ran'"
    text = page("t", "b", script=script, media="'self'")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "connect-src 'self'; form-action 'self'" in text
    assert text.index("</main>") < text.index(f"<script>{script}</script>")
    from_disk = page("t", "b", script=script, media="file:")
    assert "img-src data: file:;" in from_disk
    assert "connect-src" not in from_disk
