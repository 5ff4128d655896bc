"""Training on the simple loss."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.contracts import ConditionSpec, DataInfo, MediaSpec, Moment, SideSpec
from diorama.core.errors import BadConfig
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.denoiser import broadcast
from diorama.methods.diffusion.denoising import DiffusionMethod, DiffusionMethodConfig
from diorama.networks.codecs.spatial import SpatialCodecConfig, SpatialDecoderConfig, SpatialEncoderConfig
from diorama.networks.denoisers.uncertainty import UncertaintyConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.gaussian import Target
from diorama.processes.precondition import EDMPreconditioning, NetworkDenoise, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing
from diorama.processes.times import LogNormalTimes, LogUniformTimes, StepTimes, UniformTimes
from diorama.processes.weighting import LikelihoodWeighting, PreconditionedWeighting, TruncatedSNRWeighting
from diorama.recipes.toy import latent_text_toy
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from tests.synthesis.test_diffusion import EDM, FLOW, LABEL, LABELLED, PLAIN

MOMENT = Moment(0, 0)


def _see_times(method: DiffusionMethod) -> list[Tensor]:
    seen: list[Tensor] = []
    method.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[1]))
    return seen


def test_a_network_that_predicts_nothing_misses_the_whole_noise() -> None:
    torch.manual_seed(0)
    method = DiffusionMethodConfig(synthesizer=PLAIN).build()
    loss = method.loss({"image": torch.zeros(64, 1, 8, 8)}, MOMENT)
    assert loss.value.shape == ()
    assert loss.value.item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("target", get_args(Target))
def test_training_lowers_the_loss(target: Target) -> None:
    torch.manual_seed(0)
    model = replace(PLAIN, preconditioning=TargetPreconditioning(predicts=target))
    method = DiffusionMethodConfig(synthesizer=model).build()
    (phase,) = method.phases()
    optimizer = torch.optim.Adam(method.players()[phase.player], lr=1e-2, fused=True)
    batch = {"image": torch.full((16, 1, 8, 8), 0.5)}
    losses = []
    for _ in range(24):
        loss = phase.loss(batch, MOMENT).value
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_the_network_is_told_steps_from_zero() -> None:
    method = DiffusionMethodConfig(synthesizer=PLAIN, times=StepTimes(spread=True)).build()
    seen = _see_times(method)
    method.loss({"image": torch.zeros(20, 1, 8, 8)}, MOMENT)
    assert seen[0].sort().values.tolist() == list(range(20))


def test_conditions_are_dropped_at_the_share_that_was_asked_for() -> None:
    torch.manual_seed(0)
    model = replace(LABELLED, conditions=(replace(LABEL, dropout=0.3),))
    method = DiffusionMethodConfig(synthesizer=model).build()
    seen: list[Tensor] = []
    method.denoiser.register_forward_pre_hook(lambda module, args: seen.append(args[2]["label"]))
    method.loss({"image": torch.zeros(1000, 1, 8, 8), "label": torch.ones(1000, dtype=torch.long)}, MOMENT)
    assert set(seen[0].tolist()) == {1, 2}
    assert (seen[0] == 2).float().mean().item() == pytest.approx(0.3, abs=0.05)
    kept = DiffusionMethodConfig(synthesizer=LABELLED).build()
    label = torch.tensor([0, 1])
    assert kept.loss({"image": torch.zeros(2, 1, 8, 8), "label": label}, MOMENT).value.isfinite()


def test_its_parts_are_the_synthesizers() -> None:
    method = DiffusionMethodConfig(synthesizer=PLAIN).build()
    built = method.synthesizer().build()
    for name, module in method.averaged().items():
        assert module.state_dict().keys() == getattr(built, name).state_dict().keys()


def _value(method: DiffusionMethod, batch: Tensor) -> float:
    torch.manual_seed(3)
    return method.loss({"image": batch}, MOMENT).value.item()


@pytest.mark.parametrize("model", [PLAIN, EDM, FLOW], ids=["discrete", "exploding", "flow"])
def test_weighted_errors_of_clean_samples_are_those_of_outputs(model: DiffusionSynthesizerConfig) -> None:
    # The loss of the paper on EDM, lambda times the error of the denoised picture, is one of these.
    times = {"discrete": StepTimes(), "exploding": LogNormalTimes(), "flow": UniformTimes()}
    kind = {"DiscreteProcess": "discrete", "ExplodingProcess": "exploding", "FlowProcess": "flow"}
    draw = times[kind[type(model.process).__name__]]
    torch.manual_seed(0)
    batch = torch.rand(16, 1, 8, 8) * 2 - 1
    outputs = DiffusionMethodConfig(synthesizer=model, times=draw).build()
    cleans = DiffusionMethodConfig(
        synthesizer=model, times=draw, space="clean", weighting=PreconditionedWeighting()
    ).build()
    cleans.load_state_dict(outputs.state_dict())
    assert _value(outputs, batch) == pytest.approx(_value(cleans, batch), rel=1e-3)


def test_the_space_of_the_loss_is_not_the_target_of_the_network() -> None:
    predicts_clean = replace(PLAIN, preconditioning=TargetPreconditioning(predicts="clean"))
    batch = torch.zeros(64, 1, 8, 8)
    # A network that says "all black" of black pictures is right in every space.
    method = DiffusionMethodConfig(synthesizer=predicts_clean, space="velocity").build()
    for parameter in method.denoiser.parameters():
        torch.nn.init.zeros_(parameter)
    assert _value(method, batch) == pytest.approx(0, abs=1e-9)
    noise = DiffusionMethodConfig(synthesizer=PLAIN, space="noise").build()
    same = DiffusionMethodConfig(synthesizer=PLAIN).build()
    same.load_state_dict(noise.state_dict())
    assert _value(noise, batch) == pytest.approx(_value(same, batch), rel=1e-3)


def test_a_model_that_is_given_a_picture_draws_its_partner() -> None:
    given = ConditionSpec(key="image", shape=(1, 4, 4))
    model = replace(PLAIN, conditions=(given,), denoiser=replace(PLAIN.denoiser, picture=1))
    method = DiffusionMethodConfig(synthesizer=model).build()
    batch = {"image": torch.rand(2, 1, 4, 4), "target": torch.rand(2, 1, 8, 8)}
    assert method.loss(batch, MOMENT).value.isfinite()


def test_it_survives_json() -> None:
    config = DiffusionMethodConfig(
        synthesizer=LABELLED, times=StepTimes(spread=True), space="clean", weighting=TruncatedSNRWeighting()
    )
    assert decode(AnyMethod, json.loads(json.dumps(encode(config)))) == config


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_dropout_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="dropout of label"):
        replace(LABEL, dropout=share)


def test_what_is_dropped_needs_a_null() -> None:
    with pytest.raises(ValueError, match="needs a null"):
        replace(LABEL, null=None, dropout=0.1)


def test_a_codec_of_pictures_of_another_size_is_refused_though_its_latents_fit() -> None:
    captions = (SideSpec(key="tokens", kind="text", shape=(8,), ragged=True),)
    media = MediaSpec(kind="image", channels=3, height=64, width=64)
    method = latent_text_toy(DataInfo(name="captioned", media=media, sides=captions)).method
    encoder = SpatialEncoderConfig(size=(32, 32), features=8, halvings=1)
    decoder = SpatialDecoderConfig(size=(32, 32), features=8, halvings=1)
    codec = SpatialCodecConfig(encoder=encoder, decoder=decoder).build()
    with pytest.raises(BadConfig, match=r"frozen\.codec: was trained on pictures of 32 x 32, and .* draws 64 x 64"):
        method.build({"codec": codec})


def test_half_the_sum_of_a_samples_errors_is_the_mean_times_half_its_values() -> None:
    batch = torch.randn(4, *PLAIN.media.shape)
    mean, half_sum = (
        _value(DiffusionMethodConfig(synthesizer=PLAIN, reduction=how).build(), batch) for how in ("mean", "half_sum")
    )
    assert half_sum == pytest.approx(mean * batch[0].numel() / 2, rel=1e-4)


def test_a_weighting_of_another_process_or_space_is_refused() -> None:
    other = LikelihoodWeighting(process=PreservingProcess())
    with pytest.raises(ValueError, match=r"weighting\.process: must be the model's own"):
        DiffusionMethodConfig(synthesizer=PLAIN, weighting=other)
    own = LikelihoodWeighting(process=PLAIN.process)
    with pytest.raises(ValueError, match=r"space: this recipe's weighting is .* not of its clean"):
        DiffusionMethodConfig(synthesizer=PLAIN, weighting=own, space="clean")


BY_COLUMN: dict[str, tuple[Any, Any, Any]] = {
    "VP": (
        PreservingProcess(),
        TargetPreconditioning(predicts="noise", time_input="time", time_scale=999),
        UniformTimes(low=1e-5),
    ),
    "VE": (
        ExplodingProcess(sigma_max=100),
        TargetPreconditioning(predicts="scaled_score", time_input="log_half_sigma"),
        LogUniformTimes(),
    ),
    "iDDPM": (DiscreteProcess(betas="cosine"), TargetPreconditioning(predicts="noise"), StepTimes()),
    "EDM": (ExplodingProcess(), EDMPreconditioning(), LogNormalTimes()),
}
"""Process, preconditioning and noise distribution: the columns of arXiv:2206.00364, table 1."""


@pytest.mark.parametrize("column", BY_COLUMN)
def test_every_column_of_edms_table_trains_on_its_own_weighting(column: str) -> None:
    """1 / sigma² on clean samples that keep their scale, and of EDM (sigma² + s²) / (sigma s)²."""
    torch.manual_seed(0)
    process, preconditioning, times = BY_COLUMN[column]
    spacing = StepSpacing() if column == "iDDPM" else KarrasSpacing(low=0.02, high=50)
    model = replace(PLAIN, process=process, preconditioning=preconditioning, spacing=spacing, steps=4, clip=False)
    method = DiffusionMethodConfig(synthesizer=model, times=times).build()
    for parameter in method.denoiser.parameters():
        torch.nn.init.normal_(parameter, 0, 0.05)
    clean, seen = torch.rand(16, 1, 8, 8), _see_times(method)
    state = torch.get_rng_state()
    loss = method.loss({"image": clean}, MOMENT).value
    torch.set_rng_state(state)
    level = broadcast(process.at(times.draw(process, 16, clean.device)), 4)
    noise = torch.randn_like(clean)
    sigma = (level.sigma / level.alpha).float()
    denoise = NetworkDenoise(method.denoiser, preconditioning, {})
    found = denoise(level.alpha.float() * (clean + sigma * noise), level).clean
    weight = (sigma**2 + 0.25) / (sigma * 0.5) ** 2 if column == "EDM" else sigma**-2
    torch.testing.assert_close(loss, (weight * (found - clean).square()).mean(), rtol=1e-2, atol=1e-3)
    assert len(seen) == 2
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in method.players()["denoiser"])


def test_a_learned_uncertainty_divides_the_errors_and_is_trained_along() -> None:
    torch.manual_seed(0)
    plain = DiffusionMethodConfig(synthesizer=EDM, times=LogNormalTimes())
    method = replace(plain, uncertainty=UncertaintyConfig(channels=8)).build()
    assert method.uncertainty is not None
    assert len(method.players()["denoiser"]) == len(plain.build().players()["denoiser"]) + 1
    loss = method.loss({"image": torch.rand(8, 1, 8, 8)}, MOMENT)
    loss.value.backward()
    head = method.uncertainty.log_variance.weight
    assert head.grad is not None
    assert head.grad.any()
    torch.nn.init.zeros_(head)
    torch.manual_seed(1)
    loss = method.loss({"image": torch.rand(8, 1, 8, 8)}, MOMENT)
    # Of a variance of 1 the loss is the plain one.
    torch.testing.assert_close(loss.value, loss.scalars["error"])
    # A recipe without the head is written as it was before there was one.
    assert "uncertainty" not in encode(plain)
    assert decode(AnyMethod, encode(method.config)) == method.config
