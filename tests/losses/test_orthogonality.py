"""Rows of weights that are to be orthogonal."""

from __future__ import annotations

import torch

from diorama.losses.orthogonality import orthogonality


def test_orthogonal_rows_of_any_length_cost_nothing() -> None:
    assert orthogonality([torch.eye(3, 5) * 7]) == 0
    assert orthogonality([torch.ones(2, 3)]) == 9  # one product of 3, twice, by half


def test_the_gradient_is_what_the_authors_add_to_it() -> None:
    weight = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    orthogonality([weight]).backward()
    rows = weight.detach().flatten(1)
    expected = 2 * (rows @ rows.T * (1 - torch.eye(4))) @ rows
    torch.testing.assert_close(weight.grad, expected.view_as(weight))


def test_half_precision_loses_nothing() -> None:
    weight = torch.randn(4, 100, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(orthogonality([weight]), orthogonality([weight]))
        found = orthogonality([weight])
    assert torch.equal(found, orthogonality([weight]))
