"""Published checkpoints as models, and models as published checkpoints.

``interop`` knows networks; what a synthesizer has beside its network (size, length, noise process, sampler) is told
here: by the published config, by what was asked for, or by a note that says what was taken in its place.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from diorama import __version__
from diorama.core.contracts import ConditionSpec, MediaSpec
from diorama.core.errors import BadConfig, BadInput, DioramaWarning
from diorama.core.worded import network_name
from diorama.interop.checkpoint import Checkpoint, open_checkpoint
from diorama.interop.diffusers_scheduler import Schedule, read_schedule
from diorama.interop.edm_precond import DenoiserArguments
from diorama.interop.edm_precond_arguments import PRECONDITIONINGS
from diorama.interop.layout import Layout, NetworkConfig, shapes_of, tensors_of
from diorama.interop.score_sde_arguments import ScoreSDEArguments
from diorama.interop.score_sde_drawing import drawing
from diorama.networks.catalog import Generator, PictureNetwork
from diorama.networks.classifiers.adm import ADMClassifierConfig
from diorama.networks.denoisers.adm import ADMUNetConfig
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.networks.denoisers.edm import DhariwalUNetConfig, SongUNetConfig
from diorama.networks.denoisers.edm2 import EDM2UNetConfig
from diorama.networks.denoisers.ncsnpp import NCSNppConfig
from diorama.networks.denoisers.score_unet import ScoreUNetConfig
from diorama.networks.motion.mocogan import MoCoGANGeneratorConfig
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.precondition import TargetPreconditioning
from diorama.processes.threshold import StaticThreshold
from diorama.synthesis.base import Synthesizer, SynthesizerConfig
from diorama.synthesis.classifier import NoisyClassifierConfig
from diorama.synthesis.diffusion import DiffusionSynthesizerConfig
from diorama.synthesis.picture import PictureSynthesizerConfig, picture_config
from diorama.synthesis.provenance import Provenance, PublishedOrigin
from diorama.synthesis.published_gans import LARGEST_SIDE, gan_config, noise_notes
from diorama.synthesis.schedules import usual_steps
from diorama.synthesis.video_gan import NO_CATEGORY, VideoGANSynthesizerConfig

_MOST_FRAMES = 100_000
"""Of a clip; a config from anybody may ask for any number."""
_USUAL, _USUAL_SMALL = (256, 256), (64, 64)
"""Sizes that are told of pictures for a network that takes any: one that keeps the size, and one that enlarges."""

_UNKNOWN_SCHEDULE = (
    "no scheduler_config.json lies beside it: took the process of Ho et al. 2020 (1,000 steps, variances from 0.0001 "
    "to 0.02, the network predicts noise); a network that was trained with another one draws wrong pictures until such "
    "a file says so"
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What of a published model may be said by hand.

    Args:
        size: (height, width) in pixels, of networks that draw any.
        frames: length of a clip.
        small: (height, width) in pixels of the small pictures that a network enlarges; no published config says them.
        stored_noise: layers add the noise that the checkpoint holds for them, in place of each sample's own.
    """

    size: tuple[int, int] | None = None
    frames: int | None = None
    small: tuple[int, int] | None = None
    stored_noise: bool = False


@dataclass(frozen=True, kw_only=True)
class PublishedModel:
    """A published checkpoint as a model of ours.

    Args:
        config: what it is.
        state: the synthesizer's tensors.
        provenance: where it comes from.
        notes: what was guessed, filled in or left out, for people.
    """

    config: SynthesizerConfig
    state: Mapping[str, Tensor]
    provenance: Provenance
    notes: tuple[str, ...]


def load_published(path: Path, *, device: torch.device | str = "cpu") -> Synthesizer:
    """A folder of the diffusers library as a model, in evaluation mode; warns of what was guessed or left out.

    Raises:
        BadInput: it holds no generator that is known here.
    """
    model = published_model(open_checkpoint(path))
    for note in model.notes:
        warnings.warn(f"{path}: {note}", DioramaWarning, stacklevel=2)
    synthesizer = model.config.build()
    synthesizer.load_state_dict(model.state)
    return synthesizer.to(device).eval().requires_grad_(False)


