"""Where networks lie, and which are compiled."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.training.placement import compile_networks, lay_out, place
from tests.training.toy import ToyFitConfig, ToyGANConfig

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[nn.Module]:
    modules: list[nn.Module] = []
    monkeypatch.setattr(nn.Module, "compile", lambda module: modules.append(module))
    return modules


def test_compilation_that_is_asked_for_reaches_every_network(compiled: list[nn.Module]) -> None:
    gan = ToyGANConfig().build()
    gan.add_module("more", nn.ModuleDict({"teacher": nn.Linear(1, 1)}))
    compile_networks(gan)
    assert [type(m).__name__ for m in compiled] == ["Generator", "Sequential", "Linear"]


def test_frozen_parts_are_in_evaluation_mode() -> None:
    fit = ToyFitConfig().build()
    fit.add_module("frozen", nn.ModuleDict({"codec": nn.Dropout()}))
    place(fit, CPU, channels_last=True)
    assert fit.training
    assert not fit.frozen.codec.training  # type: ignore[union-attr]


def test_pictures_are_laid_out_and_the_rest_is_left() -> None:
    batch = {"image": torch.rand(2, 3, 4, 4), "label": torch.arange(2), "video": torch.rand(2, 3, 2, 4, 4)}
    assert lay_out(batch, channels_last=False) is batch
    laid = lay_out(batch, channels_last=True)
    assert laid["image"].is_contiguous(memory_format=torch.channels_last)
    assert laid["label"] is batch["label"]
    assert laid["video"] is batch["video"]
    assert torch.equal(laid["image"], batch["image"])
