"""The window of values that medical files state: which stored values stand for -1 and +1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from diorama.data.scales import Scale
from diorama.data.sources.base import Scan
from diorama.media.volume import Window

_MOST = {"uint8": 255, "uint16": 65535}


def common_window(scans: Sequence[Scan | None], scale: Scale) -> tuple[Window | None, list[str]]:
    """The window that all records state.

    Args:
        scans: what the header of each record's file says; ``None`` for files that are not medical.
        scale: what the values of all records become.

    Returns:
        The window; ``None`` where records state none, or several. Notes for people, none where no file is medical.
    """
    if not any(scans):
        return None, []
    windows = Counter(scan.window for scan in scans if scan is not None and scan.window is not None)
    silent = len(scans) - windows.total()
    instead = "; the type and the range of all values say instead what -1 and +1 stand for, as of other files"
    if not windows:
        return None, [f"no file states a window{instead}"]
    first, *others = (f"{low:g} to {high:g}" for low, high in sorted(windows))
    if others:
        return None, [f"files state {len(windows)} windows, such as {first} and {others[-1]}{instead}"]
    if silent:
        return None, [f"{silent:,} of {len(scans):,} records state no window, the others {first}{instead}"]
    if any(factor != 1 for factor in scale.factors.values()):
        return None, [f"values of several scales were brought to one, so the window {first} is not kept{instead}"]
    return next(iter(windows)), [
        f"all files state the window {first}, which is kept: values beyond it are stored, and count as its ends"
    ]


def holding(scale: Scale, window: Window | None) -> Scale:
    """The scale with a type that holds the ends of a window too: floats, where integers do not."""
    most = _MOST.get(scale.dtype)
    if window is None or most is None or 0 <= window[0] < window[1] <= most:
        return scale
    return replace(scale, dtype="float32")
