"""Folders of diffusers: we draw from them what the library does, and it draws from ours what we do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import diorama
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.core.rng import StepNoise
from diorama.interop.diffusers_adm import as_ddpm
from diorama.interop.diffusers_scheduler import SCHEDULERS
from diorama.interop.diffusers_unet2d import UNET2D
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.samplers.ancestral import AncestralConfig
from diorama.synthesis.base import Synthesizer
from diorama.synthesis.diffusion import DiffusionSynthesizer, DiffusionSynthesizerConfig
from diorama.synthesis.export import export, write_export

diffusers = pytest.importorskip("diffusers")
# The library's own, of NumPy and of settings it would rather not have; ours of what was guessed.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

_SIDE, _SEED, _COUNT = 16, 5, 2
_SMALL: dict[str, Any] = {
    "sample_size": _SIDE,
    "block_out_channels": [8, 16],
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D"],
    "norm_num_groups": 4,
    "layers_per_block": 1,
}
_OTHERS: dict[str, dict[str, Any]] = {
    # Fewer steps than of its defaults, all of which are walked.
    "DDPMScheduler": {"num_train_timesteps": 20, "beta_end": 0.3},
    "UnCLIPScheduler": {"num_train_timesteps": 20},
    # From the default a network that was never trained draws without bound.
    "ScoreSdeVeScheduler": {"sigma_max": 5.0},
}


def library_folder(folder: Path, scheduler: Any) -> Path:
    """What a pipeline of the library leaves."""
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(**_SMALL)
    network.save_pretrained(folder)
    scheduler.save_pretrained(folder)
    return folder


def opened(folder: Path) -> Synthesizer:
    """The folder as a model of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return diorama.load(folder)


