"""Features that tell pictures apart, know how damaged they are, and keep what pictures look like.

Blur, noise and compression are never used as invariances, since features blind to damage cannot measure it:
two views of a picture differ in crop, mirroring, light and colour, and whether they are grey. Where pictures bear the
name of the collection they come from, features may learn to tell that as well.

Reference: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
representations", ICML 2020, arXiv:2002.05709, equation 1. A. Bardes, J. Ponce, Y. LeCun, "VICReg", ICLR 2022,
arXiv:2105.04906, equation 4 (decorrelation).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from diorama.core import distributed
from diorama.core.config import LATER
from diorama.core.contracts import Batch, Loss, MediaSpec, Moment
from diorama.methods.base import NO_PARTS, Method, MethodConfig, Phase
from diorama.methods.representation.damage import KINDS, damage
from diorama.networks.features.decoder import FeatureDecoderConfig
from diorama.networks.features.lite import LiteConfig
from diorama.synthesis.representation import RepresentationConfig

VIEW_SIZES = (32, 40, 48, 64, 96, 128)
"""Sides of views, multiples of 8; a picture is never enlarged to one."""


@dataclass(frozen=True, kw_only=True)
class ContrastiveConfig(MethodConfig):
    """Method and networks of a feature extractor.

    Args:
        media: of the training pictures: colour images.
        encoder: the network that is trained for its features.
        decoder: redraws pictures from features while training.
        temperature: of the contrastive loss.
        damage_weight: of knowing kind and amount of damage.
        look_weight: of redrawing the picture.
        spread_weight: of features being uncorrelated.
        collections: labels, each a collection that pictures come from, which features must tell apart; 0 for none.
        least_crop: smallest share of a picture's area that a view shows.
        recolour: views also differ in contrast, saturation and tint.
    """

    media: MediaSpec
    encoder: LiteConfig
    decoder: FeatureDecoderConfig
    temperature: float = 0.2
    damage_weight: float = 4.0
    look_weight: float = 4.0
    spread_weight: float = 0.05
    collections: int = field(default=0, metadata={LATER: True})
    least_crop: float = field(default=0.3, metadata={LATER: True})
    recolour: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        if self.media.kind != "image" or self.media.channels != 3:
            raise ValueError(f"features are learned from colour images, got {self.media.kind} {self.media.shape}")
        if not 0 < self.least_crop <= 1:
            raise ValueError(f"least_crop must be above 0 and at most 1, got {self.least_crop}")

    def build(self, frozen: Mapping[str, nn.Module] = NO_PARTS) -> ContrastiveMethod:
        return ContrastiveMethod(self, frozen)


class ContrastiveMethod(Method):
    """One player, one phase, four losses on the same features, or five."""

    def __init__(self, config: ContrastiveConfig, frozen: Mapping[str, nn.Module] = NO_PARTS) -> None:
        super().__init__(frozen)
        self.config = config
        self.encoder = config.encoder.build()
        self.decoder = config.decoder.build()
        width = config.encoder.features
        self.standardise = nn.BatchNorm1d(width, affine=False)
        self.project = nn.Sequential(nn.Linear(width, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 128))
        # Linear on purpose: the amount of damage must lie open in the features, not be decodable from them.
        self.judge = nn.Linear(width, len(KINDS))
        self.name_collection = nn.Linear(width, config.collections) if config.collections else None

    def players(self) -> Mapping[str, Sequence[nn.Parameter]]:
        return {"encoder": list(self.parameters())}

    def phases(self) -> Sequence[Phase]:
        return (Phase("encoder.features", "encoder", self.loss),)

    def reads(self, computed: Collection[str]) -> tuple[str, ...]:
        """Pictures, and their labels where collections are told apart."""
        return ("image", "label") if self.config.collections else ("image",)

    def averaged(self) -> Mapping[str, nn.Module]:
        return {"encoder": self.encoder, "decoder": self.decoder}

    def synthesizer(self) -> RepresentationConfig:
        return RepresentationConfig(media=self.config.media, encoder=self.config.encoder, decoder=self.config.decoder)

    @torch.no_grad()
    def after_step(self, moment: Moment) -> None:
        """The encoder standardises its features by the running statistics of those of training pictures.

        Each process has seen its own part of the batch: they are brought to one mean, which a resume state holds.
        """
        distributed.average([running for running in self.buffers() if running.is_floating_point()])
        mean, variance = self._moments()
        self.encoder.centre.copy_(mean)
        self.encoder.spread.copy_((variance + 1e-6).sqrt())

    def _moments(self) -> tuple[Tensor, Tensor]:
        mean, variance = self.standardise.running_mean, self.standardise.running_var
        assert mean is not None
        assert variance is not None
        return mean, variance

    def loss(self, batch: Batch, moment: Moment) -> Loss:
        """Weighted sum of the losses over a micro-batch of ``image`` (b, 3, h, w) in [-1, 1]."""
        images = batch["image"]
        sizes = [size for size in VIEW_SIZES if size <= max(min(images.shape[-2:]), VIEW_SIZES[0])]
        size = sizes[int(torch.randint(len(sizes), ()))]
        first, second = self._view(images, size), self._view(images, size)
        harmed, truth = _harmed(changed_light(random_view(images, size, self.config.least_crop)))
        raw = self.encoder(torch.cat([first, second, harmed])) * self.encoder.spread + self.encoder.centre
        whole, hurt = raw.split([2 * len(images), len(images)])
        whole = self.standardise(whole.float())
        mean, variance = self._moments()
        hurt = F.batch_norm(hurt.float(), mean, variance, eps=self.standardise.eps)
        contrast = contrastive_loss(self.project(whole), self.config.temperature)
        known = F.mse_loss(self.judge(torch.cat([whole, hurt])), truth)
        look = F.interpolate(first, size=self.config.decoder.size, mode="bilinear", antialias=True)
        look_error = F.mse_loss(self.decoder(whole[: len(images)]), look)
        shared = correlation(whole)
        total = contrast + self.config.damage_weight * known + self.config.look_weight * look_error
        total = total + self.config.spread_weight * shared
        scalars = {"contrast": contrast, "damage": known, "look": look_error, "correlation": shared}
        if self.name_collection is not None:
            names = batch["label"].repeat(2)
            scalars["collection"] = F.cross_entropy(self.name_collection(whole).float(), names, label_smoothing=0.1)
            total = total + scalars["collection"]
        return Loss(total, scalars)

    def _view(self, images: Tensor, size: int) -> Tensor:
        """One of two views that must be known as of one picture."""
        view = random_view(images, size, self.config.least_crop)
        return recoloured(view) if self.config.recolour else changed_light(view)


def contrastive_loss(projected: Float[Tensor, "b2 d"], temperature: float) -> Float[Tensor, ""]:
    """Cross-entropy of finding a picture's other view among all others.

    Args:
        projected: (2b, d); row *i* and row *b + i* are views of one picture.
        temperature: scale of the cosine similarity.

    Reference: Chen et al. 2020, equation 1.
    """
    unit = F.normalize(projected.float(), dim=1)
    # Autocast would round the products again, whatever type their factors have.
    with torch.autocast(unit.device.type, enabled=False):
        similar = (unit @ unit.T / temperature).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(unit), device=unit.device).roll(len(unit) // 2)
    return F.cross_entropy(similar, partner)


def correlation(features: Float[Tensor, "b d"]) -> Float[Tensor, ""]:
    """Sum of squared correlations of each feature with the others, averaged over features of unit variance.

    Reference: Bardes et al. 2022, equation 4.
    """
    features = features.float()
    with torch.autocast(features.device.type, enabled=False):
        shared = features.T @ features / len(features)
    return (shared.square().sum() - shared.diagonal().square().sum()) / len(shared)


def random_view(images: Float[Tensor, "b c h w"], size: int, least: float) -> Float[Tensor, "b c s s"]:
    """Random crops, half of them mirrored.

    Args:
        images: (b, 3, h, w) in [-1, 1].
        size: side of the views.
        least: smallest share of the area that is shown.

    Returns:
        (b, 3, size, size) in [-1, 1].
    """
    b, device = len(images), images.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(b, device=device) * (high - low) + low

    scale = uniform(least, 1.0).sqrt()
    shift_x, shift_y = (uniform(-1, 1) * (1 - scale) for _ in range(2))
    mirror = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(scale)
    theta = torch.stack([scale * mirror, zero, shift_x, zero, scale, shift_y], 1).reshape(b, 2, 3)
    grid = F.affine_grid(theta, [b, images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def changed_light(views: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures in [-1, 1] with a little more or less light and contrast, a fifth of them grey."""
    b, device = len(views), views.device
    return _a_fifth_grey(views * (1 + _around(0.2, b, device)) + _around(0.15, b, device))


