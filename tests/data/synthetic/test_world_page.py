"""The documentation's Python runs as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

from diorama.data.synthetic.readings import MODES

PAGE = Path(__file__).parents[3] / "docs" / "world.md"


def test_the_pages_python_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, object] = {}
    exec("\n".join(blocks), names)
    covered = names["covered"]
    assert isinstance(covered, set)
    assert 0 < len(covered) <= len(MODES)
