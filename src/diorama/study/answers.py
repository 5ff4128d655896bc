"""A study's answers written as files that others read: ``answers.csv`` and ``answers.json``.

What they hold, and how they are read, is in :mod:`diorama.data.answers`, where comparisons find it as well.
"""

from __future__ import annotations

from pathlib import Path

from diorama.core.files import write_json, write_text
from diorama.data.answers import Answers, answers_to_csv, answers_to_json


def write_answers(path: Path, answers: Answers) -> None:
    """Write the answers, whole or not at all.

    Args:
        path: where its name ends in ``.json`` JSON is written, else CSV.
        answers: all of them, practice left out.
    """
    if path.suffix.lower() == ".json":
        write_json(path, answers_to_json(answers), indent=None)
    else:
        write_text(path, answers_to_csv(answers.rows))
