"""Overrides change values anywhere in a recipe and never its structure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest
from torch import nn

from diorama.cli.arguments import WrongArguments
from diorama.cli.overrides import describe, names, override
from diorama.core.contracts import DataInfo, MediaSpec
from diorama.methods.adversarial.ada import AdaptiveAugmentationConfig
from diorama.methods.adversarial.diff_augment import DiffAugmentConfig
from diorama.methods.base import NO_PARTS, Method, MethodConfig
from diorama.recipes.dcgan import dcgan_cpu
from diorama.recipes.r3gan import r3gan_cpu
from diorama.recipes.score_sde import score_sde_ve_cpu
from diorama.samplers.langevin import LangevinConfig
from diorama.samplers.predictor_corrector import PredictorCorrectorConfig
from diorama.synthesis.parts import ModelRef
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig, Recipe


@dataclass(frozen=True, kw_only=True)
class Small:
    """A network.

    Args:
        width: channels.
        depth: blocks.
    """

    width: int = 8
    depth: int = 2

    def __post_init__(self) -> None:
        if self.width % 2:
            raise ValueError(f"width must be even, got {self.width}")


@dataclass(frozen=True, kw_only=True)
class Large:
    heads: int = 4


@dataclass(frozen=True, kw_only=True)
class ToyMethod(MethodConfig):
    """A method.

    Args:
        network: what is trained.
    """

    media: MediaSpec = field(default_factory=lambda: MediaSpec(kind="image", channels=3, height=8, width=8))
    network: Small | Large = field(default_factory=Small)
    teacher: Large | None = None
    levels: tuple[int, ...] = (1, 2)
    loss: Literal["l1", "l2"] = "l2"

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> Method:
        raise AssertionError("overrides build nothing")


@pytest.fixture
def recipe() -> Recipe:
    player = OptimizerConfig(rate=RateConfig(peak=1e-3))
    return Recipe(name="toy", method=ToyMethod(), optimizers={"model": player}, images=1_000, batch_size=8)


def test_values_change_at_any_depth(recipe: Recipe) -> None:
    words = ["--batch-size", "16", "--optimizers.model.rate.peak", "2e-4", "--method.network.width", "32"]
    changed = override(recipe, [*words, "--images", "50k", "--flip"], "train toy")
    assert (changed.batch_size, changed.images, changed.flip) == (16, 50_000, True)
    assert changed.optimizers["model"].rate.peak == 2e-4
    assert isinstance(changed.method, ToyMethod)
    assert changed.method.network == Small(width=32)


def test_averages_are_reached_by_their_names(recipe: Recipe) -> None:
    changed = override(recipe, ["--averages.ema.half-life", "20k", "--averages.ema.ramp-up", "None"], "train toy")
    assert changed.averages == {"ema": AverageConfig(half_life=20_000, ramp_up=None)}
    with pytest.raises(WrongArguments, match="--exported-average: 'wide' is none of the averages"):
        override(recipe, ["--exported-average", "wide"], "train toy")
    with pytest.raises(WrongArguments, match=r"^--batch-size must be at least 1, got 0$"):
        override(recipe, ["--batch-size", "0"], "train toy")


@dataclass(frozen=True, kw_only=True)
class WithParts(ToyMethod):
    def parts_wanted(self) -> Mapping[str, str]:
        return {"codec": "a model that decodes", "teacher": "a model that is imitated"}


def test_a_frozen_part_is_given_as_a_folder(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    given = replace(recipe, method=WithParts(), frozen={"teacher": ModelRef(folder="runs/teacher")})
    assert {"frozen.codec", "frozen.teacher"} <= set(names(given))
    changed = override(given, ["--frozen.codec", "runs/codec"], "train toy")
    assert changed.frozen == {"codec": ModelRef(folder="runs/codec"), "teacher": ModelRef(folder="runs/teacher")}
    assert override(given, ["--batch-size", "4"], "train toy").frozen == given.frozen
    with pytest.raises(WrongArguments, match=r"no such field \(did you mean --frozen\.codec\?\)"):
        override(given, ["--frozen.codek", "runs/codec"], "train toy")
    describe(given, "train toy")
    told = capsys.readouterr().out
    assert "--frozen.codec FOLDER" in told
    assert "a model that decodes" in told
    assert "runs/teacher" in told


def test_a_method_without_parts_has_no_option_for_one(recipe: Recipe) -> None:
    assert not any(name.startswith("frozen") for name in names(recipe))
    with pytest.raises(WrongArguments, match="uses no trained parts"):
        override(recipe, ["--frozen.codec", "runs/codec"], "train toy")


def test_optional_values_tuples_and_choices_are_read(recipe: Recipe) -> None:
    words = ["--optimizers.model.clip", "1.0", "--method.levels", "3", "4", "5", "--method.loss", "l1"]
    changed = override(recipe, [*words, "--micro-batch", "4"], "train toy")
    assert changed.optimizers["model"].clip == 1.0
    assert changed.micro_batch == 4
    assert changed.method == ToyMethod(levels=(3, 4, 5), loss="l1")


def test_nothing_given_changes_nothing(recipe: Recipe) -> None:
    assert override(recipe, [], "train toy") is recipe
    assert override(recipe, ["--seed", "0"], "train toy") == recipe


def test_structure_has_no_names(recipe: Recipe) -> None:
    known = set(names(recipe))
    assert "method.network.width" in known
    assert not [name for name in known if "media" in name or "teacher" in name or "heads" in name or "frozen" in name]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("--batch-sizes", "--batch-size"),
        ("--width", "--method.network.width"),
        ("--optimizer.model.rate.peak", "--optimizers.model.rate.peak"),
        ("--method.netwrk.width", "--method.network.width"),
        ("--method.network.widht", "--method.network.width"),
    ],
)
def test_an_unknown_field_names_the_nearest(recipe: Recipe, word: str, near: str) -> None:
    with pytest.raises(WrongArguments, match=rf"'toy' has no such field \(did you mean {near}\?\)"):
        override(recipe, [word, "3"], "train toy")


@pytest.mark.parametrize("word", ["--method.augment", "--method.network.xyz", "--averages.ema.augment"])
def test_a_field_whose_last_part_is_like_none_is_refused_without_a_guess(recipe: Recipe, word: str) -> None:
    with pytest.raises(WrongArguments) as refused:
        override(recipe, [word, "ada"], "train toy")
    assert str(refused.value) == f"{word}: recipe 'toy' has no such field"


def test_a_value_that_its_class_refuses_is_named(recipe: Recipe) -> None:
    with pytest.raises(WrongArguments, match=r"--method\.network: width must be even, got 3"):
        override(recipe, ["--method.network.width", "3"], "train toy")


@pytest.mark.parametrize("words", [["--batch-size", "many"], ["--method.loss", "l3"], ["--batch-size"]])
def test_a_value_of_the_wrong_type_is_told_in_one_line(recipe: Recipe, words: list[str]) -> None:
    with pytest.raises(WrongArguments, match=rf"^{words[0]}: .* \(see diorama train toy --help\)$"):
        override(recipe, words, "train toy")


@pytest.mark.parametrize("option", ["--lr", "--learning-rate", "--learning_rate"])
def test_a_learning_rate_is_that_of_an_optimizer(recipe: Recipe, option: str) -> None:
    with pytest.raises(WrongArguments, match=r"a rate of its own: --optimizers\.model\.rate\.peak"):
        override(recipe, [option, "1e-4"], "train toy")


def test_help_shows_fields_with_their_values_and_no_union(recipe: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    describe(recipe, "train toy")
    text = capsys.readouterr().out
    assert "--method.network.width INT" in text
    assert "--optimizers.model.rate.peak FLOAT" in text
    assert "--micro-batch INT|None" in text
    assert "{None}|INT" not in text
    assert "0.001" in text
    assert "small" not in text.lower().replace("smallest", "")
    assert "images of one step over all processes" in " ".join(text.replace("│", " ").split())


def test_a_part_that_has_a_word_is_taken_dropped_and_changed() -> None:
    info = DataInfo(name="some", media=MediaSpec(kind="image", channels=3, height=16, width=16))
    recipe = dcgan_cpu(info)
    adaptive = override(recipe, ["--method.augment", "ada", "--method.augment.target", "0.5"], "train dcgan_cpu").method
    assert adaptive == replace(recipe.method, augment=AdaptiveAugmentationConfig(target=0.5))  # type: ignore[call-arg]
    assert override(recipe, ["--method.augment=diffaugment"], "train dcgan_cpu").method.augment == DiffAugmentConfig()  # type: ignore[attr-defined]
    altered = replace(recipe, method=adaptive)
    assert override(altered, ["--method.augment", "none"], "train dcgan_cpu") == recipe
    target = ["--method.augment.target", "0.5"]
    for words in (target, ["--method.augment", "diffaugment", *target]):
        with pytest.raises(WrongArguments, match=r"another --method.augment \(none, ada, diffaugment\), give that"):
            override(recipe, words, "train dcgan_cpu")
    with pytest.raises(
        WrongArguments, match=r"^--method.augment: ada follows .* the loss relativistic; take diffaugment"
    ):
        override(r3gan_cpu(info), ["--method.augment", "ada"], "train r3gan_cpu")
    with pytest.raises(WrongArguments, match=r"--method.augment: must be one of none, ada, diffaugment, got 'adda'"):
        override(recipe, ["--method.augment", "adda"], "train dcgan_cpu")
    with pytest.raises(WrongArguments, match=r"must be one of none"):
        override(recipe, ["--method.augment"], "train dcgan_cpu")


def test_the_help_names_the_words_of_parts(capsys: pytest.CaptureFixture[str]) -> None:
    info = DataInfo(name="some", media=MediaSpec(kind="image", channels=3, height=16, width=16))
    describe(dcgan_cpu(info), "train dcgan_cpu")
    assert "--method.augment none|ada|diffaugment" in capsys.readouterr().out


def test_the_corrector_of_a_predictor_corrector_sampler_can_be_left_out_and_put_back() -> None:
    recipe = score_sde_ve_cpu(DataInfo(name="some", media=MediaSpec(kind="image", channels=3, height=16, width=16)))
    option = "--method.synthesizer.sampler.corrector"

    def sampler(*words: str) -> object:
        return override(recipe, words, "train score_sde_ve_cpu").method.synthesizer.sampler  # type: ignore[attr-defined]

    assert sampler(option, "none") == PredictorCorrectorConfig(predictor="ddim", corrector=None)
    assert sampler(option, "langevin", f"{option}.snr", "0.1").corrector == LangevinConfig(snr=0.1)  # type: ignore[attr-defined]
    with pytest.raises(WrongArguments, match=r"sampler.corrector: must be one of none, langevin, got 'None'"):
        sampler(option, "None")
    with pytest.raises(WrongArguments, match="one of them must be there"):
        sampler("--method.synthesizer.sampler.predictor", "none", option, "none")
