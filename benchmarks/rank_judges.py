"""Two feature networks that learn CIFAR-10 apart from one another, to ask whether ``fd@lite`` ranks as others rank.

    python benchmarks/rank_judges.py PREPARED --seconds 300 --out judges

PREPARED is `cifar10` as `diorama prepare` packs it. `labels.safetensors` learned to name the class, `views.safetensors`
to find a picture's other view without labels (SimCLR). Both are residual networks of 18 layers for pictures of 32
pixels; features are the 384 channel means before the last layer. They are judges of a benchmark and are not shipped:
CIFAR-10 states no licence.

Reference: K. He et al. 2016, arXiv:1512.03385 (network). T. Chen et al. 2020, arXiv:2002.05709 (without labels).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from diorama.core.device import pick
from diorama.data.dataset import open_dataset
from diorama.methods.representation.contrastive import contrastive_loss, random_view, recoloured

WIDTHS = (48, 96, 192, 384)
JUDGES = ("labels", "views")
HELD_OUT = 0.1


def main() -> None:
    """Train both, say how well each tells classes apart, and write their weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=300, help="of training, a quarter of it with labels")
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--only", choices=JUDGES)
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    device = pick(arguments.device)
    images, labels = train_pictures(arguments.data, device)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images))).to(device)
    held, kept = order.split([round(HELD_OUT * len(order)), len(order) - round(HELD_OUT * len(order))])
    for name, share, objective in (("labels", 0.25, naming_loss), ("views", 0.75, view_loss)):
        if arguments.only in (None, name):
            network, seen = trained(
                objective, images[kept], labels[kept], arguments.seconds * share, arguments.batch, device
            )
            score = nearest_accuracy(network, images, labels, kept, held)
            print(f"{name}: {seen:,} pictures seen, {score:.1%} of held-out pictures by 20 nearest", flush=True)
            state = {
                key: value.bfloat16().contiguous() if value.is_floating_point() else value
                for key, value in network.state_dict().items()
            }
            save_file(state, arguments.out / f"{name}.safetensors")


def train_pictures(data: Path, device: torch.device) -> tuple[Tensor, Tensor]:
    """(n, 3, 32, 32) uint8 pictures and (n,) int64 labels of the train split."""
    split = open_dataset(data).split("train")
    index = np.arange(len(split))
    labels = split.labels(index)
    if labels is None:
        raise SystemExit(f"{data} has no labels; prepare cifar10 with its class folders")
    pictures = torch.from_numpy(split.stored(index)).permute(0, 3, 1, 2).contiguous()
    return pictures.to(device), torch.from_numpy(labels).to(device)


class Judge(nn.Module):
    """Residual network of 18 layers for small pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, WIDTHS[0], 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(WIDTHS[0])
        given = (WIDTHS[0], *WIDTHS[:-1])
        blocks = []
        for depth, (before, width) in enumerate(zip(given, WIDTHS, strict=True)):
            blocks += [_Block(before, width, 1 if depth == 0 else 2), _Block(width, width, 1)]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        """(b, 384) features of (b, 3, h, w) in [-1, 1]."""
        return self.blocks(F.relu(self.norm(self.enter(images)))).mean((2, 3))


class _Block(nn.Module):
    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(given, width, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(width)
        self.shortcut = nn.Identity() if (given, stride) == (width, 1) else nn.Conv2d(given, width, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.shortcut(x) + self.second_norm(self.second(inner)))


Objective = Callable[[nn.Module, nn.Module, Tensor, Tensor], Tensor]
"""Loss of (network, head, (b, 3, h, w) pictures in [-1, 1], (b,) labels)."""


def naming_loss(network: nn.Module, head: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the class, on shifted and mirrored pictures; none is scaled, which would teach to forgive blur.

    Reference: He et al. 2016, section 4.2.
    """
    return F.cross_entropy(head(network(shifted(images, 4))).float(), labels, label_smoothing=0.1)


def view_loss(network: nn.Module, head: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """The contrastive loss of two views; labels are not used."""
    views = [recoloured(random_view(images, images.shape[-1], least=0.15)) for _ in range(2)]
    return contrastive_loss(head(network(torch.cat(views))), temperature=0.3)


def trained(
    objective: Objective, images: Tensor, labels: Tensor, seconds: float, batch: int, device: torch.device
) -> tuple[Judge, int]:
    """A network trained by the clock, and how many pictures it saw; the rate falls to zero at the end."""
    torch.manual_seed(0)
    network = Judge().to(device, memory_format=torch.channels_last)
    width, outputs = WIDTHS[-1], 128 if objective is view_loss else int(labels.max()) + 1
    deep = nn.Sequential(nn.Linear(width, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, outputs))
    head = (deep if objective is view_loss else nn.Linear(width, outputs)).to(device)
    parameters = [*network.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=2e-3, betas=(0.9, 0.99), weight_decay=0.02)
    start, seen, done = time.monotonic(), 0, 0.0
    while done < 1:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * min(1.0, seen / 50_000 + 0.01) * (0.5 + 0.5 * math.cos(math.pi * done))
        index = torch.randint(len(images), (batch,), device=device)
        pixels = (images[index].float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            loss = objective(network, head, pixels, labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += batch
        if seen // batch % 20 == 0:
            # Kernels are launched ahead of the clock otherwise.
            loss.item()
            done = min((time.monotonic() - start) / seconds, 1.0)
    return network.eval(), seen


def shifted(images: Tensor, most: int) -> Tensor:
    """Moved by up to so many pixels each way, mirrored half of the time; what comes into sight is grey."""
    b, c, h, w = images.shape
    device = images.device
    padded = F.pad(images, (most, most, most, most))
    rows = torch.randint(2 * most + 1, (b, 1), device=device) + torch.arange(h, device=device)
    columns = torch.randint(2 * most + 1, (b, 1), device=device) + torch.arange(w, device=device)
    columns = torch.where(torch.rand(b, 1, device=device) < 0.5, columns, columns.flip(1))
    moved = padded.gather(2, rows[:, None, :, None].expand(b, c, h, padded.shape[3]))
    return moved.gather(3, columns[:, None, None, :].expand(b, c, h, w)).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def features(network: nn.Module, pictures: Tensor, batch: int = 1000) -> Tensor:
    """(n, d) float32 features of (n, 3, h, w) uint8 pictures, on the pictures' device."""
    return torch.cat([network(part.float() / 127.5 - 1).float() for part in pictures.split(batch)])


def nearest_accuracy(network: nn.Module, images: Tensor, labels: Tensor, kept: Tensor, held: Tensor) -> float:
    """Share of held-out pictures whose class most of their 20 nearest training pictures have."""
    known, asked = (F.normalize(features(network, images[index])) for index in (kept, held))
    near = torch.cat([(part @ known.T).topk(20).indices for part in asked.split(500)])
    return float((labels[kept][near].mode(1).values == labels[held]).float().mean())


def loaded(file: Path, device: torch.device) -> Judge:
    """A judge that :func:`main` wrote, in evaluation mode."""
    network = Judge()
    network.load_state_dict(load_file(file))
    return network.to(device).eval()


if __name__ == "__main__":
    main()
