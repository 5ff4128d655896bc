"""``diorama sample`` keeps what it would otherwise write over."""

from __future__ import annotations

from pathlib import Path

import pytest

from diorama.cli.main import run
from diorama.synthesis import store
from diorama.synthesis.provenance import Provenance
from tests.synthesis.models import tiny_video_gan


@pytest.mark.parametrize(("kind", "file"), [("frames", "000001/0002.png"), ("gif", "000001.gif")])
def test_a_sample_is_not_drawn_again_over_its_own_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, file: str
) -> None:
    model, out = tiny_video_gan(), tmp_path / "out"
    store.save(tmp_path / "model", model.config, model.state_dict(), Provenance(), "")
    asked = ["sample", str(tmp_path / "model"), "--format", kind, "--out", str(out)]
    assert run([*asked, "--count", "3"]) == 0
    before = sorted(path.relative_to(out) for path in out.rglob("*"))
    assert run([*asked, "--like", str(out / file)]) == 2
    assert "holds the file of --like" in capsys.readouterr().err
    assert sorted(path.relative_to(out) for path in out.rglob("*")) == before
