"""The layers of CycleGAN's, pix2pix's and pix2pixHD's networks, as they stand in their sequences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PADS = {"reflect": nn.ReflectionPad2d, "replicate": nn.ReplicationPad2d}


def norm(kind: str, channels: int) -> nn.Module:
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "none": lambda _: nn.Identity()}
    return kinds[kind](channels)


def sequence(layers: Sequence[nn.Module]) -> nn.Sequential:
    return nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, channels: int, kind: str, padding: str, *, dropout: bool, bias: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for last in (False, True):
            layers += [PADS[padding](1)] if padding in PADS else []
            layers += [nn.Conv2d(channels, channels, 3, padding=0 if padding in PADS else 1, bias=bias)]
            layers += [norm(kind, channels)]
            layers += [] if last else [nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = sequence(layers)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


def head(width: int, outputs: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, outputs, 7), nn.Tanh()]


def first(channels: int, width: int, kind: str, bias: bool) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7, bias=bias), norm(kind, width), nn.ReLU()]


def down(width: int, kind: str, bias: bool) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), norm(kind, 2 * width), nn.ReLU()]


def up(width: int, kind: str, bias: bool) -> list[nn.Module]:
    return [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1, bias=bias), norm(kind, width), nn.ReLU()]


class Resnet(nn.Module):
    """``ResnetGenerator`` with two halvings, ``GlobalGenerator`` with biases everywhere."""

    def __init__(
        self, facts: tuple[int, int, int, int, int], block: tuple[str, str], dropout: bool, bias: bool
    ) -> None:
        super().__init__()
        channels, outputs, width, halvings, blocks = facts
        kind, padding = block
        layers = first(channels, width, kind, bias)
        for step in range(halvings):
            layers += down(width << step, kind, bias)
        layers += [Residual(width << halvings, kind, padding, dropout=dropout, bias=bias) for _ in range(blocks)]
        for step in reversed(range(halvings)):
            layers += up(width << step, kind, bias)
        self.model = sequence(layers + head(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Local(nn.Module):
    """``LocalEnhancer``."""

    def __init__(self, facts: tuple[int, int, int, int, int], local: tuple[int, int], block: tuple[str, str]) -> None:
        super().__init__()
        channels, outputs, width, halvings, blocks = facts
        self.count, inner = local
        kind, padding = block
        whole = Resnet((channels, outputs, width << self.count, halvings, blocks), (kind, "reflect"), False, True)
        self.model = whole.model[:-3]
        for number in range(1, self.count + 1):
            wide = width << (self.count - number)
            below = first(channels, wide, kind, True) + down(wide, kind, True)
            above: list[nn.Module] = [
                Residual(2 * wide, kind, padding, dropout=False, bias=True) for _ in range(inner)
            ]  # fmt: skip
            above += up(wide, kind, True) + (head(width, outputs) if number == self.count else [])
            setattr(self, f"model{number}_1", sequence(below))
            setattr(self, f"model{number}_2", sequence(above))

    def forward(self, x: Tensor) -> Tensor:
        sizes = [x]
        for _ in range(self.count):
            sizes.append(nn.AvgPool2d(3, 2, 1, count_include_pad=False)(sizes[-1]))
        found = self.model(sizes[-1])
        for number in range(1, self.count + 1):
            below, above = getattr(self, f"model{number}_1"), getattr(self, f"model{number}_2")
            found = above(below(sizes[self.count - number]) + found)
        return found


class Level(nn.Module):
    """One level of ``UnetGenerator`` with all that lie inside it."""

    def __init__(self, ends: tuple[int, int], inner: Level | None, kind: str, *, dropout: bool) -> None:
        super().__init__()
        outer, width = ends
        bias = kind == "instance"
        layers: list[nn.Module] = [nn.LeakyReLU(0.2), nn.Conv2d(outer, width, 4, 2, 1, bias=bias)]
        layers += [norm(kind, width), inner] if inner is not None else []
        wide = 2 * width if inner is not None else width
        layers += [nn.ReLU(), nn.ConvTranspose2d(wide, outer, 4, 2, 1, bias=bias), norm(kind, outer)]
        self.model = sequence(layers + ([nn.Dropout(0.5)] if dropout else []))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], dim=1)


class Unet(nn.Module):
    """``UnetGenerator``."""

    def __init__(self, channels: tuple[int, int], width: int, downs: int, kind: str, *, dropout: bool) -> None:
        super().__init__()
        level = Level((8 * width, 8 * width), None, kind, dropout=False)
        for _ in range(downs - 5):
            level = Level((8 * width, 8 * width), level, kind, dropout=dropout)
        for outer in (4, 2, 1):
            level = Level((outer * width, 2 * outer * width), level, kind, dropout=False)
        self.model = nn.Module()
        bias = kind == "instance"
        outermost = [nn.Conv2d(channels[0], width, 4, 2, 1, bias=bias), level, nn.ReLU()]
        self.model.model = sequence([*outermost, nn.ConvTranspose2d(2 * width, channels[1], 4, 2, 1), nn.Tanh()])

    def forward(self, x: Tensor) -> Tensor:
        return self.model.model(x)  # type: ignore[operator]


class Scales(nn.Module):
    """``MultiscaleDiscriminator``: of each scale its stages, in either form."""

    def __init__(self, facts: tuple[int, int, int, int], kind: str, *, sigmoid: bool, features: bool) -> None:
        super().__init__()
        channels, width, layers, self.scales = facts
        self.features, self.stages = features, layers + 2
        for scale in range(self.scales):
            wide = width
            stages: list[list[nn.Module]] = [[nn.Conv2d(channels, width, 4, 2, 2), nn.LeakyReLU(0.2)]]
            for number in range(1, layers + 1):
                before, wide = wide, min(2 * wide, 512)
                conv = nn.Conv2d(before, wide, 4, 2 if number < layers else 1, 2)
                stages.append([conv, norm(kind, wide), nn.LeakyReLU(0.2)])
            stages.append([nn.Conv2d(wide, 1, 4, 1, 2)])
            if features:
                for number, stage in enumerate(stages):
                    setattr(self, f"scale{scale}_layer{number}", sequence(stage))
            else:
                flat = [layer for stage in stages for layer in stage]
                setattr(self, f"layer{scale}", sequence(flat + ([nn.Sigmoid()] if sigmoid else [])))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        found = []
        for scale in reversed(range(self.scales)):
            if self.features:
                maps = [x]
                for number in range(self.stages):
                    maps.append(getattr(self, f"scale{scale}_layer{number}")(maps[-1]))
                found.append(maps[1:])
            else:
                found.append([getattr(self, f"layer{scale}")(x)])
            x = nn.AvgPool2d(3, 2, 1, count_include_pad=False)(x)
        return found
