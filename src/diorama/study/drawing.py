"""How pages of a study are drawn: templates whose values are inert, and the style that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from diorama.web.page import page

_OWN_SERVER = "'self'"


def drawn(template: str, values: Mapping[str, object]) -> Markup:
    """A part of a page.

    Args:
        template: its file's name in ``templates/``.
        values: by the names that the template has for them; what is not ``Markup`` is escaped.
    """
    return Markup(_templates().get_template(template).render(values))


def study_page(title: str, parts: Sequence[str], *, style: str = "", script: str = "", media: str = _OWN_SERVER) -> str:
    """A page of parts that :func:`drawn` drew.

    Args:
        title: for the browser's tab.
        parts: HTML, one after another.
        style: CSS after that of all pages.
        script: JavaScript of our own.
        media: where its pictures may come from, as :func:`diorama.web.page.page` has it.
    """
    return page(title, "\n".join(parts), style=asset("study.css") + style, script=script, media=media)


@cache
def asset(name: str) -> str:
    """The text of a file beside this module."""
    return files("diorama.study").joinpath(name).read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("diorama.study"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
