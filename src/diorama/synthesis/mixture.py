"""A Gaussian mixture on principal components: the honest floor that every network must beat.

No network and no gradient: pictures are projected on their first principal components, a mixture of Gaussians with
full covariances is fitted there, and samples are drawn from it and projected back.

Reference: A. P. Dempster, N. M. Laird, D. B. Rubin, "Maximum likelihood from incomplete data via the EM algorithm",
1977; as a generator of pictures: E. Richardson, Y. Weiss, "On GANs and GMMs", NeurIPS 2018, arXiv 1805.12462.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, ConditionSpec, MediaSpec, Stage
from diorama.synthesis.base import Synthesizer, SynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class GaussianMixtureConfig(SynthesizerConfig):
    """What a fitted mixture is.

    Args:
        media: what one sample is.
        conditions: always empty; the mixture takes no condition.
        components: Gaussians.
        dimensions: principal components.
    """

    media: MediaSpec
    conditions: tuple[ConditionSpec, ...] = ()
    components: int = 10
    dimensions: int = 64

    def build(self) -> GaussianMixture:
        return GaussianMixture(self)


class MixtureParameters(nn.Module):
    """The fitted numbers, none of which is trained by gradient.

    Args:
        components: k.
        dimensions: d.
        size: values of one picture, n.
    """

    def __init__(self, components: int, dimensions: int, size: int) -> None:
        super().__init__()

        def fixed(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.zeros(shape), requires_grad=False)

        self.centre = fixed(size)  # (n,) mean picture
        self.axes = fixed(dimensions, size)  # (d, n) orthonormal principal axes
        self.weights = fixed(components)  # (k,) sum to one
        self.means = fixed(components, dimensions)  # (k, d)
        self.factors = fixed(components, dimensions, dimensions)  # (k, d, d) lower Cholesky factors of covariances


class GaussianMixture(Synthesizer):
    """Draws from a fitted mixture; see :mod:`diorama.comparison.mixture` for the fit."""

    kind = "Gaussian mixture"

    def __init__(self, config: GaussianMixtureConfig) -> None:
        super().__init__()
        self.config = config
        self.mixture = MixtureParameters(config.components, config.dimensions, prod(config.media.shape))

    @property
    def noise_shape(self) -> tuple[int, ...]:
        """One value that chooses the component, then one for each principal component."""
        assert isinstance(self.config, GaussianMixtureConfig)
        return (1 + self.config.dimensions,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        """One stage: the samples. ``condition`` must be empty."""
        fitted = self.mixture
        # The normal distribution's own function turns the first value into a uniform one.
        uniform = torch.special.ndtr(noise[:, 0])
        bounds = fitted.weights.cumsum(0)[:-1].contiguous()
        chosen = torch.bucketize(uniform, bounds)  # (b,) in 0 … k-1
        latent = fitted.means[chosen] + torch.einsum("bij,bj->bi", fitted.factors[chosen], noise[:, 1:])
        yield Stage(x=(fitted.centre + latent @ fitted.axes).reshape(-1, *self.config.media.shape))
