"""Variances that are learned: the hybrid loss, and the bound alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from diorama.core.config import decode, encode
from diorama.core.contracts import Condition, Moment
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.bound import bound_of
from diorama.methods.diffusion.denoising import DiffusionMethod, DiffusionMethodConfig
from diorama.processes.bound import prior_term, variational_bound
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.gaussian import noised, on
from diorama.processes.precondition import NetworkDenoise, TargetPreconditioning
from diorama.processes.times import StepTimes, UniformTimes
from diorama.processes.weighting import LikelihoodWeighting, MinSNRWeighting
from diorama.samplers.ancestral import AncestralConfig
from tests.synthesis.test_diffusion import FLOW, MEDIA, NETWORK, PLAIN

MOMENT = Moment(0, 0)
LEARNED = replace(
    PLAIN,
    denoiser=replace(NETWORK, out_channels=2),
    preconditioning=TargetPreconditioning(variance="share"),
    sampler=AncestralConfig(),
)
BATCH = {"image": torch.arange(256.0).reshape(4, 1, 8, 8) / 127.5 - 1}


def _method(objective: str, **fields: object) -> DiffusionMethod:
    torch.manual_seed(0)
    config = DiffusionMethodConfig(synthesizer=LEARNED, objective=objective, **fields)  # type: ignore[arg-type]
    method = config.build()
    for parameter in method.parameters():
        nn.init.normal_(parameter, 0, 0.1)
    return method


def _gradients(method: DiffusionMethod, weight: float) -> tuple[Tensor, Tensor]:
    """By the halves of the last layer's bias: what moves the mean, and the variance."""
    torch.manual_seed(1)
    method.config = replace(method.config, bound_weight=weight)
    method.zero_grad()
    method.loss(BATCH, MOMENT).value.backward()
    bias = next(p for name, p in reversed(list(method.denoiser.named_parameters())) if name.endswith("bias"))
    assert bias.grad is not None
    assert len(bias.grad) == 2
    return bias.grad[:1].clone(), bias.grad[1:].clone()


def test_the_bound_moves_the_variance_alone_and_the_error_the_mean_alone() -> None:
    method = _method("hybrid")
    (mean, variance), (same, stronger) = (_gradients(method, weight) for weight in (0.001, 0.003))
    assert torch.equal(mean, same)
    assert mean.abs() > 0
    torch.testing.assert_close(stronger, 3 * variance)
    assert variance.abs() > 0


def test_the_hybrid_loss_is_the_error_and_a_share_of_the_bound() -> None:
    loss = _method("hybrid", bound_weight=0.5).loss(BATCH, MOMENT)
    torch.testing.assert_close(loss.value, loss.scalars["error"] + 0.5 * loss.scalars["bound"])


def test_the_bound_alone_moves_both() -> None:
    mean, variance = _gradients(_method("bound"), 1.0)
    assert mean.abs() > 0
    assert variance.abs() > 0


def test_the_loss_is_the_bound_that_models_are_measured_by_but_for_its_constant() -> None:
    """The mean of all terms times their number, but for the tanh in place of the distribution function."""
    process, preconditioning = LEARNED.process, TargetPreconditioning(predicts="clean", variance="share")
    model = replace(LEARNED, preconditioning=preconditioning)

    def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        return torch.cat([x, x.sin()], 1)

    images, noise = BATCH["image"][:1].double(), torch.randn(1, 1, 8, 8, dtype=torch.float64)
    times = torch.arange(1, 21, dtype=torch.float64)
    measured = variational_bound(
        NetworkDenoise(network, preconditioning, {}),
        images,
        process,
        times,
        lambda i, k=0: noise,
        terms=dict.fromkeys(range(1, 20), 1.0),
        variance="small",
    )
    nats = measured - prior_term(images, process, times[-1])
    terms = []
    for t in range(1, 21):
        time = torch.tensor([t])
        x = noised(images, noise, on(process.at(time.double()), images))
        terms.append(bound_of(network(x, time.double() - 1, {}), images, x, time, model))
    assert torch.stack(terms).mean().item() == pytest.approx(nats.item() / (64 * math.log(2)), rel=0.01)


def test_training_teaches_the_variance() -> None:
    method = _method("hybrid", bound_weight=1.0)
    optimizer = torch.optim.Adam(method.parameters(), lr=3e-3)
    batch = {"image": torch.full((16, 1, 8, 8), 1 / 255)}
    bounds = []
    for _ in range(40):
        loss = method.loss(batch, MOMENT)
        optimizer.zero_grad()
        loss.value.backward()
        optimizer.step()
        bounds.append(loss.scalars["bound"].item())
    assert sum(bounds[-5:]) < 0.8 * sum(bounds[:5])


def test_it_survives_json_and_older_methods_are_written_as_before() -> None:
    config = _method("hybrid").config
    assert decode(AnyMethod, json.loads(json.dumps(encode(config))), "method") == config
    assert "objective" not in encode(DiffusionMethodConfig(synthesizer=PLAIN))


@pytest.mark.parametrize(
    ("model", "fields", "message"),
    [
        (LEARNED, {}, "let it be 'hybrid' or 'bound'"),
        (PLAIN, {"objective": "hybrid"}, "let it be 'error' or 'bound'"),
        (FLOW, {"objective": "bound", "times": UniformTimes()}, "steps of a DiscreteProcess"),
        (LEARNED, {"objective": "hybrid", "times": UniformTimes()}, "drawn by StepTimes"),
        (replace(LEARNED, media=replace(MEDIA, dtype="uint16")), {"objective": "bound"}, "pixels of 8 bits"),
        (LEARNED, {"objective": "hybrid", "bound_weight": 0.0}, "bound_weight must be positive"),
        (PLAIN, {"weighting": MinSNRWeighting(), "space": "clean"}, "leave it at 'output'"),
        (PLAIN, {"weighting": LikelihoodWeighting(process=DiscreteProcess())}, "weighting.process"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(model: object, fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DiffusionMethodConfig(**({"synthesizer": model, "times": StepTimes()} | fields))  # type: ignore[arg-type]
