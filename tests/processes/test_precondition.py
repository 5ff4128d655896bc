"""Networks with a meaning."""

from __future__ import annotations

import torch
from torch import Tensor

from diorama.processes.levels import DiscreteProcessConfig
from diorama.processes.precondition import TargetDenoise


def test_network_gets_one_time_and_label_for_each_sample() -> None:
    seen: list[tuple[Tensor, Tensor | None]] = []

    def network(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        seen.append((t, label))
        return torch.zeros_like(x, dtype=torch.bfloat16)

    label = torch.tensor([1, 0, 2])
    process = DiscreteProcessConfig(steps=10).build()
    denoise = TargetDenoise(network, "clean", label=label)
    clean = denoise(torch.randn(3, 1, 2, 2), process.level(7)).clean
    assert clean.dtype == torch.float32
    assert seen[0][0].tolist() == [7, 7, 7]
    assert seen[0][1] is label
    denoise(torch.randn(3, 1, 2, 2), process.at(torch.tensor([1, 2, 3]), 4))
    assert seen[1][0].tolist() == [1, 2, 3]


def test_clean_samples_may_be_limited() -> None:
    process = DiscreteProcessConfig(steps=10).build()
    denoise = TargetDenoise(lambda x, t, label: 5 * torch.ones_like(x), "clean", clip=True)
    assert denoise(torch.zeros(1, 1, 1, 1), process.level(0)).clean.item() == 1
