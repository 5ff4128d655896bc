"""Model folders: whole round trips, and errors that name what is wrong."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadConfig, BadInput
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.gan import GANSynthesizerConfig
from diorama.synthesis.provenance import Provenance
from diorama.synthesis.store import load, model_folder, model_hash, read_provenance, save
from tests.synthesis.models import tiny_diffusion, tiny_gan, tiny_vae, tiny_video_gan


def saved(folder: Path, model: Synthesizer | None = None) -> Path:
    model = model or tiny_gan()
    save(folder, model.config, model.state_dict(), Provenance(recipe={"name": "tiny"}), "# A card\n")
    return folder


@pytest.mark.parametrize("make", [tiny_gan, tiny_vae, tiny_video_gan])
def test_a_model_comes_back_as_it_was(tmp_path: Path, make: Callable[[], Synthesizer]) -> None:
    model = make()
    back = load(saved(tmp_path / "model", model))
    assert back.config == model.config
    assert torch.equal(back.sample(2, seed=1), model.sample(2, seed=1))
    assert not back.training
    assert not any(p.requires_grad for p in back.parameters())


def test_the_folder_holds_four_files(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    assert {p.name for p in tmp_path.iterdir()} == {"model"}
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors", "README.md", "provenance.json"}
    document = json.loads((folder / "config.json").read_text())
    assert document["format"] == 1
    assert document["model"]["kind"] == "GANSynthesizerConfig"
    assert all(name.startswith("generator.") for name in load_file(folder / "model.safetensors"))
    assert read_provenance(folder).recipe_name == "tiny"


def test_a_run_serves_wherever_a_model_does(tmp_path: Path) -> None:
    saved(tmp_path / "model")
    assert model_folder(tmp_path) == tmp_path / "model"
    assert torch.equal(load(tmp_path).sample(1), load(tmp_path / "model").sample(1))


def test_an_older_model_is_replaced(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    saved(folder, tiny_vae())
    assert type(load(folder).config).__name__ == "VAESynthesizerConfig"


def test_the_hash_is_that_of_the_model_and_not_of_its_card(tmp_path: Path) -> None:
    folder = saved(tmp_path / "a")
    first = model_hash(folder)
    assert len(first) == 64
    assert first == model_hash(load(folder))
    (folder / "README.md").write_text("another card")
    assert model_hash(folder) == first
    model = tiny_gan()
    with torch.no_grad():
        model.generator.head.weight[0, 0, 0, 0] += 1
    assert model_hash(model) != first


def test_a_model_with_labels_has_the_hash_of_its_folder(tmp_path: Path) -> None:
    """The label that stands for none is a whole number in a field of floats."""
    model = tiny_diffusion(("cat", "dog"))
    save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "")
    assert model_hash(load(tmp_path / "model")) == model_hash(tmp_path / "model") == model_hash(model)


def test_hashing_a_folder_takes_no_memory_for_its_weights(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    with (folder / "model.safetensors").open("r+b") as file:
        file.truncate(64 << 20)
    tracemalloc.start()
    try:
        model_hash(folder)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def _without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _truncated(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-8])


def _missing_tensor(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["generator.head.weight"]
    save_file(state, folder / "model.safetensors")


def _misshapen_tensor(folder: Path) -> None:
    state = load_file(folder / "model.safetensors") | {"generator.head.weight": torch.zeros(3)}
    save_file(state, folder / "model.safetensors")


def _unknown_tensor(folder: Path) -> None:
    save_file(load_file(folder / "model.safetensors") | {"extra": torch.zeros(3)}, folder / "model.safetensors")


def _edited(change: Callable[[dict[str, object]], object]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        document = json.loads((folder / "config.json").read_text())
        change(document)
        (folder / "config.json").write_text(json.dumps(document))

    return edit


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_weights, r"model\.safetensors: is missing"),
        (_truncated, r"model\.safetensors: is no whole safetensors file"),
        (_missing_tensor, "tensor 'generator.head.weight' is missing"),
        (_misshapen_tensor, r"tensor 'generator.head.weight' has shape \(3,\)"),
        (_unknown_tensor, "tensor 'extra' is none of the model's"),
        (_edited(lambda d: d.update(format=2)), r"config\.json: format 2"),
        (_edited(lambda d: d.pop("model")), "field model is missing"),
        (_no_json, r"config\.json: is not JSON"),
        (_a_list, "must hold a JSON object"),
    ],
)
def test_broken_folders_are_named(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    folder = saved(tmp_path / "model")
    damage(folder)
    with pytest.raises(BadInput, match=message):
        load(folder)


def test_no_memory_is_taken_for_a_config_that_the_weights_do_not_bear_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    config["model"]["generator"]["features"] *= 2
    (folder / "config.json").write_text(json.dumps(config))
    build, places = GANSynthesizerConfig.build, []

    def watched(self: GANSynthesizerConfig) -> Synthesizer:
        places.append(torch.get_default_device().type)
        return build(self)

    monkeypatch.setattr(GANSynthesizerConfig, "build", watched)
    with pytest.raises(BadInput, match="the config asks for"):
        load(folder)
    assert places == ["meta"]


def test_a_field_that_does_not_fit_is_named_by_its_path(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model")
    _edited(lambda d: d["model"]["generator"].update(feature=3))(folder)  # type: ignore[index]
    with pytest.raises(BadConfig, match=r"model\.generator\.feature: .*did you mean 'features'"):
        load(folder)


def test_places_without_a_model_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        load(tmp_path / "none")
    with pytest.raises(BadInput, match="no model folder"):
        load(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(BadInput, match="saved no model yet"):
        load(tmp_path)


@dataclass(frozen=True, kw_only=True)
class OwnSynthesizerConfig(GANSynthesizerConfig):
    """A user's own class."""


def test_a_users_own_class_is_read_back_with_the_catalog(tmp_path: Path) -> None:
    model = tiny_gan()
    config: SynthesizerConfig = OwnSynthesizerConfig(media=model.config.media, generator=model.config.generator)
    save(tmp_path / "model", config, model.state_dict(), Provenance(), "")
    with pytest.raises(BadConfig, match="--with"):
        load(tmp_path / "model")
    assert load(tmp_path / "model", catalog=(OwnSynthesizerConfig,)).config == config


def test_the_package_offers_load(tmp_path: Path) -> None:
    import diorama

    assert diorama.load(saved(tmp_path / "model")).config.media == MediaSpec(
        kind="image", channels=3, height=8, width=8
    )
