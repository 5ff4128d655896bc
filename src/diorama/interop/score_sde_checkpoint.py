"""Training states of the published score SDEs: ``{"optimizer", "model", "ema", "step"}``.

Their average of the weights, which is what they draw with, is a list without names: the trained parameters in the order
of the network's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from diorama.core.errors import BadInput


def averaged_weights(content: Any) -> dict[str, Tensor] | None:
    """The published tensors with the averages in place of the parameters.

    Args:
        content: of a file.

    Returns:
        By the names of ``model``; ``None`` where the file is no such state.

    Raises:
        BadInput: there are not as many averages as parameters, or one has another shape.
    """
    if not isinstance(content, Mapping):
        return None
    model, average = content.get("model"), content.get("ema")
    if not isinstance(model, Mapping) or not isinstance(average, Mapping) or "shadow_params" not in average:
        return None
    averages = average["shadow_params"]
    parameters = [name for name, tensor in model.items() if isinstance(tensor, Tensor) and _is_trained(name, tensor)]
    if not parameters or not isinstance(averages, list) or not all(isinstance(a, Tensor) for a in averages):
        return None
    if len(averages) != len(parameters):
        raise BadInput(f"ema.shadow_params: {len(averages)} averages for {len(parameters)} parameters of model")
    for i, (name, found) in enumerate(zip(parameters, averages, strict=True)):
        if found.shape != model[name].shape:
            raise BadInput(
                f"ema.shadow_params: average {i} has shape {tuple(found.shape)}, and the parameter at its place, "
                f"{name}, {tuple(model[name].shape)}"
            )
    return {**model, **dict(zip(parameters, averages, strict=True))}


def _is_trained(name: str, tensor: Tensor) -> bool:
    """Whether a tensor is a parameter that is trained: the series of sigmas and the random frequencies are not."""
    last = name.rpartition(".")[2]
    return "all_modules." in name and not (last == "W" and tensor.dim() == 1)
