"""Pictures and clips inside a page, as data URIs."""

from __future__ import annotations

from base64 import b64encode
from html import escape

_TYPES = {
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}


def data_uri(content: bytes, suffix: str) -> str:
    """The ``data:`` address of a file.

    Args:
        content: the whole file.
        suffix: ``".png"``, ``".webp"``, ``".jpg"``, ``".gif"``, ``".mp4"`` or ``".webm"``.

    Raises:
        ValueError: another suffix.
    """
    if suffix not in _TYPES:
        raise ValueError(f"a page can embed {', '.join(_TYPES)}, not {suffix!r}")
    return f"data:{_TYPES[suffix]};base64,{b64encode(content).decode('ascii')}"


def picture(content: bytes, suffix: str, *, alt: str, size: tuple[int, int]) -> str:
    """An ``<img>`` that keeps pixels sharp when it is enlarged.

    Args:
        content: an image file.
        suffix: of the file, see :func:`data_uri`.
        alt: what it shows, for those who cannot see it.
        size: (width, height) in pixels, so that the page does not jump while it is laid out.
    """
    width, height = size
    return (
        f'<img class="pixels" src="{data_uri(content, suffix)}" alt="{escape(alt)}" width="{width}" height="{height}">'
    )


def clip(content: bytes, suffix: str, *, alt: str, size: tuple[int, int]) -> str:
    """A clip that plays by itself, silently and again and again; a GIF becomes an ``<img>``."""
    if suffix == ".gif":
        return picture(content, suffix, alt=alt, size=size)
    width, height = size
    return (
        f'<video class="pixels" src="{data_uri(content, suffix)}" aria-label="{escape(alt)}" '
        f'width="{width}" height="{height}" autoplay loop muted playsinline></video>'
    )


def enlargeable(html: str, *, alt: str, size: tuple[int, int]) -> str:
    """A picture or clip that fills the window while a box that nobody sees is ticked: a click, or the space bar.

    Args:
        html: of :func:`picture` or :func:`clip`.
        alt: what it shows.
        size: (width, height), so that its place stays while it is enlarged.
    """
    width, height = size
    return (
        f'<label class="enlarge" style="aspect-ratio:{width}/{height}">'
        f'<input type="checkbox" autocomplete="off" aria-label="{escape(f"Enlarge: {alt}")}">{html}</label>'
    )
