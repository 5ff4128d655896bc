"""What StyleGAN2 and StyleGAN3 have in common: a mapping from latent vectors to styles, and layers that read them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition
from diorama.networks.adversarial.style_mapping import StyleMapping


class StyleGenerator(nn.Module, ABC):
    """A generator whose layers read styles, (b, layers, style), which a mapping makes of latent vectors."""

    mapping: StyleMapping

    @abstractmethod
    def styles(
        self, z: Tensor, condition: Condition = NOTHING_GIVEN, *, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Styles (b, layers, style) of latent vectors (b, latent), the same for every layer.

        Args:
            z: standard normal.
            condition: ``label`` where there are classes.
            psi: see :meth:`StyleMapping.truncated`.
            cutoff: likewise.
        """

    @abstractmethod
    def draw(self, styles: Tensor, *, track: bool = False) -> Tensor:
        """Pictures (b, c, h, w), about in [-1, 1], of styles (b, layers, style).

        Args:
            styles: one for each layer.
            track: move the running numbers of the layers, where there are any, towards those of this batch.
        """

    def running(self) -> list[Tensor]:
        """The buffers that tracking moves: the mean style, and the running numbers of layers."""
        return [self.mapping.average]
