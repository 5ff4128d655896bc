"""Published two-dimensional U-Nets: against the library itself where it is installed, and refusals by name."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diorama.core.errors import BadInput
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from tests.interop.published_folders import SMALL
from tests.interop.published_unets import plain, pyramids


def _label(published: Any, config: dict[str, Any]) -> torch.Tensor | None:
    kind = config.get("class_embed_type")
    if kind == "identity":
        return torch.randn(2, published.time_embedding.linear_2.out_features)
    if kind == "timestep":
        return torch.tensor([3, 40])
    return torch.tensor([0, 4]) if config.get("num_class_embeds") else None


@torch.no_grad()
def agree(config: dict[str, Any]) -> None:
    """The library's network and ours compute the same, and ours goes back into the library as it came."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        published = diffusers.UNet2DModel(**config).eval()
        for parameter in published.parameters():
            torch.nn.init.normal_(parameter, 0, 0.15)
        x, t = torch.rand(2, config.get("in_channels", 3), 16, 8), torch.tensor([3, 41])
        label = _label(published, config)
        expected = published(x, t, label).sample
    state = published.state_dict()
    network = UNET2D.load(config, state)
    found = network(x, t, {} if label is None else {"label": label})
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    ours = UNET2D.read_config(config)
    back = UNET2D.export_state(ours, network.state_dict())
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())
    arguments = UNET2D.to_published(ours)
    assert UNET2D.to_ours(arguments) == ours
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diffusers.UNet2DModel(**UNET2D.written(arguments)).load_state_dict(back)


SLOWLY = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(SLOWLY, max_examples=20)
@given(config=st.one_of(plain(), pyramids()))
def test_computes_what_the_library_computes(config: dict[str, Any]) -> None:
    agree(config)


@pytest.mark.slow
@pytest.mark.long
@settings(SLOWLY, max_examples=300)
@given(config=st.one_of(plain(), pyramids()))
def test_computes_what_the_library_computes_for_many_configs(config: dict[str, Any]) -> None:
    agree(config)


FLAGS = st.lists(st.booleans(), min_size=2, max_size=2).map(tuple)
KINDS = st.sampled_from([None, ("conv",), ("residual",)])
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "depth": st.integers(1, 2),
    "attention": FLAGS,
    "up_attention": st.one_of(st.none(), FLAGS),
    "middle": st.sampled_from(["attention", "residual", "none"]),
    "middle_groups": st.sampled_from([None, 0, 2]),
    "scale_shift": st.just(True),
    "embedding": st.sampled_from(
        [
            EmbeddingConfig(),
            EmbeddingConfig(shift=0.5, sine_first=False, width=12),
            EmbeddingConfig(label="table", classes=3, unconditional=True),
            EmbeddingConfig(time="learned", steps=50, label="table", classes=4),
        ]
    ),
}
OWN = st.one_of(
    st.builds(DDPMUNetConfig, widths=st.just((8, 16)), groups=st.just(4), resample=KINDS, up_resample=KINDS, **COMMON),
    st.builds(NCSNppConfig, widths=st.just((32, 64)), groups=st.sampled_from([None, 4]), **COMMON),
)


@settings(SLOWLY, max_examples=30)
@given(config=OWN)
@torch.no_grad()
def test_networks_of_our_own_come_back_as_the_same_network(config: DDPMUNetConfig | NCSNppConfig) -> None:
    again = UNET2D.to_ours(UNET2D.to_published(config))
    torch.manual_seed(0)
    network = config.build().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.15)
    back = again.build().eval()
    back.load_state_dict(UNET2D.import_state(again, UNET2D.export_state(config, network.state_dict())))
    condition = {"label": torch.tensor([0, 3])} if config.embedding.label == "table" else {}
    x, t = torch.rand(2, 3, 8, 8), torch.tensor([3, 41])
    assert torch.equal(back(x, t, condition), network(x, t, condition))


def test_the_librarys_defaults_are_ours() -> None:
    """A published config leaves out what equals them, so they are held argument by argument."""
    diffusers = pytest.importorskip("diffusers")
    from inspect import signature

    theirs = {n: p.default for n, p in signature(diffusers.UNet2DModel.__init__).parameters.items() if n != "self"}
    ours = UNET2D.written(UNET2D.read_arguments({}, {}))
    assert {n: list(v) if isinstance(v, tuple) else v for n, v in theirs.items()} == ours


