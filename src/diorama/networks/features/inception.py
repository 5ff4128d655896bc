"""Inception v3 as the published FID weights want it: TensorFlow's pooling, 1008 classes, batch norm of eps 1e-3.

Reference: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception architecture for
computer vision", CVPR 2016, arXiv:1512.00567, table 1; pooling of the 2015-12-05 graph as in M. Heusel et al. 2017.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

SIDE = 299
CLASSES = 1008
FEATURES = 2048
TAPS = ("64", "192", "768", "2048")


class _Conv(nn.Module):
    def __init__(self, given: int, width: int, kernel: int | tuple[int, int], stride: int = 1, *, same: bool) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if same else (0, 0)
        self.conv = nn.Conv2d(given, width, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


def _same(given: int, width: int, kernel: int | tuple[int, int]) -> _Conv:
    return _Conv(given, width, kernel, same=True)


def _average(x: Tensor) -> Tensor:
    # TensorFlow's average leaves padding out of the count.
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class _MixedA(nn.Module):
    """35 x 35: 1x1, 5x5, double 3x3 and pooled branches."""

    def __init__(self, given: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _same(given, 64, 1)
        self.branch5x5_1, self.branch5x5_2 = _same(given, 48, 1), _same(48, 64, 5)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _same(given, 64, 1), _same(64, 96, 3)
        self.branch3x3dbl_3 = _same(96, 96, 3)
        self.branch_pool = _same(given, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_average(x))], 1)


class _MixedB(nn.Module):
    """35 x 35 to 17 x 17."""

    def __init__(self, given: int) -> None:
        super().__init__()
        self.branch3x3 = _Conv(given, 384, 3, 2, same=False)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _same(given, 64, 1), _same(64, 96, 3)
        self.branch3x3dbl_3 = _Conv(96, 96, 3, 2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class _MixedC(nn.Module):
    """17 x 17: factorised 7x7 branches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide, high = (1, 7), (7, 1)
        self.branch1x1 = _same(768, 192, 1)
        self.branch7x7_1, self.branch7x7_2 = _same(768, width, 1), _same(width, width, wide)
        self.branch7x7_3 = _same(width, 192, high)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = _same(768, width, 1), _same(width, width, high)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = _same(width, width, wide), _same(width, width, high)
        self.branch7x7dbl_5 = _same(width, 192, wide)
        self.branch_pool = _same(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), single, double, self.branch_pool(_average(x))], 1)


class _MixedD(nn.Module):
    """17 x 17 to 8 x 8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _same(768, 192, 1), _Conv(192, 320, 3, 2, same=False)
        self.branch7x7x3_1, self.branch7x7x3_2 = _same(768, 192, 1), _same(192, 192, (1, 7))
        self.branch7x7x3_3, self.branch7x7x3_4 = _same(192, 192, (7, 1)), _Conv(192, 192, 3, 2, same=False)

    def forward(self, x: Tensor) -> Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, F.max_pool2d(x, 3, 2)], 1)


class _MixedE(nn.Module):
    """8 x 8: split 3x3 branches. The last of the two pools by maximum, a slip of the graph that FID inherits."""

    def __init__(self, given: int, *, by_maximum: bool) -> None:
        super().__init__()
        self.by_maximum = by_maximum
        self.branch1x1 = _same(given, 320, 1)
        self.branch3x3_1 = _same(given, 384, 1)
        self.branch3x3_2a, self.branch3x3_2b = _same(384, 384, (1, 3)), _same(384, 384, (3, 1))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _same(given, 448, 1), _same(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = _same(384, 384, (1, 3)), _same(384, 384, (3, 1))
        self.branch_pool = _same(given, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        single = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.by_maximum else _average(x)
        branches = [
            self.branch1x1(x),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(pooled),
        ]
        return torch.cat(branches, 1)


class FIDInception(nn.Module):
    """The FID network, under the names of ``pt_inception-2015-12-05-6726825d.pth``."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, 2, same=False)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3, same=False)
        self.Conv2d_2b_3x3 = _same(32, 64, 3)
        self.Conv2d_3b_1x1 = _same(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3, same=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _MixedA(192, 32), _MixedA(256, 64), _MixedA(288, 64)
        self.Mixed_6a = _MixedB(288)
        self.Mixed_6b, self.Mixed_6c = _MixedC(128), _MixedC(160)
        self.Mixed_6d, self.Mixed_6e = _MixedC(160), _MixedC(192)
        self.Mixed_7a = _MixedD()
        self.Mixed_7b, self.Mixed_7c = _MixedE(1280, by_maximum=False), _MixedE(2048, by_maximum=True)
        self.fc = nn.Linear(FEATURES, CLASSES)

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2048"]:
        """The pooled features that FID is computed from.

        Args:
            images: (b, c, h, w) in [-1, 1] of any size; c is 3, or 1 for grey, which is repeated.
        """
        return self.taps(resize(images))["2048"]

    def taps(self, x: Float[Tensor, "b c 299 299"]) -> Mapping[str, Float[Tensor, "b d"]]:
        """Spatial means at four depths, by width, of pictures that already have the network's size and range."""
        x = x.expand(-1, 3, -1, -1)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        first = x = F.max_pool2d(x, 3, 2)
        second = x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"):
            x = self.get_submodule(f"Mixed_{name}")(x)
        third = x
        last = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return {name: tap.mean((2, 3)) for name, tap in zip(TAPS, (first, second, third, last), strict=True)}

    def logits(self, pooled: Float[Tensor, "b 2048"], *, biased: bool = False) -> Float[Tensor, "b 1008"]:
        """Class scores from pooled features; the Inception Score is computed without the bias."""
        return F.linear(pooled, self.fc.weight, self.fc.bias if biased else None)


def resize(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c 299 299"]:
    """To 299 pixels as pytorch-fid does it: bilinear between pixel centres, without antialias."""
    return F.interpolate(images, size=(SIDE, SIDE), mode="bilinear", align_corners=False)


def resize_tensorflow(images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c 299 299"]:
    """To 299 pixels as TensorFlow 1 did it: bilinear between pixel corners, the last pixels repeated.

    Args:
        images: (b, c, h, w) of any range.
    """
    places = []
    for side in images.shape[-2:]:
        at = torch.arange(SIDE, device=images.device, dtype=torch.float32) * (side / SIDE)
        low = at.long().clamp(max=side - 1)
        places.append((low, (low + 1).clamp(max=side - 1), (at - low).to(images.dtype)))
    (top, bottom, down), (left, right, across) = places
    rows = images[..., top, :] + (images[..., bottom, :] - images[..., top, :]) * down[:, None]
    return rows[..., left] + (rows[..., right] - rows[..., left]) * across
