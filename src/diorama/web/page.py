"""The shell of every page that Diorama writes: one file, nothing fetched, light and dark, phone and desk."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files


def page(title: str, body: str, *, style: str = "", script: str = "", media: str = "") -> str:
    """A self-contained HTML document.

    Args:
        title: plain text, for the browser's tab.
        body: HTML that stands inside ``<main>``.
        style: CSS after the shell's own.
        script: JavaScript of our own, run once the page stands; ``"</script"`` must not occur in it.
        media: sources beside ``data:`` that pictures and clips may come from, as a content policy names them:
            ``'self'`` or ``file:``. With ``'self'`` forms and the script may write to the page's own server.

    Returns:
        The document; its content policy forbids every other script, and every request to elsewhere.
    """
    sources = f"data: {media}".rstrip()
    policy = f"default-src 'none'; img-src {sources}; media-src {sources}; style-src 'unsafe-inline'"
    if script:
        policy += f"; script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode('ascii')}'"
    if "'self'" in media:
        policy += "; connect-src 'self'; form-action 'self'"
    end = f"<script>{script}</script>\n" if script else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{shell_style()}{style}</style>
</head>
<body>
<main>
{body}
</main>
{end}</body>
</html>
"""


def breakable(heading: str) -> str:
    """A heading as HTML whose long names may be broken after their own marks, so that no letter stands alone."""
    return re.sub(r"([_./-]+)(?=\w)", r"\1<wbr>", escape(heading))


def shell_style() -> str:
    """The CSS that all pages share."""
    return files("diorama.web").joinpath("shell.css").read_text(encoding="utf-8")