def recoloured(views: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Pictures in [-1, 1], four fifths with changed light, contrast, saturation and tint; a fifth of all grey."""
    b, device = len(views), views.device
    grey = views.mean(1, keepdim=True)
    centre = grey.mean((2, 3), keepdim=True)
    changed = grey + (views - grey) * (1 + _around(0.6, b, device)) + _around(0.15, b, device, channels=3)
    changed = centre + (changed - centre) * (1 + _around(0.4, b, device)) + _around(0.4, b, device)
    chosen = torch.rand(b, 1, 1, 1, device=device) < 0.8
    return _a_fifth_grey(torch.where(chosen, changed, views))


def _around(reach: float, count: int, device: torch.device, channels: int = 1) -> Tensor:
    """(count, channels, 1, 1) numbers in [-reach, reach]."""
    return (torch.rand(count, channels, 1, 1, device=device) * 2 - 1) * reach


def _a_fifth_grey(views: Tensor) -> Tensor:
    grey = torch.rand(len(views), 1, 1, 1, device=views.device) < 0.2
    return torch.where(grey, views.mean(1, keepdim=True).expand_as(views), views).clamp(-1, 1)


def _harmed(views: Tensor) -> tuple[Tensor, Tensor]:
    """Damaged views, and the truth (3b, kinds) for two whole views of each followed by the damaged one."""
    b, device = len(views), views.device
    kinds = torch.randint(len(KINDS), (b,), device=device)
    amount = torch.rand(b, device=device)
    truth = F.one_hot(kinds, len(KINDS)) * (0.2 + amount)[:, None]
    return damage(views, kinds, amount), torch.cat([truth.new_zeros(2 * b, len(KINDS)), truth])
