"""Stored units and [-1, 1] are one another's inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diorama.core.contracts import MediaSpec
from diorama.media.convert import displayable, to_float, to_stored, to_uint8
from tests.media.examples import noise


def media(kind: str = "image", dtype: str = "uint8", low: float = 0.0, high: float = 255.0) -> MediaSpec:
    frames = 4 if kind == "video" else None
    return MediaSpec(kind=kind, channels=3, height=5, width=6, frames=frames, dtype=dtype, low=low, high=high)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["image", "video"])
@pytest.mark.parametrize(("dtype", "high"), [("uint8", 255.0), ("uint16", 65535.0), ("uint16", 4095.0)])
def test_there_and_back_is_exact(kind: str, dtype: str, high: float) -> None:
    shape = (2, 4, 5, 6, 3) if kind == "video" else (2, 5, 6, 3)
    stored = np.minimum(noise(*shape, dtype=dtype), int(high)).astype(dtype)
    spec = media(kind, dtype, 0.0, high)
    x = to_float(stored, spec)
    assert x.dtype == torch.float32
    assert x.is_contiguous()
    assert x.shape == ((2, 3, 4, 5, 6) if kind == "video" else (2, 3, 5, 6))
    assert (to_stored(x, spec) == stored).all()


@given(low=st.floats(-1000, 1000), span=st.floats(0.01, 1000))
def test_low_and_high_are_the_ends(low: float, span: float) -> None:
    spec = media(dtype="float32", low=low, high=low + span)
    ends = np.array([low, low + span], np.float32).reshape(1, 1, 2)
    assert to_float(ends, spec).flatten().tolist() == pytest.approx([-1, 1], abs=2e-2)
    assert to_stored(torch.tensor([-1.0, 1.0]).reshape(1, 1, 2), spec).flatten() == pytest.approx(
        ends.flatten(), rel=1e-5, abs=1e-3
    )


def test_all_of_uint16_survives() -> None:
    stored = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    spec = MediaSpec(kind="image", channels=1, height=256, width=256, dtype="uint16", high=65535.0)
    assert (to_stored(to_float(stored, spec), spec) == stored).all()


def test_beyond_the_ends_is_clipped() -> None:
    x = torch.tensor([-3.0, 3.0, 0.0]).reshape(1, 1, 3)
    assert to_stored(x, media()).flatten().tolist() == [0, 255, 128]
    assert to_uint8(x).flatten().tolist() == [0, 255, 128]


def test_values_beyond_a_window_count_as_its_ends() -> None:
    stored = np.array([-1024.0, -160.0, 40.0, 240.0, 3000.0], np.float32).reshape(1, 5, 1)
    spec = media(dtype="float32", low=-160.0, high=240.0)
    assert to_float(stored, spec).flatten().tolist() == [-1, -1, 0, 1, 1]
    narrow = np.array([10, 100, 250], np.uint8).reshape(1, 3, 1)
    assert to_float(narrow, media(low=50.0, high=150.0)).flatten().tolist() == [-1, 0, 1]


def test_stored_values_are_left_alone() -> None:
    stored = torch.full((5, 6, 3), 7.0)
    to_float(stored, media(dtype="float32", high=10.0))
    assert (stored == 7.0).all()


def test_bytes_match_what_is_stored() -> None:
    x = torch.rand(2, 3, 5, 6) * 2 - 1
    assert (to_uint8(x).movedim(1, -1).numpy() == to_stored(x, media())).mean() > 0.99
    assert to_uint8(x).dtype == torch.uint8


@pytest.mark.parametrize(("channels", "of"), [(1, (0, 0, 0)), (2, (0, 0, 0)), (3, (0, 1, 2)), (5, (0, 1, 2))])
def test_any_number_of_channels_is_shown_as_three(channels: int, of: tuple[int, ...]) -> None:
    x = torch.rand(2, channels, 4, 6) * 2 - 1
    shown = displayable(x)
    assert shown.shape == (2, 4, 6, 3)
    assert shown.dtype == np.uint8
    levels = ((x[:, list(of)] + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(shown, levels, atol=0.5)


def test_clips_keep_their_time_axis() -> None:
    assert displayable(torch.zeros(2, 3, 5, 4, 6)).shape == (2, 5, 4, 6, 3)


def test_values_beyond_the_range_are_clipped() -> None:
    assert displayable(torch.tensor([[[[-3.0, 3.0]]]]))[0, 0, :, 0].tolist() == [0, 255]
