"""1x1 convolutions whose channels may lie in two places."""

from __future__ import annotations

import torch
from torch import nn

from diorama.nn.projection import pointwise


def test_a_pointwise_convolution_of_parts_is_that_of_the_whole() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(10, 8, 1, bias=False)
    whole = torch.randn(2, 10, 3, 5).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(pointwise(conv.weight.flatten(1), whole, None), conv(whole))
    found = pointwise(conv.weight.flatten(1), whole[:, :4], whole[:, 4:])
    torch.testing.assert_close(found, conv(whole))
    assert found.is_contiguous(memory_format=torch.channels_last)
