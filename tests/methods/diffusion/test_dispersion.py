"""Features that are kept apart: the term by its formula, what training makes of it, and which networks are refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from diorama.cli.mistakes import WrongArguments
from diorama.cli.overrides import describe, override
from diorama.core import runlog
from diorama.core.config import decode, encode
from diorama.core.contracts import Loss, Moment
from diorama.data.dataset import open_dataset
from diorama.data.pack import pack_arrays
from diorama.methods.catalog import AnyMethod
from diorama.methods.diffusion.denoising import DiffusionMethodConfig
from diorama.methods.diffusion.dispersion import DispersiveConfig, dispersive_loss
from diorama.networks.denoisers.base import OutputAndFeatures
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import DhariwalUNetConfig, SongUNetConfig
from diorama.networks.denoisers.uncertainty import UncertaintyConfig
from diorama.processes.precondition import TargetPreconditioning
from diorama.recipes.adm import adm_cpu
from diorama.recipes.ddpm import ddpm_cpu
from diorama.recipes.edm2 import edm2_cpu
from diorama.recipes.flow import flow_cpu
from diorama.recipes.score_sde import score_sde_vp
from diorama.training.recipe import EvaluationConfig, OptimizerConfig, RateConfig
from diorama.training.run import TrainOptions, train
from tests.recipes.families import pictures
from tests.synthesis.test_diffusion import NETWORK, PLAIN

MOMENT = Moment(0, 0)
DISPERSED = DiffusionMethodConfig(synthesizer=PLAIN, dispersion=DispersiveConfig())


def features(count: int, shape: tuple[int, ...] = (3, 2, 2), seed: int = 0) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def by_pairs(z: Tensor, temperature: float) -> float:
    """The formula, pair by pair."""
    rows = z.double().flatten(1).tolist()
    kernel = 0.0
    for one in rows:
        for other in rows:
            distance = sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)
            kernel += math.exp(-distance / temperature)
    return math.log(kernel / len(rows) ** 2)


@given(
    count=st.integers(1, 6),
    temperature=st.floats(0.1, 4),
    scale=st.floats(0.01, 10),
    shift=st.floats(-30, 30),
    seed=st.integers(0, 99),
)
def test_the_loss_is_what_its_formula_says(
    count: int, temperature: float, scale: float, shift: float, seed: int
) -> None:
    z = scale * features(count, seed=seed) + shift
    ours = dispersive_loss(z, temperature)
    assert ours.shape == ()
    assert ours.item() == pytest.approx(by_pairs(z, temperature), abs=2e-3 * scale / temperature + 1e-5)
    assert -math.log(count) - 1e-5 <= ours.item() <= 1e-6
    exact = dispersive_loss(z.double(), temperature)
    assert exact.item() == pytest.approx(by_pairs(z, temperature), abs=1e-9)


def test_the_order_of_samples_and_a_common_shift_do_not_count() -> None:
    z = features(8)
    plain = dispersive_loss(z, 0.5)
    torch.testing.assert_close(dispersive_loss(z[torch.randperm(8)], 0.5), plain)
    torch.testing.assert_close(dispersive_loss(z + features(1, seed=1), 0.5), plain)


@pytest.mark.parametrize("z", [features(1), features(1).expand(7, -1, -1, -1), torch.zeros(3, 4)])
def test_one_sample_and_equal_features_give_zero_and_no_gradient(z: Tensor) -> None:
    z = z.clone().requires_grad_()
    loss = dispersive_loss(z, 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert z.grad is not None
    torch.testing.assert_close(z.grad, torch.zeros_like(z))


def test_features_that_lie_far_apart_give_the_least_value_and_stay_finite() -> None:
    z = (1e4 * features(5)).requires_grad_()
    loss = dispersive_loss(z, 0.5)
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(5))
    assert z.grad is not None
    assert z.grad.isfinite().all()


def test_descending_moves_features_apart_from_each_other() -> None:
    z = (0.1 * features(6)).requires_grad_()
    (slope,) = torch.autograd.grad(dispersive_loss(z, 0.5), z)
    before, after = (torch.pdist(each.flatten(1)).square().mean() for each in (z.detach(), z.detach() - slope))
    assert after > before
    # Nothing is pushed to one side.
    torch.testing.assert_close(slope.sum(0), torch.zeros_like(slope[0]), atol=1e-7, rtol=0)


def test_its_gradient_is_that_of_finite_differences() -> None:
    z = features(4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: dispersive_loss(given, 0.5), (z,))


def test_it_is_computed_in_full_precision_also_of_half_features_under_autocast() -> None:
    z = features(16, (64, 4, 4)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        half = dispersive_loss(z, 0.5)
    assert half.dtype == torch.float32
    assert torch.equal(half, dispersive_loss(z.float(), 0.5))


@pytest.mark.parametrize("field", ["weight", "temperature"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_bad_values_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: must be positive, got"):
        DispersiveConfig(**{field: value})


@pytest.mark.parametrize("make", [adm_cpu, edm2_cpu, score_sde_vp])
def test_networks_without_features_are_refused_by_name(make: Callable[..., Any]) -> None:
    recipe = make(pictures(32))
    name = type(recipe.method.synthesizer.denoiser).__name__.removesuffix("Config")
    with pytest.raises(ValueError, match=f"^dispersion: {name} does not give its features; .*DDPMUNet"):
        replace(recipe.method, dispersion=DispersiveConfig())


NETWORKS = {
    "ddpm": NETWORK,
    "ddpm without a middle": replace(NETWORK, middle="none"),
    "song": SongUNetConfig(
        size=8, in_channels=1, out_channels=1, width=8, growth=(1, 2), depth=1, attention=(False, True)
    ),
    "dhariwal": DhariwalUNetConfig(
        size=8, in_channels=1, out_channels=1, width=64, growth=(1, 1), depth=1, attention=(False, True)
    ),
}


@pytest.mark.parametrize("config", NETWORKS.values(), ids=NETWORKS)
def test_a_network_gives_the_features_of_its_middle_and_the_output_of_before(
    config: DDPMUNetConfig | SongUNetConfig | DhariwalUNetConfig,
) -> None:
    torch.manual_seed(0)
    network = config.build().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, 0, 0.2)
    x, t = torch.randn(3, 1, 8, 8), torch.rand(3)
    seen: list[Tensor] = []
    last = network.down[-1] if network.middle is None else network.middle
    last.register_forward_hook(lambda module, given, out: seen.append(out[-1] if isinstance(out, list) else out))
    found = network(x, t, features=True)
    assert isinstance(found, OutputAndFeatures)
    assert torch.equal(found.features, seen[0])
    assert found.features.shape == (3, config.widths[-1], 4, 4)
    assert torch.equal(found.output, network(x, t))


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (DISPERSED, ["error"]),
        (replace(DISPERSED, uncertainty=UncertaintyConfig(channels=8)), ["error"]),
        (
            DiffusionMethodConfig(
                synthesizer=replace(
                    PLAIN,
                    denoiser=replace(NETWORK, out_channels=2),
                    preconditioning=TargetPreconditioning(variance="range"),
                ),
                objective="bound",
            ),
            ["bound"],
        ),
    ],
)
def test_the_loss_is_the_one_without_the_term_plus_it_and_says_both(
    config: DiffusionMethodConfig, names: list[str]
) -> None:
    def loss(given: DiffusionMethodConfig) -> Loss:
        torch.manual_seed(0)
        method = given.build()
        torch.manual_seed(1)
        return method.loss({"image": torch.rand(4, 1, 8, 8) * 2 - 1}, MOMENT)

    plain = loss(replace(config, dispersion=None))
    dispersed = loss(replace(config, dispersion=DispersiveConfig(weight=0.25, temperature=2.0)))
    assert list(dispersed.scalars) == [*names, "dispersion"]
    term = dispersed.scalars["dispersion"]
    assert term < 0
    torch.testing.assert_close(dispersed.value, plain.value + 0.25 * term)


@pytest.mark.slow
def test_a_compiled_network_gives_its_features_from_one_graph() -> None:
    graphs: list[Any] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    def loss(*, compiled: bool) -> Loss:
        torch.manual_seed(0)
        method = DISPERSED.build()
        if compiled:
            method.denoiser.compile(backend=backend, fullgraph=True)
        torch.manual_seed(1)
        return method.loss({"image": torch.rand(4, 1, 8, 8) * 2 - 1}, MOMENT)

    plain, compiled = loss(compiled=False), loss(compiled=True)
    assert len(graphs) == 1
    torch.testing.assert_close(compiled.value, plain.value)
    torch.testing.assert_close(compiled.scalars["dispersion"], plain.scalars["dispersion"])


def test_a_config_comes_back_as_written_and_recipes_without_the_term_stay_as_they_were() -> None:
    config = replace(DISPERSED, dispersion=DispersiveConfig(weight=0.3, temperature=2.0))
    assert decode(AnyMethod, encode(config)) == config
    assert "dispersion" not in encode(replace(config, dispersion=None))


def test_the_command_line_takes_it_by_a_word_and_changes_it(capsys: pytest.CaptureFixture[str]) -> None:
    recipe = flow_cpu(pictures(16))
    words = ["--method.dispersion", "infonce", "--method.dispersion.weight", "0.25"]
    changed = override(recipe, words, "train flow_cpu")
    assert changed.method == replace(recipe.method, dispersion=DispersiveConfig(weight=0.25))  # type: ignore[call-arg]
    assert override(changed, ["--method.dispersion", "none"], "train flow_cpu") == recipe
    with pytest.raises(WrongArguments, match=r"^--method.dispersion: EDM2UNet does not give its features"):
        override(edm2_cpu(pictures(32)), words, "train edm2_cpu")
    with pytest.raises(WrongArguments, match=r"temperature: must be positive, got 0"):
        override(recipe, [*words, "--method.dispersion.temperature", "0"], "train flow_cpu")
    describe(recipe, "train flow_cpu")
    assert "--method.dispersion none|infonce" in capsys.readouterr().out


def test_training_logs_the_term_which_falls(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (32, 8, 8, 3), np.uint8)
    pack_arrays(tmp_path / "data", {"train": values}, pictures(8).media)
    recipe = ddpm_cpu(open_dataset(tmp_path / "data").info)
    recipe = replace(
        recipe,
        method=replace(recipe.method, dispersion=DispersiveConfig()),  # type: ignore[call-arg]
        optimizers={"denoiser": OptimizerConfig(rate=RateConfig(peak=2e-3))},
        images=160,
        batch_size=16,
        micro_batch=8,
        log_every=16,
        preview_every=0,
        evaluation=EvaluationConfig(every=0, samples=0),
    )
    list(train(recipe, tmp_path / "data", tmp_path / "run", TrainOptions(device="cpu", preview_at_stop=False)))
    losses = [line["losses"] for line in runlog.read(tmp_path / "run" / "log.jsonl") if line["kind"] == "report"]
    assert set(losses[0]) == {"loss", "loss/error", "loss/dispersion"}
    assert losses[-1]["loss/dispersion"] < losses[0]["loss/dispersion"] < 0
    for each in losses:
        assert each["loss"] == pytest.approx(each["loss/error"] + 0.5 * each["loss/dispersion"], rel=1e-4)
        # Of micro-batches of eight.
        assert each["loss/dispersion"] >= -math.log(8)
