"""The stored spectral norm against PyTorch's own, pass by pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from diorama.nn.stored_spectral import StoredSpectralConv2d


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (4, 2)])
def test_it_is_pytorchs_own_in_training_and_evaluation(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    plain = nn.Conv2d(3, 5, kernel, stride=stride, padding=1, bias=False)
    theirs = nn.utils.spectral_norm(plain)
    ours = StoredSpectralConv2d(3, 5, kernel, stride=stride)
    names = {"weight": "weight_orig", "left": "weight_u", "right": "weight_v"}
    ours.load_state_dict({name: theirs.state_dict()[other].clone() for name, other in names.items()})
    x = torch.randn(2, 3, 8, 8)
    for mode in (False, True, True, False):
        ours.train(mode)
        theirs.train(mode)
        torch.testing.assert_close(ours(x), theirs(x))
        for name, other in names.items():
            torch.testing.assert_close(ours.state_dict()[name], theirs.state_dict()[other])
    for network in (ours.train(), theirs.train()):
        (network(x) * network(2 * x)).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight_orig.grad)


def test_evaluation_leaves_the_vectors_as_they_are() -> None:
    torch.manual_seed(0)
    network = StoredSpectralConv2d(3, 5, 3).eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(torch.randn(1, 3, 4, 4))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
