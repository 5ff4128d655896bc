"""Makes the package's second weights from a trained network.

    diorama train lite2 --data PREPARED --out runs/lite2
    python benchmarks/lite2_weights.py runs/lite2/model PREPARED lite2.safetensors

PREPARED is `open_mix64`, packed with `--label source`. Features are standardised over its pictures, and directions in
which damage moves them are shortened: two networks that learned CIFAR-10 by themselves hardly mind damage that a
classifier forgives, and with undamped features a mild blur outweighs every fault of a generator (see `lite_ranks.py`).

Reference: A. O. Hatch, S. Kajarekar, A. Stolcke, "Within-class covariance normalization for SVM-based speaker
recognition", Interspeech 2006, section 3: here a class is one picture, whole and damaged.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from diorama.data.dataset import open_dataset
from diorama.media.convert import to_uint8
from diorama.methods.representation.damage import KINDS, damage
from diorama.networks.features.lite import LiteFeatures
from diorama.synthesis import store
from diorama.synthesis.representation import RepresentationSynthesizer

SIZES = (64, 32)
MOST = 0.6
"""Largest amount of damage that features are made to mind less, of 1."""
STRENGTH = 100.0
LEAST_SPREAD = 0.3
BATCH = 100


def main() -> None:
    """Calibrate and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    synthesizer = store.load(arguments.model)
    assert isinstance(synthesizer, RepresentationSynthesizer)
    split = open_dataset(arguments.data).split("train")
    index = np.arange(len(split))
    pictures = torch.from_numpy(split.stored(index)).permute(0, 3, 1, 2).float() / 127.5 - 1
    labels = split.labels(index)
    if labels is None:
        raise SystemExit(f"{arguments.data} has no labels; prepare open_mix64 with --label source")
    save_file(calibrated(synthesizer.encoder, pictures, torch.from_numpy(labels)), arguments.out)


@torch.no_grad()
def calibrated(network: LiteFeatures, pictures: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The network's state in float16, with ``centre``, ``spread`` and ``damping`` of these pictures.

    Args:
        network: in evaluation mode; it is changed.
        pictures: (n, 3, h, w) in [-1, 1].
        labels: (n,) collection of each; all collections together weigh as the roots of their sizes.
    """
    weights = torch.bincount(labels).float().rsqrt()[labels].double()
    weights /= weights.sum()
    width = network.config.features
    network.centre.zero_()
    network.spread.fill_(1.0)
    network.damping.copy_(torch.eye(width))
    found = [rows(network, resized(pictures, size)).double() for size in SIZES]
    centre = torch.stack([weights @ each for each in found]).mean(0)
    variance = torch.stack([weights @ (each - centre).square() for each in found]).mean(0)
    network.centre.copy_(centre)
    network.spread.copy_(floored(variance.sqrt(), network.config.taps))
    network.damping.copy_(damping(network, resized(pictures, SIZES[-1]), weights))
    state = network.state_dict()
    return {n: (t.half() if t.is_floating_point() else t).contiguous() for n, t in state.items()}


def floored(spread: Tensor, taps: tuple[int, ...]) -> Tensor:
    """Spreads (d,) of which none is below a share of the median of its depth.

    A feature that nearly no training picture excites would else throw the few others that excite it far out.
    """
    depths = spread.split(list(taps))
    return torch.cat([depth.clamp(min=LEAST_SPREAD * float(depth.median())) for depth in depths])


def damping(network: LiteFeatures, pictures: Tensor, weights: Tensor) -> Tensor:
    """(d, d) matrix (1 + strength × S)^-1/2, where S is the second moment of what mild damage adds to features, times
    what gives features a mean variance of one again.

    Args:
        network: standardised.
        pictures: (n, 3, h, w) in [-1, 1].
        weights: (n,) float64, with sum 1.
    """
    torch.manual_seed(0)
    kinds, amount = torch.randint(len(KINDS), (len(pictures),)), torch.rand(len(pictures)) * MOST
    whole = rows(network, pictures).double()
    moved = rows(network, damage(pictures, kinds, amount)).double() - whole
    values, vectors = torch.linalg.eigh((moved * weights[:, None]).T @ moved)
    matrix = (vectors * (1 + STRENGTH * values.clamp(min=0)).rsqrt()) @ vectors.T
    left = (whole - weights @ whole) @ matrix
    return matrix / (weights @ left.square()).mean().sqrt()


def resized(pictures: Tensor, size: int) -> Tensor:
    """Pictures at another size."""
    return F.interpolate(pictures, size=size, mode="bilinear", antialias=True).clamp(-1, 1)


def rows(network: LiteFeatures, pictures: Tensor) -> Tensor:
    """(n, d) features of pictures in [-1, 1], through 8 bits."""
    return torch.cat([network(to_uint8(part).float() / 127.5 - 1) for part in pictures.split(BATCH)])


if __name__ == "__main__":
    main()