def published_model(checkpoint: Checkpoint, asked: Asked | None = None) -> PublishedModel:
    """The model that a checkpoint of a generator is.

    Args:
        checkpoint: as it was found.
        asked: what stands above the published config.

    Raises:
        BadInput: the network draws nothing by itself, its tensors do not fit, or something must be said that neither
            the checkpoint nor ``asked`` says. The message names the file and the argument or tensor.
    """
    layout, asked = checkpoint.layout, asked or Asked()
    if layout.role not in ("generator", "denoiser", "picture", "classifier"):
        raise BadInput(
            f"{checkpoint.path}: is the {layout.network} of {layout.publisher}. A {layout.role} draws nothing, and no "
            "model folder holds one alone; from Python, open_checkpoint (diorama.interop.checkpoint) reads it"
        )
    if layout.config_file is not None and checkpoint.config_path is None:
        raise BadInput(
            f"{checkpoint.path}: the tensors of a {layout.network} do not tell all of it; give its "
            f"{layout.config_file} with --config, or the folder in which both lie"
        )
    shapes = shapes_of(checkpoint.tensors)
    config_path = checkpoint.config_path or checkpoint.path
    with _at(config_path, _config_beside(checkpoint)):
        arguments = layout.read_arguments(_with_asked(checkpoint, asked), shapes)
        network = layout.config_of(arguments)
        tensors_of(network)  # what cannot be built is the config's fault, not that of the tensors
    with _at(checkpoint.path):
        state = layout.import_network(arguments, network, checkpoint.tensors)
    notes = [*checkpoint.notes, *_tensor_notes(checkpoint, state)]
    passed_over = layout.left_out(network, tuple(checkpoint.tensors))
    if passed_over:
        notes.append(f"left out {len(passed_over)} tensors that nothing reads, such as {min(passed_over)!r}")
    schedule = layout.schedule(arguments)
    if layout.role in ("denoiser", "classifier") and schedule is None and not layout.says_model:
        schedule = Schedule()
        if checkpoint.schedule is None:
            notes.append(_UNKNOWN_SCHEDULE + layout.unknown_schedule)
        else:
            with _at(checkpoint.schedule_path):
                schedule = read_schedule(checkpoint.schedule)
    with _at(config_path):
        config = _synthesizer_config(layout, network, arguments, schedule, asked)
    notes += noise_notes(config)
    notes += layout.taken(arguments, checkpoint.config)
    if isinstance(config, PictureSynthesizerConfig):
        _, height, width = config.conditions[0].shape
        notes.append(f"takes pictures of any size; what is told of its sizes is for pictures of {width} x {height}")
    if config.classes:
        notes.append(f"its {len(config.classes)} classes have no names: they are called 0 to {len(config.classes) - 1}")
    return PublishedModel(
        config=config,
        state={f"{layout.role}.{name}": tensor for name, tensor in state.items()},
        provenance=_provenance(checkpoint, layout.written(arguments)),
        notes=tuple(notes),
    )


@contextmanager
def _at(path: Path | None, hint: str = "") -> Iterator[None]:
    """Names the file in what goes wrong, and at the end what may help."""
    try:
        yield
    except (BadInput, BadConfig, ValueError) as problem:
        raise BadInput(f"{path}: {problem}{hint}") from problem


def _config_beside(checkpoint: Checkpoint) -> str:
    """That a file of arguments lies beside a checkpoint for which none was given, as ``diorama export`` leaves it."""
    beside = checkpoint.path.with_suffix(".json")
    return f" ({beside} lies beside it)" if checkpoint.config_path is None and beside.is_file() else ""


def _with_asked(checkpoint: Checkpoint, asked: Asked) -> dict[str, Any]:
    """The published config, with what was said by hand under the publisher's own names."""
    layout, config = checkpoint.layout, dict(checkpoint.config)
    for name, argument, value in (
        ("--size", layout.size_argument, asked.size),
        ("--frames", layout.frames_argument, asked.frames),
    ):
        if value is None:
            continue
        if argument is None:
            raise BadInput(f"{name}: the published {layout.network} leaves no choice")
        config[argument] = value
    return config


