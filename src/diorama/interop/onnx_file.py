"""Networks as ONNX files, which other programs run without PyTorch.

The graph is the one that ``torch.export`` traces; what onnxruntime makes of it is held against PyTorch before anybody
is given the file.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from diorama.core.errors import BadInput

TOLERANCE = 1e-4
"""How far onnxruntime may be from PyTorch: the largest difference over the largest absolute value."""
OPSET = 20
"""Of the operators: what the exporter translates to by itself, so that no operator is rewritten for another version."""
BATCH = "batch"
_LARGEST = 2_000_000_000
"""Bytes of weights: a file of Protocol Buffers ends at 2 GiB."""
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, kw_only=True)
class FreeSides:
    """Sides of a given picture that the file leaves open.

    Args:
        multiple: they are multiples of this.
    """

    multiple: int


@dataclass(frozen=True, kw_only=True)
class OnnxInput:
    """What the network is given.

    Args:
        name: in the file.
        free: of a picture (b, c, h, w) whose sides are open; ``None`` where only the batch is.
    """

    name: str
    free: FreeSides | None = None


def require_onnx() -> None:
    """See that the packages are there.

    Raises:
        BadInput: one is not; the message names the extra.
    """
    for name in _PACKAGES:
        try:
            import_module(name)
        except ImportError as problem:
            raise BadInput(f"ONNX files need the package {name}: pip install 'diorama[onnx]'") from problem


def to_onnx(
    network: nn.Module, inputs: Sequence[OnnxInput], output: str, given: Sequence[Tensor], facts: Mapping[str, str]
) -> bytes:
    """The content of an ONNX file, for batches of any size.

    Args:
        network: in evaluation mode, in float32 on the CPU; it takes the inputs in their order.
        inputs: what it is given.
        output: name of what it returns.
        given: an example of each input, in a batch of at least two.
        facts: the file's metadata.

    Raises:
        BadInput: a package is missing, the network is too large, or has something that ONNX lacks; the message says
            what.
    """
    require_onnx()
    size = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    if size > _LARGEST:
        raise BadInput(f"its weights take {size:,} bytes, and one ONNX file holds {_LARGEST:,}")
    with _quiet(), torch.no_grad():
        try:
            program = torch.onnx.export(
                network,
                tuple(given),
                dynamo=True,
                dynamic_shapes=tuple(_open_axes(each) for each in inputs),
                input_names=[each.name for each in inputs],
                output_names=[output],
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
        except Exception as problem:
            # Its types differ by the step that fails and by version; the last line says what could not be done.
            cause = problem.__cause__ or problem
            raise BadInput(f"no ONNX file can be made of it ({str(cause).strip().splitlines()[0]})") from problem
    assert program is not None
    proto = program.model_proto
    for key, value in facts.items():
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    content: bytes = proto.SerializeToString()
    return content


def largest_difference(
    content: bytes, network: nn.Module, inputs: Sequence[OnnxInput], batches: Sequence[Sequence[Tensor]]
) -> float:
    """How far onnxruntime is from PyTorch on a CPU, at worst: the largest difference over the largest absolute value.

    Args:
        content: of an ONNX file.
        network: that it was made of.
        inputs: what both are given.
        batches: of these inputs.

    Raises:
        BadInput: onnxruntime cannot run the file, or returns another shape.
    """
    import onnxruntime

    worst = 0.0
    with torch.no_grad():
        expected = [network(*batch) for batch in batches]
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        names = [each.name for each in inputs]
        found = [
            torch.from_numpy(session.run(None, {n: t.numpy() for n, t in zip(names, batch, strict=True)})[0])
            for batch in batches
        ]
    except Exception as problem:
        raise BadInput(f"onnxruntime cannot run the file ({str(problem).strip().splitlines()[0]})") from problem
    for ours, theirs in zip(expected, found, strict=True):
        if ours.shape != theirs.shape:
            raise BadInput(f"onnxruntime returns {tuple(theirs.shape)} where PyTorch returns {tuple(ours.shape)}")
        # A value that is no number is further away than any other.
        distance = ((theirs - ours).abs().amax() / ours.abs().amax().clamp(min=1e-12)).nan_to_num(torch.inf)
        worst = max(worst, float(distance))
    return worst


def _open_axes(given: OnnxInput) -> dict[int, Any]:
    axes: dict[int, Any] = {0: Dim(BATCH)}
    if given.free is not None:
        times = given.free.multiple
        for axis, name in ((2, "rows"), (3, "columns")):
            axes[axis] = Dim(name) if times == 1 else times * Dim(name)
    return axes


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells of packages that it does without, and of functions that its own code should no longer use."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        log.setLevel(level)
