"""The U-Net of DDPM."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.embedding import EmbeddingConfig

SMALL = DDPMUNetConfig(widths=(8, 16), depth=1, attention=(False, True), groups=4)
LABELLED = replace(SMALL, embedding=EmbeddingConfig(label="table", classes=3, unconditional=True))


def test_the_papers_network_has_its_size() -> None:
    with torch.device("meta"):
        network = DDPMUNetConfig().build()
    assert sum(p.numel() for p in network.parameters()) == 35_746_307


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("middle", ["attention", "residual", "none"])
@pytest.mark.parametrize("resample", [("conv",), ("residual",)])
def test_prediction_has_the_pictures_size(patch: int, middle: str, resample: tuple[str, ...]) -> None:
    config = replace(SMALL, patch=patch, middle=middle, resample=resample, in_channels=2, out_channels=5)  # type: ignore[arg-type]
    size = 2 * config.multiple
    out = config.build()(torch.randn(2, 2, size, size + config.multiple), torch.tensor([0, 999]))
    assert out.shape == (2, 5, size, size + config.multiple)


def test_a_fresh_network_predicts_nothing() -> None:
    assert not SMALL.build()(torch.randn(1, 3, 4, 4), torch.tensor(3)).any()


def test_every_parameter_is_trained() -> None:
    torch.manual_seed(0)
    network = LABELLED.build()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    out = network(torch.randn(3, 3, 8, 8), torch.tensor([1, 500, 999]), {"label": torch.tensor([0, 1, 3])})
    (out * torch.randn_like(out)).sum().backward()
    # A key's bias moves all scores of a query alike, which the softmax does not see; its gradient is rounding.
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_no_label_is_the_null_label() -> None:
    torch.manual_seed(0)
    network = LABELLED.build()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3)
    x, t = torch.randn(2, 3, 4, 4), torch.tensor([5, 6])
    assert torch.equal(network(x, t), network(x, t, {"label": torch.tensor([3, 3])}))
    assert not torch.equal(network(x, t), network(x, t, {"label": torch.tensor([0, 3])}))


def test_labels_are_asked_for_and_refused_by_name() -> None:
    x, t, label = torch.randn(1, 3, 4, 4), torch.tensor([5]), torch.tensor([0])
    with pytest.raises(ValueError, match="takes no label"):
        SMALL.build()(x, t, {"label": label})
    needs = replace(SMALL, embedding=EmbeddingConfig(label="table", classes=3))
    with pytest.raises(ValueError, match="needs a label"):
        needs.build()(x, t)


@pytest.mark.parametrize("kind", ["number", "vector"])
def test_other_labels(kind: str) -> None:
    network = replace(SMALL, embedding=EmbeddingConfig(label=kind, width=12)).build()  # type: ignore[arg-type]
    label = torch.tensor([0.5, 2.0]) if kind == "number" else torch.randn(2, 12)
    assert network(torch.randn(2, 3, 4, 4), torch.tensor([1, 2]), {"label": label}).shape == (2, 3, 4, 4)


def test_samples_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    network = SMALL.build().eval()
    torch.nn.init.normal_(network.conv_out.weight)
    x, t = torch.randn(3, 3, 4, 4), torch.tensor([1, 50, 900])
    alone = torch.cat([network(x[i : i + 1], t[i]) for i in range(3)])
    torch.testing.assert_close(network(x, t), alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"attention": (True,)}, "attention needs 2 entries"),
        ({"up_resample": ("conv", "conv")}, "up_resample needs 1 entries"),
        ({"groups": 5}, "groups .5. must divide"),
    ],
)
def test_impossible_shapes_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"label": "table"}, {"classes": 2}, {"time": "learned"}, {"steps": 3}])
def test_impossible_embeddings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="goes with"):
        EmbeddingConfig(**wrong)  # type: ignore[arg-type]


def test_text_and_pictures_are_read_where_the_network_is_made_for_them() -> None:
    torch.manual_seed(0)
    network = replace(SMALL, attention=(False, True), text=6, picture=2).build()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    x, t = torch.randn(2, 3, 4, 4), torch.tensor([1, 2])
    text, picture = torch.randn(2, 5, 6), torch.randn(2, 2, 2, 2)
    plain = network(x, t, {"text": text, "image": picture})
    assert network.config.reads == ("text", "image")
    assert not torch.allclose(plain, network(x, t, {"text": text.flip(0), "image": picture}))
    assert not torch.allclose(plain, network(x, t, {"text": text, "image": picture.flip(0)}))


def test_padding_of_a_text_says_nothing() -> None:
    torch.manual_seed(0)
    network = replace(SMALL, attention=(False, True), text=6).build().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    x, t, text = torch.randn(1, 3, 4, 4), torch.tensor([1]), torch.randn(1, 5, 6)
    mask = torch.tensor([[True, True, True, False, False]])
    padded = network(x, t, {"text": text, "text_mask": mask})
    torch.testing.assert_close(padded, network(x, t, {"text": text[:, :3]}), rtol=1e-4, atol=1e-4)
