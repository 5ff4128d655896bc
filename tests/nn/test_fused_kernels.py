"""The fused CUDA kernels against plain formulas: on a GPU, or in Triton's interpreter where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

if find_spec("triton"):
    # Triton comes with PyTorch's CUDA builds only.
    from tests.nn import fused_cases, styled_cases

ROOT = Path(__file__).resolve().parents[2]
DTYPES = [torch.float32, torch.bfloat16]
WAYS = [
    *((number, True, torch.float32) for number in range(16)),
    *((number, False, torch.float32) for number in (0, 2, 7, 9, 10, 11, 13, 14)),
    *((number, True, torch.bfloat16) for number in (0, 5, 7, 10, 12, 14, 15)),
    *((number, False, torch.bfloat16) for number in (2, 10)),
    *((number, True, torch.float16) for number in (1, 12)),
]
"""Cases by number, whether programs see all pixels, and type: building kernels takes a second each."""


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch's CUDA builds only")
@pytest.mark.skipif(torch.cuda.is_available(), reason="what there is a GPU for needs no interpreter")
@pytest.mark.parametrize("cases", ["fused_cases", "styled_cases"])
def test_kernels_equal_plain_formulas_in_the_interpreter(cases: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.nn.{cases}"],
        cwd=ROOT,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "equal", done.stderr


@pytest.mark.gpu
@pytest.mark.parametrize(("number", "whole", "dtype"), WAYS)
def test_group_norm_equals_its_formula_forwards_and_backwards(number: int, whole: bool, dtype: torch.dtype) -> None:
    fused_cases.check_norm(fused_cases.NORMS[number], dtype, "cuda", whole=whole)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", range(5))
def test_residual_sums_equal_their_formula_forwards_and_backwards(number: int, dtype: torch.dtype) -> None:
    fused_cases.check_sum(fused_cases.SUMS[number], dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("number", range(5))
def test_projected_sums_equal_their_formula_forwards_and_backwards(number: int, dtype: torch.dtype) -> None:
    fused_cases.check_projected_sum(*fused_cases.PROJECTIONS[number], dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("number", range(11))
def test_resamplings_equal_their_formula_with_and_without_a_leaky_relu(number: int, dtype: torch.dtype) -> None:
    styled_cases.check_resampling(styled_cases.RESAMPLINGS[number], dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("number", range(5))
def test_bias_leaky_relu_and_limit_equal_their_formula_and_their_slope_does(number: int, dtype: torch.dtype) -> None:
    for pieces in styled_cases.BENT:
        styled_cases.check_bias_act(*styled_cases.SHAPES[number], pieces, dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("last", [True, False])
def test_layers_of_stylegans_are_differentiated_twice_as_on_a_cpu(last: bool) -> None:
    for layer in styled_cases.LAYERS:
        styled_cases.check_twice(layer, last)


@pytest.mark.gpu
def test_a_map_of_more_values_than_32_bits_count_is_normalised_to_its_end() -> None:
    size, channels = 6000, 64
    if torch.cuda.mem_get_info()[0] < 8 * size * size * channels:
        pytest.skip("this takes four maps of 4.6 GB")
    x = torch.ones(1, size, size, channels, dtype=torch.bfloat16, device="cuda")  # (b, h, w, c)
    x[:, ::2] = -1
    weight, bias = torch.ones(channels, device="cuda"), torch.zeros(channels, device="cuda")
    y = fused_cases.group_norm_silu(x.permute(0, 3, 1, 2), weight, bias, groups=32, eps=0.0, silu=False)
    # Half of the rows are -1 and half are 1: their mean is 0, and their variance 1.
    assert torch.equal(y.permute(0, 2, 3, 1), x)


@pytest.mark.gpu
def test_a_picture_of_more_values_than_32_bits_count_is_filtered_to_its_end() -> None:
    side, channels = 6000, 64
    if torch.cuda.mem_get_info()[0] < 8 * side * side * channels:
        pytest.skip("this takes two pictures of 4.6 GB and more")
    styled_cases.check_more_than_32_bits(side, channels)


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch's CUDA builds only")
def test_a_map_that_fits_into_registers_is_seen_whole() -> None:
    from diorama.nn.group_norm_triton import _Shape

    assert _Shape(256, 128, 32 * 32, 32, 2, 8).whole
    assert _Shape(1, 384, 32 * 32, 32, 2, 8).whole
    assert _Shape(1000, 512, 16 * 16, 32, 4, 8).whole
    assert not _Shape(256, 128, 256 * 256, 32, 2, 16).whole


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton comes with PyTorch's CUDA builds only")
@given(
    batch=st.integers(1, 4),
    groups=st.integers(1, 48),
    width=st.integers(1, 300),
    pixels=st.integers(1, 5000),
    itemsize=st.sampled_from([2, 4]),
    accesses=st.sampled_from([8, 16]),
)
def test_programs_cover_every_group_and_every_pixel(
    batch: int, groups: int, width: int, pixels: int, itemsize: int, accesses: int
) -> None:
    from diorama.nn.group_norm_triton import _Shape

    shape = _Shape(batch, groups * width, pixels, groups, itemsize, accesses)
    assert groups % shape.together == 0
    assert (shape.chunks - 1) * shape.tile * shape.parts < pixels <= shape.chunks * shape.tile * shape.parts
    assert shape.grid() == (batch * shape.chunks * groups // shape.together,)
    assert shape.chunks == 1 or not shape.whole
    assert shape.parts <= accesses or shape.tile == 1
