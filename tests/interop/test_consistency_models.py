"""Consistency models' arguments and flags: what they say, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from diorama.core.errors import BadInput
from diorama.interop.catalog import recognise
from diorama.interop.consistency_models import KARRAS
from diorama.interop.consistency_models_arguments import KarrasArguments
from diorama.interop.guided_diffusion import UNET
from diorama.interop.layout import shapes_of
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.distilled import KarrasGridSpacing
from tests.interop.test_guided_diffusion import SMALL, random_state

# Of the published command that draws ImageNet in two steps.
TWO_STEPS: dict[str, Any] = {
    "batch_size": 256,
    "training_mode": "consistency_distillation",
    "sampler": "multistep",
    "ts": "0,22,39",
    "steps": 40,
    "attention_resolutions": "32,16,8",
    "class_cond": True,
    "use_scale_shift_norm": True,
    "dropout": 0.0,
    "image_size": 64,
    "num_channels": 192,
    "num_head_channels": 64,
    "num_res_blocks": 3,
    "num_samples": 500,
    "resblock_updown": True,
    "use_fp16": True,
    "weight_schedule": "uniform",
}


def test_flags_of_the_published_commands_say_what_the_model_is() -> None:
    arguments = KARRAS.read_arguments(TWO_STEPS, {})
    assert isinstance(arguments, KarrasArguments)
    # The paper's network of ImageNet at 64 x 64 without dropout.
    assert KARRAS.config_of(arguments) == ADMUNetConfig(classes=1000, dropout=0.0, heads_first=False)
    schedule = arguments.schedule()
    assert schedule.spacing == KarrasGridSpacing(grid=40, places=(0, 22))
    assert schedule.preconditioning == ConsistencyPreconditioning(time_scale=1000.0)
    assert schedule.steps == 2
    lsun = TWO_STEPS | {"class_cond": False, "image_size": 256, "num_channels": 256, "num_res_blocks": 2}
    config = KARRAS.read_config(lsun | {"use_scale_shift_norm": False})
    assert config.widths == (256, 256, 512, 512, 1024, 1024)
    assert config.attention == (False, False, False, True, True, True)
    assert not config.scale_shift


def test_written_arguments_stand_for_the_flags() -> None:
    arguments = KARRAS.read_arguments(TWO_STEPS, {})
    assert KARRAS.read_arguments(KARRAS.written(arguments), {}) == arguments


def test_only_a_config_that_says_so_is_of_these_networks() -> None:
    shapes = shapes_of(random_state(KARRAS, SMALL | {"distillation": True}))
    assert recognise(shapes, SMALL) is UNET
    assert recognise(shapes, SMALL | {"distillation": False}) is KARRAS
    assert recognise(shapes, {"training_mode": "edm"}) is KARRAS
    assert recognise(shapes, {"_class_name": "KarrasDenoiser"}) is KARRAS


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"distillation": None}, "distillation"),
        ({"out_channels": 6}, "out_channels: must be in_channels"),
        ({"sigma_min": 90.0}, "low < high"),
        ({"sampler": "multistep"}, "ts: must be at least two places, the last 39"),
        ({"ts": [0, 22]}, "the last 39"),
        ({"ts": [22, 0, 39]}, "must rise"),
        ({"ts": [0, 39], "sampler": "onestep"}, "ts: places that 'multistep' visits"),
        ({"steps": 1}, "steps"),
        ({"sampler": "plms"}, "sampler"),
        ({"sigma": 3}, "sigma"),
    ],
)
def test_arguments_that_cannot_be_are_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named) as refused:
        KARRAS.read_config(SMALL | {"distillation": True} | change)
    assert "\n" not in str(refused.value)


def test_the_kind_of_denoiser_is_asked_for() -> None:
    with pytest.raises(BadInput, match="neither a config nor the tensors say distillation"):
        KARRAS.read_config(SMALL)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"training_mode": "edm2"}, "training_mode"),
        ({"image_size": 48}, "channel_mult: follows from no image_size of 48"),
        ({"attention_resolutions": "7"}, "attention_resolutions: must divide the image_size 64"),
        ({"attention_resolutions": "a"}, "attention_resolutions: must be whole numbers between commas"),
        ({"ts": "0;22"}, "ts"),
        ({"learn_sigma": True}, "out_channels"),
        ({"num_head": 3}, "num_head"),
        ({"class_cond": "True"}, "class_cond"),
    ],
)
def test_flags_that_cannot_be_are_refused_by_name(change: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        KARRAS.read_config(TWO_STEPS | change)
    without = {key: value for key, value in TWO_STEPS.items() if key != "training_mode"}
    with pytest.raises(BadInput, match="training_mode: whether this is a consistency model"):
        KARRAS.read_config(without)
