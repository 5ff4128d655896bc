"""What joins a comparison beside the trained generators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from diorama.comparison.gather import untrained_self
from diorama.synthesis import store
from diorama.training.recipe import AverageConfig, OptimizerConfig, RateConfig
from diorama.training.run import TrainOptions, train
from tests.training.toy import CATALOG, flow_recipe, write_data


def test_the_untrained_self_is_what_training_starts_from(tmp_path: Path) -> None:
    still = OptimizerConfig(rate=RateConfig(peak=0.0))
    recipe = replace(
        flow_recipe(),
        images=16,
        micro_batch=None,
        optimizers={"generator": still},
        averages={"ema": AverageConfig(half_life=0)},
    )
    list(train(recipe, write_data(tmp_path / "data"), tmp_path / "run", TrainOptions(device="cpu", catalog=CATALOG)))
    began, untrained = store.load(tmp_path / "run", catalog=CATALOG), untrained_self(recipe)
    for (name, one), other in zip(began.named_parameters(), untrained.parameters(), strict=True):
        assert torch.equal(one, other), name
