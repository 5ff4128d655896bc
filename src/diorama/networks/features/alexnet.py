"""AlexNet in its second form, without local normalisation.

Reference: A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, arXiv:1404.5997,
section 5; widths and names as torchvision has them.
"""

from __future__ import annotations

from torch import nn

from diorama.networks.features.trunk import Trunk


def alexnet() -> Trunk:
    """Its five convolutions, each tapped after its rectifier; freshly initialised."""
    layers = [
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    ]
    return Trunk(layers, taps=(1, 4, 7, 9, 11), widths=(64, 192, 384, 256, 256), least=31)
