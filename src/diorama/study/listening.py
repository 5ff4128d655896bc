"""Where a server listens, and that it answers there."""

from __future__ import annotations

import socket

import uvicorn
from starlette.types import ASGIApp

from diorama.core.errors import BadInput

_WAITING = 2_048
"""Connections that may wait while none is taken."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        host: the address.
        port: likewise; 0 for a free one.

    Raises:
        BadInput: the address is taken, or is none of this machine.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # By the protocol asyncio knows that it may send small parts at once, and not 40 ms later.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        # From here on a browser waits for the first page, and is not refused.
        listening.listen(_WAITING)
    except OSError as problem:
        raise BadInput(f"{host}:{port}: cannot be listened at ({problem.strerror or problem})") from problem
    return listening


def address_of(listening: socket.socket) -> str:
    """Where a browser finds what listens."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def answer_requests(app: ASGIApp, listening: socket.socket) -> None:
    """Answer until the process is interrupted."""
    # Addresses of pages hold tokens, so that requests are not logged.
    config = uvicorn.Config(app, access_log=False, log_level="warning", server_header=False, timeout_keep_alive=30)
    uvicorn.Server(config).run(sockets=[listening])
