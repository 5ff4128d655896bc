"""guided-diffusion's chain, written down anew from its formulas with betas and indices from 0, to compare with."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Chain:
    """A chain of steps.

    Args:
        signal: what is left of the variance of data after each step, (n,) float64.
        told: what the network is told in each step.
        mean_type: of the network.
        variance_type: of the steps.
    """

    signal: np.ndarray
    told: tuple[float, ...]
    mean_type: str
    variance_type: str

    @property
    def before(self) -> np.ndarray:
        return np.concatenate([[1.0], self.signal[:-1]])

    @property
    def betas(self) -> np.ndarray:
        return 1 - self.signal / self.before

    @property
    def variance(self) -> np.ndarray:
        return self.betas * (1 - self.before) / (1 - self.signal)

    @property
    def clipped_variance(self) -> np.ndarray:
        return np.concatenate([self.variance[1:2], self.variance[1:]])

    def posterior_mean(self, clean: Tensor, x: Tensor, i: int) -> Tensor:
        of_clean = self.betas[i] * math.sqrt(self.before[i]) / (1 - self.signal[i])
        of_x = (1 - self.before[i]) * math.sqrt(1 - self.betas[i]) / (1 - self.signal[i])
        return of_clean * clean + of_x * x

    def noised(self, clean: Tensor, noise: Tensor, i: int) -> Tensor:
        return math.sqrt(self.signal[i]) * clean + math.sqrt(1 - self.signal[i]) * noise

    def step(self, output: Tensor, x: Tensor, i: int, *, clip: bool) -> dict[str, Tensor]:
        """Mean, variance, its logarithm and the clean sample that an output (b, c or 2 c, …) means."""
        said = output
        if self.variance_type.startswith("LEARNED"):
            output, said = output.chunk(2, dim=1)
        if self.variance_type == "LEARNED":
            log_variance = said
            variance = said.exp()
        elif self.variance_type == "LEARNED_RANGE":
            share = (said + 1) / 2
            log_variance = share * math.log(self.betas[i]) + (1 - share) * math.log(self.clipped_variance[i])
            variance = log_variance.exp()
        else:
            large = self.clipped_variance[0] if i == 0 else self.betas[i]
            plain, logged = {
                "FIXED_LARGE": (large, large),
                "FIXED_SMALL": (self.variance[i], self.clipped_variance[i]),
            }[self.variance_type]
            variance, log_variance = torch.full_like(x, plain), torch.full_like(x, math.log(logged))
        if self.mean_type == "PREVIOUS_X":
            of_clean = self.betas[i] * math.sqrt(self.before[i]) / (1 - self.signal[i])
            clean = (output - self.posterior_mean(torch.zeros_like(x), x, i)) / of_clean
        elif self.mean_type == "START_X":
            clean = output
        else:
            clean = (x - math.sqrt(1 - self.signal[i]) * output) / math.sqrt(self.signal[i])
        clean = clean.clamp(-1, 1) if clip else clean
        mean = output if self.mean_type == "PREVIOUS_X" else self.posterior_mean(clean, x, i)
        return {"mean": mean, "variance": variance, "log_variance": log_variance, "clean": clean}

    def bound(self, step: dict[str, Tensor], clean: Tensor, x: Tensor, i: int) -> Tensor:
        """A term of the bound in bits per dimension, (b,)."""
        mean, log_variance = step["mean"], step["log_variance"]
        if i > 0:
            true = math.log(self.variance[i])
            terms = 0.5 * (
                -1
                + log_variance
                - true
                + (true - log_variance).exp()
                + (self.posterior_mean(clean, x, i) - mean) ** 2 / log_variance.exp()
            )
        else:
            deviation = (0.5 * log_variance).exp()
            high, low = (_tanh_cdf((clean + edge - mean) / deviation) for edge in (1 / 255, -1 / 255))
            inside = torch.where(clean > 0.999, 1 - low, high - low)
            terms = -torch.where(clean < -0.999, high, inside).clamp(min=1e-12).log()
        return terms.flatten(1).mean(1) / math.log(2)


def _tanh_cdf(x: Tensor) -> Tensor:
    return (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def signal_of(name: str, steps: int) -> np.ndarray:
    """The products of 1 - beta of a named schedule."""
    if name == "linear":
        betas = np.linspace(0.1 / steps, 20 / steps, steps)
    else:
        curve = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - curve[1:] / curve[:-1], 0.999)
    return np.asarray(np.cumprod(1 - betas))
