"""A small feature network of our own, so that every machine measures without fetching anything.

Channel means are taken at four depths and laid side by side: the shallow ones see noise, blur and blocks, the
deep ones see content. Two sets of weights come with the package, both trained on the pictures that :func:`credits`
lists: :data:`LITE` (recipe ``lite``) and :data:`LITE2` (recipe ``lite2``).
"""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass, field
from importlib.resources import files

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import load
from torch import Tensor, nn

from diorama.core.config import LATER

SMALLEST, LARGEST = 32, 128
"""Sides, in pixels, between which pictures are seen at their own size."""
_ROOT_FLOOR = 1e-4
"""Added under the root, whose slope is endless at zero."""


@dataclass(frozen=True, kw_only=True)
class LiteConfig:
    """Width of the network.

    Args:
        widths: channels at each depth; every depth after the first halves the resolution.
        taps: features taken at each depth; their sum is the number of features.
        normed_taps: normalise what is tapped before it is rectified, so that no feature is always zero; take roots of
            the means, so that a few pictures do not lie far out; and shorten what ``damping`` says.
    """

    widths: tuple[int, ...] = (24, 64, 128, 128)
    taps: tuple[int, ...] = (32, 48, 80, 96)
    normed_taps: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.taps):
            raise ValueError(f"as many taps as depths, got {len(self.taps)} and {len(self.widths)}")

    @property
    def features(self) -> int:
        return sum(self.taps)

    def build(self) -> LiteFeatures:
        return LiteFeatures(self)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(x + self.second_norm(self.second(inner)))


class _Depth(nn.Module):
    def __init__(self, given: int, width: int, taps: int, stride: int, *, normed: bool) -> None:
        super().__init__()
        self.enter = nn.Conv2d(given, width, 3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.block = _Residual(width)
        self.tap = nn.Conv2d(width, taps, 1, bias=not normed)
        self.tap_norm = nn.BatchNorm2d(taps) if normed else nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.block(F.relu(self.norm(self.enter(x))))
        return x, F.relu(self.tap_norm(self.tap(x))).mean((2, 3))


class LiteFeatures(nn.Module):
    """Pictures of any size to 256 features. Those of :data:`LITE` have about unit variance over the training pictures;
    those of :data:`LITE2` had it, until directions in which damage moves them were shortened."""

    centre: Tensor
    spread: Tensor
    damping: Tensor

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        self.config = config
        given = (3, *config.widths[:-1])
        self.depths = nn.ModuleList(
            _Depth(g, w, t, stride=1 if i == 0 else 2, normed=config.normed_taps)
            for i, (g, w, t) in enumerate(zip(given, config.widths, config.taps, strict=True))
        )
        self.register_buffer("centre", torch.zeros(config.features))
        self.register_buffer("spread", torch.ones(config.features))
        if config.normed_taps:
            self.register_buffer("damping", torch.eye(config.features))

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
        """Features of pictures.

        Args:
            images: (b, c, h, w) in [-1, 1]. One channel is seen as grey, three as colour; of any other number
                each channel is seen as a grey picture and their features are averaged.

        Returns:
            (b, d) standardised features.
        """
        batch, channels = images.shape[:2]
        x = _as_colour(images)
        pooled = []
        for depth in self.depths:
            x, tap = depth(x)
            pooled.append(tap)
        means = torch.cat(pooled, 1)
        if self.config.normed_taps:
            means = (means.float() + _ROOT_FLOOR).sqrt()
        features = (means - self.centre) / self.spread
        if self.config.normed_taps:
            features = features @ self.damping
        return features if len(features) == batch else features.unflatten(0, (batch, channels)).mean(1)

    def maps(self, images: Float[Tensor, "b c h w"]) -> list[Float[Tensor, "n d h2 w2"]]:
        """What is seen at each place, at every depth, before anything is averaged over the picture.

        Args:
            images: (b, c, h, w) in [-1, 1], as :meth:`forward` takes them.

        Returns:
            A map for each depth, each of half the resolution of the one before: (b, d, h, w), or (b × c, d, h, w)
            where each channel is seen as a grey picture.
        """
        x, maps = _as_colour(images), []
        for depth in self.depths:
            x, _ = depth(x)
            maps.append(x)
        return maps


def _as_colour(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "n 3 h2 w2"]:
    """Pictures of three channels and of a size that is seen; each channel becomes a picture unless there are 1 or 3."""
    pictures = images if images.shape[1] in (1, 3) else images.flatten(0, 1)[:, None]
    return fit_size(pictures).expand(-1, 3, -1, -1)


def fit_size(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
    """Scale pictures, with their aspect kept, so that the shorter side is at least 32 and at most 128 pixels."""
    shorter = min(images.shape[-2:])
    target = min(max(shorter, SMALLEST), LARGEST)
    if target == shorter:
        return images
    size = [round(side * target / shorter) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", antialias=target < shorter, align_corners=False)


@dataclass(frozen=True, kw_only=True)
class LiteWeights:
    """Weights that come with the package.

    Args:
        file: beside this module.
        config: of the network that they fit.
    """

    file: str
    config: LiteConfig

    def content(self) -> bytes:
        """The file's bytes."""
        return files("diorama.networks.features").joinpath(self.file).read_bytes()


LITE = LiteWeights(file="lite.safetensors", config=LiteConfig())
LITE2 = LiteWeights(file="lite2.safetensors", config=LiteConfig(normed_taps=True))


def fingerprints_content() -> bytes:
    """A NumPy file of 64-bit hashes of the training pictures, by which a measurement recognises them."""
    return files("diorama.networks.features").joinpath("lite.fingerprints.npy").read_bytes()


def credits() -> list[dict[str, str]]:
    """Whose pictures the weights were trained on: ``source``, ``licence``, ``credit``, ``file`` and ``pictures``.

    The built-in world, which is our own, is not among them.
    """
    content = files("diorama.networks.features").joinpath("lite.credits.csv.gz").read_bytes()
    return list(csv.DictReader(io.StringIO(gzip.decompress(content).decode("utf-8"))))


def pretrained(weights: LiteWeights = LITE) -> LiteFeatures:
    """The network with weights of the package, float32, in evaluation mode."""
    network = weights.config.build()
    state = load(weights.content())
    network.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in state.items()})
    return network.eval()
