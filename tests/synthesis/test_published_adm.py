"""Networks of guided diffusion as models."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save_file

from diorama.interop.checkpoint import open_checkpoint
from diorama.interop.guided_diffusion import UNET
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.published import published_model
from tests.interop.test_guided_diffusion import SMALL, random_state


def test_a_learned_variance_is_drawn_with(tmp_path: Path) -> None:
    config = SMALL | {"out_channels": 6}
    save_file(random_state(UNET, config), tmp_path / "unet.safetensors")
    (tmp_path / "unet.json").write_text(json.dumps(config))
    process = {"_class_name": "DDPMScheduler", "num_train_timesteps": 5, "beta_schedule": "squaredcos_cap_v2"}
    (tmp_path / "scheduler_config.json").write_text(json.dumps(process))
    found = published_model(open_checkpoint(tmp_path / "unet.safetensors", config=tmp_path / "unet.json"))
    assert isinstance(found.config, DiffusionSynthesizerConfig)
    assert found.config.preconditioning == TargetPreconditioning(variance="share")
    assert found.config.process == DiscreteProcess(steps=5, betas="cosine")
    model = found.config.build()
    model.load_state_dict(dict(found.state))
    assert model.sample(2, seed=0).isfinite().all()
