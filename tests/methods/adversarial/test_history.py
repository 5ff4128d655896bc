"""What a history of drawn pictures keeps and returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.methods.adversarial.history import PictureHistory

SHAPE = (1, 2, 2)


def numbered(first: int, count: int) -> Tensor:
    """Pictures that are told apart by their value."""
    return torch.arange(first, first + count).float().view(-1, 1, 1, 1).expand(-1, *SHAPE)


def exchanged(history: PictureHistory, batches: Iterator[int] | range, batch: int = 3) -> list[float]:
    """Values of the pictures that are returned; each batch draws from a seed of its own, as steps do."""
    found: list[float] = []
    for number in batches:
        torch.manual_seed(number)
        found += history.exchange(numbered(batch * number, batch))[:, 0, 0, 0].tolist()
    return found


def test_while_there_is_room_pictures_are_kept_and_returned() -> None:
    history = PictureHistory(6, SHAPE)
    assert exchanged(history, range(2)) == [0, 1, 2, 3, 4, 5]
    assert history.pictures[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert history.filled == 6


def test_a_full_history_returns_half_of_the_time_an_old_picture_once() -> None:
    history = PictureHistory(10, SHAPE)
    found = exchanged(history, range(400))
    # The first ones, for which there was room, come twice.
    assert len(set(found[10:])) == len(found[10:])
    assert all(value <= place for place, value in enumerate(found))
    old = [value for place, value in enumerate(found) if value < place]
    assert 0.45 < len(old) / len(found) < 0.55
    # No picture is lost but those that are still kept.
    assert set(found) | set(history.pictures[:, 0, 0, 0].tolist()) == set(range(1200))
    assert history.filled == 10


def test_all_places_are_exchanged_equally_often() -> None:
    history, size = PictureHistory(5, SHAPE), 5
    exchanged(history, range(2))
    counts = torch.zeros(size)
    for step in range(1000):
        torch.manual_seed(step)
        before = history.pictures.clone()
        history.exchange(numbered(100 + step, 1))
        counts += (history.pictures != before)[:, 0, 0, 0]
    assert counts.sum() == pytest.approx(500, abs=60)
    assert counts.min() > 60


def test_a_restored_history_goes_on_bit_by_bit(tmp_path: Path) -> None:
    whole, first = PictureHistory(4, SHAPE), PictureHistory(4, SHAPE)
    expected = exchanged(whole, range(20))
    begun = exchanged(first, range(7))
    save_file(first.state_dict(), tmp_path / "state.safetensors")
    second = PictureHistory(4, SHAPE)
    second.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert begun + exchanged(second, range(7, 20)) == expected
    assert torch.equal(second.pictures, whole.pictures)
    assert torch.equal(second.filled, whole.filled)


def test_no_gradient_goes_through_and_the_type_stays() -> None:
    drawn = torch.randn(3, *SHAPE).bfloat16().requires_grad_()
    for size in (0, 2):
        returned = PictureHistory(size, SHAPE).exchange(drawn)
        assert returned.dtype == torch.bfloat16
        assert not returned.requires_grad
    assert torch.equal(PictureHistory(3, SHAPE).exchange(drawn), drawn)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 0, got -1"):
        PictureHistory(-1, SHAPE)
