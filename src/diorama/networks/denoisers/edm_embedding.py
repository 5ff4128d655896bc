"""What the U-Nets of EDM are told besides the picture: noise level, label, and how the picture was augmented.

Reference: T. Karras, M. Aittala, T. Aila, S. Laine, arXiv:2206.00364, appendix F.2.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diorama.nn.timestep import TimeMLP


class SoftLabel(nn.Module):
    """Labels as rows of numbers, one for each class, for a linear layer to read.

    Args:
        classes: k.
        dropout: share of labels that are left out in training: their rows are zeros.
    """

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        self.classes, self.dropout = classes, dropout

    def forward(self, label: Tensor | None, level: Tensor) -> Tensor | None:
        """Rows.

        Args:
            label: (b,) int64 classes, where k stands for none of them if labels are left out in training; or (b, k)
                shares of each class; or ``None`` for none.
            level: (b,), as many and on the same device.

        Returns:
            (b, k) float32; ``None`` where k is 0.

        Raises:
            ValueError: a label is missing or not wanted.
            IndexError: there is no such class.
        """
        if not self.classes:
            if label is not None:
                raise ValueError("this network takes no label")
            return None
        if label is None:
            if not self.dropout:
                raise ValueError("this network needs a label")
            return torch.zeros(len(level), self.classes, device=level.device)
        if label.dim() == 2:
            rows = label.float()
        else:
            # Looked up, not compared with the classes: a class that does not exist would become no class unnoticed.
            known = torch.eye(self.classes + bool(self.dropout), self.classes, device=label.device)
            rows = F.embedding(label, known)
        if self.training and self.dropout:
            rows = rows * (torch.rand(len(rows), 1, device=rows.device) >= self.dropout)
        return rows


class EarlyLabelEmbedding(nn.Module):
    """The label is added to the features of the level: level (b,), label, augmentation -> (b, width), activated.

    Args:
        features: of the level, (b,) -> (b, channels).
        channels: of them.
        width: of the result.
        labels: of the network.
        augment: numbers that tell the augmentation.
    """

    def __init__(self, features: nn.Module, channels: int, width: int, labels: SoftLabel, augment: int) -> None:
        super().__init__()
        self.features, self.labels = features, labels
        self.label = nn.Linear(labels.classes, channels) if labels.classes else None
        self.augment = nn.Linear(augment, channels, bias=False) if augment else None
        self.mlp = TimeMLP(channels, width)

    def forward(self, level: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Embed; ``augment`` (b, a) is ``None`` for pictures as they are."""
        embedded = self.features(level)
        rows = self.labels(label, level)
        if self.label is not None and rows is not None:
            # A class's number has unit variance then, as the features have about.
            embedded = embedded + self.label(rows.to(embedded) * math.sqrt(self.labels.classes))
        embedded = _add(embedded, self.augment, augment)
        return F.silu(self.mlp(embedded))


class LateLabelEmbedding(nn.Module):
    """The label is added to the vector of the level: level (b,), label, augmentation -> (b, width), activated.

    The arguments are those of :class:`EarlyLabelEmbedding`.
    """

    def __init__(self, features: nn.Module, channels: int, width: int, labels: SoftLabel, augment: int) -> None:
        super().__init__()
        self.features, self.labels = features, labels
        self.label = nn.Linear(labels.classes, width, bias=False) if labels.classes else None
        self.augment = nn.Linear(augment, channels, bias=False) if augment else None
        self.mlp = TimeMLP(channels, width)

    def forward(self, level: Tensor, label: Tensor | None, augment: Tensor | None) -> Tensor:
        """Embed; ``augment`` (b, a) is ``None`` for pictures as they are."""
        embedded = self.mlp(_add(self.features(level), self.augment, augment))
        rows = self.labels(label, level)
        if self.label is not None and rows is not None:
            embedded = embedded + self.label(rows.to(embedded))
        return F.silu(embedded)


def _add(features: Tensor, layer: nn.Linear | None, augment: Tensor | None) -> Tensor:
    if augment is None:
        return features
    if layer is None:
        raise ValueError("this network cannot be told of augmentation")
    return features + layer(augment.to(features))
