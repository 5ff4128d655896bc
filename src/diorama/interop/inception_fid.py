"""The published FID weights: fetched once, known by their hash, read into our network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.fetch import Published, fetch
from diorama.core.files import sha256_of
from diorama.core.legacy import read_state_dict
from diorama.networks.features.inception import FIDInception, resize, resize_tensorflow

WEIGHTS = Published(
    url="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    name="pt_inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    size=95_628_359,
    about="the published FID Inception weights",
)


def load_inception(folder: Path | None = None) -> tuple[FIDInception, str]:
    """The network in evaluation mode, and the SHA-256 of its weights file.

    Args:
        folder: where the file lies or shall lie; ``None`` for the user's cache.

    Raises:
        BadInput: the file cannot be had; the message gives its address and where to put it.
    """
    path = fetch(WEIGHTS, folder)
    return import_inception(read_state_dict(path)), sha256_of(path)


def import_inception(published: Mapping[str, Tensor]) -> FIDInception:
    """The network with published tensors, whose names are ours, in evaluation mode.

    Raises:
        BadInput: a tensor is missing, unknown or misshapen.
    """
    network = FIDInception()
    # Old checkpoints do not count batches; the count has no effect in evaluation.
    counters = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
    try:
        network.load_state_dict(counters | dict(published))
    except RuntimeError as problem:
        raise BadInput(f"{WEIGHTS.name}: does not fit the FID network ({problem})") from problem
    return network.eval().requires_grad_(False)


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
