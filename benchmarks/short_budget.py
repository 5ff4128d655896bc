"""The papers' networks with schedules for minutes on one GPU, as the peers' pictures in the report were made.

Run: ``diorama train benchmarks/short_budget.py:ddpm --data cifar10 --out runs/ddpm --time 440s``
"""

from __future__ import annotations

from dataclasses import replace

from diorama.core.contracts import DataInfo
from diorama.processes.times import StepTimes
from diorama.recipes import ddpm as paper
from diorama.training.recipe import AverageConfig, RateConfig, Recipe


def ddpm(info: DataInfo) -> Recipe:
    """The DDPM of 35.7 M parameters, batch 256, with a rate that falls over the 1.9 M pictures that 440 s allow.

    The paper's own schedule (warm-up of 640,000 pictures, averages over 887,000) is made for 100 M pictures.
    """
    recipe = paper.ddpm(info)
    optimizer = recipe.optimizers["denoiser"]
    rate = RateConfig(peak=6e-4, warmup=30_000, decay="cosine", final=0.02)
    return replace(
        recipe,
        name="ddpm_short",
        method=replace(recipe.method, times=StepTimes(spread=True)),
        optimizers={"denoiser": replace(optimizer, rate=rate, betas=(0.9, 0.99))},
        images=1_900_000,
        batch_size=256,
        averages={"ema": AverageConfig(half_life=60_000, ramp_up=0.05)},
        evaluation=replace(recipe.evaluation, every=0),
        preview_every=0,
        checkpoint_every=10_000_000,
    )
