"""The published FID weights: fetched once, known by their hash, read into our network, which has their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from jaxtyping import Float, UInt8
from torch import Tensor

from diorama.core.fetch import Published, fetch
from diorama.core.files import sha256_of
from diorama.core.legacy import read_state_dict
from diorama.interop.layout import Layout, Table
from diorama.networks.features.inception import FIDInception, resize, resize_tensorflow

PUBLISHER = "inception-fid"

WEIGHTS = Published(
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    name="pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    about="the published FID Inception weights",
)


@dataclass(frozen=True, kw_only=True)
class InceptionArguments:
    """``InceptionV3`` of pytorch-fid has one form."""


@dataclass(frozen=True, kw_only=True)
class FIDInceptionConfig:
    """Our network, which has one form too."""

    def build(self) -> FIDInception:
        """The network, freshly initialised."""
        return FIDInception()


@dataclass(frozen=True, kw_only=True, eq=False)
class InceptionLayout(Layout[InceptionArguments, FIDInceptionConfig]):
    """``InceptionV3`` as pytorch-fid publishes it. The names are ours."""

    arguments = InceptionArguments
    config = FIDInceptionConfig

    def to_ours(self, arguments: InceptionArguments) -> FIDInceptionConfig:
        return FIDInceptionConfig()

    def to_published(self, config: FIDInceptionConfig) -> InceptionArguments:
        return InceptionArguments()

    def table(self, config: FIDInceptionConfig) -> Table:
        return {}


INCEPTION = InceptionLayout(
    publisher=PUBLISHER,
    network="InceptionV3",
    role="features",
    telltale={"Conv2d_1a_3x3.conv.weight": 4, "Mixed_7c.branch_pool.conv.weight": 4, "fc.weight": 2},
    # Torchvision's network has a second head in the middle, 1,000 classes, and other pooling.
    absent=("AuxLogits",),
)
LAYOUTS = (INCEPTION,)


def load_inception(folder: Path | None = None) -> tuple[FIDInception, str]:
    """The network in evaluation mode, and the SHA-256 of its weights file.

    Args:
        folder: where the file lies or shall lie; ``None`` for the user's cache.

    Raises:
        BadInput: the file cannot be had; the message gives its address and where to put it.
    """
    path = fetch(WEIGHTS, folder)
    network = cast(FIDInception, INCEPTION.load({}, read_state_dict(path)))
    return network.requires_grad_(False), sha256_of(path)


Prepared = tuple[Float[Tensor, "b 3 299 299"], Float[Tensor, "b 3 299 299"]]
"""Resized pictures in the publisher's own units, and the network's input."""


def pytorch_fid_input(images: UInt8[Tensor, "b 3 h w"]) -> Prepared:
    """What pytorch-fid makes of 8-bit pictures: resized in [0, 1], then [-1, 1]."""
    unit = resize(images.float() / 255)
    return unit, 2 * unit - 1


def torch_fidelity_input(images: UInt8[Tensor, "b 3 h w"]) -> Prepared:
    """What torch-fidelity and TensorFlow make of them: resized in [0, 255], then (x - 128) / 128."""
    levels = resize_tensorflow(images.float())
    return levels, (levels - 128) / 128
