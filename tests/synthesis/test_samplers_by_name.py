"""Every sampler that people can name, on models of several processes: it draws, or says in their words why not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from diorama.core.errors import WrongValue
from diorama.processes.catalog import AnyProcess, AnySpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.samplers.catalog import SAMPLERS
from diorama.synthesis.base import Sampling
from diorama.synthesis.diffusion import DiffusionSynthesizer
from tests.synthesis.models import tiny_diffusion

_KINDS: dict[str, tuple[AnyProcess, AnySpacing]] = {
    "discrete": (DiscreteProcess(steps=20, last=0.3), StepSpacing()),
    "exploding": (ExplodingProcess(), KarrasSpacing()),
    "geometric": (GeometricProcess(), TruncatedSpacing(last=1e-5)),
    "flow": (FlowProcess(), UniformSpacing()),
    "jumping": (DiscreteProcess(steps=20, last=0.3, between="below"), StepSpacing()),
}

_LONG = [pytest.mark.slow, pytest.mark.long]


def _model(kind: str) -> DiffusionSynthesizer:
    process, spacing = _KINDS[kind]
    trained = tiny_diffusion()
    told = TargetPreconditioning(predicts="flow") if kind == "flow" else EDMPreconditioning()
    config = replace(
        trained.config,
        process=process,
        spacing=spacing,
        preconditioning=trained.config.preconditioning if kind in ("discrete", "jumping") else told,
    )
    model = config.build().eval()
    model.load_state_dict(trained.state_dict())
    return model


# Some jump to clean data, which none of these models has learned.
@pytest.mark.filterwarnings("ignore:sampler. .* is for consistency models")
@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("steps", [1, pytest.param(2, marks=_LONG), pytest.param(3, marks=_LONG)])
def test_a_sampler_draws_or_is_refused_in_the_words_of_people(kind: str, steps: int) -> None:
    model, drawn = _model(kind), 0
    for name in SAMPLERS:
        sampling, refusal = Sampling(sampler=name, steps=steps), ""
        try:
            asked = model.resampled(sampling)
        except WrongValue as refused:
            refusal = str(refused)
        else:
            drawn += 1
            assert bool(torch.isfinite(asked.sample(1)).all()), name
        assert not re.search(r"[a-z][A-Z]|Config|None", refusal), refusal
    # Levels that end above clean data are at least two.
    assert drawn >= 10 or (kind, steps) == ("geometric", 1)


@pytest.mark.parametrize(
    ("kind", "sampling", "told"),
    [
        ("exploding", Sampling(sampler="lcm"), "sampler: lcm counts steps of a discrete process"),
        ("exploding", Sampling(sampler="ode", steps=1), "steps: the sampler ode walks between at least two levels"),
        ("geometric", Sampling(steps=1), "steps: this model needs a number of steps of at least 2, got 1"),
        ("discrete", Sampling(sampler="interpolant"), "this model has a discrete process; take ddim"),
        ("jumping", Sampling(sampler="heun"), "sampler: heun needs a path with slopes"),
        ("jumping", Sampling(sampler="ode"), "sampler: ode needs a path with slopes"),
    ],
)
def test_what_cannot_be_drawn_so_says_why(kind: str, sampling: Sampling, told: str) -> None:
    with pytest.raises(WrongValue, match=re.escape(told)):
        _model(kind).resampled(sampling)
