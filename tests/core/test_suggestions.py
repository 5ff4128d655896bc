"""A hint names the nearest known word, or is left out."""

from __future__ import annotations

import pytest

from diorama.core.suggestions import did_you_mean


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("ddmp", ("vae", "ddpm"), " (did you mean 'ddpm'?)"),
        ("zebra", ("vae", "ddpm"), ""),
        ("x", (), ""),
        (8, (64, 81), " (did you mean '81'?)"),
        ("male", ("Female", "Male"), " (did you mean 'Male'?)"),
    ],
)
def test_the_nearest_known_word_is_named(name: object, known: tuple[object, ...], hint: str) -> None:
    assert did_you_mean(name, known) == hint


def test_a_high_cutoff_keeps_distant_words_back() -> None:
    assert did_you_mean("FlowConfig", ("FloorConfig",)) == " (did you mean 'FloorConfig'?)"
    assert did_you_mean("FlowConfig", ("FloorConfig",), cutoff=0.99) == ""
