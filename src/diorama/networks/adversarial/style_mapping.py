"""The mapping of StyleGAN: latent vectors and labels to styles, which are nearer to what pictures differ in.

Reference: T. Karras, S. Laine, T. Aila, arXiv:1812.04948, section 2 (mapping) and appendix B (truncation); labels as
T. Karras et al., arXiv:2006.06676, appendix C, feed them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition
from diorama.networks.denoisers.edm_embedding import SoftLabel
from diorama.nn.bias_act import ActivationName
from diorama.nn.equalized import EqualizedLinear
from diorama.nn.half import own_precision


@dataclass(frozen=True, kw_only=True)
class StyleMappingConfig:
    """What may differ between mappings.

    Args:
        layers: fully connected ones.
        embedding: width of an embedded label; ``None`` for that of the styles.
        hidden: width between layers; ``None`` for that of the styles.
        activation: of every layer.
        lr_multiplier: rate of learning, in multiples of the other layers'.
        w_avg_beta: what the running mean of styles keeps of itself with every batch.
    """

    layers: int = 8
    embedding: int | None = None
    hidden: int | None = None
    activation: ActivationName = "lrelu"
    lr_multiplier: float = 0.01
    w_avg_beta: float = 0.998

    def __post_init__(self) -> None:
        if self.layers < 1 or min(self.embedding or 1, self.hidden or 1) < 1:
            raise ValueError(f"layers, embedding, hidden: must be at least 1, got {self}")
        if self.lr_multiplier <= 0 or not 0 <= self.w_avg_beta <= 1:
            raise ValueError(f"lr_multiplier must be above 0 and w_avg_beta in [0, 1], got {self}")


USUAL_MAPPING = StyleMappingConfig()
"""Eight layers."""


class StyleMapping(nn.Module):
    """Latent vectors (b, latent) and labels to styles (b, style).

    Args:
        config: of the layers.
        latent: length of a latent vector; 0 where there are labels alone.
        classes: labels; 0 for none.
        style: width of a style.
        averaged: keep the running mean of styles, towards which truncation moves.
    """

    def __init__(
        self, config: StyleMappingConfig, *, latent: int, classes: int, style: int, averaged: bool = True
    ) -> None:
        super().__init__()
        self.latent, self.beta = latent, config.w_avg_beta
        width = config.embedding or style
        self.rows = SoftLabel(classes, 0.0)
        self.embed = EqualizedLinear(classes, width) if classes else None
        hidden = [config.hidden or style] * (config.layers - 1)
        widths = [latent + (width if classes else 0), *hidden, style]
        self.layers = nn.ModuleList(
            EqualizedLinear(a, b, act=config.activation, rate=config.lr_multiplier) for a, b in pairwise(widths)
        )
        if averaged:
            self.register_buffer("average", torch.zeros(style))
        self.average: Tensor

    def forward(self, z: Tensor, condition: Condition) -> Tensor:
        """Styles.

        Args:
            z: (b, latent).
            condition: ``label`` where there are classes, (b,) int64 or (b, classes) shares of each.

        Raises:
            ValueError: a label is missing or not wanted.
        """
        with own_precision(z.device, half=False):
            parts = [_unit(z.float())] if self.latent else []
            rows = self.rows(condition.get("label"), z)
            if self.embed is not None and rows is not None:
                parts.append(_unit(self.embed(rows)))
            x = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
            for layer in self.layers:
                x = layer(x)
            return x

    @torch.no_grad()
    def track(self, styles: Tensor) -> None:
        """Move the running mean towards that of a batch of styles (b, style)."""
        self.average.copy_(styles.detach().float().mean(dim=0).lerp(self.average, self.beta))

    def truncated(self, styles: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
        """Styles (b, n, style) moved towards their running mean.

        Args:
            styles: one for every layer.
            psi: what is kept of the distance; 1 leaves them as they are.
            cutoff: only so many, from the coarsest on, are moved; ``None`` for all.
        """
        return towards(self.average, styles, psi, cutoff)


def towards(mean: Tensor, styles: Tensor, psi: float, cutoff: int | None = None) -> Tensor:
    """Styles (b, n, style) moved towards a mean, (style,) or (1, style); see :meth:`StyleMapping.truncated`.

    Reference: arXiv:1812.04948, appendix B.
    """
    if psi == 1:
        return styles
    few = styles.shape[1] if cutoff is None else cutoff
    return torch.cat([mean.lerp(styles[:, :few], psi), styles[:, few:]], dim=1)


def _unit(x: Tensor) -> Tensor:
    """Rows with a mean square of 1."""
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()
