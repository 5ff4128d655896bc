"""A published checkpoint as it lies: its tensors, its config, and the network that it is recognised as."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.files import sha256_of
from diorama.core.legacy import is_pickled_object, named_tensors, read_checkpoint
from diorama.interop.catalog import PUBLISHERS, recognise
from diorama.interop.layout import Layout, Shapes, shapes_of
from diorama.interop.pickled_networks import read_pickled
from diorama.interop.score_sde_checkpoint import averaged_weights

CONFIG, INDEX, SCHEDULER = "config.json", "model_index.json", "scheduler_config.json"
WEIGHTS = ("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
"""Files of a diffusers folder; of the weights the first that is there."""
_NAMES_SHOWN = 4
_AVERAGED = ("params_ema",)
"""What the averaged network of a file is called that holds it beside the one in training; the former is taken."""
_PIPELINE_PARTS = ("unet", "scheduler")
"""Parts of a pipeline that are read."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What was found, before any network is built.

    Args:
        path: the file of the tensors.
        sha256: of that file.
        layout: the network that they are.
        tensors: by their published names.
        config: the published config; empty where there is none.
        config_path: where it was read.
        schedule: the config of a diffusers scheduler beside it.
        schedule_path: where that was read.
        notes: what was left out of the file and its config, for people.
    """

    path: Path
    sha256: str
    layout: Layout[Any, Any]
    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any] = field(default_factory=dict)
    config_path: Path | None = None
    schedule: Mapping[str, Any] | None = None
    schedule_path: Path | None = None
    notes: tuple[str, ...] = ()


def is_diffusers_folder(path: Path) -> bool:
    """Whether a folder is one that the diffusers library writes: a network's, or a pipeline's."""
    if (path / INDEX).is_file():
        return True
    if not (path / CONFIG).is_file():
        return False
    try:
        document = json.loads((path / CONFIG).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and "_class_name" in document


def open_checkpoint(path: Path, *, config: Path | None = None, part: str | None = None) -> Checkpoint:
    """Read a published checkpoint and recognise what it is.

    Args:
        path: a file of tensors (safetensors, or pickled and then read by the restricted reader), or a folder of the
            diffusers library. The scheduler's config of a denoiser is found beside a file, too.
        config: the published config, JSON; ``None`` for the one in the folder, if it is one.
        part: of a file that holds several networks, the beginning of the wanted one's tensor names.

    Raises:
        BadInput: a file is missing or broken, or holds no network that is known here.
    """
    if path.is_dir():
        weights, found, schedule_path = _in_folder(path)
        config = config or found
    elif path.exists():
        weights, schedule_path = path, None
    else:
        raise BadInput(f"{path}: there is no such file or folder")
    published = {} if config is None else read_json(config)
    if is_pickled_object(weights):
        tensors, pickled, of_file = read_pickled(weights, part)
        published, part = pickled if config is None else published, None
    else:
        tensors, of_file = _tensors(weights)
    layout, tensors, notes = _recognised(weights, tensors, published, part)
    if schedule_path is None and layout.role == "denoiser":
        schedule_path = _schedule_near(weights.parent, weights.parent)
    return Checkpoint(
        path=weights,
        sha256=sha256_of(weights),
        layout=layout,
        tensors=tensors,
        config=published,
        config_path=config,
        schedule=None if schedule_path is None else read_json(schedule_path),
        schedule_path=schedule_path,
        notes=(*of_file, *notes, *_unused(layout, published)),
    )


def _unused(layout: Layout[Any, Any], published: Mapping[str, Any]) -> Iterator[str]:
    """What is said of arguments that are dropped."""
    found = []
    for name in layout.unused:
        outer, _, inner = name.rpartition(".")
        section = published.get(outer) if outer else published
        if isinstance(section, Mapping) and inner in section:
            found.append(f"{name} = {json.dumps(section[inner], default=str)}")
    if found:
        yield f"left out of its arguments {', '.join(found)}: for training or speed alone"


def _tensors(path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The tensors of a file, and a note where they are averages that have no names in it."""
    content = read_checkpoint(path)
    try:
        averages = averaged_weights(content)
    except BadInput as problem:
        raise BadInput(f"{path}: {problem}") from problem
    if averages is None:
        return named_tensors(content, path), ()
    return averages, ("took the moving average of the weights, which the file lists in the order of its parameters",)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BadInput: it cannot be read, or is none.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{path}: is not JSON ({problem})") from problem
    if not isinstance(document, dict):
        raise BadInput(f"{path}: must hold a JSON object")
    return document


