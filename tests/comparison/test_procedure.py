"""What is given to a comparison is looked at before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diorama.comparison.options import CompareOptions
from diorama.comparison.procedure import train_and_measure
from diorama.core.contracts import MediaSpec
from diorama.core.errors import BadInput
from diorama.data.pack import pack_arrays


def test_a_run_that_has_saved_no_model_is_refused_before_training(tmp_path: Path) -> None:
    pixels = np.zeros((24, 32, 32, 3), np.uint8)
    media = MediaSpec(kind="image", channels=3, height=32, width=32)
    data = pack_arrays(tmp_path / "data", {"train": pixels}, media)
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    (run / "recipe.json").write_text("{}")
    options = CompareOptions(runs=(run,), device="cpu")
    with pytest.raises(BadInput, match="has saved no model yet"):
        list(train_and_measure(["vae_toy"], data.path, out, options))
    assert not (out / "runs").exists()
