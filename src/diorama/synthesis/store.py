"""Model folders: what a trained model is, its tensors, its card and where it comes from."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from diorama.core.config import decode, encode
from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import fresh_folder, sha256_of, write_bytes, write_json, write_text
from diorama.core.suggestions import did_you_mean
from diorama.interop.checkpoint import is_diffusers_folder, open_checkpoint
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.catalog import AnySynthesizer
from diorama.synthesis.provenance import Provenance, decode_provenance, encode_provenance
from diorama.synthesis.published import load_published, published_model

FORMAT = 1
CONFIG, WEIGHTS, CARD, PROVENANCE = "config.json", "model.safetensors", "README.md", "provenance.json"


def save(
    folder: Path, config: SynthesizerConfig, state: Mapping[str, Tensor], provenance: Provenance, card: str
) -> None:
    """Write a model folder; it appears whole or not at all, and replaces an older one.

    Args:
        folder: where.
        config: what the model is.
        state: the synthesizer's state dict: ``NAME.…`` for its parts.
        provenance: where the model comes from: data, recipe, code, scores.
        card: the model card, Markdown.
    """
    with fresh_folder(folder) as fresh:
        write_bytes(fresh / CONFIG, _config_bytes(config))
        write_bytes(fresh / WEIGHTS, to_bytes(_on_the_host(state)))
        write_json(fresh / PROVENANCE, encode_provenance(provenance))
        write_text(fresh / CARD, card)


def load(path: Path | str, *, device: torch.device | str = "cpu", catalog: Sequence[object] = ()) -> Synthesizer:
    """Read a model back, in evaluation mode.

    Args:
        path: a model folder, a run folder (its best model), or a folder of the diffusers library (a ``UNet2DModel``,
            alone or in a pipeline); what had to be guessed of the last is warned of.
        device: where the model shall be.
        catalog: further config classes that the model may name (a user's own).

    Raises:
        BadInput: no model there, a file that is missing or broken, a tensor that is missing, unknown or misshapen.
        BadConfig: the config does not fit; the message names the field.
    """
    if is_diffusers_folder(Path(path)):
        return load_published(Path(path), device=device)
    folder = model_folder(path)
    config = read_config(folder, catalog)
    state = _read_weights(folder / WEIGHTS)
    if not catalog:
        # Shapes before memory, since a config from anybody may ask for any amount; a user's own classes need not
        # build without it.
        with torch.device("meta"):
            _check_fit(_built(config, folder / CONFIG).state_dict(), state, folder / WEIGHTS)
    model = _built(config, folder / CONFIG)
    _check_fit(model.state_dict(), state, folder / WEIGHTS)
    model.load_state_dict(state)
    return model.to(device).eval().requires_grad_(False)


def holds_model(path: Path) -> bool:
    """Whether a path is for :func:`load`: a model folder, a run, or a folder of the diffusers library."""
    return (path / CONFIG).is_file() or (path / "recipe.json").is_file() or is_diffusers_folder(path)


def require_model(path: Path) -> None:
    """See that :func:`load` finds a model, without reading it.

    Raises:
        BadInput: there is none; the message says what is missing.
    """
    if not is_diffusers_folder(path):
        model_folder(path)


def model_folder(path: Path | str) -> Path:
    """The model folder that a path stands for: itself, or the ``model`` of a run.

    Raises:
        BadInput: there is none.
    """
    given = Path(path)
    for folder in (given, given / "model"):
        if (folder / CONFIG).is_file():
            return folder
    if not given.exists():
        raise BadInput(f"{given}: there is no such folder{_nearest(given)}")
    if (given / "recipe.json").is_file():
        raise BadInput(f"{given}: this run has saved no model yet; continue it with the same `diorama train` command")
    raise BadInput(f"{given}: is no model folder and no run (neither {CONFIG} nor model/{CONFIG} is in it)")


def weights_of(path: Path) -> Path:
    """The weights file of a model folder or run.

    Raises:
        BadInput: there is none.
    """
    for folder in (path, path / "model"):
        if (folder / WEIGHTS).is_file():
            return folder / WEIGHTS
    raise BadInput(f"{path}: is neither a model folder nor a run with a model (there is no {WEIGHTS})")


def hash_of_weights(path: Path | None) -> str | None:
    """Hex SHA-256 of the weights of a model folder or run, where there is one.

    Raises:
        BadInput: as :func:`weights_of`.
    """
    return None if path is None else sha256_of(weights_of(path))


def _nearest(path: Path) -> str:
    """The name beside a path that does not exist which is most like it, as the end of a message."""
    try:
        return did_you_mean(path.name, sorted(each.name for each in path.parent.iterdir()))
    except OSError:
        return ""


def read_config(folder: Path, catalog: Sequence[object] = ()) -> SynthesizerConfig:
    """What the model in a model folder is.

    Raises:
        BadInput: the file is missing, broken, or of a newer format.
        BadConfig: a field does not fit.
    """
    document = _read_json(folder / CONFIG)
    if document.get("format") != FORMAT:
        raise BadInput(
            f"{folder / CONFIG}: format {document.get('format')!r} is not {FORMAT}; a newer Diorama may have written it"
        )
    if "model" not in document:
        raise BadInput(f"{folder / CONFIG}: the field model is missing")
    return decode(AnySynthesizer, document["model"], f"{folder / CONFIG}: model", catalog)


def read_provenance(path: Path | str) -> Provenance:
    """Where a model comes from, as its training wrote it.

    Raises:
        BadInput: no model there, or the file is missing or broken.
    """
    if is_diffusers_folder(Path(path)):
        return published_model(open_checkpoint(Path(path))).provenance
    file = model_folder(path) / PROVENANCE
    try:
        return decode_provenance(_read_json(file), str(file))
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem


def model_hash(model: Path | str | Synthesizer) -> str:
    """Hex SHA-256 of what a model is and of its tensors: the same for a model folder and for the model read from it.

    Raises:
        BadInput: no model there.
    """
    if not isinstance(model, Synthesizer) and is_diffusers_folder(Path(model)):
        with warnings.catch_warnings(action="ignore"):
            model = load_published(Path(model))
    if isinstance(model, Synthesizer):
        return hash_when_asked(model)()
    folder = model_folder(model)
    return _joint_hash(_file_hash(folder / CONFIG), _file_hash(folder / WEIGHTS))


def hash_when_asked(model: Synthesizer) -> Callable[[], str]:
    """A call that gives :func:`model_hash` of the model as it is now, without touching the model or its device.

    Another thread can make it, while the device draws and whatever is done to the model.
    """
    config, state = _config_bytes(model.config), _on_the_host(model.state_dict())

    def find() -> str:
        return _joint_hash(*(hashlib.sha256(content).hexdigest() for content in (config, to_bytes(state))))

    return find


def _joint_hash(*parts: str) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(part) for part in parts)).hexdigest()


def _config_bytes(config: SynthesizerConfig) -> bytes:
    document = {"format": FORMAT, "model": encode(config)}
    return (json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _on_the_host(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies, each in memory of its own: safetensors refuses tensors that share it."""
    # Memory is filled row by row, whatever the layout that a convolution's weights have for its kernels.
    return {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach()) for name, tensor in state.items()
    }


