"""guided-diffusion's processes over random settings: against its formulas in betas, and refusals by name."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from diorama.core.contracts import Condition, Level
from diorama.core.errors import BadInput
from diorama.interop.guided_diffusion_process import DiffusionArguments
from diorama.processes.bound import training_term
from diorama.processes.gaussian import noised, posterior
from diorama.processes.precondition import NetworkDenoise
from diorama.processes.reverse import reverse_step, second_variance
from diorama.processes.threshold import StaticThreshold
from diorama.samplers.classifier_guidance import ClassifierGuided
from diorama.samplers.ddim import DDIMConfig, ddim_inverse
from tests.interop.adm_chain import Chain, signal_of

MEANS = ("PREVIOUS_X", "START_X", "EPSILON")
VARIANCES = ("LEARNED", "FIXED_SMALL", "FIXED_LARGE", "LEARNED_RANGE")
SHAPE = (2, 1, 2, 3)


def _network(variance: str) -> Any:
    def network(x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        wave = (x + t.reshape(-1, 1, 1, 1) / 300).sin()
        mean = 0.8 * x + 0.3 * wave
        return torch.cat([mean, 0.9 * wave.cos()], 1) if variance.startswith("LEARNED") else mean

    return network


def _drawn(seed: int) -> tuple[DiffusionArguments, Chain]:
    draw = random.Random(seed)
    steps = draw.choice([25, 60, 100])
    respacing = draw.choice(["", "ddim5", "7", "4,3", "2,5,3", "10,1"])
    arguments = DiffusionArguments(
        diffusion_steps=steps,
        noise_schedule=draw.choice(["linear", "cosine"]),  # type: ignore[arg-type]
        timestep_respacing=respacing,
        model_mean_type=draw.choice(MEANS),  # type: ignore[arg-type]
        model_var_type=draw.choice(VARIANCES),  # type: ignore[arg-type]
        rescale_timesteps=draw.random() < 0.5,
    )
    kept = [t - 1 for t in arguments.visited]
    scale = 1000 / steps if arguments.rescale_timesteps else 1.0
    told = tuple(scale * i for i in kept)
    signal = signal_of(arguments.noise_schedule, steps)[kept]
    return arguments, Chain(signal, told, arguments.model_mean_type, arguments.model_var_type)


def _times(arguments: DiffusionArguments) -> Tensor:
    return torch.tensor([*reversed(arguments.visited), 0], dtype=torch.float64)


def _denoise(arguments: DiffusionArguments, *, clip: bool = True) -> NetworkDenoise:
    network = _network(arguments.model_var_type)
    return NetworkDenoise(network, arguments.preconditioning, {}, threshold=StaticThreshold() if clip else None)


def _close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.expand_as(expected), expected, rtol=1e-7, atol=1e-7)


def _normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), place=st.floats(0, 1), clip=st.booleans())
def test_a_step_and_its_term_of_the_bound(seed: int, place: float, clip: bool) -> None:
    arguments, chain = _drawn(seed)
    process, times, sampler = arguments.process, _times(arguments), arguments.sampler
    i = round(place * (len(chain.signal) - 1))
    clean = (_normal(seed, *SHAPE).clamp(-1, 1) * 127.5).round() / 127.5
    noise = _normal(seed + 1, *SHAPE)
    rising = times.flip(0)
    levels = process.at(rising[i + 1]), process.at(rising[i])
    x, first = noised(clean, noise, levels[0]), second_variance(process, times)
    _close(x, chain.noised(clean, noise, i))
    output = _network(arguments.model_var_type)(x, torch.tensor([chain.told[i]], dtype=torch.float64), {})
    expected = chain.step(output, x, i, clip=clip)
    prediction = _denoise(arguments, clip=clip)(x, levels[0])
    found = reverse_step(prediction, x, posterior(*levels), sampler.variance, first=first, clipped=sampler.clipped_mean)
    _close(prediction.clean, expected["clean"])
    for name in ("mean", "variance", "log_variance"):
        _close(getattr(found, name), expected[name])
    term = training_term(prediction, clean, x, levels, sampler.variance, first=first, clipped=sampler.clipped_mean)
    torch.testing.assert_close(term, chain.bound(expected, clean, x, i), rtol=1e-6, atol=1e-7)


def _gradient(x: Tensor, level: Level) -> Tensor:
    return 0.4 * (0.2 - x)


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), guided=st.booleans())
def test_the_ancestral_chain(seed: int, guided: bool) -> None:
    arguments, chain = _drawn(seed)
    n = len(chain.signal)
    start, draws = _normal(seed, *SHAPE), _normal(seed + 1, n, *SHAPE)
    denoise: Any = _denoise(arguments)
    denoise = ClassifierGuided(denoise, _gradient, 1.0, form="mean") if guided else denoise
    x = start
    *_, last = arguments.sampler.run(denoise, start, arguments.process, _times(arguments), lambda i, k=0: draws[i])
    for i in reversed(range(n)):
        output = _network(arguments.model_var_type)(x, torch.tensor([chain.told[i]], dtype=torch.float64), {})
        step = chain.step(output, x, i, clip=True)
        mean = step["mean"] + (step["variance"] * 0.4 * (0.2 - x) if guided else 0)
        x = mean + (i > 0) * (0.5 * step["log_variance"]).exp() * draws[n - 1 - i]
    torch.testing.assert_close(last.x, x, rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), guided=st.booleans(), eta=st.sampled_from([0.0, 0.4, 1.0]))
def test_the_chain_of_ddim_and_the_way_up(seed: int, guided: bool, eta: float) -> None:
    arguments, chain = _drawn(seed)
    n = len(chain.signal)
    start, draws = _normal(seed, *SHAPE), _normal(seed + 1, n, *SHAPE)
    plain = _denoise(arguments)
    denoise: Any = ClassifierGuided(plain, _gradient, 1.0, form="score") if guided else plain
    times, process = _times(arguments), arguments.process
    *_, last = DDIMConfig(eta=eta).run(denoise, start, process, times, lambda i, k=0: draws[i])

    def clean_and_noise(x: Tensor, i: int, guide: bool) -> tuple[Tensor, Tensor]:
        output = _network(arguments.model_var_type)(x, torch.tensor([chain.told[i]], dtype=torch.float64), {})
        clean, signal = chain.step(output, x, i, clip=True)["clean"], chain.signal[i]
        noise = (x - math.sqrt(signal) * clean) / math.sqrt(1 - signal)
        if guide:
            noise = noise - math.sqrt(1 - signal) * 0.4 * (0.2 - x)
            clean = (x - math.sqrt(1 - signal) * noise) / math.sqrt(signal)
        return clean, noise

    x = start
    for i in reversed(range(n)):
        clean, noise = clean_and_noise(x, i, guided)
        before = chain.before[i]
        sigma = eta * math.sqrt((1 - before) / (1 - chain.signal[i]) * (1 - chain.signal[i] / before))
        x = math.sqrt(before) * clean + math.sqrt(max(1 - before - sigma**2, 0)) * noise + sigma * draws[n - 1 - i]
    torch.testing.assert_close(last.x, x, rtol=1e-6, atol=1e-6)

    x = 0.3 * start
    *_, top = ddim_inverse(plain, x, process, times.flip(0)[1:], ahead=False, to_noise=True)
    for i in range(n):
        clean, noise = clean_and_noise(x, i, False)
        after = chain.signal[i + 1] if i + 1 < n else 0.0
        x = math.sqrt(after) * clean + math.sqrt(1 - after) * noise
    torch.testing.assert_close(top.x, x, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("loss", "variance", "weights"),
    [
        ("MSE", "FIXED_SMALL", (1, 0)),
        ("MSE", "LEARNED", (1, 1)),
        ("RESCALED_MSE", "LEARNED_RANGE", (1, 0.05)),
        ("RESCALED_MSE", "FIXED_LARGE", (1, 0)),
        ("KL", "LEARNED", (0, 1)),
        ("RESCALED_KL", "FIXED_LARGE", (0, 50)),
    ],
)
def test_what_each_loss_counts(loss: str, variance: str, weights: tuple[float, float]) -> None:
    arguments = DiffusionArguments(loss_type=loss, model_var_type=variance, timestep_respacing="50")  # type: ignore[arg-type]
    assert (arguments.error_weight, arguments.bound_weight) == weights


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"timestep_respacing": "ddim300"}, "timestep_respacing"),
        ({"timestep_respacing": "a,b"}, "timestep_respacing"),
        ({"timestep_respacing": "900,200"}, "timestep_respacing"),
        ({"diffusion_steps": 12}, "diffusion_steps"),
    ],
)
def test_what_cannot_be_is_refused_by_name(given: Mapping[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        DiffusionArguments(**given).visited  # noqa: B018
