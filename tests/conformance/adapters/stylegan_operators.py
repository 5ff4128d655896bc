"""Golden cases of StyleGAN's operators: many calls in one file, each named by a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from diorama.nn import fir
from diorama.nn.bias_act import bias_act
from diorama.nn.conv_resample import conv2d_resample
from diorama.nn.filter_design import lowpass_filter
from diorama.nn.filtered_lrelu import filtered_lrelu
from diorama.nn.fir import Resampling
from diorama.nn.modulated_conv import modulated_conv2d, normalized_modulated_conv2d
from tests.conformance.case import Case
from tests.conformance.runner import Compute

Given = dict[str, Tensor]
Arguments = dict[str, Any]
_HOW = ("up", "down", "padding", "flip_filter")


def _how(args: Arguments) -> tuple[Resampling, Arguments]:
    """The arguments of a resampling, and the others."""
    return Resampling(**{k: v for k, v in args.items() if k in _HOW}), {k: v for k, v in args.items() if k not in _HOW}


def _setup_filter(given: Given, args: Arguments) -> Tensor:
    return fir.fir_filter(args.pop("f_list"), **args)


def _upfirdn2d(given: Given, args: Arguments) -> Tensor:
    how, others = _how(args)
    return fir.upfirdn2d(given["x"], given.get("f"), how, **others)


def _bias_act(given: Given, args: Arguments) -> Tensor:
    return bias_act(given["x"], given.get("b"), **args)


def _filtered_lrelu(given: Given, args: Arguments) -> Tensor:
    how, others = _how(args)
    return filtered_lrelu(given["x"], given.get("fu"), given.get("fd"), given.get("b"), how, **others)


def _conv2d_resample(given: Given, args: Arguments) -> Tensor:
    how, others = _how(args)
    return conv2d_resample(given["x"], given["w"], given.get("f"), how, **others)


def _stylegan2(given: Given, args: Arguments) -> Tensor:
    # Whether weights or features are scaled is no question here: features are.
    args.pop("fused_modconv", None)
    how, others = _how(args)
    f, noise = given.get("resample_filter"), given.get("noise")
    return modulated_conv2d(given["x"], given["weight"], given["styles"], noise=noise, f=f, how=how, **others)


def _stylegan3(given: Given, args: Arguments) -> Tensor:
    return normalized_modulated_conv2d(
        given["x"], given["w"], given["s"], input_gain=given.get("input_gain"), **args
    )  # fmt: skip


def _design(given: Given, args: Arguments) -> Tensor:
    designed = lowpass_filter(
        args["numtaps"], args["cutoff"], args["width"], args["fs"], radial=args.get("radial", False)
    )
    assert designed is not None
    return designed


_OPERATORS: Mapping[str, Callable[[Given, Arguments], Tensor]] = {
    "setup_filter": _setup_filter,
    "upfirdn2d": _upfirdn2d,
    "filter2d": lambda given, args: fir.filter2d(given["x"], given.get("f"), **args),
    "upsample2d": lambda given, args: fir.upsample2d(given["x"], given.get("f"), **args),
    "downsample2d": lambda given, args: fir.downsample2d(given["x"], given.get("f"), **args),
    "bias_act": _bias_act,
    "filtered_lrelu": _filtered_lrelu,
    "conv2d_resample": _conv2d_resample,
    "sg2.modulated_conv2d": _stylegan2,
    "sg3.modulated_conv2d": _stylegan3,
    "design_lowpass_filter": _design,
}


@torch.no_grad()
def operators(case: Case) -> Mapping[str, Tensor]:
    """The result of every call, under its number."""
    inputs, outputs = case.inputs, {}
    for call in case.config["cases"]:
        given = {name: inputs[f"{call['id']}/{name}"] for name in call["inputs"]}
        outputs[call["id"]] = _OPERATORS[call["op"]](given, dict(call["args"]))
    return outputs


ADAPTERS: dict[str, Compute] = dict.fromkeys(
    (
        "torch_utils.ops.upfirdn2d (reference impl)",
        "torch_utils.ops.bias_act.bias_act(impl=ref)",
        "torch_utils.ops.filtered_lrelu.filtered_lrelu(impl=ref)",
        "torch_utils.ops.conv2d_resample.conv2d_resample",
        "networks_stylegan2.modulated_conv2d and networks_stylegan3.modulated_conv2d",
        "training.networks_stylegan3.SynthesisLayer.design_lowpass_filter",
    ),
    operators,
)
