"""Blocks that choose half precision themselves."""

from __future__ import annotations

import torch

from diorama.nn.half import half_blocks, own_precision

CPU = torch.device("cpu")


def test_a_run_says_whether_and_in_which_type() -> None:
    with own_precision(CPU, half=True) as dtype:
        assert dtype == torch.float32
    with half_blocks(torch.float16):
        with own_precision(CPU, half=True) as dtype:
            assert dtype == torch.float16
        with own_precision(CPU, half=False) as dtype:
            assert dtype == torch.float32
        with half_blocks(None), own_precision(CPU, half=True) as dtype:
            assert dtype == torch.float32


def test_autocast_does_not_reach_into_a_block() -> None:
    a = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with own_precision(CPU, half=False):
            assert (a @ a).dtype == torch.float32
        assert (a @ a).dtype == torch.bfloat16
