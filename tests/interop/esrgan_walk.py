"""ESRGAN's generator of 2018 as a row of modules, by the rules that the published layout follows from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class _Dense(nn.Module):
    def __init__(self, width: int, growth: int, norm: str | None, act: str) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3, self.conv4 = (
            _conv(width + layer * growth, growth, norm, act) for layer in range(4)
        )
        self.conv5 = _conv(width + 4 * growth, width, norm, None)

    def forward(self, x: Tensor) -> Tensor:
        x1 = self.conv1(x)
        x2 = self.conv2(torch.cat((x, x1), 1))
        x3 = self.conv3(torch.cat((x, x1, x2), 1))
        x4 = self.conv4(torch.cat((x, x1, x2, x3), 1))
        return x + 0.2 * self.conv5(torch.cat((x, x1, x2, x3, x4), 1))


class _Block(nn.Module):
    def __init__(self, *given: Any) -> None:
        super().__init__()
        self.RDB1, self.RDB2, self.RDB3 = _Dense(*given), _Dense(*given), _Dense(*given)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.RDB3(self.RDB2(self.RDB1(x)))


class _Beside(nn.Module):
    def __init__(self, sub: nn.Module) -> None:
        super().__init__()
        self.sub = sub

    def forward(self, x: Tensor) -> Tensor:
        return x + self.sub(x)


def _act(name: str) -> nn.Module:
    return {"leakyrelu": nn.LeakyReLU(0.2), "relu": nn.ReLU(), "prelu": nn.PReLU(init=0.2)}[name]


def _conv(inputs: int, outputs: int, norm: str | None, act: str | None) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, padding=1)]
    if norm is not None:
        parts.append({"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d}[norm](outputs))
    return nn.Sequential(*parts, *([] if act is None else [_act(act)]))


class RowOfModules(nn.Module):
    """The generator, of arguments as the published class has them."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        super().__init__()
        width, growth, blocks = arguments["nf"], arguments["gc"], arguments["nb"]
        norm, act = arguments.get("norm_type"), arguments.get("act_type", "leakyrelu")
        body = nn.Sequential(
            *(_Block(width, growth, norm, act) for _ in range(blocks)), *_conv(width, width, norm, None)
        )
        row: list[nn.Module] = [nn.Conv2d(arguments["in_nc"], width, 3, padding=1), _Beside(body)]
        for factor in {1: (), 2: (2,), 3: (3,), 4: (2, 2), 8: (2, 2, 2)}[arguments["upscale"]]:
            if arguments["upsample_mode"] == "upconv":
                row += [nn.Upsample(scale_factor=factor, mode="nearest"), *_conv(width, width, None, act)]
            else:
                row += [nn.Conv2d(width, width * factor**2, 3, padding=1), nn.PixelShuffle(factor), _act(act)]
        self.model = nn.Sequential(
            *row, *_conv(width, width, None, act), nn.Conv2d(width, arguments["out_nc"], 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)
