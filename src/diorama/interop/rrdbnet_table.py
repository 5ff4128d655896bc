"""What the layouts of RRDBNet have in common."""

from __future__ import annotations

from diorama.core.errors import BadInput
from diorama.networks.adversarial.rrdbnet import DENSE_BLOCKS, LAYERS, RRDBNetConfig

X4 = (2, 2)
"""The stages of published classes that know no others."""

MOST_BLOCKS = 256
"""Published networks of super-resolution have 16 to 32."""


def body_table(config: RRDBNetConfig, name: str) -> dict[str, str]:
    """Convolutions of the body -> their published names.

    Args:
        config: of the network.
        name: a pattern with ``{block}`` from 0 on, ``{dense}`` and ``{layer}`` from 1 on.
    """
    return {
        f"body.{block}.dense.{dense}.layers.{layer}.conv": name.format(block=block, dense=dense + 1, layer=layer + 1)
        for block in range(config.blocks)
        for dense in range(DENSE_BLOCKS)
        for layer in range(LAYERS)
    }


def only_plain(config: RRDBNetConfig, network: str) -> None:
    """Refuse what no class but that of 2018 has.

    Raises:
        BadInput: the message names the field.
    """
    wanted = {"stages": X4, "shuffle": False, "norm": None, "activation": "leaky_relu"}
    for field, value in wanted.items():
        if (found := getattr(config, field)) != value:
            raise BadInput(f"{field}: is {value!r} in the published {network}, and {found!r} in this network")
