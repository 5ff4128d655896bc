"""Students of fewer steps."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest
import torch

from diorama.core.config import decode, encode
from diorama.core.contracts import Moment
from diorama.core.errors import BadConfig, BadInput
from diorama.core.rng import initial_noise
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.distillation import ProgressiveDistillation, ProgressiveDistillationConfig, two_steps
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, StepSpacing
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer
from tests.synthesis.models import tiny_diffusion, tiny_gan

MOMENT = Moment(0, 0)


def _method(steps: int = 2, classes: tuple[str, ...] = ()) -> ProgressiveDistillation:
    teacher = tiny_diffusion(classes).requires_grad_(False)
    return ProgressiveDistillationConfig(steps=steps).build({"teacher": teacher})


def _student(method: ProgressiveDistillation) -> DiffusionSynthesizer:
    model = method.synthesizer().build().eval()
    state = {f"{name}.{k}": v for name, part in method.averaged().items() for k, v in part.state_dict().items()}
    model.load_state_dict(state)
    return model


def test_the_student_starts_as_its_teacher_with_fewer_steps() -> None:
    method = _method(steps=3)
    assert method.synthesizer() == replace(method.teacher.config, steps=3)
    teacher = method.teacher.resampled(Sampling(steps=3))
    assert torch.equal(_student(method).sample(2), teacher.sample(2))


def test_a_step_of_the_target_is_two_of_the_teacher() -> None:
    # A network that said exactly the target would land where the teacher lands.
    method = _method(steps=1)
    process, times = method.model.process, method.times
    x = initial_noise((1, 8, 8), seed=0, first=0, count=3)
    levels = [process.at(t.double()) for t in times]
    with torch.no_grad():
        target = two_steps(method.teacher.denoise({}), x, (levels[0], levels[1], levels[2]))
        end = method.teacher.resampled(Sampling(steps=2)).sample(3, noise=x)
    # The one step ends at clean data, so its target is the end itself.
    torch.testing.assert_close(target.clamp(-1, 1), end, rtol=1e-4, atol=1e-4)


def test_training_brings_the_student_to_the_teachers_pictures() -> None:
    torch.manual_seed(0)
    method = _method(steps=1)
    noise = initial_noise((1, 8, 8), seed=0, first=0, count=64)
    with torch.no_grad():
        wanted = method.teacher.resampled(Sampling(steps=2)).sample(64, noise=noise)
    before = (_student(method).sample(64, noise=noise) - wanted).square().mean()
    optimizer = torch.optim.Adam(method.players()["denoiser"], lr=2e-3, fused=True)
    for _ in range(25):
        batch = {"image": torch.randn(32, 1, 8, 8).clamp(-1, 1)}
        loss = method.loss(batch, MOMENT).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = (_student(method).sample(64, noise=noise) - wanted).square().mean()
    assert after < 0.7 * before


def test_what_the_student_never_trained_without_it_must_be_given() -> None:
    student = _student(_method(classes=("cat", "dog")))
    assert student.sample(1, condition={"label": torch.tensor([1])}).shape == (1, 1, 8, 8)
    with pytest.raises(BadInput, match="needs a label"):
        student.sample(1)
    with pytest.raises(BadInput, match="guidance: this model cannot be guided"):
        student.resampled(Sampling(guidance=2.0))


def test_a_student_has_fewer_steps_than_its_teacher() -> None:
    with pytest.raises(BadConfig, match="draw in 4 steps, and its teacher draws in 4"):
        _method(steps=4)


def test_the_teacher_is_left_alone() -> None:
    method = _method(classes=("cat", "dog"))
    before = copy.deepcopy(method.teacher.state_dict())
    loss = method.loss({"image": torch.zeros(4, 1, 8, 8), "label": torch.tensor([0, 1, 0, 1])}, MOMENT)
    loss.value.backward()
    assert all(torch.equal(before[key], value) for key, value in method.teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in method.teacher.parameters())
    assert not any(spec.dropout for spec in method.synthesizer().conditions)


@pytest.mark.parametrize("wrong", ["gan", "noise"])
def test_teachers_of_which_nothing_can_be_learned_are_refused(wrong: str) -> None:
    teacher = tiny_gan() if wrong == "gan" else tiny_diffusion()
    if isinstance(teacher, DiffusionSynthesizer):
        teacher.config = replace(teacher.config, preconditioning=TargetPreconditioning(predicts="noise"))
    with pytest.raises(BadConfig, match=r"frozen\.teacher"):
        ProgressiveDistillationConfig(steps=2).build({"teacher": teacher})


def test_it_survives_json() -> None:
    config = ProgressiveDistillationConfig(steps=4)
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config


@pytest.mark.parametrize("spacing", [StepSpacing(leap="leading"), StepSpacing(leap="linspace"), KarrasSpacing()])
def test_the_student_learns_the_levels_that_it_will_visit(spacing: StepSpacing | KarrasSpacing) -> None:
    teacher = tiny_diffusion().requires_grad_(False)
    teacher.config = replace(teacher.config, spacing=spacing)
    method = ProgressiveDistillationConfig(steps=3).build({"teacher": teacher})
    own = method.model.spacing.times(method.model.process, 3)
    assert method.times[::2].tolist() == pytest.approx(own.tolist())
    assert bool((method.times.diff() < 0).all())
