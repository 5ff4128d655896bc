"""What every generator and discriminator says of itself, so that methods and synthesizers can tell what fits it.

There are three calls, and in all of them ``condition`` is a mapping of a batch's keys, which may be empty:

* a generator, ``network(z, condition)`` -> pictures;
* a discriminator, ``network(picture, condition)`` -> logits, and ``network.judge(picture, condition)`` -> logits with
  features where it has any;
* a network from picture to picture, ``network(picture, condition)`` -> picture.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from diorama.core.contracts import NOTHING_GIVEN, Condition

Truncation = Literal["none", "latent", "styles"]
"""How samples can be drawn closer to what is usual, at the price of variety: not at all; by latent vectors that hold no
value beyond a threshold; or by styles, the network's own vectors, that are pulled towards their mean."""


class GeneratorConfig(ABC):
    """A frozen dataclass that describes a network ``(z, condition) -> pictures`` and builds it.

    ``z`` is (b, latent), standard normal; pictures are (b, c, h, w) in [-1, 1]; of ``condition`` the network reads the
    keys that :attr:`reads` names.
    """

    latent: int
    """Length of a latent vector; a field of every config."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of a condition that the network needs: the label, where there are classes."""
        return ("label",) if self.classes else ()

    @property
    def classes(self) -> int:
        """Labels 0 … classes - 1 that it knows; 0 where it reads none."""
        return 0

    @property
    def truncation(self) -> Truncation:
        """How it is truncated. With styles the network also takes ``psi``, which 1 leaves as it is and 0 takes to the
        mean, and ``cutoff``, how many of its layers, the coarsest first, that is for (``None``: all)."""
        return "none"

    @property
    def style_layers(self) -> int:
        """How many styles its layers read, which ``cutoff`` counts; 0 where that is none or not known."""
        return 0

    @property
    def styled(self) -> bool:
        """Whether the network is a :class:`~diorama.networks.adversarial.style_generator.StyleGenerator`."""
        return False

    @property
    def layer_noise(self) -> tuple[tuple[int, ...], ...]:
        """Shapes, without the batch axis, of the noise that its layers add, in their order.

        Where there are any, the network also takes ``noise``, a list of such tensors. Without it, it draws its own in
        training, and in evaluation takes what it stores, or none.
        """
        return ()

    @property
    def stores_noise(self) -> bool:
        """Whether the network also holds noise for its layers, the same for every sample, and takes
        ``noise="const"`` for it."""
        return False

    @abstractmethod
    def build(self) -> nn.Module: ...


@runtime_checkable
class StyleGenerator(Protocol):
    """A generator that first makes styles (w) of latent vectors (z), and then pictures of styles."""

    def styles(
        self, z: Tensor, condition: Condition = NOTHING_GIVEN, *, psi: float = 1.0, cutoff: int | None = None
    ) -> Tensor:
        """Styles (b, n, style) of latent vectors (b, latent): one for each layer, the coarsest first, all the same
        unless they are truncated."""
        ...

    @property
    def draw(self) -> Callable[..., Tensor]:
        """``draw(styles)`` -> pictures (b, c, h, w) of styles (b, n, style); also takes ``noise``, as the call of the
        network does, where its layers add some."""
        ...

    def readers(self) -> Sequence[Tensor]:
        """For each of the n styles the weights (outputs, style) of the affine maps that read it, below one another."""
        ...


class DiscriminatorConfig(ABC):
    """A frozen dataclass that describes a network ``(picture, condition) -> logits`` and builds it.

    Pictures are (b, c, h, w) in [-1, 1]; logits are (b,), or of one value for each patch, positive where a picture
    looks real.
    """

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of a condition that the network needs: the label, where there are classes."""
        return ("label",) if self.classes else ()

    @property
    def classes(self) -> int:
        """Labels 0 … classes - 1 that it knows; 0 where it reads none."""
        return 0

    @property
    def tells_features(self) -> bool:
        """Whether the network has ``judge``, which tells features beside the logits."""
        return False

    @abstractmethod
    def build(self) -> nn.Module: ...


class Judgement(NamedTuple):
    """What ``judge`` returns: the logits, and the features that they come from, (b, …) each, the shallowest first."""

    logits: Tensor
    features: tuple[Tensor, ...]


def label_of(condition: Condition, like: Tensor) -> Tensor:
    """The labels (b,) of a condition; of networks that know one class alone, and so are told none, zeros."""
    if "label" in condition:
        return condition["label"]
    return torch.zeros(like.shape[0], dtype=torch.int64, device=like.device)
