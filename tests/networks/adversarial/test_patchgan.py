"""Discriminators of patches and pixels."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig, PixelDiscriminatorConfig

NORMS = ("batch", "instance", "none")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(("layers", "side"), [(1, 14), (2, 6), (3, 6)])
def test_a_patch_is_judged_by_what_lies_in_it(norm: Any, layers: int, side: int) -> None:
    torch.manual_seed(0)
    network = PatchDiscriminatorConfig(channels=2, width=4, layers=layers, norm=norm).build().eval()
    x = torch.randn(2, 2, 32 if layers == 1 else 64, 32 if layers == 1 else 64)[..., : 8 * side, : 8 * side]
    logits, features = network.judge(x)
    assert logits.shape[:2] == (2, 1)
    assert torch.equal(logits, network(x))
    assert [f.shape[1] for f in features] == [4, 8, 16, 32][: layers + 1]
    if norm != "instance":
        # The first patch of three layers sees 70 pixels, of fewer layers less: never the last corner of 64 and more.
        other = x.clone()
        other[..., -1, -1] += 9
        changed = (network(other) != logits)[0, 0]
        assert changed[-1, -1]
        assert changed[0, 0] == (layers == 3 and x.shape[2] < 47)


@pytest.mark.parametrize("norm", NORMS)
def test_a_pixel_is_judged_by_itself(norm: Any) -> None:
    torch.manual_seed(0)
    network = PixelDiscriminatorConfig(channels=2, width=4, norm=norm).build().eval()
    x = torch.randn(2, 2, 5, 7)
    assert network(x).shape == (2, 1, 5, 7)
    if norm != "instance":
        other = x.clone()
        other[:, :, 2, 3] += 1
        changed = network(other) != network(x)
        assert changed[:, :, 2, 3].all()
        assert changed.sum() == 2


@pytest.mark.parametrize("wrong", [{"channels": 0}, {"width": 0}, {"layers": 0}])
def test_counts_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        PatchDiscriminatorConfig(**wrong)  # type: ignore[arg-type]
