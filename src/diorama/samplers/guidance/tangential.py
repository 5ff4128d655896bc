"""Tangential damping (TCFG): the unconditional answer keeps only what it shares with the conditional one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from diorama.samplers.guidance.base import Combine, Space, TwoAnswers, between, product


@dataclass(frozen=True, kw_only=True)
class TangentialGuidance(TwoAnswers):
    """Classifier-free guidance in which the unconditional output is projected on the main direction of both.

    Reference: M. Kwon, J. Jeong, Y. T. Hsiao, Y. Uh, "TCFG: tangential damping classifier-free guidance",
    arXiv:2503.18137, algorithm 1. The outputs of the network are projected, as the published code does.
    """

    space: ClassVar[Space] = "output"

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""

        def combine(strong: Tensor, weak: Tensor) -> Tensor:
            return between(strong, _on_main_direction(strong, weak), scale)

        return combine


def _on_main_direction(strong: Tensor, weak: Tensor) -> Tensor:
    """The part of ``weak`` along the first right singular vector of the two as rows."""
    across = product(strong, weak)
    gram = torch.stack([product(strong, strong), across, across, product(weak, weak)], dim=-1)
    # (b, 1, …, 4) -> (b, 2, 2); the rows' combination by its leading eigenvector points along the singular vector.
    _, vectors = torch.linalg.eigh(gram.reshape(-1, 2, 2))
    shares = vectors[:, :, 1].reshape(-1, 2, *(1,) * (strong.dim() - 1)).to(strong.dtype)
    main = shares[:, 0] * strong + shares[:, 1] * weak
    length = product(main, main)
    return (product(weak, main) / length.clamp(min=torch.finfo(length.dtype).tiny)).to(main.dtype) * main
