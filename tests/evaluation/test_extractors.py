"""Feature networks give the same answer for every batch size and both kinds of media."""

from __future__ import annotations

import hashlib

import pytest
import torch

from diorama.core.contracts import Batch
from diorama.core.errors import BadInput
from diorama.evaluation import extractors
from diorama.evaluation.catalog.extractors import LITE, LITE2
from diorama.evaluation.catalog.metrics import parse_metric
from diorama.evaluation.extractors import FeatureTaker, clip_features, load_extractor, stamp_of
from diorama.networks.features import lite


def _pictures(n: int = 6) -> torch.Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _batch(pixels: torch.Tensor, first: int = 0) -> Batch:
    return {"image" if pixels.dim() == 4 else "video": pixels, "index": torch.arange(first, first + len(pixels))}


def _taker(*names: str) -> FeatureTaker:
    return FeatureTaker([parse_metric(name) for name in names], "cpu")


def test_the_stamp_names_the_weights() -> None:
    for entry, weights in ((LITE, lite.LITE), (LITE2, lite.LITE2)):
        extractor = load_extractor(entry)
        assert extractor.sha256 == hashlib.sha256(weights.content()).hexdigest()
        assert stamp_of(entry, extractor).name == entry.name
        assert load_extractor(entry) is extractor


def test_batch_size_changes_no_answer() -> None:
    taker = _taker("fd@lite")
    whole = taker.take_all([_batch(_pictures())])
    parts = taker.take_all(_batch(picture, i) for i, picture in enumerate(_pictures().split(1)))
    assert len(whole) == 6
    torch.testing.assert_close(whole.rows["lite"], parts.rows["lite"], rtol=1e-4, atol=1e-4)


def test_the_order_of_batches_changes_no_answer() -> None:
    clips = _pictures(12).reshape(4, 3, 3, 32, 32).transpose(1, 2)
    batches = [_batch(clips[:1], 0), _batch(clips[1:3], 1), _batch(clips[3:], 3)]
    taker = _taker("fd@lite", "fd@lite-clip")
    forward, backward = taker.take_all(batches), taker.take_all(reversed(batches))
    assert forward.index.tolist() == backward.index.tolist() == [0, 1, 2, 3]
    for kind in ("lite", "lite-clip"):
        assert torch.equal(forward.rows[kind], backward.rows[kind])


def test_differences_below_a_grey_level_are_not_seen() -> None:
    levels = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    pictures = levels / 127.5 - 1
    taker = _taker("fd@lite")
    assert torch.equal(taker.take(_batch(pictures))["lite"], taker.take(_batch(pictures + 0.3 / 127.5))["lite"])


def test_the_frames_of_many_clips_are_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    clips, whole = _pictures(12).reshape(4, 3, 3, 32, 32).transpose(1, 2), _taker("fd@lite").take(_batch(_pictures(12)))
    sizes: list[int] = []

    def views(x: torch.Tensor) -> dict[str, torch.Tensor]:
        sizes.append(len(x))
        return {"": network(x)}

    network = lite.pretrained(lite.LITE)
    monkeypatch.setattr(extractors, "_AT_ONCE_ON_CPU", 5)
    found = extractors.of_pictures(network, views)(_batch(clips))
    assert sizes == [5, 5, 2]
    torch.testing.assert_close(found[""], whole["lite"], rtol=1e-4, atol=1e-4)
    assert len(found["clip"]) == 4


def test_clips_give_rows_for_frames_and_for_clips() -> None:
    clips = _pictures(6).reshape(2, 3, 3, 32, 32).transpose(1, 2)
    found = _taker("fd@lite", "fd@lite-clip").take(_batch(clips))
    frames = _taker("fd@lite").take(_batch(_pictures(6)))["lite"]
    torch.testing.assert_close(found["lite"], frames, rtol=1e-4, atol=1e-4)
    assert found["lite-clip"].shape == (2, 2 * frames.shape[1])


def test_pictures_have_no_clip_features() -> None:
    with pytest.raises(BadInput, match="of clips"):
        _taker("fd@lite-clip").take(_batch(_pictures()))


def test_clip_features_tell_still_from_moving() -> None:
    frames = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    still = frames[:, :1].expand(-1, 5, -1)
    assert (clip_features(still)[:, 4:] == 0).all()
    assert (clip_features(frames)[:, 4:] > 0).all()
    assert (clip_features(frames[:, :1])[:, 4:] == 0).all()
    # The order of frames matters, not only which frames there are.
    assert not torch.allclose(clip_features(frames)[:, 4:], clip_features(frames[:, [0, 2, 4, 1, 3]])[:, 4:])
