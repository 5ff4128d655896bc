"""Networks in pickles of NVIDIA's research code, and of what is built on it: which of a file is meant, its class, its
arguments and its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.inert import Inert
from diorama.core.legacy import read_objects, tensors_of_module

_USUAL = ("ema", "G_ema")
"""What the averaged network is called, of which models are made."""
_PLAIN_ENCODER = "StandardRGBEncoder"
"""Of EDM2's pictures; others make latents of them."""


_NO_NETWORK = (
    "holds no network; of pickles (.pkl) those of EDM, EDM2, R3GAN, StyleGAN2 and StyleGAN3 are read, of other "
    "projects' networks a state dict as torch.save writes it (.pt, .pth), or safetensors"
)


class PickledNetwork(NamedTuple):
    """What a pickle says of a network.

    Attributes:
        tensors: by their published names.
        config: its arguments, and under ``_class_name`` its class.
        notes: what was left out, for people.
    """

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    notes: tuple[str, ...]


def read_pickled(path: Path, part: str | None) -> PickledNetwork:
    """The network of a pickle.

    Args:
        path: the file.
        part: its name in the file, where there are several; ``None`` for the averaged one.

    Raises:
        BadInput: the file cannot be read, holds no network or several, or the network draws latents of a codec that is
            not read.
    """
    content = read_objects(path)
    held = {"": content} if isinstance(content, Inert) else content
    if not isinstance(held, Mapping):
        raise BadInput(f"{path}: {_NO_NETWORK}")
    networks = {name: value for name, value in held.items() if isinstance(value, Inert) and "_modules" in value.state}
    name = _chosen(path, networks, part)
    encoder = held.get("encoder")
    if isinstance(encoder, Inert) and encoder.name != _PLAIN_ENCODER:
        raise BadInput(f"{path}: its network draws latents of a {encoder.name}, which is not read")
    network, others = networks[name], [other for other, value in held.items() if other != name and value is not None]
    notes = (f"took the network {name!r}, left out {', '.join(map(str, others))}",) if others else ()
    return PickledNetwork(tensors_of_module(network, path), _config(path, network), notes)


def _chosen(path: Path, networks: Mapping[str, Inert], part: str | None) -> str:
    held = ", ".join(f"{name} ({network.name})" for name, network in networks.items())
    if not networks:
        raise BadInput(f"{path}: {_NO_NETWORK}")
    if part is not None:
        if part not in networks:
            raise BadInput(f"{path}: has no network {part!r}; it holds {held}")
        return part
    usual = [name for name in _USUAL if name in networks]
    if not usual and len(networks) > 1:
        raise BadInput(f"{path}: holds several networks; say with --part which is meant: {held}")
    return usual[0] if usual else next(iter(networks))


def _config(path: Path, network: Inert) -> dict[str, Any]:
    unnamed, named = network.state.get("_init_args", ()), network.state.get("_init_kwargs")
    if unnamed or not isinstance(named, dict):
        raise BadInput(f"{path}: does not say with which arguments its {network.name} was made")
    return {"_class_name": network.name, **named}