def _rename_to_2022(name: str) -> str:
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, old in names.items():
        name = name.replace(new, old)
    return name


def test_names_of_2022_are_read() -> None:
    config = UNET2D.read_config(SMALL | {"layers_per_block": 11})
    state = config.build().state_dict()
    published = {_rename_to_2022(name): tensor for name, tensor in UNET2D.export_state(config, state).items()}
    assert any("attentions.10.proj_attn" in name for name in published)
    assert all(torch.equal(tensor, state[name]) for name, tensor in UNET2D.import_state(config, published).items())


def test_a_tensor_under_both_names_is_refused() -> None:
    config = UNET2D.read_config(SMALL)
    published = UNET2D.export_state(config, config.build().state_dict())
    twice = {"mid_block.attentions.0.query.weight": published["mid_block.attentions.0.to_q.weight"]}
    with pytest.raises(BadInput, match="twice"):
        UNET2D.import_state(config, published | twice)


def test_block_names_of_the_first_release_and_private_keys_are_read() -> None:
    old = SMALL | {"_class_name": "UNet2DModel", "down_block_types": ["UNetResDownBlock2D", "UNetResAttnDownBlock2D"]}
    assert UNET2D.read_config(old) == UNET2D.read_config(SMALL)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"colour": 1}, "colour"),
        ({"act_fn": "tanh"}, "act_fn"),
        ({"time_embedding_type": "guess"}, "time_embedding_type"),
        ({"down_block_types": ["DownBlock2D", "KDownBlock2D"]}, "KDownBlock2D"),
        ({"up_block_types": ["DownBlock2D", "UpBlock2D"]}, "up_block_types"),
        ({"up_block_types": ["UpBlock2D"]}, "differ in length"),
        ({"up_block_types": ["SkipUpBlock2D", "UpBlock2D"]}, "mix Skip"),
        ({"norm_num_groups": None}, "norm_num_groups"),
        ({"norm_num_groups": 5}, "groups"),
        ({"class_embed_type": "picture"}, "class_embed_type"),
        ({"mid_block_type": "UNetMidBlock2DCrossAttn"}, "mid_block_type"),
        ({"layers_per_block": 10**9}, "layers_per_block"),
        ({"layers_per_block": 0}, "layers_per_block"),
        ({"attention_head_dim": 32}, "attention_head_dim"),
        ({"attention_head_dim": 0}, "attention_head_dim"),
        ({"time_embedding_type": "learned"}, "steps"),
        ({"sample_size": "large"}, "sample_size"),
        ({"down_block_types": [], "up_block_types": [], "block_out_channels": []}, "differ in length"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        UNET2D.read_config(SMALL | change)


def test_pyramids_of_other_channels_are_refused() -> None:
    skip = {"down_block_types": ["SkipDownBlock2D"] * 2, "up_block_types": ["SkipUpBlock2D"] * 2, "in_channels": 1}
    with pytest.raises(BadInput, match="in_channels"):
        UNET2D.read_config(SMALL | skip)


def test_heads_matter_only_where_something_attends() -> None:
    assert UNET2D.read_config(SMALL | {"attention_head_dim": 16}) is not None


def test_each_of_query_key_and_value_is_named() -> None:
    config = UNET2D.read_config(SMALL)
    published = UNET2D.export_state(config, config.build().state_dict())
    name = "mid_block.attentions.0.to_k.weight"
    with pytest.raises(BadInput, match=f"'{name}' is missing"):
        UNET2D.import_state(config, {k: v for k, v in published.items() if k != name})
    with pytest.raises(BadInput, match=f"'{name}' has shape"):
        UNET2D.import_state(config, published | {name: torch.zeros(3)})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"patch": 2}, "patch"),
        ({"middle_groups": 0}, "middle_groups"),
        ({"text": 8}, "text"),
        ({"picture": 3}, "picture"),
        ({"attention": (True, True, True), "widths": (8, 8, 8), "resample": ("conv", "residual")}, "resample"),
    ],
)
def test_networks_the_library_lacks_are_not_written(change: dict[str, Any], named: str) -> None:
    config = replace(DDPMUNetConfig(widths=(8, 8), attention=(True, True), groups=4), **change)
    with pytest.raises(BadInput, match=named):
        UNET2D.to_published(config)


def test_pyramids_of_other_channels_are_not_written() -> None:
    with pytest.raises(BadInput, match="in_channels, out_channels"):
        UNET2D.to_published(NCSNppConfig(in_channels=1, out_channels=1))
