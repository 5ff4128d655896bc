"""CycleGAN's, pix2pix's and pix2pixHD's networks in their authors' layouts: against the layers written anew, and both
ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from diorama.core.errors import BadInput
from diorama.interop import pix2pixhd
from diorama.interop.catalog import recognise
from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.cyclegan_generators import RESNET, UNET
from diorama.interop.layout import Layout, shapes_of
from diorama.interop.pix2pixhd import DISCRIMINATOR, GLOBAL, LOCAL
from diorama.networks.adversarial.cyclegan import CycleGANGeneratorConfig
from diorama.networks.adversarial.patchgan import PatchDiscriminatorConfig
from diorama.networks.adversarial.pix2pix import Pix2PixGeneratorConfig
from diorama.networks.adversarial.pix2pixhd import (
    GlobalGeneratorConfig,
    LocalEnhancerConfig,
    MultiScaleDiscriminator,
    MultiScaleDiscriminatorConfig,
)
from tests.interop.oracles import randomised
from tests.interop.translator_oracles import Local, Resnet, Scales, Unet

NORMS = st.sampled_from(["batch", "instance", "none"])
HD_NORMS = st.sampled_from(["batch", "instance"])
PADDINGS = st.sampled_from(["reflect", "replicate", "zero"])
CHANNELS = {"channels": st.integers(1, 4), "outputs": st.integers(1, 3), "width": st.integers(1, 4)}


def pictures(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).clamp(-1, 1)


def assert_draws_alike(layout: Layout[Any, Any], config: dict[str, Any], theirs: nn.Module, x: Tensor) -> None:
    """With the config, and with what of it the tensors do not tell; and what is written is what was read."""
    state = randomised(theirs).state_dict()
    assert recognise(shapes_of(state), config) is layout
    untold: dict[str, Any] = {name: config[name] for name in ("padding_type", "use_dropout") if name in config}
    for told in (config, untold):
        torch.testing.assert_close(layout.load(told, state)(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert_comes_back(layout, config, state)


def assert_comes_back(layout: Layout[Any, Any], config: dict[str, Any], state: dict[str, Tensor]) -> None:
    network = layout.read_config(config, shapes_of(state))
    back = layout.export_state(network, layout.import_state(network, state))
    current = {layout.current_name(name): tensor for name, tensor in state.items()}
    assert back.keys() == current.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in current.items())
    assert layout.read_config(layout.written(layout.to_published(network)), shapes_of(back)) == network


@settings(max_examples=12, deadline=None)
@given(**CHANNELS, blocks=st.integers(0, 3), kind=NORMS, padding=PADDINGS, dropout=st.booleans())
@torch.no_grad()
def test_cyclegans_generator_draws_what_the_published_layers_draw(
    channels: int, outputs: int, width: int, blocks: int, kind: str, padding: str, dropout: bool
) -> None:
    facts = (channels, outputs, width, 2, blocks)
    theirs = Resnet(facts, (kind, padding), dropout, kind == "instance")
    config = {"input_nc": channels, "output_nc": outputs, "ngf": width, "norm": kind, "n_blocks": blocks}
    config |= {"padding_type": padding, "use_dropout": dropout}
    assert_draws_alike(RESNET, config, theirs, pictures(2, channels, 16, 12))


@settings(max_examples=12, deadline=None)
@given(
    **CHANNELS, halvings=st.integers(0, 3), blocks=st.integers(0, 2), kind=HD_NORMS, padding=PADDINGS
)  # fmt: skip
@torch.no_grad()
def test_the_global_generator_draws_what_the_published_layers_draw(
    channels: int, outputs: int, width: int, halvings: int, blocks: int, kind: str, padding: str
) -> None:
    facts = (channels, outputs, width, halvings, blocks)
    theirs = Resnet(facts, (kind, padding), False, True)
    config = {"input_nc": channels, "output_nc": outputs, "ngf": width, "n_downsampling": halvings}
    config |= {"n_blocks": blocks, "norm": kind, "padding_type": padding}
    assert_draws_alike(GLOBAL, config, theirs, pictures(1, channels, 16, 24))


@settings(max_examples=10, deadline=None)
@given(
    **CHANNELS,
    halvings=st.integers(0, 2),
    blocks=st.integers(0, 2),
    local=st.tuples(st.integers(1, 3), st.integers(0, 2)),
    kind=HD_NORMS,
    padding=PADDINGS,
)
@torch.no_grad()
def test_local_enhancers_draw_what_the_published_layers_draw(
    channels: int, outputs: int, width: int, halvings: int, blocks: int, local: tuple[int, int], kind: str, padding: str
) -> None:
    theirs = Local((channels, outputs, width, halvings, blocks), local, (kind, padding))
    config = {"input_nc": channels, "output_nc": outputs, "ngf": width, "n_downsample_global": halvings}
    config |= {"n_blocks_global": blocks, "n_local_enhancers": local[0], "n_blocks_local": local[1]}
    assert_draws_alike(LOCAL, config | {"norm": kind, "padding_type": padding}, theirs, pictures(1, channels, 64, 64))


@settings(max_examples=12, deadline=None)
@given(**CHANNELS, downs=st.integers(5, 7), kind=NORMS, dropout=st.booleans())
@torch.no_grad()
def test_pix2pixs_generator_draws_what_the_published_layers_draw(
    channels: int, outputs: int, width: int, downs: int, kind: str, dropout: bool
) -> None:
    theirs = Unet((channels, outputs), width, downs, kind, dropout=dropout)
    config: dict[str, Any] = {"input_nc": channels, "output_nc": outputs, "num_downs": downs, "ngf": width}
    config["norm"] = kind
    assert_draws_alike(UNET, config | {"use_dropout": dropout}, theirs, pictures(2, channels, 2 << downs, 1 << downs))


@settings(max_examples=12, deadline=None)
@given(
    facts=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.integers(1, 3)),
    kind=HD_NORMS,
    sigmoid=st.booleans(),
    features=st.booleans(),
)
@torch.no_grad()
def test_scales_judge_as_the_published_layers_do(
    facts: tuple[int, int, int, int], kind: str, sigmoid: bool, features: bool
) -> None:
    theirs, x = (
        cast(Scales, randomised(Scales(facts, kind, sigmoid=sigmoid, features=features))),
        pictures(2, 4, 40, 36),
    )
    x, state = x[:, : facts[0]], theirs.state_dict()
    config: dict[str, Any] = dict(zip(("input_nc", "ndf", "n_layers", "num_D"), facts, strict=True))
    config |= {"norm": kind, "use_sigmoid": sigmoid, "getIntermFeat": features}
    assert recognise(shapes_of(state), config) is DISCRIMINATOR
    for told in (config, {"use_sigmoid": sigmoid}):
        network = cast(MultiScaleDiscriminator, DISCRIMINATOR.load(told, state))
        found = pix2pixhd.published_outputs(network, x, DISCRIMINATOR.read_arguments(told, shapes_of(state)))
        for ours, published in zip(found, theirs(x), strict=True):
            torch.testing.assert_close(ours, published, rtol=1e-4, atol=1e-4)
    assert_comes_back(DISCRIMINATOR, config, state)


def test_dropout_that_no_tensor_tells_is_asked_for_by_name() -> None:
    state = Unet((3, 3), 2, 6, "batch", dropout=True).state_dict()
    with pytest.raises(BadInput, match=r'say use_dropout; give --config FILE.json, such as {"norm": "batch", "us'):
        UNET.load({}, state)
    # A config that says nothing of it says what the class takes by itself; five levels have no place for it.
    assert not cast(Any, UNET.load({"norm": "batch"}, state)).config.dropout
    assert not UNET.read_config({}, shapes_of(Unet((3, 3), 2, 5, "batch", dropout=True).state_dict())).dropout


def test_fewer_than_five_halvings_are_five() -> None:
    config = UNET.read_config({"input_nc": 1, "output_nc": 1, "num_downs": 3, "use_dropout": False})
    assert config.halvings == 5


def test_the_norm_that_a_config_names_must_be_the_one_of_the_tensors() -> None:
    state = Resnet((3, 3, 2, 2, 1), ("instance", "reflect"), False, True).state_dict()
    with pytest.raises(BadInput, match=r"model\.\d+\.\S+"):
        RESNET.load({"norm": "batch"}, state)
    with pytest.raises(BadInput, match="norm"):
        RESNET.load({"norm": "layer"}, state)
    with pytest.raises(BadInput, match="paddings"):
        RESNET.load({"paddings": "zero"}, state)


def test_statistics_of_instance_norm_in_old_files_are_passed_over_and_counted() -> None:
    state = Resnet((3, 3, 2, 2, 1), ("instance", "reflect"), False, True).state_dict()
    old = state | {"model.2.running_mean": torch.zeros(2), "model.2.running_var": torch.ones(2)}
    config = RESNET.read_config({}, shapes_of(old))
    assert config.norm == "instance"
    assert RESNET.import_state(config, old).keys() == RESNET.import_state(config, state).keys()
    assert RESNET.left_out(config, tuple(old)) == ("model.2.running_mean", "model.2.running_var")
    assert not RESNET.left_out(RESNET.read_config({"norm": "none"}, shapes_of(old)), tuple(old))


def test_a_file_with_wrapped_names_is_recognised(tmp_path: Path) -> None:
    state = Resnet((3, 3, 2, 2, 1), ("batch", "zero"), False, False).state_dict()
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "latest_net_G.pth")
    checkpoint = open_checkpoint(tmp_path / "latest_net_G.pth")
    assert checkpoint.layout is RESNET
    assert "module" in checkpoint.notes[0]


@pytest.mark.parametrize(
    ("layout", "config"),
    [
        (GLOBAL, GlobalGeneratorConfig(norm="none")),
        (LOCAL, LocalEnhancerConfig(norm="none")),
        (DISCRIMINATOR, MultiScaleDiscriminatorConfig(norm="none")),
        (UNET, Pix2PixGeneratorConfig(norm="affine_instance")),
        (DISCRIMINATOR, MultiScaleDiscriminatorConfig(norm="affine_instance")),
    ],
)
def test_networks_that_the_authors_lack_are_not_written(layout: Any, config: Any) -> None:
    with pytest.raises(BadInput, match=r"^norm: the published networks have (batch or|no) instance norm"):
        layout.to_published(config)


@pytest.mark.parametrize(
    ("layout", "given"),
    [
        (RESNET, {"output_nc": 1, "input_nc": 0}),
        (RESNET, {"input_nc": 1, "output_nc": 1, "n_blocks": 10**9}),
        (UNET, {"input_nc": 1, "output_nc": 1, "num_downs": 10**9, "use_dropout": False}),
        (GLOBAL, {"input_nc": 1, "output_nc": 1, "n_downsampling": 10**9}),
        (LOCAL, {"input_nc": 1, "output_nc": 1, "n_local_enhancers": 10**9}),
        (DISCRIMINATOR, {"input_nc": 1, "n_layers": 10**9}),
        (DISCRIMINATOR, {"input_nc": 1, "num_D": 0}),
    ],
)
def test_counts_that_no_network_has_are_refused_by_name(layout: Any, given: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=list(given)[-1] if "use_dropout" not in given else "num_downs"):
        layout.read_config(given)


@pytest.mark.parametrize(
    ("config", "millions"),
    [
        (CycleGANGeneratorConfig(), 11.378),
        (Pix2PixGeneratorConfig(), 54.414),
        (PatchDiscriminatorConfig(norm="instance"), 2.765),
        (PatchDiscriminatorConfig(channels=6), 2.769),
    ],
)
def test_networks_have_as_many_parameters_as_the_published_programs_print(config: Any, millions: float) -> None:
    with torch.device("meta"):
        assert round(sum(p.numel() for p in config.build().parameters()) / 1e6, 3) == millions
