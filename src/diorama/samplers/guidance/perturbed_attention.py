"""Perturbed-attention guidance: the model with its attention switched off shows what to move away from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from diorama.samplers.guidance.base import Beside, Combine, TwoAnswers, between


@dataclass(frozen=True, kw_only=True)
class PerturbedAttentionGuidance(TwoAnswers):
    """Extrapolates from what the model says when places look only at themselves to what it says otherwise.

    Needs no condition, and nothing of the training.

    Args:
        layers: numbers of the self-attention layers that are perturbed, in the order of the network's modules, from 0
            on; empty for all.

    Reference: D. Ahn et al., "Self-rectifying diffusion sampling with perturbed-attention guidance", arXiv:2403.17377,
    equations 13 and 14, with ``scale = 1 + s``.
    """

    beside: ClassVar[Beside] = "perturbed"

    layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(layer < 0 for layer in self.layers):
            raise ValueError(f"layers are numbered from 0 on, got {self.layers}")

    def combination(self, scale: float) -> Combine:
        """See :meth:`TwoAnswers.combination`."""
        return partial(between, scale=scale)
