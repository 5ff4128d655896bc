"""Kinds of guidance: what they say by themselves, and beside the guiders of diffusers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Denoise, Level, Prediction
from diorama.core.errors import BadConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.threshold import StaticThreshold, Threshold
from diorama.samplers.guidance.autoguidance import Autoguidance
from diorama.samplers.guidance.base import Guided, TwoAnswers
from diorama.samplers.guidance.catalog import GUIDANCES, guidance_named, in_words
from diorama.samplers.guidance.classifier import ClassifierGuidance
from diorama.samplers.guidance.classifier_free import ClassifierFreeGuidance
from diorama.samplers.guidance.perturbed_attention import PerturbedAttentionGuidance
from diorama.samplers.guidance.projected import ProjectedGuidance
from diorama.samplers.guidance.rescale import rescaled
from diorama.samplers.guidance.tangential import TangentialGuidance
from diorama.samplers.guidance.zero_star import ZeroStarGuidance

LEVEL = DiscreteProcess().at(torch.tensor(500.0, dtype=torch.float64))
NOISE = TargetPreconditioning()
KINDS = [kind() for kind in GUIDANCES.values() if issubclass(kind, TwoAnswers)]
scales = st.floats(1.1, 12)


def says(value: Tensor | float, log_variance: Tensor | None = None) -> Denoise:
    def denoise(x: Tensor, level: Level) -> Prediction:
        return Prediction(torch.zeros_like(x) + value, log_variance)

    return denoise


def guided(
    strong: Denoise, weak: Denoise, kind: TwoAnswers, scale: float, *, threshold: Threshold | None = None
) -> Guided:
    return Guided(strong, weak, kind, scale, preconditioning=NOISE, threshold=threshold)


def pair(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    strong, weak = torch.randn(2, 3, 2, 5, 4, generator=generator)
    return strong, 0.5 * strong + weak


def test_scale_extrapolates() -> None:
    x = torch.randn(2, 1, 2, 2)
    variance = torch.zeros(2)
    for scale, expected in ((0.0, 1.0), (1.0, 3.0), (2.5, 6.0)):
        found = guided(says(3.0, variance), says(1.0), ClassifierFreeGuidance(), scale)(x, LEVEL)
        torch.testing.assert_close(found.clean, torch.full_like(x, expected))
        assert found.log_variance is variance


def test_what_is_extrapolated_beyond_the_range_is_brought_back() -> None:
    x = torch.randn(2, 1, 2, 2)
    kind = ClassifierFreeGuidance()
    assert (guided(says(3.0), says(1.0), kind, 2.5, threshold=StaticThreshold())(x, LEVEL).clean == 1).all()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_scale_one_is_the_models_own_answer(kind: TwoAnswers) -> None:
    strong, weak = pair(0)
    torch.testing.assert_close(kind.combination(1.0)(strong, weak), strong)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_two_equal_answers_are_left_as_they_are(kind: TwoAnswers) -> None:
    strong, _ = pair(1)
    torch.testing.assert_close(kind.combination(4.0)(strong, strong.clone()), strong)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_a_sample_is_guided_whatever_else_is_in_the_batch(kind: TwoAnswers) -> None:
    strong, weak = pair(2)
    together, alone = kind.combination(3.0)(strong, weak), kind.combination(3.0)(strong[1:2], weak[1:2])
    torch.testing.assert_close(together[1:2], alone)


def test_outside_the_interval_the_weaker_answer_is_not_asked_for() -> None:
    def refuse(x: Tensor, level: Level) -> Prediction:
        raise AssertionError("asked")

    x, ratio = torch.randn(2, 1, 2, 2), float(LEVEL.sigma / LEVEL.alpha)
    for low, high in ((ratio, math.inf), (0.0, 0.9 * ratio)):
        kind = ClassifierFreeGuidance(low=low, high=high)
        assert (guided(says(3.0), refuse, kind, 2.0)(x, LEVEL).clean == 3).all()
    inside = ClassifierFreeGuidance(low=0.9 * ratio, high=ratio)
    assert (guided(says(3.0), says(1.0), inside, 2.0)(x, LEVEL).clean == 5).all()


def test_levels_of_their_own_are_in_the_interval_or_not() -> None:
    level = DiscreteProcess().at(torch.tensor([100.0, 900.0]).reshape(2, 1, 1, 1))
    ratios = (level.sigma / level.alpha).flatten().tolist()
    kind = ClassifierFreeGuidance(high=sum(ratios) / 2)
    found = guided(says(3.0), says(1.0), kind, 2.0)(torch.randn(2, 1, 2, 2), level).clean
    assert found.mean((1, 2, 3)).tolist() == [5, 3]


@pytest.mark.parametrize("preconditioning", [NOISE, TargetPreconditioning(predicts="velocity"), EDMPreconditioning()])
def test_the_output_gets_the_spread_of_the_unguided_one(preconditioning: Any) -> None:
    strong, weak = pair(3)
    x = torch.randn(strong.shape)
    level = Level(t=LEVEL.t, alpha=LEVEL.alpha, sigma=LEVEL.sigma)

    def spread(kind: TwoAnswers) -> Tensor:
        made = Guided(says(strong), says(weak), kind, 5.0, preconditioning=preconditioning)(x, level).clean
        output = preconditioning.target(made, (x - level.alpha * made) / level.sigma, level)
        return output.std((1, 2, 3))

    plain = preconditioning.target(strong, (x - level.alpha * strong) / level.sigma, level).std((1, 2, 3))
    torch.testing.assert_close(spread(ClassifierFreeGuidance(rescale=1.0)).float(), plain.float(), rtol=1e-4, atol=1e-5)
    assert (spread(ClassifierFreeGuidance()) > 1.05 * plain).all()


def test_the_first_levels_of_zero_velocity_leave_the_sample() -> None:
    process = FlowProcess()
    made = guided(says(3.0), says(1.0), ZeroStarGuidance(still=2), 2.0)
    x = torch.randn(2, 1, 2, 2)
    # Heun's method asks at a level twice.
    for t, still in ((1.0, True), (0.8, True), (0.8, True), (0.6, False)):
        level = process.at(torch.tensor(t, dtype=torch.float64))
        clean = made(x, level).clean
        noise = (x - level.alpha.float() * clean) / level.sigma.float()
        assert bool(((noise - clean).abs() < 1e-5).all()) == still


def test_a_push_is_remembered_over_a_walk_and_not_over_two() -> None:
    strong, weak = pair(4)
    kind = ProjectedGuidance(momentum=0.5, parallel=1.0)
    walk = kind.combination(2.0)
    torch.testing.assert_close(walk(strong, weak), strong + (strong - weak))
    torch.testing.assert_close(walk(strong, weak), strong + 1.5 * (strong - weak))
    torch.testing.assert_close(kind.combination(2.0)(strong, weak), strong + (strong - weak))


@given(scale=scales, seed=st.integers(0, 99))
def test_a_projected_push_is_orthogonal_to_the_sample(scale: float, seed: int) -> None:
    strong, weak = pair(seed)
    push = ProjectedGuidance(parallel=0.0).combination(scale)(strong, weak) - strong
    along = (push * strong).flatten(1).sum(1) / (push.flatten(1).norm(dim=1) * strong.flatten(1).norm(dim=1))
    assert along.abs().max() < 1e-3


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (lambda: ClassifierFreeGuidance(low=3, high=2), "low < high"),
        (lambda: ClassifierFreeGuidance(rescale=1.5), "rescale must be in"),
        (lambda: ProjectedGuidance(longest=0), "longest must be positive"),
        (lambda: ProjectedGuidance(momentum=1), "momentum must be in"),
        (lambda: ZeroStarGuidance(still=-1), "still must not be negative"),
        (lambda: PerturbedAttentionGuidance(layers=(-1,)), "numbered from 0"),
    ],
)
def test_impossible_settings_are_refused(kind: Callable[[], TwoAnswers], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind()


def test_words_and_kinds_are_each_others_inverse() -> None:
    kinds = [
        *KINDS,
        ClassifierGuidance(form="mean"),
        ClassifierFreeGuidance(low=0.28, high=2.9, rescale=0.7),
        PerturbedAttentionGuidance(layers=(1, 2)),
    ]
    for kind in kinds:
        assert guidance_named(in_words(kind)) == kind
    assert in_words(PerturbedAttentionGuidance(layers=(1, 2), low=0.5)) == "pag:low=0.5,layers=1+2"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cfgg", r"there is no 'cfgg' \(did you mean 'cfg'"),
        ("apg:eta=1", "apg has no 'eta'"),
        ("apg:parallel=x", "parallel of apg is a number, got 'x'"),
        ("apg:parallel=nan", "parallel of apg is a number, got 'nan'"),
        ("cfg-zero:still=0.5", "still of cfg-zero is a whole number"),
        ("pag:layers=", "layers of pag is whole numbers joined by"),
        ("classifier:form=x", "form of classifier is auto or mean or score"),
        ("cfg:low=3,high=1", "cfg: 0 <= low < high"),
    ],
)
def test_words_that_mean_nothing_are_refused(words: str, message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        guidance_named(words)


def _their(name: str, **settings: Any) -> Any:
    guiders = pytest.importorskip("diffusers.guiders")
    return getattr(guiders, name)(use_original_formulation=False, **settings)


@settings(deadline=None, max_examples=20)
@given(scale=scales, share=st.sampled_from([0.0, 0.3, 1.0]), seed=st.integers(0, 99))
@pytest.mark.parametrize(
    ("name", "kind", "more"),
    [
        ("ClassifierFreeGuidance", ClassifierFreeGuidance(), {}),
        ("TangentialClassifierFreeGuidance", TangentialGuidance(), {}),
        ("ClassifierFreeZeroStarGuidance", ZeroStarGuidance(still=0), {"zero_init_steps": 0}),
        ("AutoGuidance", Autoguidance(), {"auto_guidance_layers": [0], "dropout": 0.1}),
    ],
)
def test_combinations_are_those_of_the_librarys_guiders(
    name: str, kind: TwoAnswers, more: dict[str, Any], scale: float, share: float, seed: int
) -> None:
    theirs = _their(name, guidance_scale=scale, guidance_rescale=share, **more)
    theirs._step = 0
    strong, weak = pair(seed)
    made = kind.combination(scale)(strong, weak)
    made = rescaled(made, strong, share) if share else made
    torch.testing.assert_close(made, theirs.forward(strong, weak).pred, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=20)
@given(scale=scales, eta=st.floats(-0.5, 1.5), longest=st.sampled_from([2.0, 5.0, 30.0]), seed=st.integers(0, 99))
@pytest.mark.parametrize("momentum", [-0.75, 0.0, 0.4])
def test_projected_pushes_are_those_of_the_librarys_guider(
    scale: float, eta: float, longest: float, seed: int, momentum: float
) -> None:
    guiders = pytest.importorskip("diffusers.guiders.adaptive_projected_guidance")
    buffer = guiders.MomentumBuffer(momentum)
    walk = ProjectedGuidance(parallel=eta, longest=longest, momentum=momentum).combination(scale)
    for step in range(3):
        strong, weak = pair(seed + step)
        # The paper's form, whose scale is that of the push; the library's other one starts from the weaker answer.
        theirs = guiders.normalized_guidance(strong, weak, scale - 1, buffer, eta, longest, True)
        torch.testing.assert_close(walk(strong, weak), theirs, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=10)
@given(scale=scales, seed=st.integers(0, 99))
def test_perturbed_attention_is_combined_as_in_the_librarys_guider(scale: float, seed: int) -> None:
    theirs = _their(
        "PerturbedAttentionGuidance",
        guidance_scale=1.0,
        perturbed_guidance_scale=scale,
        perturbed_guidance_layers=[0],
        perturbed_guidance_start=0.0,
        perturbed_guidance_stop=1.0,
    )
    theirs._step, theirs._num_inference_steps = 5, 10
    strong, weak = pair(seed)
    made = PerturbedAttentionGuidance().combination(scale)(strong, weak)
    torch.testing.assert_close(made, theirs.forward(strong, pred_cond_skip=weak).pred, rtol=1e-4, atol=1e-4)


def test_every_kind_has_a_name() -> None:
    assert all(dataclasses.is_dataclass(kind) for kind in GUIDANCES.values())
    assert len(set(GUIDANCES.values())) == len(GUIDANCES)


def test_samples_of_one_value_all_over_have_no_spread_to_be_brought_back() -> None:
    flat, varied = torch.full((1, 1, 2, 2), 0.3), torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    assert torch.equal(rescaled(flat, varied, 0.7), flat)
    both = rescaled(torch.cat([flat, 2 * varied]), torch.cat([varied, varied]), 1.0)
    torch.testing.assert_close(both, torch.cat([flat, varied]))
