"""Writing a model's network in a published layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors.torch import save as to_bytes
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.core.files import fresh_folder, write_bytes, write_json
from diorama.core.worded import kind_in_words, network_name
from diorama.interop.catalog import PUBLISHERS, Publisher, writable
from diorama.interop.checkpoint import CONFIG, SCHEDULER, WEIGHTS
from diorama.interop.diffusers_write import WrittenSchedule, written_schedule
from diorama.interop.layout import Layout
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.samplers.guidance.catalog import in_words
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.schedules import schedule_of

_PARTS = ("generator", "denoiser", "picture", "classifier")


@dataclass(frozen=True, kw_only=True)
class Export:
    """A model's network under its published names.

    Args:
        layout: the published network.
        arguments: of the published class.
        tensors: by their published names, on the CPU.
        schedule: content of ``scheduler_config.json`` where the publisher has such a file.
        notes: what the layout has no place for, for people.
    """

    layout: Layout[Any, Any]
    arguments: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    schedule: Mapping[str, Any] | None
    notes: tuple[str, ...]

    @property
    def is_folder(self) -> bool:
        """Whether the publisher keeps config and weights in one folder, and not a file of weights alone."""
        return self.layout.config_file is not None


def export(model: Synthesizer, publisher: str) -> Export:
    """A model in a published layout.

    Args:
        model: whose generator or denoiser is written.
        publisher: name of the layout, of :data:`diorama.interop.catalog.PUBLISHERS`.

    Raises:
        BadConfig: there is no layout of that name, or it is read alone.
        BadInput: the layout has no such network, or cannot say one of its fields; the message names it.
    """
    config = model.config
    part, layout = _layout_of(config, writable(publisher))
    state = {name: tensor.detach().cpu() for name, tensor in model.get_submodule(part).state_dict().items()}
    network, state = _as_drawn(getattr(config, part), state)
    published = layout.to_published(network)
    if layout.says_schedule and isinstance(config, DiffusionSynthesizerConfig):
        published = layout.with_schedule(published, schedule_of(config))
    arguments = layout.written(published) | _media_arguments(layout, config)
    schedule: WrittenSchedule | None = None
    if layout.config_file is not None and isinstance(config, DiffusionSynthesizerConfig):
        schedule = written_schedule(schedule_of(config))
    return Export(
        layout=layout,
        arguments=arguments,
        tensors=layout.export_state(network, state),
        schedule=None if schedule is None else schedule.document,
        notes=(*layout.notes(network), *_notes(config, schedule, told=layout.says_schedule)),
    )


def write_export(files: Export, out: Path) -> tuple[Path, ...]:
    """Write what :func:`export` made.

    Args:
        files: the network.
        out: for diffusers a folder, which is replaced whole; else a file whose name ends in ``.safetensors``, beside
            which the published class's arguments are written as ``.json``.

    Returns:
        The files.

    Raises:
        BadInput: the ``.json`` exists, although there is no file of weights of that name.
    """
    arguments_file = out.with_suffix(".json")
    if not files.is_folder and arguments_file.exists() and not out.exists():
        raise BadInput(f"{arguments_file}: exists and would be replaced; choose another --out, or move it away")
    # Libraries look for the mark of the framework; clones, since safetensors refuses tensors that share memory.
    content = to_bytes({name: t.contiguous().clone() for name, t in files.tensors.items()}, metadata={"format": "pt"})
    if not files.is_folder:
        write_bytes(out, content)
        write_json(arguments_file, dict(files.arguments))
        return out, arguments_file
    with fresh_folder(out) as fresh:
        write_json(fresh / CONFIG, {"_class_name": files.layout.network, **files.arguments})
        write_json(fresh / SCHEDULER, dict(files.schedule or {}))
        write_bytes(fresh / WEIGHTS[0], content)
    return out / CONFIG, out / SCHEDULER, out / WEIGHTS[0]


def _as_drawn(network: Any, state: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
    """A network and its tensors without the layer that training told of augmentation, where a config has a place for
    such a layer that no published class has: what is drawn was not augmented, of which the layer makes 0."""
    if not isinstance(network, DDPMUNetConfig) or not network.embedding.augment:
        return network, state
    plain = replace(network, embedding=replace(network.embedding, augment=0))
    return plain, {name: tensor for name, tensor in state.items() if not name.startswith("embedding.augment.")}


def _layout_of(config: SynthesizerConfig, publisher: Publisher) -> tuple[str, Layout[Any, Any]]:
    """Which part of the model the publisher has a network for, and that network."""
    if found := _find(config, publisher):
        return found
    parts = [network_name(getattr(config, part)) for part in _PARTS if hasattr(config, part)]
    what = " and ".join(parts) or f"models of the kind {kind_in_words(config)}"
    raise BadInput(f"{publisher.name} has no network for {what}; {_instead(config)}")


def _instead(config: SynthesizerConfig) -> str:
    """Which layouts take a model, or why those do not that have its network."""
    if able := layouts_for(config):
        return f"it can be written as {', '.join(able)}"
    refusals = [f"{name} has one, but {why}" for name, why in _fits(config).items()]
    return "; ".join(refusals) or "no layout has one"


def layouts_for(config: SynthesizerConfig) -> list[str]:
    """Names of the layouts that a model can be written in."""
    return [name for name, refusal in _fits(config).items() if not refusal]


def _fits(config: SynthesizerConfig) -> dict[str, str]:
    """The layouts that are written and have a model's network, each with what of it they cannot say; empty where they
    can say all."""
    told = {}
    for publisher in PUBLISHERS:
        found = None if publisher.read_only else _find(config, publisher)
        if found is None:
            continue
        part, layout = found
        try:
            layout.to_published(_as_drawn(getattr(config, part), {})[0])
            told[publisher.name] = ""
        except (BadInput, ValueError) as problem:
            told[publisher.name] = str(problem)
    return told


def _find(config: SynthesizerConfig, publisher: Publisher) -> tuple[str, Layout[Any, Any]] | None:
    for layout in publisher.layouts():
        if layout.role in _PARTS and layout.holds(getattr(config, layout.role, None)):
            return layout.role, layout
    return None


def _media_arguments(layout: Layout[Any, Any], config: SynthesizerConfig) -> dict[str, Any]:
    """What the published class is told of the pictures beside its network."""
    media = config.media
    told: dict[str, Any] = {}
    if layout.size_argument is not None:
        told[layout.size_argument] = media.height if media.height == media.width else [media.height, media.width]
    if layout.frames_argument is not None:
        told[layout.frames_argument] = media.frames
    return told


def _notes(config: SynthesizerConfig, schedule: WrittenSchedule | None, *, told: bool) -> Iterator[str]:
    """What is left out; ``told`` is that the arguments say how the model draws."""
    if config.classes:
        yield f"the names of its {len(config.classes)} classes are not written"
    if config.media.dtype != "uint8":
        yield f"it draws {config.media.dtype} from {config.media.low:g} to {config.media.high:g}, which is not written"
    if isinstance(config, NoisyClassifierConfig):
        yield f"the names of its {len(config.names)} labels and its noise process are not written"
    if isinstance(config, DiffusionSynthesizerConfig):
        if schedule is None and not told:
            yield "its noise process, its preconditioning and what it has beside the denoiser are not written"
        if config.denoiser.null_label is not None:
            yield f"the last label, {config.denoiser.null_label}, is the one without a class, for guidance"
        if config.guidance != 1:
            yield f"its guidance of {config.guidance:g} ({in_words(config.guidance_kind)}) is not written"
        if isinstance(config.denoiser, DDPMUNetConfig) and config.denoiser.embedding.augment:
            yield "the layer that tells its network of augmentation is not written; nothing is drawn with it"
        if config.guide is not None:
            yield "its guide is not written"
        if config.steps is not None and not told:
            yield f"its {config.steps} steps of sampling are not written; give them when you draw"
        yield from schedule.notes if schedule is not None else ()
