"""Ctrl-C, heard between steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether someone asked training to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def listening() -> Iterator[Interruption]:
    """Hold back Ctrl-C, and the request to end that a cluster sends, until the step is complete.

    A half-made step has moved some players and not others, and must not be saved. A second Ctrl-C does not wait.
    Only the main thread may listen; elsewhere nothing is held back.
    """
    heard = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, frame: FrameType | None) -> None:
        if heard.asked:
            raise KeyboardInterrupt
        heard.asked = True

    before = {number: signal.signal(number, hear) for number in _SIGNALS}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
