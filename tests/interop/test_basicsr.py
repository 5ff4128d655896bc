"""BasicSR's and Real-ESRGAN's other networks: what the tensors tell, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from diorama.core.errors import BadInput
from diorama.interop.basicsr import COMPACT, RRDBNET, SRRESNET, UNET_DISCRIMINATOR, VGG_DISCRIMINATOR
from diorama.interop.catalog import recognise
from diorama.interop.layout import shapes_of, tensors_of
from diorama.networks.adversarial.esrgan_discriminators import UNetDiscriminatorConfig, VGGDiscriminatorConfig
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from diorama.networks.adversarial.srresnet import SRResNetConfig
from diorama.networks.adversarial.srvgg import SRVGGNetConfig

TOLD: dict[str, tuple[Any, Any]] = {
    "compact": (COMPACT, SRVGGNetConfig(features=5, convolutions=3, factor=3)),
    "compact, grey": (COMPACT, SRVGGNetConfig(inputs=1, outputs=1, features=5, convolutions=0, factor=4)),
    "compact, grey to colour": (COMPACT, SRVGGNetConfig(inputs=1, features=5, convolutions=1, factor=4)),
    "compact, slope 0.1": (COMPACT, SRVGGNetConfig(features=5, convolutions=1, factor=1, activation="leaky_relu")),
    "residual 1": (SRRESNET, SRResNetConfig(features=5, blocks=1, factor=1)),
    "residual 2": (SRRESNET, SRResNetConfig(features=5, blocks=2, factor=2)),
    "residual 3": (SRRESNET, SRResNetConfig(features=5, blocks=1, factor=3, inputs=1)),
    "residual 4": (SRRESNET, SRResNetConfig(features=5, blocks=1, inputs=1, outputs=1)),
    "vgg 128": (VGG_DISCRIMINATOR, VGGDiscriminatorConfig(features=2)),
    "vgg 256": (VGG_DISCRIMINATOR, VGGDiscriminatorConfig(features=2, channels=1, side=256)),
    "u-net": (UNET_DISCRIMINATOR, UNetDiscriminatorConfig(features=3, channels=1)),
}


@pytest.mark.parametrize(("layout", "config"), TOLD.values(), ids=TOLD)
def test_the_tensors_alone_tell_what_network_they_are(layout: Any, config: Any) -> None:
    shapes = shapes_of(layout.export_state(config, tensors_of(config)))
    assert layout.read_config({}, shapes) == config
    assert layout.read_config(layout.written(layout.to_published(config))) == config
    assert recognise(shapes, {}) is layout


def test_what_no_tensor_tells_is_read_from_the_config() -> None:
    shapes = shapes_of(COMPACT.export_state(TOLD["compact, slope 0.1"][1], tensors_of(TOLD["compact, slope 0.1"][1])))
    assert COMPACT.read_config({"act_type": "relu"}, shapes).activation == "relu"
    assert not UNET_DISCRIMINATOR.read_config({"num_in_ch": 3, "skip_connection": False}).skips


@pytest.mark.parametrize(
    ("layout", "given", "named"),
    [
        (SRRESNET, {"upscale": 8}, "upscale: is one of 1, 2, 3, 4"),
        (VGG_DISCRIMINATOR, {"num_in_ch": 3, "num_feat": 4, "input_size": 64}, "input_size: is one of 128, 256"),
        (COMPACT, {"num_in_ch": 2, "num_out_ch": 3}, "inputs: the enlarged input"),
        (COMPACT, {"act_type": "tanh"}, "act_type"),
        (COMPACT, {"num_conv": 10**9}, "num_conv: must be at most 256"),
        (RRDBNET, {"num_in_ch": 3, "num_out_ch": 3, "num_block": 10**9}, "num_block: must be at most 256"),
        (UNET_DISCRIMINATOR, {"num_in_ch": 0}, "num_in_ch: must be at least 1"),
    ],
)
def test_arguments_that_no_network_has_are_named(layout: Any, given: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        layout.read_config(given)


@pytest.mark.parametrize(("layout", "name"), [(COMPACT, "upscale"), (COMPACT, "num_out_ch"), (RRDBNET, "scale")])
def test_numbers_that_are_none_are_named_whatever_the_tensors_say(layout: Any, name: str) -> None:
    config = RRDBNetConfig(features=4, growth=2, blocks=1) if layout is RRDBNET else TOLD["compact"][1]
    shapes = shapes_of(layout.export_state(config, tensors_of(config)))
    for wrong in ("many", [4], -1):
        with pytest.raises(BadInput, match=rf"{name}|num_out_ch|upscale"):
            layout.import_state(layout.read_config({name: wrong}, shapes), {})
