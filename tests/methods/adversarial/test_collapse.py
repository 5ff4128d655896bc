"""Signs of a collapse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diorama.core import runlog
from diorama.core.contracts import MediaSpec
from diorama.data.pack import pack_arrays
from diorama.data.synthetic.world import World
from diorama.methods.adversarial.collapse import Alarms, forgetful, narrow, spread
from diorama.methods.adversarial.gan import GANConfig
from diorama.networks.adversarial.dcgan import DCGANDiscriminatorConfig, DCGANGeneratorConfig
from diorama.training.recipe import EvaluationConfig, OptimizerConfig, RateConfig, Recipe
from diorama.training.run import TrainOptions, train

MEDIA = MediaSpec(kind="image", channels=3, height=32, width=32)


def test_few_modes_of_the_world_lie_closer_together_than_all() -> None:
    pictures = torch.from_numpy(World(size=16).pictures(np.arange(64))).permute(0, 3, 1, 2) / 127.5 - 1
    assert spread(pictures[32:], pictures[:32]).item() == pytest.approx(1.0, abs=0.15)
    assert spread(pictures[:1].expand(32, -1, -1, -1), pictures[:32]) == 0


def test_a_narrow_batch_sounds_once_training_is_no_longer_young() -> None:
    losses = {"discriminator": 1.0, "discriminator/spread": 0.2}
    assert narrow(losses, 100, 1_000) == ""
    assert "lie 20% as far apart as real ones" in narrow(losses, 500, 1_000)
    assert narrow(losses, 20_000, 10**9)
    assert narrow({"discriminator/spread": 0.3}, 500, 1_000) == narrow({"elbo": 1.0}, 500, 1_000) == ""


def test_a_recall_that_falls_sounds_and_one_that_was_never_there_does_not() -> None:
    earlier = [{"metric": "recall@lite", "value": value} for value in (0.1, 0.4)]
    assert "fell to 0.05 from 0.4" in forgetful([{"metric": "recall@lite", "value": 0.05}], earlier)
    assert forgetful([{"metric": "recall@lite", "value": 0.2}], earlier) == ""
    assert forgetful([{"metric": "recall@lite", "value": 0.0}], [{"metric": "recall@lite", "value": 0.05}]) == ""
    assert forgetful([{"metric": "fd@lite", "value": 0.0}], [{"metric": "fd@lite", "value": 9.0}]) == ""


def test_people_are_told_when_an_alarm_begins_and_the_log_as_long_as_it_lasts() -> None:
    alarms = Alarms(100)
    low, high = {"discriminator/spread": 0.1}, {"discriminator/spread": 0.9}
    heard = [alarms.hear(losses, 60) for losses in (low, low, high, low)]
    assert [bool(each) for each in heard] == [True, True, False, True]
    assert len(alarms.news()) == 2
    assert alarms.news() == ()


def game(*, generator: float, discriminator: float) -> Recipe:
    """A small DCGAN of the world."""
    rates = {"generator": generator, "discriminator": discriminator}
    return Recipe(
        name="game",
        method=GANConfig(
            media=MEDIA,
            generator=DCGANGeneratorConfig(size=(32, 32), features=12, latent=32),
            discriminator=DCGANDiscriminatorConfig(size=(32, 32), features=12),
            r1=0.02,
        ),
        optimizers={p: OptimizerConfig(rate=RateConfig(peak=peak), betas=(0.5, 0.999)) for p, peak in rates.items()},
        images=8_000,
        batch_size=32,
        log_every=2_000,
        evaluation=EvaluationConfig(samples=0),
    )


@pytest.mark.slow
@pytest.mark.long
def test_a_game_that_collapses_sounds_and_a_healthy_one_does_not(tmp_path: Path) -> None:
    pictures = World(size=32).pictures(np.arange(544))
    pack_arrays(tmp_path / "world", {"train": pictures[:512], "val": pictures[512:]}, MEDIA, name="world")
    games = {
        "healthy": game(generator=5e-4, discriminator=5e-4),
        # A generator that runs far ahead of what judges it.
        "collapsed": replace(game(generator=2e-2, discriminator=2e-4), name="collapsed"),
    }
    sounded = {}
    for name, recipe in games.items():
        ticks = list(train(recipe, tmp_path / "world", tmp_path / name, TrainOptions(device="cpu")))
        lines = list(runlog.read(tmp_path / name / "log.jsonl"))
        sounded[name] = any("alarm" in line for line in lines)
        assert sounded[name] == any("collapsed;" in note for tick in ticks for note in tick.notes)
    assert sounded == {"healthy": False, "collapsed": True}
