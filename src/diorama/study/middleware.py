"""What every request to a study's server goes through: small bodies in, headers that give nothing away out."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_BYTES = 8_192

_HEADERS = {
    # The address of a page holds a token, which no other site shall learn.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SafeHeaders:
    """Adds the headers that keep browsers from telling others, and others from framing pages.

    Args:
        app: that answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)


class SmallBodies:
    """Refuses a request whose body is too large, before it is read.

    Args:
        app: that is asked otherwise.
        most: bytes; more than any answer of a rater has, by default.
    """

    def __init__(self, app: ASGIApp, most: int = MOST_BODY_BYTES) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or int(stated[:20]) > self._most:
            await self._too_large(scope, receive, send)
            return
        # A body without a stated length comes in parts, of which no more is kept than is allowed.
        read, more = 0, True
        parts: list[Message] = []
        while more:
            message = await receive()
            parts.append(message)
            read += len(message.get("body", b""))
            more = bool(message.get("more_body", False))
            if read > self._most:
                await self._too_large(scope, receive, send)
                return

        async def again() -> Message:
            return parts.pop(0) if parts else await receive()

        await self._app(scope, again, send)

    async def _too_large(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = f"A request may have at most {self._most:,} bytes."
        response = JSONResponse({"accepted": False, "message": message}, 413, {"Connection": "close"})
        await response(scope, receive, send)
