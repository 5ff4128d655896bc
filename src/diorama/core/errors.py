"""Errors that are the user's to mend, and warnings: the command line prints them without a traceback."""

from __future__ import annotations


class DioramaError(Exception):
    """Base of the errors whose message alone tells the user what was wrong, where, and what to do."""


class DioramaWarning(UserWarning):
    """What was guessed or left out, and the work goes on: the command line prints the message alone."""


class BadInput(DioramaError):
    """A file, folder or archive that cannot be worked on. The message names it."""


class WrongValue(BadInput):
    """A value that was asked for and does not fit the model or the data, where another would: the command line's fault.

    What cannot be done whatever the value is, such as guiding a model that cannot be guided, is a plain
    :class:`BadInput`.
    """


class BadConfig(DioramaError):
    """A typed value that does not fit. The message names the field's path."""


class TrainingFailed(DioramaError):
    """Training cannot go on (a non-finite loss, a full disk). The message says what to try."""
