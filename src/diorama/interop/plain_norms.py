"""What the tensors of CycleGAN's, pix2pix's and pix2pixHD's networks say of their norms, and what old files hold of
these that nothing reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Arguments, Config, Layout, Shapes
from diorama.networks.adversarial.patchgan import Norm

NormName = Literal["batch", "instance", "none"]
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, kw_only=True, eq=False)
class WithPlainNorms(Layout[Arguments, Config]):
    """A network whose config has a field ``norm``. Old files hold statistics of instance norm, which nothing reads."""

    def left_out(self, config: Config, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name.endswith(_STATISTICS)) if _without_statistics(config) else ()

    def import_state(self, config: Config, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        passed_over = set(self.left_out(config, tuple(published)))
        return super().import_state(config, {name: t for name, t in published.items() if name not in passed_over})


def _without_statistics(config: object) -> bool:
    return getattr(config, "norm", None) == "instance"


def published_norm(norm: Norm) -> NormName:
    """The norm of a network of ours in the words of the published programs.

    Raises:
        BadInput: they have none like it.
    """
    if norm == "affine_instance":
        raise BadInput(
            "norm: the published networks have no instance norm with gains, which batch norm is in batches of one "
            "picture; train with --method.generator.norm batch for one that can be written"
        )
    return norm


def told_norm(shapes: Shapes, bias: str, gain: str) -> NormName:
    """Which norm follows a convolution, of the programs by CycleGAN's authors.

    Batch norm has gains. Instance norm has no tensors, but the convolution before it has a bias, and one that no norm
    follows has none.

    Args:
        shapes: of the published tensors.
        bias: name of the convolution's bias.
        gain: name of the norm's gains.
    """
    return "batch" if gain in shapes else "instance" if bias in shapes else "none"
