"""MoCoGAN checkpoints in the authors' layout: ``main.N`` in one sequence, in which noise layers take a place each.

All networks are of 64 x 64 pixels. The authors' own program saves whole modules, which are refused: a checkpoint is the
state dict of one of their classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diorama.core.errors import BadInput
from diorama.interop.layout import Layout, Shapes, Table, refuse_below
from diorama.interop.pytorch_examples_dcgan import generator_table, only_64_pixels
from diorama.networks.adversarial.dcgan import DCGANGeneratorConfig
from diorama.networks.motion.mocogan import (
    MoCoGANGeneratorConfig,
    MoCoGANImageDiscriminator,
    MoCoGANImageDiscriminatorConfig,
    MoCoGANVideoDiscriminator,
    MoCoGANVideoDiscriminatorConfig,
)
from diorama.nn.pyramid import pyramid

PUBLISHER = "mocogan"

Discriminator = MoCoGANImageDiscriminator | MoCoGANVideoDiscriminator


@dataclass(frozen=True, kw_only=True)
class VideoGeneratorArguments:
    """Arguments of ``VideoGenerator``.

    Args:
        n_channels: of the frames.
        dim_z_content: length of the content code.
        dim_z_category: kinds of motion; 0 for none.
        dim_z_motion: length of the motion code.
        video_length: frames of a clip; no part of the network, which draws clips of any length.
        ngf: width of the frame generator's last hidden map.
    """

    n_channels: int
    dim_z_content: int
    dim_z_category: int
    dim_z_motion: int
    video_length: int | None = None
    ngf: int = 64


@dataclass(frozen=True, kw_only=True)
class ImageDiscriminatorArguments:
    """Arguments of ``ImageDiscriminator`` and ``PatchImageDiscriminator``.

    Args:
        n_channels: of the frames.
        ndf: width of the first hidden map.
        use_noise: add noise before the convolutions.
        noise_sigma: its standard deviation.
    """

    n_channels: int
    ndf: int = 64
    use_noise: bool = False
    noise_sigma: float | None = None


@dataclass(frozen=True, kw_only=True)
class VideoDiscriminatorArguments:
    """Arguments of ``VideoDiscriminator``, of its patch form and of its categorical form.

    Args:
        n_channels: of the clips.
        n_output_neurons: scores of a clip. The patch form takes the argument and gives one score nevertheless.
        dim_categorical: kinds of motion, of the categorical form alone; their scores follow the others.
        bn_use_gamma: taken by the published classes and read by none.
        use_noise: add noise before the convolutions.
        noise_sigma: its standard deviation.
        ndf: width of the first hidden map; the categorical form has no such argument and takes 64.
    """

    n_channels: int
    n_output_neurons: int = 1
    dim_categorical: int = 0
    bn_use_gamma: bool = True
    use_noise: bool = False
    noise_sigma: float | None = None
    ndf: int = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratorLayout(Layout[VideoGeneratorArguments, MoCoGANGeneratorConfig]):
    """``VideoGenerator``: the frame generator is a DCGAN generator; the recurrence keeps its name."""

    arguments = VideoGeneratorArguments
    config = MoCoGANGeneratorConfig
    frames_argument = "video_length"

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, last, cell = (shapes.get(n) for n in ("main.0.weight", "main.12.weight", "recurrent.weight_hh"))
        if not (first and last and cell):
            return {}
        motion = cell[1]
        told = {"ngf": last[0], "n_channels": last[1], "dim_z_motion": motion}
        # Content and category lie in one axis: how much of it is which has to be said, of one of the two.
        for one, other in (("dim_z_content", "dim_z_category"), ("dim_z_category", "dim_z_content")):
            if isinstance(given.get(one), int):
                told[other] = first[0] - motion - given[one]
        return told

    def to_ours(self, arguments: VideoGeneratorArguments) -> MoCoGANGeneratorConfig:
        if arguments.dim_z_category < 0 or arguments.dim_z_content < 0:
            raise ValueError("dim_z_content and dim_z_category are together longer than the latent vector")
        refuse_below(arguments, 1, "n_channels", "ngf", "dim_z_motion", "video_length")
        return MoCoGANGeneratorConfig(
            channels=arguments.n_channels,
            features=arguments.ngf,
            content=arguments.dim_z_content,
            motion=arguments.dim_z_motion,
            categories=arguments.dim_z_category,
        )

    def to_published(self, config: MoCoGANGeneratorConfig) -> VideoGeneratorArguments:
        only_64_pixels(config.size, self.network)
        return VideoGeneratorArguments(
            n_channels=config.channels,
            dim_z_content=config.content,
            dim_z_category=config.categories,
            dim_z_motion=config.motion,
            ngf=config.features,
        )

    def table(self, config: MoCoGANGeneratorConfig) -> Table:
        frames = generator_table(DCGANGeneratorConfig(size=config.size))
        return {"recurrent": "recurrent"} | {f"image.{ours}": theirs for ours, theirs in frames.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDiscriminatorLayout(Layout[ImageDiscriminatorArguments, MoCoGANImageDiscriminatorConfig]):
    """``ImageDiscriminator`` or ``PatchImageDiscriminator``."""

    arguments = ImageDiscriminatorArguments
    config = MoCoGANImageDiscriminatorConfig
    patch: bool

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first = shapes.get("main.1.weight")
        return {"ndf": first[0], "n_channels": first[1]} if first else {}

    def to_ours(self, arguments: ImageDiscriminatorArguments) -> MoCoGANImageDiscriminatorConfig:
        refuse_below(arguments, 1, "n_channels", "ndf")
        return MoCoGANImageDiscriminatorConfig(
            channels=arguments.n_channels, features=arguments.ndf, noise=_noise(arguments), patch=self.patch
        )

    def to_published(self, config: MoCoGANImageDiscriminatorConfig) -> ImageDiscriminatorArguments:
        only_64_pixels(config.size, self.network)
        _only_patch(config.patch, self.patch, self.network)
        return ImageDiscriminatorArguments(
            n_channels=config.channels,
            ndf=config.features,
            use_noise=config.noise > 0,
            noise_sigma=config.noise or None,
        )

    def table(self, config: MoCoGANImageDiscriminatorConfig) -> Table:
        # Only the patch form has a noise layer before its head.
        return _discriminator_table(pyramid(config.size)[0] - config.patch, noisy_head=config.patch)


@dataclass(frozen=True, kw_only=True, eq=False)
class VideoDiscriminatorLayout(Layout[VideoDiscriminatorArguments, MoCoGANVideoDiscriminatorConfig]):
    """``VideoDiscriminator``, ``CategoricalVideoDiscriminator`` or ``PatchVideoDiscriminator``."""

    arguments = VideoDiscriminatorArguments
    config = MoCoGANVideoDiscriminatorConfig
    patch: bool = False
    categorical: bool = False

    def observed(self, shapes: Shapes, given: Mapping[str, Any]) -> Mapping[str, Any]:
        first, head = shapes.get("main.1.weight"), shapes.get("main.15.weight")
        told: dict[str, Any] = {"ndf": first[0], "n_channels": first[1]} if first else {}
        if head and isinstance(given.get("dim_categorical", 0), int):
            told["n_output_neurons"] = head[0] - given.get("dim_categorical", 0)
        return told

    def to_ours(self, arguments: VideoDiscriminatorArguments) -> MoCoGANVideoDiscriminatorConfig:
        if arguments.dim_categorical and not self.categorical:
            raise ValueError("dim_categorical: only CategoricalVideoDiscriminator tells categories apart")
        refuse_below(arguments, 1, "n_channels", "ndf", "n_output_neurons")
        refuse_below(arguments, 0, "dim_categorical")
        return MoCoGANVideoDiscriminatorConfig(
            channels=arguments.n_channels,
            features=arguments.ndf,
            outputs=1 if self.patch else arguments.n_output_neurons,
            categories=arguments.dim_categorical,
            noise=_noise(arguments),
            patch=self.patch,
        )

    def to_published(self, config: MoCoGANVideoDiscriminatorConfig) -> VideoDiscriminatorArguments:
        only_64_pixels(config.size, self.network)
        _only_patch(config.patch, self.patch, self.network)
        if config.frames != 16:
            raise BadInput(
                f"frames: the published {self.network} sees clips of 16 frames, this network {config.frames}"
            )
        if config.categories and not self.categorical:
            raise BadInput(f"categories: the published {self.network} tells none apart, this network has some")
        if self.patch and config.outputs != 1:
            raise BadInput(f"outputs: the published {self.network} gives one score, this network {config.outputs}")
        return VideoDiscriminatorArguments(
            n_channels=config.channels,
            n_output_neurons=config.outputs,
            dim_categorical=config.categories,
            use_noise=config.noise > 0,
            noise_sigma=config.noise or None,
            ndf=config.features,
        )

    def table(self, config: MoCoGANVideoDiscriminatorConfig) -> Table:
        return _discriminator_table(pyramid(config.size)[0] - config.patch, noisy_head=False)


GENERATOR = GeneratorLayout(
    publisher=PUBLISHER,
    network="VideoGenerator",
    role="generator",
    telltale={"recurrent.weight_hh": 2, "main.0.weight": 4, "main.1.weight": 1},
)
IMAGE_DISCRIMINATOR = ImageDiscriminatorLayout(
    publisher=PUBLISHER,
    network="ImageDiscriminator",
    role="discriminator",
    telltale={"main.1.weight": 4, "main.4.weight": 4, "main.13.weight": 1},
    patch=False,
)
PATCH_IMAGE_DISCRIMINATOR = ImageDiscriminatorLayout(
    publisher=PUBLISHER,
    network="PatchImageDiscriminator",
    role="discriminator",
    telltale={"main.1.weight": 4, "main.4.weight": 4, "main.12.weight": 4},
    absent=("main.13.",),
    patch=True,
)
CATEGORICAL_VIDEO_DISCRIMINATOR = VideoDiscriminatorLayout(
    publisher=PUBLISHER,
    network="CategoricalVideoDiscriminator",
    role="discriminator",
    telltale={"main.1.weight": 5, "main.13.weight": 1},
    # Nothing in the tensors tells scores from categories.
    needs=("dim_categorical",),
    categorical=True,
)
VIDEO_DISCRIMINATOR = VideoDiscriminatorLayout(
    publisher=PUBLISHER,
    network="VideoDiscriminator",
    role="discriminator",
    telltale={"main.1.weight": 5, "main.13.weight": 1},
)
PATCH_VIDEO_DISCRIMINATOR = VideoDiscriminatorLayout(
    publisher=PUBLISHER,
    network="PatchVideoDiscriminator",
    role="discriminator",
    telltale={"main.1.weight": 5, "main.11.weight": 5},
    absent=("main.13.",),
    patch=True,
)
LAYOUTS = (
    GENERATOR,
    IMAGE_DISCRIMINATOR,
    PATCH_IMAGE_DISCRIMINATOR,
    CATEGORICAL_VIDEO_DISCRIMINATOR,
    VIDEO_DISCRIMINATOR,
    PATCH_VIDEO_DISCRIMINATOR,
)


def published_outputs(network: Discriminator, x: Float[Tensor, "b c ..."]) -> tuple[Tensor, Tensor | None]:
    """What the published discriminator returns: logits, and category logits or ``None``.

    All axes of length one are dropped, the batch's too; the categorical discriminator drops them before it parts logits
    from categories, so that both keep their columns.
    """
    answer = network(x)
    if isinstance(answer, Tensor):
        return answer.squeeze(), None
    logits, categories = answer
    if categories is None:
        return logits.squeeze(), None
    places = tuple(range(2, logits.dim()))
    return logits.squeeze(places), categories.squeeze(places)  # (b, o, …), (b, k, …)


def _discriminator_table(stages: int, *, noisy_head: bool) -> Table:
    """Noise, convolution, norm and activation take four places; the first stage has no norm."""
    rows = {"stages.0.conv": "main.1", "head": f"main.{4 * stages - 1 + noisy_head}"}
    for i in range(1, stages):
        rows |= {f"stages.{i}.conv": f"main.{4 * i}", f"stages.{i}.norm": f"main.{4 * i + 1}"}
    return rows


def _noise(arguments: ImageDiscriminatorArguments | VideoDiscriminatorArguments) -> float:
    return arguments.noise_sigma or 0.0 if arguments.use_noise else 0.0


def _only_patch(ours: bool, theirs: bool, network: str) -> None:
    if ours != theirs:
        raise BadInput(
            f"patch: the published {network} judges {'patches' if theirs else 'the whole'}, this network not"
        )