def _in_folder(path: Path) -> tuple[Path, Path, Path | None]:
    """Weights, config and the scheduler's config of a diffusers folder."""
    inner = path
    if (path / INDEX).is_file() and not (path / CONFIG).is_file():
        _check_pipeline(path / INDEX)
        inner = path / "unet"
    if not is_diffusers_folder(inner):
        if (inner / CONFIG).is_file():
            read_json(inner / CONFIG)  # a broken one is to be named as such
        raise BadInput(f"{path}: is no folder of the diffusers library ({inner / CONFIG} names no class of it)")
    weights = next((inner / name for name in WEIGHTS if (inner / name).is_file()), None)
    if weights is None:
        split = next(
            (inner / f"{name}.index.json" for name in WEIGHTS if (inner / f"{name}.index.json").is_file()), None
        )
        if split is not None:
            raise BadInput(f"{split}: weights that are split over several files are not read; save them as one")
        raise BadInput(f"{inner}: there is no {' and no '.join(WEIGHTS)}")
    return weights, inner / CONFIG, _schedule_near(inner, path)


def _schedule_near(inner: Path, path: Path) -> Path | None:
    """The scheduler's config for a network in the folder ``inner`` of ``path``; ``None`` where there is none."""
    # A pipeline keeps its scheduler beside the network's folder; pipelines of 2022 keep all in one.
    places = [inner / SCHEDULER, path / "scheduler" / SCHEDULER]
    if inner.resolve().name == "unet":
        places.append(inner.resolve().parent / "scheduler" / SCHEDULER)
    return next((place for place in places if place.is_file()), None)


def _check_pipeline(index: Path) -> None:
    """See that a pipeline is made of a network and its scheduler alone.

    Raises:
        BadInput: it has further parts (a codec of latents, an encoder of texts), so that the network alone would draw
            something else.
    """
    document = read_json(index)
    # A part is a pair of a library and a class, both null where a pipeline goes without it.
    parts = {key for key, value in document.items() if isinstance(value, list) and len(value) == 2 and any(value)}
    further = sorted(parts - set(_PIPELINE_PARTS))
    if further:
        kind, followed = document.get("_class_name", "this pipeline"), " and ".join(_PIPELINE_PARTS)
        raise BadInput(f"{index}: {', '.join(further)}: parts of {kind} that are not followed, only {followed} are")


def _recognised(
    path: Path, tensors: dict[str, Tensor], published: Mapping[str, Any], part: str | None
) -> tuple[Layout[Any, Any], dict[str, Tensor], tuple[str, ...]]:
    notes: list[str] = []
    whole = tensors
    if part is None:
        part = next((name for name in _AVERAGED if 0 < len(_under(tensors, name)) < len(tensors)), None)
    if part is not None:
        chosen = _under(tensors, part)
        if not chosen:
            raise BadInput(f"{path}: has no tensors under {part!r}; {_groups(tensors)}")
        notes.append(f"took the {len(chosen)} tensors under {part!r}, left out {len(tensors) - len(chosen)} others")
        whole = tensors = chosen
    while (layout := recognise(shapes_of(tensors), published)) is None:
        # Wrappers such as DataParallel, and dicts in the file, put the same word before every name.
        first = {name.partition(".")[0] for name in tensors}
        if len(first) != 1 or len(inner := _under(tensors, *first)) != len(tensors):
            raise BadInput(f"{path}: {_unknown(tensors, published, whole)}")
        notes.append(f"took {next(iter(first))!r} off the beginning of every tensor's name")
        tensors = inner
    return layout, tensors, tuple(notes)


def _under(tensors: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    start = f"{part}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _unknown(tensors: Mapping[str, Tensor], published: Mapping[str, Any], whole: Mapping[str, Tensor]) -> str:
    """What to say of tensors that are no known network: the networks that lie in it, or the file as a whole."""
    parts = _parts(tensors, published)
    if parts:
        held = ", ".join(f"{part} ({layout.publisher} {layout.network})" for part, layout in parts.items())
        return f"holds several things; say with --part which of its networks is meant: {held}"
    named = f", its config is of {published['_class_name']!r}" if "_class_name" in published else ""
    known = ", ".join(publisher.name for publisher in PUBLISHERS)
    return f"is of no layout that is known here ({known}): {_groups(whole)}{named}"


def _parts(tensors: Mapping[str, Tensor], published: Mapping[str, Any]) -> dict[str, Layout[Any, Any]]:
    found = {}
    for part in dict.fromkeys(name.partition(".")[0] for name in tensors):
        shapes: Shapes = shapes_of(_under(tensors, part))
        if shapes and (layout := recognise(shapes, published)) is not None:
            found[part] = layout
    return found


def _groups(tensors: Mapping[str, Tensor]) -> str:
    names = list(tensors)
    more = ", …" if len(names) > _NAMES_SHOWN else ""
    return f"its {len(names)} tensors are {', '.join(names[:_NAMES_SHOWN])}{more}"