def noise_of(model: DiffusionSynthesizer) -> Tensor:
    """What samples start with, before it is scaled."""
    return torch.randn(_COUNT, *model.noise_shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def theirs(folder: Path, noise: Tensor, steps: int) -> Tensor:
    """What the library draws from a folder, with the draws of our seeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = diffusers.UNet2DModel.from_pretrained(folder)
        name = diffusers.DDPMScheduler.load_config(folder)["_class_name"]
        scheduler = getattr(diffusers, name).from_pretrained(folder)
    scheduler.set_timesteps(steps)
    draws = StepNoise(tuple(noise.shape[1:]), seed=_SEED, first=0, count=_COUNT, device=torch.device("cpu"))
    x = noise * getattr(scheduler, "init_noise_sigma", 1.0)
    if name == "ScoreSdeVeScheduler":
        return _predictor_corrector(network, scheduler, x, steps, draws)
    with pytest.MonkeyPatch.context() as patch:
        times = list(scheduler.timesteps)
        for i, t in enumerate(times):
            # KDPM2's comes to each step twice.
            step = i // 2 if name.startswith("KDPM2") else i
            # UnCLIP's is told the next time by its pipeline.
            told = {"prev_timestep": [*times, None][i + 1]} if name == "UnCLIPScheduler" else {}
            patch.setattr(f"{type(scheduler).__module__}.randn_tensor", lambda *a, n=step, **k: draws(n), raising=False)
            scaled = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
            x = scheduler.step(network(scaled, t).sample, t, x, **told).prev_sample
    return x


def _predictor_corrector(network: Any, scheduler: Any, x: Tensor, steps: int, draws: StepNoise) -> Tensor:
    scheduler.set_sigmas(steps)
    for i, t in enumerate(scheduler.timesteps):
        sigma = scheduler.sigmas[i] * torch.ones(len(x))
        for k in range(2):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(f"{type(scheduler).__module__}.randn_tensor", lambda *a, i=i, k=k, **r: draws(i, k))
                output = network(x, sigma).sample
                x = scheduler.step_correct(output, x).prev_sample if k == 0 else scheduler.step_pred(output, t, x)[0]
    return x


def drawn(model: DiffusionSynthesizer, noise: Tensor) -> Tensor:
    """What we draw, beyond [-1, 1] as well."""
    *_, last = model.stages(noise, {}, seed=_SEED)
    return last.x


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "RePaintScheduler"])
def test_both_draw_the_same_from_a_folder_of_the_library_and_from_ours(tmp_path: Path, name: str) -> None:
    folder = library_folder(tmp_path / "theirs", getattr(diffusers, name)(**_OTHERS.get(name, {})))
    model = opened(folder)
    assert isinstance(model, DiffusionSynthesizer)
    steps = 20 if model.config.steps is None else 5
    model = model.resampled(replace(model.sampling, sampler=None, steps=steps, guidance=None))
    noise = noise_of(model)
    ours = drawn(model, noise)
    expected = theirs(folder, noise, steps)
    assert ours.isfinite().all()
    tolerance = 3e-3 * max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(ours, expected, rtol=0, atol=tolerance)
    files = export(model, "diffusers")
    write_export(files, tmp_path / "ours")
    torch.testing.assert_close(theirs(tmp_path / "ours", noise, steps), ours, rtol=0, atol=tolerance)
    back = opened(tmp_path / "ours")
    assert isinstance(back, DiffusionSynthesizer)
    assert replace(back.config, steps=steps) == model.config
    assert torch.equal(drawn(back.resampled(replace(back.sampling, sampler=None, steps=steps)), noise), ours)


def small_adm(**changes: Any) -> DiffusionSynthesizer:
    """ADM's network, smallest, with weights that say something."""
    network = ADMUNetConfig(
        channels=32, widths=(32, 64), depth=1, attention=(False, True), head_channels=16, dropout=0.0, **changes
    )
    config = DiffusionSynthesizerConfig(
        media=MediaSpec(kind="image", channels=3, height=_SIDE, width=_SIDE),
        denoiser=network,
        process=DiscreteProcess(steps=20, last=0.3),
        sampler=AncestralConfig(),
        steps=None,
    )
    torch.manual_seed(0)
    model = config.build().eval().requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    return model


@pytest.mark.parametrize("heads_first", [True, False])
@pytest.mark.parametrize("resample", ["residual", "conv"])
def test_networks_of_adm_are_drawn_from_by_the_library(tmp_path: Path, heads_first: bool, resample: str) -> None:
    model = small_adm(heads_first=heads_first, resample=resample)
    files = export(model, "diffusers")
    assert any("is ADM's" in note for note in files.notes)
    write_export(files, tmp_path / "ours")
    noise = noise_of(model)
    ours = drawn(model, noise)
    torch.testing.assert_close(theirs(tmp_path / "ours", noise, 20), ours, rtol=1e-3, atol=1e-3)
    back = opened(tmp_path / "ours")
    assert isinstance(back, DiffusionSynthesizer)
    assert UNET2D.to_published(back.config.denoiser) == UNET2D.to_published(model.config.denoiser)  # type: ignore[arg-type]
    torch.testing.assert_close(drawn(back, noise), ours, rtol=1e-4, atol=1e-4)


def unfit() -> Iterator[tuple[dict[str, Any], str]]:
    """Networks of ADM that the library has no place for, and what is said."""
    yield {"picture": 3}, r"^picture: "
    yield {"resample": "pool"}, r"^resample: .*'pool'"
    yield {"channels": 64}, r"^channels: .* 32; this network has 64"
    yield {"head_channels": None, "heads": 4, "attention": (True, True)}, r"^heads, up_heads: .*\[8, 16\]"
    yield {"head_channels": None, "heads": 1, "up_heads": 2}, r"^heads, up_heads: "


@pytest.mark.parametrize(("changes", "said"), list(unfit()))
def test_networks_of_adm_that_the_library_cannot_hold_are_refused(changes: dict[str, Any], said: str) -> None:
    given = {"channels": 32, "widths": (32, 64), "attention": (False, True), "head_channels": 16} | changes
    with pytest.raises(BadInput, match=said):
        as_ddpm(ADMUNetConfig(**given))


def test_pipelines_of_the_library_open_what_we_write(tmp_path: Path) -> None:
    network = DDPMUNetConfig(widths=(8, 16), depth=1, attention=(False, True), groups=4)
    media = MediaSpec(kind="image", channels=3, height=_SIDE, width=_SIDE)
    told = TargetPreconditioning(predicts="velocity")
    process = DiscreteProcess(steps=20, last=0.3)
    config = DiffusionSynthesizerConfig(media=media, denoiser=network, process=process, preconditioning=told, steps=10)
    torch.manual_seed(0)
    model = config.build().eval().requires_grad_(False)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    write_export(export(model, "diffusers"), tmp_path / "ours")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = diffusers.DDIMPipeline(
            unet=diffusers.UNet2DModel.from_pretrained(tmp_path / "ours"),
            scheduler=diffusers.DDIMScheduler.from_pretrained(tmp_path / "ours"),
        )
        pipeline.set_progress_bar_config(disable=True)
        noise = noise_of(model)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(f"{diffusers.DDIMPipeline.__module__}.randn_tensor", lambda *a, **k: noise)
            pictures = pipeline(
                batch_size=_COUNT, num_inference_steps=10, use_clipped_model_output=True, output_type="np"
            ).images
        # The whole pipeline, with the folder that it leaves.
        pipeline.save_pretrained(tmp_path / "pipeline")
    ours = drawn(model, noise).clamp(-1, 1)
    torch.testing.assert_close(torch.from_numpy(pictures).movedim(3, 1) * 2 - 1, ours, rtol=0, atol=2e-3)
    again = opened(tmp_path / "pipeline")
    assert isinstance(again, DiffusionSynthesizer)
    assert UNET2D.to_published(again.config.denoiser) == UNET2D.to_published(network)  # type: ignore[arg-type]
    assert again.config.process == process
