"""Mistakes in a system of one's own are found before its first step, and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diorama.core.contracts import Condition, MediaSpec, Stage
from diorama.core.errors import BadConfig
from diorama.methods.base import Phase
from diorama.methods.soundness import check
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from tests.training.toy import CATALOG, MEDIA, Generator, ToyFlow, ToyStudent, ToySynthesizerConfig


@dataclass(frozen=True, kw_only=True)
class BareConfig(SynthesizerConfig):
    """Knows nothing but its media."""

    media: MediaSpec = MEDIA

    def build(self) -> Synthesizer:
        return Bare(self)


class Bare(Synthesizer):
    def __init__(self, config: BareConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator()

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (4,)

    def stages(self, noise: Tensor, condition: Condition, *, seed: int = 0, first: int = 0) -> Iterator[Stage]:
        yield Stage(x=self.generator(noise))


@dataclass(frozen=True, kw_only=True)
class WithoutMediaConfig(SynthesizerConfig):
    def build(self) -> Synthesizer:
        raise AssertionError("is never built")


class Bound(Bare):
    def noise_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        return (4,)


class Fractional(Bare):
    noise_shape = (4.0,)  # type: ignore[assignment]


@dataclass(frozen=True, kw_only=True)
class MistakenConfig(BareConfig):
    kind_of: str = "bound"

    def build(self) -> Synthesizer:
        if self.kind_of == "broken":
            raise KeyError("size")
        return {"bound": Bound, "fractional": Fractional}[self.kind_of](self)


class Flow(ToyFlow):
    """A sound method whose answers a test may change."""

    def __init__(self, **answers: Any) -> None:
        super().__init__()
        self.answers = answers

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return self.answers.get("players", super().players())

    def phases(self) -> Sequence[Phase]:
        return self.answers.get("phases", super().phases())

    def averaged(self) -> Mapping[str, nn.Module]:
        return self.answers.get("averaged", super().averaged())

    def synthesizer(self) -> Any:
        return self.answers.get("synthesizer", ToySynthesizerConfig())


def examine(method: Flow, catalog: tuple[type, ...] = (*CATALOG, BareConfig, MistakenConfig)) -> None:
    check(method, catalog)


def test_a_sound_method_passes_and_the_draws_of_training_do_not_move() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    method = Flow()
    torch.manual_seed(5)
    examine(method)
    assert torch.equal(torch.rand(3), expected)


def test_a_config_without_classes_draws_without_labels() -> None:
    examine(Flow(synthesizer=BareConfig()))
    assert BareConfig().classes == ()


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"synthesizer": WithoutMediaConfig()}, "WithoutMediaConfig: needs a field media"),
        ({"synthesizer": MistakenConfig()}, "put @property above it"),
        ({"synthesizer": MistakenConfig(kind_of="fractional")}, r"got \(4.0,\)"),
        ({"synthesizer": MistakenConfig(kind_of="broken")}, r"MistakenConfig.build\(\): KeyError"),
        ({"averaged": {"net": Generator()}}, r"lacks generator.inner.weight.* has net.inner.weight"),
        ({"averaged": {"generator": nn.Linear(4, 2)}}, r"has generator.weight"),
        ({"players": {"generator": [torch.zeros(2)]}}, "must hold nn.Parameters alone"),
        ({"players": {"generator": []}}, "must have a list of parameters"),
        ({"players": {"generator": iter(Generator().parameters())}}, "must have a list of parameters"),
        ({"phases": ()}, "nothing would be trained"),
        ({"phases": (Phase("draw", "painter", ToyFlow().loss),)}, "'painter', but the players are"),
    ],
)
def test_what_does_not_fit_is_named(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        examine(Flow(**answers))


def test_a_frozen_part_is_held_in_one_place_and_trained_by_nobody() -> None:
    modules = {name: ToySynthesizerConfig().build() for name in ("codec", "teacher")}
    check(ToyStudent(modules), CATALOG)
    twice = ToyStudent(modules)
    twice.teacher = twice.frozen["teacher"]
    with pytest.raises(BadConfig, match=r"frozen\.teacher\.generator\S+ is held a second time, as teacher\.generator"):
        check(twice, CATALOG)
    trained = ToyStudent(modules)
    trained.players = lambda: {"student": list(trained.frozen.parameters())}  # type: ignore[method-assign]
    with pytest.raises(BadConfig, match=r"'student' holds frozen\.codec\.\S+, which is not to be trained"):
        check(trained, CATALOG)


def test_the_names_that_models_hold_are_the_synthesizers_own() -> None:
    modules = {name: ToySynthesizerConfig().build() for name in ("codec", "teacher")}
    names = check(ToyStudent(modules), CATALOG)
    assert {name.partition(".")[0] for name in names} == {"student", "codec"}


def test_a_tensor_of_another_shape_is_named_with_both() -> None:
    method = Flow()
    method.generator.outer = nn.Conv2d(1, 3, 5, padding=2)
    with pytest.raises(BadConfig, match=r"generator.outer.weight has shape \(3, 1, 5, 5\), but \(3, 1, 3, 3\)"):
        examine(method)


def test_a_class_that_no_catalog_names_could_not_be_read_back() -> None:
    with pytest.raises(BadConfig, match=r"ToySynthesizerConfig: .* put it into CATALOG of your file"):
        examine(Flow(), catalog=())
