"""Feature networks with what must be told of them: name, weights, resize, and what they were trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from diorama.core.device import channels_last, full_float32
from diorama.core.errors import BadInput
from diorama.evaluation.protocol import ExtractorStamp
from diorama.interop.inception_fid import load_inception
from diorama.media.convert import to_uint8
from diorama.networks.features import lite


@dataclass(frozen=True)
class Extractor:
    """A network in evaluation mode and its protocol.

    Args:
        stamp: name and hash of the weights.
        resize: how pictures reach the network's size.
        network: the module, on its device.
        views: for pictures (b, c, h, w) in [-1, 1] its outputs by view: ``""``, and ``"-logits"`` where it has them.
    """

    stamp: ExtractorStamp
    resize: str
    network: nn.Module
    views: Callable[[Tensor], dict[str, Tensor]]
    dtype: str = "float32"

    @torch.no_grad()
    def __call__(self, pictures: UInt8[Tensor, "b c h w"]) -> dict[str, Float[Tensor, "b d"]]:
        """Features of 8-bit pictures by view, float32 on the CPU."""
        device = next(self.network.parameters()).device
        x = pictures.to(device).float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
        # TF32 would make numbers differ between cards by more than the features' own rounding.
        with full_float32(), torch.autocast(x.device.type, enabled=False):
            return {view: features.float().cpu() for view, features in self.views(x).items()}


@cache
def load_extractor(name: str, device: str = "cpu") -> Extractor:
    """An extractor by name, loaded once for each device.

    Raises:
        BadInput: no such extractor, or its weights cannot be had; the message says where to put them.
    """
    if name == "lite":
        network = lite.pretrained().to(device)
        channels_last(network)
        stamp = ExtractorStamp(name=name, sha256=sha256(lite.weights_content()).hexdigest())
        resize = f"none from {lite.SMALLEST} to {lite.LARGEST} px, else bilinear to the nearer"
        return Extractor(stamp, resize, network, lambda x: {"": network(x)})
    if name == "inception":
        inception, digest = load_inception()
        inception = inception.to(device)
        channels_last(inception)
        stamp = ExtractorStamp(name=name, sha256=digest)

        def views(x: Tensor) -> dict[str, Tensor]:
            pooled = inception(x)
            return {"": pooled, "-logits": inception.logits(pooled)}

        return Extractor(stamp, "bilinear to 299 px without antialias (pytorch-fid)", inception, views)
    raise BadInput(f"there is no extractor {name!r}; known are lite and inception")


class FeatureTaker:
    """Takes every kind of features that some metrics need from batches of samples.

    Args:
        kinds: keys such as ``lite``, ``lite-clip``, ``inception-logits``.
        device: where the networks run.
    """

    def __init__(self, kinds: Iterable[str], device: str) -> None:
        self.kinds = tuple(sorted({kind for kind in kinds if kind}))
        names = {kind.partition("-")[0] for kind in self.kinds}
        self.extractors = {name: load_extractor(name, device) for name in sorted(names)}

    def take(self, batch: Float[Tensor, "b c ..."]) -> dict[str, Float[Tensor, "n d"]]:
        """Features by kind of pictures (b, c, h, w) or clips (b, c, t, h, w) in [-1, 1], through 8 bits.

        Frames of a clip follow one another; clips have one row each.
        """
        eight_bit = to_uint8(batch)
        frames = eight_bit if batch.dim() == 4 else eight_bit.transpose(1, 2).flatten(0, 1)
        found = {}
        for name, extractor in self.extractors.items():
            views = extractor(frames)
            for kind in self.kinds:
                base, _, view = kind.partition("-")
                if base != name:
                    continue
                if view == "clip":
                    if batch.dim() != 5:
                        raise BadInput(f"metrics: {kind} features are of clips, and these are pictures")
                    found[kind] = clip_features(views[""].unflatten(0, (len(batch), -1)))
                else:
                    found[kind] = views[f"-{view}" if view else ""]
        return found

    def take_all(self, batches: Iterable[Float[Tensor, "b c ..."]]) -> tuple[dict[str, Tensor], int]:
        """Features of all batches by kind, and how many samples there were."""
        parts: dict[str, list[Tensor]] = defaultdict(list)
        count = 0
        for batch in batches:
            count += len(batch)
            for kind, features in self.take(batch).items():
                parts[kind].append(features)
        return {kind: torch.cat(found) for kind, found in parts.items()}, count


def clip_features(frames: Float[Tensor, "b t d"]) -> Float[Tensor, "b d2"]:
    """What a clip shows and how it moves: the mean of its frames' features, and the root mean square of their
    changes from frame to frame; (b, t, d) to (b, 2 d). A clip of one frame does not move."""
    if frames.shape[1] == 1:
        return torch.cat([frames[:, 0], torch.zeros_like(frames[:, 0])], 1)
    change = frames.diff(dim=1).square().mean(1).sqrt()
    return torch.cat([frames.mean(1), change], 1)
