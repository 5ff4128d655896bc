"""LPIPS as published: trunks of torchvision and the authors' heads, looked for where they are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.legacy import read_state_dict
from diorama.core.weights import OwnFile, find
from diorama.networks.features.lpips import LPIPS, LPIPSConfig, TrunkName
from diorama.networks.features.trunk import Trunk
from diorama.networks.features.vgg import vgg19_last

_TORCHVISION = "https://download.pytorch.org/models/"
_HEADS = "https://github.com/richzhang/PerceptualSimilarity/raw/082bb24/lpips/weights/v0.1/"


def _trunk(name: str, begins: str, about: str) -> OwnFile:
    return OwnFile(url=f"{_TORCHVISION}{name}-{begins}.pth", name=f"{name}-{begins}.pth", sha256=begins, about=about)


def _heads(name: str, sha256: str) -> OwnFile:
    about = f"the LPIPS heads of {name}, version 0.1"
    return OwnFile(url=f"{_HEADS}{name}.pth", name=f"lpips/{name}.pth", sha256=sha256, about=about)


TRUNK_FILES: Mapping[TrunkName, OwnFile] = {
    "alex": _trunk("alexnet-owt", "7be5be79", "torchvision's AlexNet"),
    "vgg": _trunk("vgg16", "397923af", "torchvision's VGG16"),
    "squeeze": _trunk("squeezenet1_1", "b8a52dc0", "torchvision's SqueezeNet 1.1"),
}
HEAD_FILES: Mapping[TrunkName, OwnFile] = {
    "alex": _heads("alex", "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"),
    "vgg": _heads("vgg", "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868"),
    "squeeze": _heads("squeeze", "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76"),
}
VGG19_FILE = _trunk("vgg19", "dcbb9e9d", "torchvision's VGG19")


def fill_trunk(trunk: Trunk, published: Mapping[str, Tensor], about: str) -> None:
    """Give a trunk the tensors of torchvision's classifier; those behind its last layer are passed over.

    Args:
        trunk: to be filled.
        published: a state dict as torchvision publishes it.
        about: whose, for the message.

    Raises:
        BadInput: a tensor is missing or of another shape; the message has its name.
    """
    trunk.load_state_dict(_taken(trunk.state_dict(), published, about))


def fill_heads(network: LPIPS, published: Mapping[str, Tensor]) -> None:
    """Give the heads the authors' tensors.

    Args:
        network: with learned heads.
        published: ``lin0.model.1.weight`` and so on.

    Raises:
        BadInput: as :func:`fill_trunk`.
    """
    named = {name.replace("lin", "").replace(".model.1", ""): tensor for name, tensor in published.items()}
    network.heads.load_state_dict(_taken(network.heads.state_dict(), named, f"LPIPS heads of {network.config.trunk}"))


def load_lpips(config: LPIPSConfig, folder: Path | None = None) -> LPIPS:
    """The network with published weights, in evaluation mode; nothing of it is trained.

    Args:
        config: which.
        folder: where the files are looked for first; see :func:`diorama.core.weights.find`.

    Raises:
        BadInput: a file is nowhere; the message says where it is to be had and where to put it.
    """
    # Its initial weights are overwritten at once, and their draws must not move those of anybody else.
    with torch.random.fork_rng(devices=[]):
        network = config.build()
    # The heads lie in smaller files: whoever lacks both is asked for the trunk first, which is the larger trouble.
    trunk = TRUNK_FILES[config.trunk]
    fill_trunk(network.trunk, read_state_dict(find(trunk, folder)), trunk.about)
    if config.learned:
        fill_heads(network, read_state_dict(find(HEAD_FILES[config.trunk], folder)))
    return network.eval().requires_grad_(False)


def load_vgg19(folder: Path | None = None) -> Trunk:
    """The trunk that ESRGAN compares features of, in evaluation mode; nothing of it is trained.

    Raises:
        BadInput: as :func:`load_lpips`.
    """
    with torch.random.fork_rng(devices=[]):
        trunk = vgg19_last()
    fill_trunk(trunk, read_state_dict(find(VGG19_FILE, folder)), VGG19_FILE.about)
    return trunk.eval().requires_grad_(False)


def _taken(ours: Mapping[str, Tensor], published: Mapping[str, Tensor], about: str) -> dict[str, Tensor]:
    for name, tensor in ours.items():
        if name not in published:
            raise BadInput(f"{about}: tensor {name!r} is missing")
        if published[name].shape != tensor.shape:
            found = tuple(published[name].shape)
            raise BadInput(f"{about}: tensor {name!r} has shape {found}, and the network has {tuple(tensor.shape)}")
    return {name: published[name] for name in ours}