def _built(config: SynthesizerConfig, path: Path) -> Synthesizer:
    try:
        return config.build()
    except (RuntimeError, ValueError, ArithmeticError) as problem:
        raise BadInput(f"{path}: no model can be built of what it says ({problem})") from problem


def _read(path: Path) -> bytes:
    with _reading(path):
        return path.read_bytes()


def _file_hash(path: Path) -> str:
    """Hex SHA-256 of a file, piece by piece: weights may be larger than what memory is left."""
    with _reading(path):
        return sha256_of(path)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror}); the model folder is incomplete") from problem


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(_read(path))
    except ValueError as problem:
        raise BadInput(f"{path}: is not JSON ({problem})") from problem
    if not isinstance(document, dict):
        raise BadInput(f"{path}: must hold a JSON object")
    return document


def _read_weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise BadInput(f"{path}: is missing; the model folder is incomplete")
    try:
        return load_file(path)
    except (OSError, SafetensorError) as problem:
        raise BadInput(f"{path}: is no whole safetensors file ({problem})") from problem


def _check_fit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], path: Path) -> None:
    """Every tensor of the model is there in its shape, and nothing else."""
    for name, tensor in expected.items():
        if name not in found:
            raise BadInput(f"{path}: tensor {name!r} is missing")
        if found[name].shape != tensor.shape:
            raise BadInput(
                f"{path}: tensor {name!r} has shape {tuple(found[name].shape)}, the config asks for "
                f"{tuple(tensor.shape)}"
            )
    for name in found:
        if name not in expected:
            raise BadInput(f"{path}: tensor {name!r} is none of the model's")
