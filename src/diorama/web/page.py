"""The shell of every page that Diorama writes: one file, nothing fetched, light and dark, phone and desk."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files


def page(title: str, body: str, *, style: str = "") -> str:
    """A self-contained HTML document.

    Args:
        title: plain text, for the browser's tab.
        body: HTML that stands inside ``<main>``.
        style: CSS after the shell's own.

    Returns:
        The document; its content policy forbids scripts and every request to elsewhere.
    """
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>
{shell_style()}{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def breakable(heading: str) -> str:
    """A heading as HTML whose long names may be broken after their own marks, so that no letter stands alone."""
    return re.sub(r"([_./-]+)(?=\w)", r"\1<wbr>", escape(heading))


def shell_style() -> str:
    """The CSS that all pages share."""
    return files("diorama.web").joinpath("shell.css").read_text(encoding="utf-8")
