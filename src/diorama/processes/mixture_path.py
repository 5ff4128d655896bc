"""Discrete flow matching: paths on which tokens turn one by one from a source's into the data's.

At time t a token still is the source's with probability ``sigma(t)``, and the data's with ``alpha(t)``, of a process
whose alpha and sigma add up to 1. Time grows towards the source, so that 0 is data, as everywhere here.

Reference: I. Gat et al., "Discrete flow matching", arXiv:2407.15595; Y. Lipman et al., "Flow Matching Guide and Code",
arXiv:2412.06264, section 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from diorama.processes.flow import FlowProcess
from diorama.processes.paths import PolynomialProcess


@dataclass(frozen=True, kw_only=True)
class MixturePath:
    """A path between sequences of tokens.

    Args:
        process: whose alpha is the share of tokens that are the data's.
    """

    process: FlowProcess | PolynomialProcess = field(default_factory=PolynomialProcess)

    def mixed(self, source: Tensor, data: Tensor, t: Tensor, uniform: Tensor) -> Tensor:
        """Tokens at times t.

        Args:
            source: (b, ...) int64.
            data: like ``source``.
            t: (b,) in [0, 1].
            uniform: draws from [0, 1), of the shape of ``source``.
        """
        return torch.where(uniform < _over(self.process.at(t).sigma, source), source, data)

    def jump_rate(self, t: Tensor) -> Tensor:
        """How often a token that is still the source's turns into the data's, by time towards the data."""
        of_data, _ = self.process.slopes(t)
        return -of_data / self.process.at(t).sigma

    def velocity(self, logits: Tensor, tokens: Tensor, t: Tensor) -> Tensor:
        """The rates at which tokens turn into others, towards the data.

        Args:
            logits: (b, ..., k) of the data's tokens, given ``tokens``.
            tokens: (b, ...) int64 at times t.
            t: (b,) above 0.

        Returns:
            (b, ..., k); over the vocabulary they add up to 0.
        """
        now = functional.one_hot(tokens, logits.shape[-1])
        return _over(self.jump_rate(t), logits) * (logits.softmax(-1) - now)

    def log_posterior(self, velocity: Tensor, tokens: Tensor, t: Tensor) -> Tensor:
        """Logits that have this velocity, the inverse of :meth:`velocity`; probabilities of at least 1e-8."""
        now = functional.one_hot(tokens, velocity.shape[-1])
        return (velocity / _over(self.jump_rate(t), velocity) + now).clamp(min=1e-8).log()


def _over(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *(1,) * (like.dim() - 1))
