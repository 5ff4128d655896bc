"""Students that are told the scale of guidance: what they learn, how they start and how they are drawn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from diorama.core.contracts import Moment
from diorama.core.errors import BadConfig, BadInput
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.distillation import ProgressiveDistillationConfig
from diorama.methods.diffusion.distribution_matching import DistributionMatchingConfig
from diorama.methods.diffusion.guided_student import GuidedStudent, GuidedStudentConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.precondition import TargetPreconditioning
from diorama.recipes.ddpm import ddpm_class_cpu
from diorama.synthesis import store
from diorama.synthesis.base import Sampling
from diorama.synthesis.conditions import completed
from diorama.synthesis.diffusion import DiffusionSynthesizer
from diorama.synthesis.export import export
from diorama.synthesis.provenance import Provenance
from tests.recipes.families import pictures

LABELS = torch.tensor([1, 0])


def teacher(**changes: object) -> DiffusionSynthesizer:
    """A small model with labels, whose weights say something."""
    method = ddpm_class_cpu(pictures(16, classes=("a", "b"))).method
    assert isinstance(method, DiffusionMethodConfig)
    network = method.synthesizer.denoiser
    assert isinstance(network, DDPMUNetConfig)
    network = replace(network, widths=(16, 32), depth=1, attention=(False, False), groups=4, dropout=0.0, patch=1)
    torch.manual_seed(0)
    model = replace(method.synthesizer, denoiser=network, guidance=2.0, steps=4, **changes).build()  # type: ignore[arg-type]
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    # Labels must matter for guidance to do so.
    torch.nn.init.normal_(model.get_parameter("denoiser.embedding.label.weight"), 0, 3)
    return model.eval().requires_grad_(False)


def built(config: GuidedStudentConfig, of: DiffusionSynthesizer) -> GuidedStudent:
    return config.build({"teacher": of})


def drawn_by(method: GuidedStudent) -> DiffusionSynthesizer:
    """The student as others load it."""
    model = method.synthesizer().build()
    model.denoiser.load_state_dict(method.denoiser.state_dict())
    return model.eval().requires_grad_(False)


def test_at_first_it_answers_at_every_scale_as_its_teacher_does_unguided() -> None:
    guide = teacher()
    student = drawn_by(built(GuidedStudentConfig(), guide))
    noise = torch.randn(2, *student.noise_shape)
    plain = guide.resampled(Sampling(guidance=1.0)).sample(2, noise=noise, condition={"label": LABELS})
    for scale in (1.0, 3.0):
        found = student.resampled(Sampling(guidance=scale)).sample(2, noise=noise, condition={"label": LABELS})
        torch.testing.assert_close(found, plain, rtol=1e-4, atol=1e-4)


def test_its_target_is_the_teachers_guided_answer_at_each_samples_scale() -> None:
    guide = teacher(clip=False)
    method, x = built(GuidedStudentConfig(), guide), torch.randn(2, 3, 16, 16)
    level = guide.config.process.at(torch.tensor([400.0, 400.0]).reshape(2, 1, 1, 1))
    found = method.guided({"label": LABELS}, torch.tensor([2.0, 4.0]))(x, level)
    for i, scale in enumerate((2.0, 4.0)):
        guided = guide.resampled(Sampling(guidance=scale)).denoise({"label": LABELS})
        torch.testing.assert_close(found[i], guided(x, level).clean[i], rtol=1e-4, atol=1e-4)


def test_it_learns_the_guided_answers_of_all_scales() -> None:
    """The error of the same draws falls far below that of the start, where the student ignores the scale."""
    guide = teacher()
    method = built(GuidedStudentConfig(low=1.0, high=4.0), guide)
    (phase,), adam = method.phases(), torch.optim.Adam(method.players()["denoiser"], lr=1e-3)
    batch = {"image": torch.rand(8, 3, 16, 16) * 2 - 1, "label": torch.arange(8) % 2}

    def error() -> float:
        torch.manual_seed(2)
        return phase.loss(batch, Moment(0, 0)).value.item()

    first = error()
    torch.manual_seed(1)
    for _ in range(14):
        adam.zero_grad()
        phase.loss(batch, Moment(0, 0)).value.backward()
        adam.step()
    assert error() < 0.5 * first
    assert not any(p.requires_grad for p in guide.parameters())


def test_the_scale_is_a_condition_with_bounds(tmp_path: Path) -> None:
    student = drawn_by(built(GuidedStudentConfig(low=1.0, high=5.0, usual=2.5), teacher()))
    torch.nn.init.normal_(student.get_parameter("denoiser.embedding.guidance.weight"), 0, 0.1)
    assert student.sampling.guidance == 2.5
    assert student.config.guidance == 1.0
    assert student.resampled(Sampling(guidance=4.0)).sampling.guidance == 4.0
    with pytest.raises(BadInput, match="taught scales from 1 to 5, got 7"):
        student.resampled(Sampling(guidance=7.0))
    noise = torch.randn(2, *student.noise_shape)
    mixed = student.sample(2, noise=noise, condition={"label": LABELS, "guidance": torch.tensor([1.5, 2.5])})
    usual = student.sample(2, noise=noise, condition={"label": LABELS})
    torch.testing.assert_close(mixed[1], usual[1])
    assert not torch.allclose(mixed[0], usual[0])
    with pytest.raises(BadInput, match="guidance must be from 1 to 5"):
        completed(student.config.conditions, {"label": LABELS, "guidance": torch.tensor([1.5, 9.0])}, 2)
    store.save(tmp_path / "m", student.config, student.state_dict(), Provenance(), "card")
    back = store.load(tmp_path / "m")
    assert torch.equal(back.sample(2, noise=noise, condition={"label": LABELS}), usual)


def test_diffusers_has_no_place_for_the_scale() -> None:
    student = drawn_by(built(GuidedStudentConfig(), teacher()))
    with pytest.raises(BadInput, match="this network a scale"):
        export(student, "diffusers")


def test_what_cannot_be_distilled_so_is_refused() -> None:
    guide = teacher()
    unguided = replace(
        guide.config, guidance=1.0, conditions=(replace(guide.config.conditions[0], null=None, dropout=0.0),)
    )
    with pytest.raises(BadConfig, match="none of its conditions was ever left out"):
        built(GuidedStudentConfig(), unguided.build())
    with pytest.raises(BadConfig, match="is a network that draws nothing"):
        GuidedStudentConfig().build({"teacher": torch.nn.Linear(1, 1)})
    student = drawn_by(built(GuidedStudentConfig(), guide))
    # Of noise a single step can make nothing, which would be said first.
    velocity = replace(student.config, preconditioning=TargetPreconditioning(predicts="velocity")).build()
    with pytest.raises(BadConfig, match="not told a scale yet"):
        built(GuidedStudentConfig(), student)
    for other in (ProgressiveDistillationConfig(steps=2), DistributionMatchingConfig()):
        with pytest.raises(BadConfig, match="is told the scale of its guidance"):
            other.build({"teacher": velocity})
    with pytest.raises(ValueError, match="low <= usual <= high"):
        GuidedStudentConfig(low=2.0, usual=1.0)
