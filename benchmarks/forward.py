"""Where the time of a forward pass of the DDPM U-Net goes (35.7 M parameters, bf16, evaluation), by kind of kernel.

    python benchmarks/forward.py [--batches 1000 256] [--layers] [--sweep] [--out FILE]

Variants take one thing away at a time. TFLOP/s count the operations that the plain network needs, so a variant that
saves some is credited with them. ``--layers`` times each kind of convolution alone; ``--sweep`` tries settings of the
group norm's kernel.
"""

from __future__ import annotations

import argparse
import itertools
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from diorama.core import device as devices
from diorama.core.files import write_text
from diorama.networks.denoisers.ddpm import DDPMUNetConfig
from diorama.nn import kernels, resample
from diorama.nn.norm import GroupNormAct
from diorama.nn.projection import pointwise
from diorama.nn.residual import ResidualBlock
from diorama.synthesis.recording import cast_weights

KINDS = (
    ("group norm", r"whole_|chunk_|group_norm|GroupNorm|RowwiseMoments"),
    ("residual sum", r"_sum_kernel"),
    ("attention", r"flash|fmha|attention|softmax"),
    ("convolution", r"conv|xmma|implicit|fprop|dgrad|wgrad|cudnn"),
    ("matrix product", r"gemm|nvjet|cublas|cutlass|splitK"),
    ("joining", r"CatArray"),
    ("enlarging", r"upsample"),
    ("copy and cast", r"copy|Memcpy|Memset|direct_copy|nchwToNhwc|nhwcToNchw"),
    ("pointwise", r"elementwise|silu|add|mul"),
)
"""Kinds of kernels by what their names hold; the first that fits counts."""


def network(device: torch.device, *, tiny: bool) -> nn.Module:
    """The paper's U-Net with random weights, laid out for its convolutions."""
    attention = (False, True, False, False)
    config = DDPMUNetConfig(widths=(32, 64, 64, 64) if tiny else (128, 256, 256, 256), attention=attention, dropout=0.1)
    torch.manual_seed(0)
    built = config.build()
    for parameter in built.parameters():
        # Layers that begin at zero would make zeros of what follows, and zeros take less power.
        if not parameter.detach().any():
            nn.init.normal_(parameter, std=0.02)
    built = built.to(device).eval()
    devices.channels_last(built)
    return built


@contextmanager
def plain() -> Iterator[None]:
    """PyTorch's own kernels throughout."""
    with patch.object(kernels, "can_build", lambda: False), plain_enlarging(), plain_halving():
        yield


@contextmanager
def plain_enlarging() -> Iterator[None]:
    """Enlarged features, and then a convolution."""
    with patch.object(resample.ConvUp, "forward", lambda self, x: self.conv(resample.double(x))):
        yield


@contextmanager
def plain_halving() -> Iterator[None]:
    """Features padded on the right and at the bottom, and then a convolution."""
    with patch.object(resample.ConvDown, "forward", lambda self, x: self.conv(F.pad(x, (0, 1, 0, 1)))):
        yield


def variants(device: torch.device) -> dict[str, tuple[Callable[[], object], bool]]:
    """Contexts by name, and whether weights are cast once."""
    every: dict[str, tuple[Callable[[], object], bool]] = {
        "plain": (plain, False),
        "fused": (ExitStack, False),
        "fused, weights cast once": (ExitStack, True),
        "the same, enlarging apart": (plain_enlarging, True),
        "the same, padded copies halved": (plain_halving, True),
    }
    return every if device.type == "cuda" else {"plain": every["plain"]}


class Pass:
    """Forward passes at one batch size.

    Args:
        built: the network.
        batch: pictures.
        device: where.
    """

    def __init__(self, built: nn.Module, batch: int, device: torch.device) -> None:
        self.network, self.device, self.batch = built, device, batch
        self.x = torch.randn(batch, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
        self.t = torch.full((batch,), 500, device=device)

    @torch.no_grad()
    def __call__(self) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16):
            return self.network(self.x, self.t)


def milliseconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median over repeats of a recorded call, after warming up: launching would take longer than a single layer."""
    if device.type != "cuda":
        return launched_milliseconds(call, device, repeats)
    own = torch.cuda.Stream()
    own.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(own):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(own)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return launched_milliseconds(graph.replay, device, repeats)


def launched_milliseconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Median over repeats of a call as it is, after one that warms up."""
    call()
    if device.type != "cuda":
        return float("nan")
    times = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times)


def kind_of(name: str) -> str:
    """The kind of a kernel."""
    return next((kind for kind, words in KINDS if re.search(words, name)), "other")


def by_kernel(call: Callable[[], object], device: torch.device) -> dict[str, tuple[float, int]]:
    """Microseconds and calls of every kernel in one call."""
    if device.type != "cuda":
        return {}
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as seen:
        call()
        torch.cuda.synchronize()
    found: dict[str, tuple[float, int]] = {}
    for event in seen.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            time, count = found.get(event.name, (0.0, 0))
            found[event.name] = (time + event.time_range.elapsed_us(), count + 1)
    return found


def needed(built: nn.Module, batch: int) -> dict[str, float]:
    """What the plain network computes and must move: TFLOP of products, GB of norms and of residual sums."""
    one = Pass(built, 1, next(built.parameters()).device)
    moved: dict[str, float] = defaultdict(float)
    hooks = []
    for module in built.modules():
        if isinstance(module, GroupNormAct):
            hooks.append(module.register_forward_hook(lambda m, given, y: _add(moved, "group norm", 2 * y.numel())))
        if isinstance(module, ResidualBlock):
            hooks.append(module.register_forward_hook(lambda m, given, y: _add(moved, "residual sum", 3 * y.numel())))
    with plain(), FlopCounterMode(display=False) as counter:
        one()
    for hook in hooks:
        hook.remove()
    flops: dict[str, float] = defaultdict(float)
    for operation, count in counter.get_flop_counts()["Global"].items():
        kind = (
            "convolution"
            if "conv" in str(operation)
            else "attention"
            if "attention" in str(operation)
            else "matrix product"
        )
        flops[kind] += count
    sizes = {f"{kind}, GB": 2e-9 * count * batch for kind, count in moved.items()}
    return sizes | {f"{kind}, TFLOP": 1e-12 * count * batch for kind, count in flops.items()}


def _add(moved: dict[str, float], kind: str, count: int) -> None:
    moved[kind] += count


def report(name: str, run: Pass, wants: dict[str, float], peak: float, arguments: argparse.Namespace) -> list[str]:
    """Lines on one variant."""
    launched = launched_milliseconds(run, run.device, arguments.repeats)
    graph = milliseconds(run, run.device, arguments.repeats)
    total = sum(value for key, value in wants.items() if key.endswith("TFLOP"))
    rate = 1000 * total / graph
    lines = [
        f"## {name}, batch {run.batch}",
        "",
        f"{graph:.2f} ms recorded, {launched:.2f} ms launched; {1000 * run.batch / graph:,.0f} pictures/s a pass, "
        f"{20 * run.batch / graph:,.0f} over 50 passes; {rate:.0f} TFLOP/s, {rate / peak:.0%} of {peak:.0f}.",
        "",
    ]
    seen = by_kernel(run, run.device)
    kinds: dict[str, float] = defaultdict(float)
    for kernel, (time, _) in seen.items():
        kinds[kind_of(kernel)] += time / 1000
    everything = sum(kinds.values())
    for kind, time in sorted(kinds.items(), key=lambda pair: -pair[1]):
        words = f"- {kind}: {time:.2f} ms, {time / everything:.0%}"
        for unit, scale in (("TFLOP", 1000), ("GB", 1000)):
            if f"{kind}, {unit}" in wants:
                words += f", {scale * wants[f'{kind}, {unit}'] / time:,.0f} {unit}/s"
        lines.append(words)
    lines.append("")
    for kernel, (time, count) in sorted(seen.items(), key=lambda pair: -pair[1][0])[: arguments.top]:
        lines.append(f"    {time / 1000:7.3f} ms {count:4d}x {kind_of(kernel):14s} {kernel[:110]}")
    return [*lines, ""]


