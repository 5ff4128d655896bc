"""Statistics of batch norm taken anew."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from diorama.nn.class_norm import BatchNorm, ClassBatchNorm
from diorama.nn.standing import batch_norms, take_standing_statistics

X = torch.randn(3, 10, 4, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2


@pytest.mark.parametrize("make", [nn.BatchNorm2d, BatchNorm])
def test_all_batches_count_alike(make: type[nn.Module]) -> None:
    network = nn.Sequential(make(4)).eval()
    take_standing_statistics(network, [partial(network, batch) for batch in X])
    norm = network[0]
    mean = norm.running_mean if isinstance(norm, nn.BatchNorm2d) else norm.stored_mean
    variance = norm.running_var if isinstance(norm, nn.BatchNorm2d) else norm.stored_var
    torch.testing.assert_close(mean, X.mean((1, 3, 4)).mean(0))
    torch.testing.assert_close(variance, X.transpose(1, 2).flatten(2).var(2).mean(0))
    assert (norm.training, norm.momentum) == (False, 0.1)


def test_what_is_no_batch_norm_stays_in_evaluation() -> None:
    network = nn.Sequential(nn.Dropout(0.9), BatchNorm(4)).eval()
    seen: list[torch.Tensor] = []
    network[1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    take_standing_statistics(network, [partial(network, X[0])])
    assert torch.equal(seen[0], X[0])
    assert len(batch_norms(network)) == 1


def test_gains_and_biases_come_from_what_a_sample_is_given() -> None:
    gain, bias = nn.Embedding(2, 4), nn.Embedding(2, 4)
    norm = ClassBatchNorm(4, gain, bias).eval()
    label = torch.arange(10) % 2
    expected = X[0] / (1 + norm.eps) ** 0.5
    for place, number in enumerate(label.tolist()):
        scale, shift = 1 + gain.weight[number], bias.weight[number]
        found = norm(X[0], label)[place]
        torch.testing.assert_close(found, expected[place] * scale[:, None, None] + shift[:, None, None])
