"""Seeds of what is done to given pictures."""

from __future__ import annotations

from diorama.core.seeds import fold

_GIVEN = 0x7A5C


def seed_for_given(seed: int) -> int:
    """The seed of the noise that meets given pictures.

    It is not the seed itself: a picture that the same model drew with that seed would meet the noise that it was made
    of, and be found again better than any other.

    Args:
        seed: as it was asked for.
    """
    return fold(seed, _GIVEN)