def peak_of(device: torch.device) -> float:
    """TFLOP/s of a large product of random numbers."""
    if device.type != "cuda":
        return float("nan")
    a, b = (torch.randn(8192, 8192, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * 8192**3 * 1e-9 / milliseconds(lambda: a @ b, device, 10)


def layers(batch: int, device: torch.device, arguments: argparse.Namespace) -> list[str]:
    """Each kind of convolution of the network alone, and what takes its place."""
    lines = [f"## Layers, batch {batch}", "", "| layer | ms | TFLOP/s or GB/s |", "|---|---|---|"]

    def features(channels: int, size: int) -> Tensor:
        x = torch.randn(batch, channels, size, size, device=device, dtype=torch.bfloat16)
        return x.contiguous(memory_format=torch.channels_last)

    def weight(outputs: int, inputs: int, side: int) -> Tensor:
        w = torch.randn(outputs, inputs, side, side, device=device, dtype=torch.bfloat16) * 0.02
        return w.contiguous(memory_format=torch.channels_last)

    for inputs, outputs, size in ((128, 128, 32), (256, 128, 32), (384, 128, 32), (128, 256, 16), (256, 256, 16),
                                  (512, 256, 16), (384, 256, 16), (256, 256, 8), (512, 256, 8), (256, 256, 4),
                                  (512, 256, 4), (3, 128, 32), (128, 3, 32)):  # fmt: skip
        x, w = features(inputs, size), weight(outputs, inputs, 3)
        time = milliseconds(lambda x=x, w=w: F.conv2d(x, w, padding=1), device, arguments.repeats)
        rate = 2e-9 * batch * size * size * inputs * outputs * 9 / time
        lines.append(f"| 3x3, {inputs} to {outputs}, {size} px | {time:.3f} | {rate:.0f} |")
    for inputs, size in ((128, 32), (256, 16), (256, 8)):
        x, w = F.pad(features(inputs, size), (0, 1, 0, 1)), weight(inputs, inputs, 3)
        time = milliseconds(lambda x=x, w=w: F.conv2d(x, w, stride=2), device, arguments.repeats)
        rate = 2e-9 * batch * (size // 2) ** 2 * inputs * inputs * 9 / time
        lines.append(f"| 3x3 stride 2, {inputs}, {size} px | {time:.3f} | {rate:.0f} |")
    for size in (4, 8, 16):
        x, w = features(256, size), weight(256, 256, 3)
        rate = 2e-9 * batch * (2 * size) ** 2 * 256 * 256 * 9
        apart = milliseconds(lambda x=x, w=w: F.conv2d(resample.double(x), w, padding=1), device, arguments.repeats)
        four = resample._enlarging(w)
        one = milliseconds(lambda x=x, w=four: F.conv_transpose2d(x, w, stride=2, padding=1), device, arguments.repeats)
        lines.append(f"| enlarging, then 3x3, 256, {size} px | {apart:.3f} | {rate / apart:.0f} |")
        lines.append(f"| the same as one transposed convolution | {one:.3f} | {rate / one:.0f} |")
    for inputs, joined, outputs, size in ((256, 128, 128, 32), (128, 128, 128, 32), (256, 256, 256, 16)):
        x, skip, w = features(inputs, size), features(joined, size), weight(outputs, inputs + joined, 1)
        both = milliseconds(lambda x=x, s=skip, w=w: F.conv2d(torch.cat([x, s], 1), w), device, arguments.repeats)
        split = milliseconds(lambda x=x, s=skip, w=w: pointwise(w.flatten(1), x, s), device, arguments.repeats)
        lines.append(f"| joining, then 1x1, {inputs}+{joined} to {outputs}, {size} px | {both:.3f} | |")
        lines.append(f"| the same as two products | {split:.3f} | |")
    q, k, v = (torch.randn(batch, 1, 256, 256, device=device, dtype=torch.bfloat16) for _ in range(3))
    time = milliseconds(lambda: F.scaled_dot_product_attention(q, k, v), device, arguments.repeats)
    lines.append(f"| attention, 256 places of 256 | {time:.3f} | {4e-9 * batch * 256**3 / time:.0f} |")
    return [*lines, ""]


def sweep(batch: int, device: torch.device, arguments: argparse.Namespace) -> list[str]:
    """Settings of the group norm's kernel on the network's largest maps."""
    from diorama.nn import group_norm_triton

    lines = [f"## Group norm, batch {batch}: GB/s (read once, written once)", ""]
    shapes = ((128, 0, 32), (256, 128, 32), (256, 0, 16), (256, 256, 16), (256, 0, 8))
    names = " | ".join(f"{a}{f'+{b}' if b else ''}, {size} px" for a, b, size in shapes)
    lines += [f"| accesses, registers, sector, line, warps | {names} |", "|---" * (len(shapes) + 1) + "|"]
    settings = [
        (8, 80, 32, 128, 16),
        (8, 96, 32, 128, 16),
        (16, 96, 32, 128, 16),
        (16, 112, 32, 128, 16),
        (16, 128, 32, 128, 16),
        (16, 160, 32, 128, 16),
        (16, 128, 64, 128, 16),
        (16, 128, 32, 256, 16),
        (16, 128, 32, 128, 8),
        (32, 200, 32, 128, 8),
        (32, 240, 64, 128, 8),
    ]
    for accesses, registers, sector, line, warps in settings:
        cells = []
        for channels, joined, size in shapes:
            x = torch.randn(batch, channels, size, size, device=device, dtype=torch.bfloat16)
            skip = torch.randn(batch, joined, size, size, device=device, dtype=torch.bfloat16) if joined else None
            x, skip = (None if s is None else s.contiguous(memory_format=torch.channels_last) for s in (x, skip))
            layer = GroupNormAct(32, channels + joined, act="silu").to(device)
            with ExitStack() as held, torch.no_grad():
                budget = group_norm_triton._Budget(accesses, registers)
                changed = {"_FORWARD": budget, "_SECTOR": sector, "_LINE": line, "_MOST_WARPS": warps}
                for name, value in changed.items():
                    held.enter_context(patch.object(group_norm_triton, name, value))
                time = milliseconds(lambda x=x, s=skip, m=layer: m(x, skip=s), device, arguments.repeats)
            cells.append(f"{4e-6 * batch * (channels + joined) * size * size / time:,.0f}")
        lines.append(f"| {accesses}, {registers}, {sector}, {line}, {warps} | {' | '.join(cells)} |")
    return [*lines, ""]


def main() -> None:
    """Print every part as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--batches", type=int, nargs="*", default=[1000, 256])
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--top", type=int, default=15, help="kernels that are listed")
    parser.add_argument("--layers", action="store_true")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal with a narrow network")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = devices.pick(arguments.device)
    devices.choose_kernels(device)
    peak = peak_of(device)
    parts: list[list[str]] = []

    def show(lines: list[str]) -> None:
        print("\n".join(lines), flush=True)
        parts.append(lines)

    show([f"# A forward pass: {devices.describe(device)}, torch {torch.__version__}", ""])
    for batch, cast in itertools.product(arguments.batches, (False, True)):
        built = network(device, tiny=arguments.tiny)
        wants = needed(built, batch)
        if cast:
            cast_weights(built, torch.bfloat16)
        for name, (context, casts) in variants(device).items():
            if casts == cast:
                with context():  # type: ignore[attr-defined]
                    show(report(name, Pass(built, batch, device), wants, peak, arguments))
        del built
        if device.type == "cuda":
            torch.cuda.empty_cache()
    for batch in arguments.batches[:1]:
        if arguments.layers:
            show(layers(batch, device, arguments))
        if arguments.sweep:
            show(sweep(batch, device, arguments))
    if arguments.out:
        write_text(arguments.out, "\n".join(line for lines in parts for line in lines))


if __name__ == "__main__":
    main()
