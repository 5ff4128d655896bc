"""A network's pass recorded as a CUDA graph and replayed at every step of a sampler.

A U-Net's pass launches some thousand kernels, which takes the processor longer than a fast GPU needs to run them at
small batches.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from diorama.core import device as devices
from diorama.core.contracts import Condition
from diorama.nn.output import OutputConv2d

_TRIALS = 2
"""Passes before a recording, in which kernels are chosen and compiled."""


class RecordedNetwork:
    """Stands in for a network ``(x, t, condition) -> output`` on a CUDA device, without gradients.

    The first call with inputs of some shapes records; later ones copy their inputs in and replay. Every answer is a
    copy of its own, so that one call does not overwrite what another returned.

    Args:
        network: in evaluation mode, on a CUDA device; a copy of it is laid out for the device's convolutions.
        dtype: that autocast is set to where it is called; the copy's weights are cast to it once.
    """

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        network = copy.deepcopy(network)
        # Otherwise every convolution lays out its weights again at every pass.
        devices.channels_last(network)
        if dtype != torch.float32:
            cast_weights(network, dtype)
        self.network = network
        self._recordings: dict[tuple[object, ...], _Recording] = {}

    def __call__(self, x: Tensor, t: Tensor, condition: Condition) -> Tensor:
        inputs = {"x": x, "t": t, **condition}
        signature = tuple((key, value.shape, value.dtype) for key, value in inputs.items())
        if signature not in self._recordings:
            self._recordings[signature] = _Recording(self.network, inputs)
        return self._recordings[signature](inputs)


def cast_weights(network: nn.Module, dtype: torch.dtype) -> None:
    """Keep the weights of convolutions and linear layers in the type that autocast casts them to at every call.

    In place, for drawing: what is computed under autocast stays the same, and the casts are saved.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd) and not isinstance(layer, OutputConv2d):
            layer.weight.data = layer.weight.data.to(dtype)


class _Recording:
    """One recorded pass, for inputs of fixed shapes."""

    def __init__(self, network: nn.Module, inputs: Mapping[str, Tensor]) -> None:
        self.inputs = {key: value.clone() for key, value in inputs.items()}
        own = torch.cuda.Stream(inputs["x"].device)
        own.wait_stream(torch.cuda.current_stream(inputs["x"].device))
        with torch.cuda.stream(own):
            for _ in range(_TRIALS):
                self._pass(network)
        torch.cuda.current_stream(inputs["x"].device).wait_stream(own)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.output = self._pass(network)

    def __call__(self, inputs: Mapping[str, Tensor]) -> Tensor:
        for key, value in inputs.items():
            self.inputs[key].copy_(value)
        self.graph.replay()
        return self.output.clone()

    def _pass(self, network: nn.Module) -> Tensor:
        x, t, *_ = self.inputs.values()
        condition = {key: value for key, value in self.inputs.items() if key not in ("x", "t")}
        # Weights that autocast had cast outside the recording would not be there at a replay.
        enabled, dtype = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
        with torch.autocast("cuda", dtype=dtype, enabled=enabled, cache_enabled=False):
            return network(x, t, condition)
