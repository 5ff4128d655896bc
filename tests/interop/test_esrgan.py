"""RRDBNet in the layouts of 2018 and 2019: every option, and what the tensors tell of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from diorama.core.errors import BadInput
from diorama.interop.basicsr import RRDBNET
from diorama.interop.catalog import recognise
from diorama.interop.esrgan import RRDB_2018, RRDB_2019
from diorama.interop.layout import shapes_of, tensors_of
from diorama.networks.adversarial.rrdbnet import RRDBNetConfig
from tests.interop.esrgan_walk import RowOfModules

SMALL = {"in_nc": 2, "out_nc": 3, "nf": 4, "nb": 2, "gc": 3}
TINY = RRDBNetConfig(features=4, growth=3, blocks=2)


def arguments(**others: Any) -> dict[str, Any]:
    return SMALL | {"upscale": 4, "upsample_mode": "upconv"} | others


MODES, ACTS, NORMS = ("upconv", "pixelshuffle"), ("leakyrelu", "relu", "prelu"), ("batch", "instance")
OPTIONS = [
    *(arguments(upscale=upscale, upsample_mode=mode) for upscale in (1, 2, 3, 4, 8) for mode in MODES),
    *(arguments(act_type=act, norm_type=norm) for act in ACTS for norm in NORMS),
    arguments(act_type="prelu", upsample_mode="pixelshuffle", upscale=2),
]


def named(given: dict[str, Any]) -> str:
    return "-".join(str(given.get(key)) for key in ("upscale", "upsample_mode", "act_type", "norm_type"))


def filled(network: nn.Module) -> nn.Module:
    """With numbers other than those that networks begin with."""
    random = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=random) * (0.5 if "var" in name else 0.2) + 0.05)
    return network.eval()


@pytest.mark.parametrize("given", OPTIONS, ids=named)
def test_every_option_of_2018_computes_what_the_row_of_modules_does(given: dict[str, Any]) -> None:
    theirs = filled(RowOfModules(given))
    x = torch.rand(1, 2, 5, 4, generator=torch.Generator().manual_seed(1))
    assert recognise(shapes_of(theirs.state_dict()), {}) is RRDB_2018
    config, ours = RRDB_2018.read_config(given), RRDB_2018.load(given, theirs.state_dict())
    expected = theirs(x)
    torch.testing.assert_close(ours(x, {}), expected, rtol=0, atol=1e-5 * expected.abs().max().item())
    back = RRDB_2018.export_state(config, ours.state_dict())
    assert back.keys() == theirs.state_dict().keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in theirs.state_dict().items())
    assert RRDB_2018.read_config(RRDB_2018.written(RRDB_2018.to_published(config))) == config


@pytest.mark.parametrize("given", OPTIONS, ids=named)
def test_the_tensors_tell_all_but_what_has_none(given: dict[str, Any]) -> None:
    shapes = shapes_of(RowOfModules(given).state_dict())
    asked = {key: given[key] for key in ("act_type", "norm_type") if given.get(key) in ("relu", "instance")}
    if given.get("act_type") == "prelu":
        asked = {}
    if given["upsample_mode"] == "upconv" and given["upscale"] in (2, 3):
        with pytest.raises(BadInput, match=r"say upscale; give --config FILE\.json, such as"):
            RRDB_2018.read_config({}, shapes)
        asked["upscale"] = given["upscale"]
    found = RRDB_2018.read_config(asked, shapes)
    # Without a stage there is no way in which it enlarges.
    expected = RRDB_2018.read_config(given | ({"upsample_mode": "upconv"} if given["upscale"] == 1 else {}))
    assert found == expected


@pytest.mark.parametrize("layout", [RRDB_2018, RRDB_2019, RRDBNET], ids=lambda layout: layout.publisher)
def test_one_network_goes_through_every_layout(layout: Any) -> None:
    state = filled(TINY.build()).state_dict()
    published = layout.export_state(TINY, state)
    config = layout.read_config({}, shapes_of(published))
    assert config == TINY
    assert all(torch.equal(state[name], tensor) for name, tensor in layout.import_state(config, published).items())
    assert recognise(shapes_of(published), {}) is layout


@pytest.mark.parametrize(("scale", "unshuffle"), [(1, 4), (2, 2), (4, 1), (3, 1), (8, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_todays_layout_lays_pixels_into_channels(scale: int, unshuffle: int, channels: int) -> None:
    given = {
        "num_in_ch": channels,
        "num_out_ch": channels,
        "scale": scale,
        "num_feat": 4,
        "num_block": 1,
        "num_grow_ch": 2,
    }
    config = RRDBNET.read_config(given)
    assert config.unshuffle == unshuffle
    assert config.scale == 4 // unshuffle
    shapes = shapes_of(RRDBNET.export_state(config, tensors_of(config)))
    assert shapes["conv_first.weight"][1] == channels * unshuffle**2
    assert RRDBNET.read_config({}, shapes) == config
    assert RRDBNET.read_config({"scale": scale}, shapes) == config
    assert RRDBNET.read_config({"num_in_ch": channels}, shapes) == config


@pytest.mark.parametrize(
    ("change", "layout", "named"),
    [
        ({"shuffle": True}, RRDB_2019, "shuffle"),
        ({"norm": "batch"}, RRDBNET, "norm"),
        ({"stages": (2,)}, RRDBNET, "stages"),
        ({"unshuffle": 2}, RRDB_2019, "unshuffle"),
        ({"unshuffle": 2}, RRDB_2018, "unshuffle"),
        ({"stages": (5,)}, RRDB_2018, "stages"),
    ],
)
def test_what_a_layout_has_no_place_for_is_named(change: dict[str, Any], layout: Any, named: str) -> None:
    with pytest.raises(BadInput, match=f"{named}: "):
        layout.to_published(replace(TINY, **change))


def test_a_norm_before_the_last_convolution_of_the_body_is_refused() -> None:
    with pytest.raises(BadInput, match="mode: NAC"):
        RRDB_2018.read_config(arguments(mode="NAC", norm_type="batch"))
    assert RRDB_2018.read_config(arguments(mode="NAC")) == RRDB_2018.read_config(arguments())
