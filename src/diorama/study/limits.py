"""How often strangers may ask something of a server."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_REMEMBERED, _LONGEST = 50_000, 64
"""Keys that are kept, and how much of each: strangers choose them, and may choose long ones."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How often something may be done.

    Args:
        burst: times at once.
        seconds: after which one more is allowed.
    """

    burst: float
    seconds: float


class TooOften(Exception):
    """Somebody asks too often.

    Args:
        seconds: to wait.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.1f} s")
        self.seconds = seconds


class RateLimit:
    """Counts for every key how often it came; the keys that came longest ago are forgotten first.

    Args:
        rate: that is allowed to each.
        clock: seconds that never go back.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, key: str) -> None:
        """Count one more of a key.

        Raises:
            TooOften: it is one too many, and is not counted.
        """
        key, now = key[:_LONGEST], self._clock()
        with self._lock:
            left, at = self._held.pop(key, (self._rate.burst, now))
            left = min(self._rate.burst, left + (now - at) / self._rate.seconds)
            allowed = left >= 1
            self._held[key] = (left - 1 if allowed else left, now)
            if len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        if not allowed:
            raise TooOften((1 - left) * self._rate.seconds)