def _tensor_notes(checkpoint: Checkpoint, state: Mapping[str, Tensor]) -> Iterator[str]:
    wanted, there = (sum(n.endswith("num_batches_tracked") for n in names) for names in (state, checkpoint.tensors))
    if wanted > there:
        yield f"{wanted - there} counters of batch norm are missing and were set to 0; they change no picture"
    other = {str(t.dtype) for t in checkpoint.tensors.values() if t.is_floating_point() and t.dtype != torch.float32}
    if other:
        yield f"tensors of {', '.join(sorted(other))} are kept as float32"


def _provenance(checkpoint: Checkpoint, arguments: Mapping[str, Any]) -> Provenance:
    layout = checkpoint.layout
    return Provenance(
        published=PublishedOrigin(
            publisher=layout.publisher,
            network=layout.network,
            file=checkpoint.path.name,
            sha256=checkpoint.sha256,
            config=dict(arguments),
        ),
        versions={"diorama": __version__, "torch": torch.__version__},
    )


_Steps = DDPMUNetConfig | NCSNppConfig | ADMUNetConfig
"""Networks whose times are the steps of a discrete process."""
_Levels = SongUNetConfig | DhariwalUNetConfig | EDM2UNetConfig
"""Networks that are told what their preconditioning says."""


def _synthesizer_config(
    layout: Layout[Any, Any],
    network: NetworkConfig,
    arguments: Any,
    schedule: Schedule | None,
    asked: Asked,
) -> SynthesizerConfig:
    small = asked.small
    if asked.stored_noise and not (isinstance(network, Generator) and network.stores_noise):
        raise BadInput("--stored-noise: the published network stores no noise for its layers")
    if isinstance(network, PictureNetwork) and network.scale > 1:
        return picture_config(network, small or _USUAL_SMALL)
    if small is not None and not (isinstance(network, ADMUNetConfig) and network.picture):
        raise BadInput("--small: the published network enlarges no small picture")
    if isinstance(network, PictureNetwork):
        return picture_config(network, _USUAL)
    if isinstance(network, Generator):
        return gan_config(network, stored_noise=asked.stored_noise)
    match network:
        case MoCoGANGeneratorConfig():
            return _video_config(network, arguments.video_length)
        case DDPMUNetConfig() | NCSNppConfig() | ADMUNetConfig() if schedule is not None:
            _refuse_what_cannot_be_drawn(network)
            return _diffusion_config(_media_of(layout, network, arguments), network, schedule, small)
        case ADMClassifierConfig() if schedule is not None:
            return NoisyClassifierConfig(
                media=_media_of(layout, network, arguments),
                names=tuple(str(i) for i in range(network.classes)),
                classifier=network,
                process=schedule.process,
                preconditioning=schedule.preconditioning,
            )
        case ScoreUNetConfig():
            return _score_config(arguments, network)
        case SongUNetConfig() | DhariwalUNetConfig() | EDM2UNetConfig():
            if not isinstance(arguments, DenoiserArguments) or schedule is None:
                raise BadInput(
                    f"no file says in which preconditioning this {layout.network} was trained; name it as _class_name "
                    f"in --config, one of {', '.join(PRECONDITIONINGS)}, with its arguments"
                )
            size = network.size
            if size > LARGEST_SIDE:
                raise BadInput(f"img_resolution: {size} pixels are more than {LARGEST_SIDE} a side")
            media = MediaSpec(kind="image", channels=network.in_channels, height=size, width=size)
            return _diffusion_config(media, network, schedule, small)
    raise BadInput(f"{network_name(network)} draws nothing by itself")


def _media_of(layout: Layout[Any, Any], network: _Steps | ADMClassifierConfig, arguments: Any) -> MediaSpec:
    """What a network draws or looks at, of those that take any size.

    Raises:
        BadInput: nobody says its size, or it is too large.
    """
    named = layout.size_argument
    assert named is not None, "these networks take any size"
    size = getattr(arguments, named)
    if size is None:
        raise BadInput(f"{named}: how large its pictures are must be said; give --size N or --size HxW")
    height, width = (size, size) if isinstance(size, int) else size
    if max(height, width) > LARGEST_SIDE:
        raise BadInput(f"{named}: {height} x {width} pixels are more than {LARGEST_SIDE} a side")
    return MediaSpec(kind="image", channels=network.in_channels, height=height, width=width)


