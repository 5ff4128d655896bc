"""The runner itself: unseen cases, tolerances, pending lines, the table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from diorama.interop import pytorch_examples_dcgan as published
from tests.conformance.__main__ import main
from tests.conformance.case import golden_files, golden_folder, read_case
from tests.conformance.philox import philox_weights
from tests.conformance.runner import Mismatch, pending_reason, read_pending, relative_error, table

CONFIG = {"nc": 1, "ngf": 2, "ndf": 2, "nz": 3}
ROOT = Path(__file__).resolve().parents[2]


def golden(path: Path, *, outputs: bool = True, **metadata: str) -> dict[str, Tensor]:
    """Write a case of DCGAN's generator; returns its outputs."""
    torch.manual_seed(0)
    config = published.GENERATOR.read_config(CONFIG)
    network = config.build().eval()
    z = torch.randn(2, 3, 1, 1)
    with torch.no_grad():
        network.head.weight.mul_(1000)
        answer = {"img": network(z.flatten(1))}
    tensors = {
        f"weights/{name}": value
        for name, value in published.GENERATOR.export_state(config, network.state_dict()).items()
    }
    tensors["input/z"] = z
    if outputs:
        tensors["output/img"] = answer["img"]
    described = {"class": "dcgan/main.py::Generator", "config": json.dumps(CONFIG)} | metadata
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, described)
    return answer


def test_unseen_cases_are_computed_and_a_failing_one_stops_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "cases", tmp_path / "out"
    folder.mkdir()
    expected = golden(folder / "b.safetensors", outputs=False)
    (folder / "a.safetensors").write_bytes(b"broken")
    golden(folder / "c.safetensors", outputs=False, config=json.dumps(CONFIG | {"ngf": 5}))
    golden(folder / "d.safetensors", outputs=False, **{"class": "nobody.knows"})
    assert main([str(folder), "--out", str(out)]) == 1
    assert [p.name for p in out.iterdir()] == ["b.safetensors"]
    found = load_file(out / "b.safetensors")
    assert list(found) == ["output/img"]
    assert torch.equal(found["output/img"], expected["img"])
    printed = capsys.readouterr()
    assert "1 cases written, 2 failed, 1 without an adapter" in printed.out
    assert "c: BadInput" in printed.err


def test_the_table_compares_with_what_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden(tmp_path / "x.safetensors")
    assert main([str(tmp_path), "--table"]) == 0
    assert "| DCGAN | 1 | 0.0e+00 |" in capsys.readouterr().out


def test_a_missing_folder_is_an_argument_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "none"), "--table"])
    assert "no such folder" in capsys.readouterr().err


def test_tolerance_is_the_files_own(tmp_path: Path) -> None:
    answer = golden(tmp_path / "x.safetensors", tolerance="1e-2 * max|reference| + 1e-6, per output tensor")
    case = read_case(tmp_path / "x.safetensors")
    largest = answer["img"].abs().max()
    near, far = ({"img": answer["img"] + share * largest} for share in (0.009, 0.011))
    assert relative_error(case, near) == pytest.approx(0.009, rel=1e-3)
    with pytest.raises(Mismatch, match="img is off by"):
        relative_error(case, far)


def test_outputs_must_have_the_names_and_shapes_of_the_reference(tmp_path: Path) -> None:
    answer = golden(tmp_path / "x.safetensors")["img"]
    case = read_case(tmp_path / "x.safetensors")
    for wrong, message in (
        ({}, "outputs are"),
        ({"img": answer, "more": answer}, "outputs are"),
        ({"img": answer[0]}, "has shape"),
        ({"img": answer * torch.nan}, "off by nan"),
    ):
        with pytest.raises(Mismatch, match=message):
            relative_error(case, wrong)


def test_a_lone_dummy_input_is_no_input(tmp_path: Path) -> None:
    save_file({"input/none": torch.zeros(1)}, tmp_path / "x.safetensors", {"class": "any"})
    case = read_case(tmp_path / "x.safetensors")
    assert case.inputs == case.outputs == case.weights == {}


@pytest.mark.parametrize(("metadata", "message"), [({}, "names no class"), ({"class": "a", "tolerance": "?"}, "'?'")])
def test_bad_headers_are_named(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    save_file({"input/none": torch.zeros(1)}, tmp_path / "x.safetensors", metadata)
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        read_case(tmp_path / "x.safetensors")


def test_weights_that_are_not_stored_follow_the_rule() -> None:
    shapes = {"a.weight": [64, 32, 3, 3], "n.weight": [4000], "n.bias": [4000], "n.running_mean": [4000]}
    shapes |= {"n.running_var": [4000], "n.num_batches_tracked": []}
    found = philox_weights({"state_dict": shapes, "gain": 2.0})
    assert {name: list(value.shape) for name, value in found.items()} == shapes
    assert found["a.weight"].std().item() == pytest.approx(2 * (2 / 288) ** 0.5, rel=0.02)
    assert found["n.weight"].mean().item() == pytest.approx(1, abs=0.01)
    assert found["n.bias"].std().item() == pytest.approx(0.1, rel=0.05)
    assert found["n.running_var"].min() >= 1
    assert found["n.num_batches_tracked"] == 0
    assert not torch.equal(found["n.bias"], found["n.running_mean"])


def test_pending_lines_are_globs_with_reasons(tmp_path: Path) -> None:
    (tmp_path / "pending.txt").write_text("# comment\n\ngan_*   not built yet\n")
    pending = read_pending(tmp_path / "pending.txt")
    assert pending_reason("gan_x", pending) == "not built yet"
    assert pending_reason("dif_x", pending) is None


def test_the_table_keeps_the_worst_error_of_each_system() -> None:
    assert table([("B", 1e-7), ("A", 1e-6), ("A", 3e-6)]).splitlines()[2:] == [
        "| A | 2 | 3.0e-06 |",
        "| B | 1 | 1.0e-07 |",
    ]


@pytest.mark.skipif(bool(golden_files(golden_folder())), reason="test_unseen.py does the same with the golden files")
def test_it_runs_where_only_the_package_itself_is_installed(tmp_path: Path) -> None:
    """Unseen cases are checked in an environment without diffusers, transformers or pytest."""
    (tmp_path / "cases").mkdir()
    golden(tmp_path / "cases" / "x.safetensors", outputs=False)
    program = (
        "import sys, runpy\n"
        "for name in ('diffusers', 'transformers', 'pytest', 'hypothesis'): sys.modules[name] = None\n"
        f"sys.argv = ['conformance', {str(tmp_path / 'cases')!r}, '--out', {str(tmp_path / 'out')!r}]\n"
        "runpy.run_module('tests.conformance', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "x.safetensors").is_file()
