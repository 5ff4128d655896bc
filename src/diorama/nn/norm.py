"""Normalisation layers."""

from __future__ import annotations

from torch import Tensor, nn

from diorama.nn.activations import ActivationName, activation


class GroupNormAct(nn.GroupNorm):
    """Group normalisation and the activation that follows it, (b, c, ...) -> the same shape.

    Args:
        groups: divides ``channels``.
        channels: c.
        eps: added to the variance.
        act: the activation, or ``None`` for the bare normalisation.

    Reference: Y. Wu, K. He, "Group normalization", arXiv:1803.08494.
    """

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5, act: ActivationName | None = None) -> None:
        super().__init__(groups, channels, eps=eps)
        self.act = activation(act) if act else None

    def forward(self, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None) -> Tensor:
        """Normalise x (b, c, h, w); ``scale`` and ``shift`` (b, c) act between normalisation and activation."""
        x = super().forward(x)
        if scale is not None and shift is not None:
            x = x * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return x if self.act is None else self.act(x)
