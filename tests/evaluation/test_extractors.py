"""Feature networks give the same answer for every batch size and both kinds of media."""

from __future__ import annotations

import hashlib

import pytest
import torch

from diorama.core.errors import BadInput
from diorama.evaluation.extractors import FeatureTaker, clip_features, load_extractor
from diorama.networks.features.lite import weights_content


def _pictures(n: int = 6) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_the_stamp_names_the_weights() -> None:
    extractor = load_extractor("lite")
    assert extractor.stamp.sha256 == hashlib.sha256(weights_content()).hexdigest()
    assert load_extractor("lite") is extractor


def test_batch_size_changes_no_answer() -> None:
    taker = FeatureTaker(["lite"], "cpu")
    whole, count = taker.take_all([_pictures()])
    parts, _ = taker.take_all(_pictures().split(1))
    assert count == 6
    torch.testing.assert_close(whole["lite"], parts["lite"], rtol=1e-4, atol=1e-4)


def test_differences_below_a_grey_level_are_not_seen() -> None:
    levels = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    pictures = levels / 127.5 - 1
    taker = FeatureTaker(["lite"], "cpu")
    assert torch.equal(taker.take(pictures)["lite"], taker.take(pictures + 0.3 / 127.5)["lite"])


def test_clips_give_rows_for_frames_and_for_clips() -> None:
    clips = _pictures(6).reshape(2, 3, 3, 32, 32).transpose(1, 2)
    found = FeatureTaker(["lite", "lite-clip"], "cpu").take(clips)
    frames = FeatureTaker(["lite"], "cpu").take(_pictures(6))["lite"]
    torch.testing.assert_close(found["lite"], frames, rtol=1e-4, atol=1e-4)
    assert found["lite-clip"].shape == (2, 2 * frames.shape[1])


def test_pictures_have_no_clip_features() -> None:
    with pytest.raises(BadInput, match="of clips"):
        FeatureTaker(["lite-clip"], "cpu").take(_pictures())


def test_clip_features_tell_still_from_moving() -> None:
    frames = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    still = frames[:, :1].expand(-1, 5, -1)
    assert (clip_features(still)[:, 4:] == 0).all()
    assert (clip_features(frames)[:, 4:] > 0).all()
    assert (clip_features(frames[:, :1])[:, 4:] == 0).all()
    # The order of frames matters, not only which frames there are.
    assert not torch.allclose(clip_features(frames)[:, 4:], clip_features(frames[:, [0, 2, 4, 1, 3]])[:, 4:])


def test_unknown_extractors_are_named() -> None:
    with pytest.raises(BadInput, match="lite and inception"):
        load_extractor("vgg")
