"""Sheets of mixed styles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diorama.cli.main import run
from diorama.media.image import read_image
from diorama.media.stamp import read_stamp
from diorama.synthesis.conditions import NOTHING
from diorama.tasks.latents import Sample, Styles
from diorama.tasks.mixing import mixing_sheet
from tests.synthesis.models import saved, tiny_gan, tiny_stylegan


def test_rows_give_coarse_styles_and_columns_fine_ones() -> None:
    styles = Styles(tiny_stylegan(), NOTHING)
    layers = styles.places([Sample(0)]).shape[1]
    rows, columns = [Sample(0), Sample(1)], [Sample(2), Sample(3), Sample(4)]
    sheets = {n: mixing_sheet(styles, rows, columns, n, Sample(0)).unflatten(0, (3, 4)) for n in (0, 2, layers)}
    for sheet in sheets.values():
        torch.testing.assert_close(sheet[0, 1:], sheets[0][0, 1:])
        torch.testing.assert_close(sheet[1:, 0], sheets[0][1:, 0])
    torch.testing.assert_close(sheets[0][1:, 1:], sheets[0][:1, 1:].expand(2, -1, -1, -1, -1))
    torch.testing.assert_close(sheets[layers][1:, 1:], sheets[layers][1:, :1].expand(-1, 3, -1, -1, -1))
    assert not torch.allclose(sheets[2][1, 1], sheets[2][1, 0], atol=1e-3)
    assert not torch.allclose(sheets[2][1, 1], sheets[2][0, 1], atol=1e-3)


def test_a_sheet_is_stamped_and_what_cannot_be_mixed_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, gan, sheet = saved(tiny_stylegan(), tmp_path / "m"), saved(tiny_gan(), tmp_path / "g"), tmp_path / "a.png"
    assert run(["mix", str(model), "--out", str(sheet), "--rows", "0", "1", "--columns", "2:5"]) == 0
    assert read_image(sheet.read_bytes(), "a.png").pixels.shape == (2 + 3 * 18, 2 + 2 * 18, 3)
    stamp = read_stamp(sheet)
    assert stamp is not None
    assert (stamp.index, stamp.condition) == (None, {"rows": "0 1", "columns": "2:5"})
    capsys.readouterr()
    for words, code, message in [
        ([gan, "--out", sheet], 1, "mix: needs a generator with styles (w)"),
        ([model, "--out", sheet, "--coarse", "99"], 2, "--coarse: must be in 0 … 6"),
        ([model, "--out", tmp_path / "a.mp4"], 1, "is no name for a sheet"),
    ]:
        assert run(["mix", *map(str, words)]) == code
        assert message in capsys.readouterr().err
