"""Cases whose outputs are withheld, in an environment with nothing but the package; and layouts held by the goldens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from diorama.interop import (
    basicsr,
    biggan,
    cyclegan_discriminators,
    cyclegan_generators,
    diffusers_unet2d,
    edm,
    esrgan,
    gan_zoo,
    guided_diffusion,
    inception_fid,
    mocogan,
    pix2pixhd,
    pytorch_examples_dcgan,
    r3gan,
)
from diorama.interop.catalog import recognise
from diorama.interop.layout import Layout, shapes_of
from tests.conformance.__main__ import print_table
from tests.conformance.adapters.catalog import ADAPTERS
from tests.conformance.case import Case, golden_files, golden_folder, read_case
from tests.conformance.runner import pending_reason, read_pending, relative_error

ROOT = Path(__file__).resolve().parents[2]
PENDING = read_pending(Path(__file__).with_name("pending.txt"))
LAYOUTS: dict[str, Layout[Any, Any]] = {
    "dcgan/main.py::Generator": pytorch_examples_dcgan.GENERATOR,
    "dcgan/main.py::Discriminator": pytorch_examples_dcgan.DISCRIMINATOR,
    "diffusers.UNet2DModel": diffusers_unet2d.UNET2D,
    "training.networks.SongUNet": edm.SONG_UNET,
    "training.networks.DhariwalUNet": edm.DHARIWAL_UNET,
    "torch_fidelity.feature_extractor_inceptionv3.FeatureExtractorInceptionV3 / pytorch_fid.inception.InceptionV3": (
        inception_fid.INCEPTION
    ),
}
LAYOUTS |= {
    "architecture.RRDB_Net": esrgan.RRDB_2018,
    "RRDBNet_arch.RRDBNet": esrgan.RRDB_2019,
    "basicsr.archs.rrdbnet_arch.RRDBNet": basicsr.RRDBNET,
    "realesrgan.archs.srvgg_arch.SRVGGNetCompact": basicsr.COMPACT,
    "basicsr.archs.srresnet_arch.MSRResNet": basicsr.SRRESNET,
    "basicsr.archs.discriminator_arch.VGGStyleDiscriminator": basicsr.VGG_DISCRIMINATOR,
    "realesrgan.archs.discriminator_arch.UNetDiscriminatorSN": basicsr.UNET_DISCRIMINATOR,
}
LAYOUTS |= {layout.network: layout for layout in biggan.LAYOUTS}
LAYOUTS |= {
    f"models.networks.{layout.network}": layout
    for layout in (*cyclegan_generators.LAYOUTS, *cyclegan_discriminators.LAYOUTS, *pix2pixhd.LAYOUTS)
}
LAYOUTS |= {f"models.networks.progressive_conv_net.{layout.network}": layout for layout in gan_zoo.LAYOUTS}
LAYOUTS |= {f"training.networks.{layout.network} (R3GAN)": layout for layout in r3gan.LAYOUTS}
LAYOUTS |= {f"src/models.py::{layout.network}": layout for layout in mocogan.LAYOUTS}
LAYOUTS |= {f"guided_diffusion.unet.{layout.network}": layout for layout in guided_diffusion.LAYOUTS}
ABSENT = pytest.mark.skipif(not golden_files(golden_folder()), reason="no golden files: set DIORAMA_GOLDEN")


def reached() -> list[Path]:
    """Golden files that an adapter computes."""
    files = [path for path in golden_files(golden_folder()) if pending_reason(path.stem, PENDING) is None]
    return [path for path in files if read_case(path).kind in ADAPTERS]


def smallest_of_each_kind() -> list[Path]:
    """Of the files that an adapter computes, one of each class."""
    largest_first = sorted(reached(), key=lambda path: path.stat().st_size, reverse=True)
    return list({read_case(path).kind: path for path in largest_first}.values())


def of_layouts() -> list[Any]:
    """Golden files of the published networks that there is a layout for."""
    found = [path for path in reached() if read_case(path).kind in LAYOUTS]
    return [pytest.param(path, id=path.stem) for path in found] or [pytest.param(Path(), marks=ABSENT, id="absent")]


def _published_config(case: Case, layout: Layout[Any, Any]) -> dict[str, Any]:
    """What of a case's config are arguments of the published class."""
    config = {"ndf" if key == "ndf_default_patched" else key: value for key, value in case.config.items()}
    return {key: value for key, value in config.items() if key in layout.arguments.__dataclass_fields__}


@pytest.mark.parametrize("path", of_layouts())
def test_import_export_import_is_bit_equal(path: Path) -> None:
    case = read_case(path)
    layout, weights = LAYOUTS[case.kind], case.weights
    config = _published_config(case, layout)
    assert recognise(shapes_of(weights), config) is layout
    network = layout.read_config(config, shapes_of(weights))
    ours = layout.import_state(network, weights)
    back = layout.export_state(network, ours)
    # Names of 2022 come back as today's.
    current = {layout.current_name(name): tensor for name, tensor in weights.items()}
    assert {name for name in back if not name.endswith("num_batches_tracked")} <= current.keys() <= back.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in current.items())
    written = layout.written(layout.to_published(network))
    again = layout.read_config(written, shapes_of(back))
    assert again == network
    assert all(torch.equal(t, ours[name]) for name, t in layout.import_state(again, back).items())


@ABSENT
@pytest.mark.slow
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)])
def test_withheld_outputs_are_computed_where_only_the_package_is_installed(every: bool, tmp_path: Path) -> None:
    """A case of each class, or every one, in one program that cannot import what tests alone need."""
    wanted = reached() if every else smallest_of_each_kind()
    cases, out = tmp_path / "cases", tmp_path / "out"
    cases.mkdir()
    for path in wanted:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
        tensors = {name: t for name, t in load_file(path).items() if not name.startswith("output/")}
        save_file(tensors or {"input/none": torch.zeros(1)}, cases / path.name, metadata)
    blocked = ("diffusers", "transformers", "huggingface_hub", "pytest", "hypothesis", "torchvision")
    program = (
        "import sys, runpy\n"
        f"for name in {blocked}: sys.modules[name] = None\n"
        f"sys.argv = ['conformance', {str(cases)!r}, '--out', {str(out)!r}]\n"
        "runpy.run_module('tests.conformance', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for path in wanted:
        found = {name.removeprefix("output/"): t for name, t in load_file(out / path.name).items()}
        relative_error(read_case(path), found)


@ABSENT
def test_the_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cases").mkdir()
    smallest = min(reached(), key=lambda path: path.stat().st_size)
    shutil.copy(smallest, tmp_path / "cases")
    assert print_table(tmp_path / "cases") == 0
    system = ADAPTERS[read_case(smallest).kind].system
    assert re.fullmatch(rf"\| {re.escape(system)} \| 1 \| \d\S+ \|", capsys.readouterr().out.splitlines()[-1])
