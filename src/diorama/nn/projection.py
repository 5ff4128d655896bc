"""1x1 convolutions of feature maps on GPUs, where what is projected may lie in two places."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pointwise(weight: Tensor, x: Tensor, skip: Tensor | None) -> Tensor:
    """A 1x1 convolution without bias as matrix products, of features that need not be joined.

    Args:
        weight: (o, c).
        x: (b, c1, h, w), channels-last; the first channels, or all.
        skip: (b, c - c1, h, w), the others.

    Returns:
        (b, o, h, w), channels-last.
    """
    b, c, height, width = x.shape
    rows = F.linear(x.permute(0, 2, 3, 1).reshape(-1, c), weight[:, :c])  # (b h w, o)
    if skip is not None:
        behind = skip.permute(0, 2, 3, 1).reshape(len(rows), -1)  # (b h w, c - c1)
        rows = torch.addmm(rows, behind, weight[:, c:].T)
    return rows.view(b, height, width, -1).permute(0, 3, 1, 2)


def add_pointwise(
    weight: Tensor, x: Tensor, skip: Tensor | None, h: Tensor, bias: Tensor, *, scale: float = 1.0
) -> Tensor:
    """:func:`pointwise`, added to ``h`` and ``bias``, times ``scale``: the end of a residual.

    Args:
        weight: (o, c).
        x: (b, c1, h, w), such that :func:`diorama.nn.kernels.take` takes it together with ``skip`` and ``h``.
        skip: (b, c - c1, h, w), or ``None``.
        h: (b, o, h, w).
        bias: (o,).
        scale: of the sum.

    Returns:
        (b, o, h, w), channels-last.
    """
    # Imported here, since Triton comes with PyTorch's CUDA builds only.
    if x.dtype in (torch.float16, torch.bfloat16):
        from diorama.nn.projected_sum import projected_sum

        return projected_sum(weight, x, skip, h, bias, scale=scale)
    # Products in float32 are PyTorch's, in the precision that the process has chosen for them.
    from diorama.nn.residual_sum import residual_sum

    return residual_sum(pointwise(weight, x, skip), h, bias, scale=scale)
