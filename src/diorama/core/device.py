"""Which device, which precision, and how its kernels are chosen."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from diorama.core.contracts import Batch
from diorama.core.errors import BadConfig


def pick(name: str = "auto") -> torch.device:
    """The device of a name; ``auto`` takes CUDA, else MPS, else the CPU. A CUDA device becomes the current one.

    Raises:
        BadConfig: no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
        if device.type == "cuda" and device.index is not None:
            # Triton and recordings work on the current device, wherever their tensors lie.
            torch.cuda.set_device(device)
    except (RuntimeError, AssertionError) as problem:
        raise BadConfig(f"device {name!r} cannot be used here: {str(problem).splitlines()[0]}") from problem
    return device


def describe(device: torch.device) -> str:
    """The device in words, for cards and reports."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{device.type.upper()}, {threads} thread{'' if threads == 1 else 's'}"


def runs_ahead(device: torch.device) -> bool:
    """Whether the program goes on while the device still works, so that reading a value waits for it."""
    return device.type != "cpu"


def has_graphs(device: torch.device) -> bool:
    """Whether work on the device can be recorded once and replayed."""
    return device.type == "cuda"


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware (emulation is slower than float32)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, probe, bool)() for probe in probes)
    return False


def finest_half(device: torch.device) -> torch.dtype | None:
    """The half precision with the most digits that the device multiplies in hardware, ``None`` where it has none.

    Float16 has three bits more than bfloat16, and overflows at 65,504.
    """
    if device.type == "cuda":
        return torch.float16 if torch.cuda.get_device_capability(device) >= (7, 0) else None
    return torch.bfloat16 if has_bf16(device) else None


@dataclass(frozen=True)
class Precision:
    """What matrix products are computed in.

    Args:
        dtype: of autocast; float32 switches it off.
        device: where.
    """

    dtype: torch.dtype
    device: torch.device

    @property
    def scaled(self) -> bool:
        """Whether gradients must be scaled lest they vanish (float16)."""
        return self.dtype == torch.float16

    @property
    def own_half(self) -> torch.dtype | None:
        """What blocks compute in that choose half precision themselves; ``None`` where all is asked for in float32, or
        where the device does not have it in hardware."""
        return None if self.dtype == torch.float32 else finest_half(self.device)

    def autocast(self, enabled: bool = True) -> AbstractContextManager[None]:
        """The context in which networks are called; without effect in float32 or when not ``enabled``."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=enabled)


def precision(name: str, device: torch.device) -> Precision:
    """The precision of a name: ``bf16``, ``fp16``, ``fp32``, or ``auto``: bf16 where the hardware has it."""
    if name == "auto":
        name = "bf16" if has_bf16(device) else "fp32"
    try:
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[name]
    except KeyError:
        raise BadConfig(f"precision: {name!r} is not one of auto, bf16, fp16, fp32") from None
    return Precision(dtype, device)


def at_least_float32(x: Tensor) -> Tensor:
    """A tensor of half precision in float32, others as they are: a mean of halves loses what is small in them."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def seed(device: torch.device, value: int) -> None:
    """Seed PyTorch's own generators of the CPU and of one device.

    Unlike ``torch.manual_seed`` it leaves other devices alone, which takes a millisecond less: a training step
    seeds at every turn.
    """
    torch.default_generator.manual_seed(value)
    if device.type == "cuda":
        torch.cuda.manual_seed(value)
    elif device.type == "mps":
        torch.mps.manual_seed(value)


def choose_kernels(device: torch.device, *, deterministic: bool = False) -> None:
    """Set the process's kernels: TF32 and the fastest convolutions on CUDA, or only deterministic ones.

    On the CPU the same threads give the same bits either way. On GPUs only ``deterministic`` promises that: it
    forgoes cuDNN's search and the scattered additions of some backward passes, and an operation that has no
    deterministic form is an error that names it.
    """
    torch.set_float32_matmul_precision("high")
    if device.type != "cuda":
        return
    if deterministic:
        # cuBLAS reads this when its first handle is made.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)


@contextmanager
def full_float32() -> Iterator[None]:
    """Inside the block float32 products and convolutions keep all their digits: no TF32, whatever training chose."""
    cudnn, before = torch.backends.cudnn, torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        # What is not named here falls to the context's own defaults, which switch cuDNN off.
        with cudnn.flags(
            enabled=cudnn.enabled, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def channels_last(module: torch.nn.Module) -> None:
    """Lay out the convolution weights of a module with the channels innermost, in place.

    Five-dimensional weights stay as they are: the CPU has no channels-last kernels for three-dimensional convolutions.
    """
    for parameter in module.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def lay_out(batch: Batch, *, channels_last: bool) -> Batch:
    """A batch whose pictures are laid out as channels-last convolutions want them, where these are wanted."""
    return {key: _innermost(value) for key, value in batch.items()} if channels_last else batch


def _innermost(value: Tensor) -> Tensor:
    return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value


def all_finite(tensors: Iterable[Tensor]) -> Tensor:
    """Whether every value of the floating tensors is finite: a bool of shape (), on their device."""
    values = [t.detach() for t in tensors if t.is_floating_point() and t.numel()]
    if not values:
        return torch.tensor(True)
    norms = torch._foreach_norm(values, float("inf"))
    return torch.stack([n.float() for n in norms]).isfinite().all()