def _video_config(network: MoCoGANGeneratorConfig, frames: int | None) -> VideoGANSynthesizerConfig:
    """A generator of clips, which may be of any length."""
    if frames is None or frames < 1:
        raise BadInput("video_length: how many frames a clip has must be said; give --frames N")
    if frames > _MOST_FRAMES:
        raise BadInput(f"video_length: {frames} are more than {_MOST_FRAMES} frames")
    media = MediaSpec(
        kind="video",
        channels=network.channels,
        height=network.size[0],
        width=network.size[1],
        frames=frames,
    )
    names = tuple(str(i) for i in range(network.categories))
    label = (ConditionSpec(key="label", names=names, null=NO_CATEGORY),) if names else ()
    return VideoGANSynthesizerConfig(media=media, conditions=label, generator=network)


def _refuse_what_cannot_be_drawn(network: _Steps) -> None:
    """Networks that are read but that no process and sampler here draw with.

    Raises:
        BadInput: the message names the published argument.
    """
    if network.out_channels not in (network.in_channels, 2 * network.in_channels):
        raise BadInput(
            f"out_channels: {network.out_channels} for {network.in_channels} of the input; inputs beside the noisy "
            "picture are not drawn with"
        )
    if network.embedding.time == "fourier":
        raise BadInput(
            "time_embedding_type: 'fourier' wants data in [0, 1] and their own scheduler; not drawn with yet"
        )
    if network.embedding.label in ("number", "vector"):
        raise BadInput("class_embed_type: labels that are numbers or vectors cannot be asked for")


def _small_picture(
    media: MediaSpec, network: _Steps | _Levels, small: tuple[int, int] | None
) -> tuple[ConditionSpec, ...]:
    """The picture that a network enlarges, if it does.

    Raises:
        BadInput: how large it is was not said, or it is larger than what is drawn.
    """
    if "image" not in network.reads:
        return ()
    if small is None:
        raise BadInput("low_res: how large the small pictures are must be said; give --small N or --small HxW")
    if small[0] > media.height or small[1] > media.width:
        raise BadInput(f"--small: {small[0]} x {small[1]} is more than the {media.height} x {media.width} drawn")
    # Of the published networks it has the channels of the noisy picture.
    return (ConditionSpec(key="image", shape=(network.in_channels, *small)),)


def _diffusion_config(
    media: MediaSpec, network: _Steps | _Levels, schedule: Schedule, small: tuple[int, int] | None
) -> DiffusionSynthesizerConfig:
    process, preconditioning = schedule.process, schedule.preconditioning
    rows = None if isinstance(network, _Levels) else network.embedding.steps
    if rows is not None and isinstance(process, DiscreteProcess) and rows < process.steps:
        raise BadInput(
            f"num_train_timesteps: the network's table has {rows} times, its noise process {process.steps} steps"
        )
    if (
        isinstance(network, ADMUNetConfig)
        and isinstance(preconditioning, TargetPreconditioning)
        and network.out_channels > network.in_channels
    ):
        # The published training (learn_sigma) knows this one kind of learned variance.
        preconditioning = replace(preconditioning, variance="share")
    names = tuple(str(i) for i in range(network.classes))
    label = (ConditionSpec(key="label", names=names),) if names else ()
    return DiffusionSynthesizerConfig(
        media=media,
        conditions=(*label, *_small_picture(media, network, small)),
        denoiser=network,
        process=process,
        preconditioning=preconditioning,
        spacing=schedule.spacing,
        steps=usual_steps(schedule),
        sampler=schedule.sampler,
        clip=schedule.threshold is not None,
        threshold=schedule.threshold or StaticThreshold(),
    )


def _score_config(arguments: ScoreSDEArguments, network: ScoreUNetConfig) -> DiffusionSynthesizerConfig:
    """The published config says all of it."""
    drawn = drawing(arguments, network)
    return DiffusionSynthesizerConfig(
        media=MediaSpec(kind="image", channels=network.in_channels, height=network.size, width=network.size),
        denoiser=drawn.network,
        process=drawn.process,
        preconditioning=drawn.preconditioning,
        spacing=drawn.spacing,
        steps=drawn.steps,
        sampler=drawn.sampler,
        clip=False,
    )
