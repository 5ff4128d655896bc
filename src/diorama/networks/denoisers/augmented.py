"""Networks that are told how training pictures were altered."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from diorama.core.worded import network_name
from diorama.networks.denoisers.base import DenoiserConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import EDMUNetConfig

Network = TypeVar("Network", bound=DenoiserConfig)


def told_of_augmentation(network: Network, numbers: int) -> Network:
    """The network with one layer more, which reads so many numbers of a picture's augmentation.

    Without these numbers, or where all are 0, it computes what it does without the layer.

    Args:
        network: that is to be told; one that already reads as many stays as it is.
        numbers: that tell how a picture was altered, at least 1.

    Raises:
        ValueError: networks of this kind cannot be told, or it reads another number of them.
    """
    if isinstance(network, EDMUNetConfig):
        _check(network.augment, numbers)
        return replace(network, augment=numbers)
    if isinstance(network, DDPMUNetConfig):
        _check(network.embedding.augment, numbers)
        return replace(network, embedding=replace(network.embedding, augment=numbers))
    raise ValueError(
        f"augment: {network_name(network)} cannot be told how pictures were altered, and would draw altered ones; let "
        "it be 0, or take a DDPMUNet, SongUNet or DhariwalUNet, as the recipes ddpm and edm do"
    )


def _check(reads: int, numbers: int) -> None:
    if reads not in (0, numbers):
        raise ValueError(f"augment: the network reads {reads} numbers, and {numbers} tell how pictures were altered")
