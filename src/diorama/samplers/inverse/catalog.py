"""The operators and methods by the names that people type, and their closed unions."""

from __future__ import annotations

from collections.abc import Mapping

from diorama.core.worded import value_named
from diorama.samplers.inverse.blur import BlurConfig
from diorama.samplers.inverse.ddrm import DDRMConfig
from diorama.samplers.inverse.dps import DPSConfig
from diorama.samplers.inverse.fourier import MRIConfig
from diorama.samplers.inverse.pigdm import PiGDMConfig
from diorama.samplers.inverse.pixels import DownConfig, GreyConfig, MaskConfig
from diorama.samplers.inverse.radon import CTConfig

AnyOperatorConfig = BlurConfig | CTConfig | DownConfig | GreyConfig | MaskConfig | MRIConfig
"""What is measured of pictures."""

OPERATORS: Mapping[str, type[AnyOperatorConfig]] = {
    "mri": MRIConfig,
    "ct": CTConfig,
    "blur": BlurConfig,
    "down": DownConfig,
    "mask": MaskConfig,
    "grey": GreyConfig,
}
"""By name."""

AnyInverseMethod = DDRMConfig | DPSConfig | PiGDMConfig
"""How samples are drawn that explain a measurement."""

INVERSE_METHODS: Mapping[str, type[AnyInverseMethod]] = {"ddrm": DDRMConfig, "dps": DPSConfig, "pigdm": PiGDMConfig}
"""By name."""


def operator_named(words: str) -> AnyOperatorConfig:
    """An operator in words, as :func:`~diorama.core.worded.value_named` reads them: ``mri:acceleration=8,seed=1``.

    Raises:
        BadConfig: there is no such operator or setting, or a value does not fit.
    """
    return value_named(words, OPERATORS, "operator")


def inverse_method_named(words: str) -> AnyInverseMethod:
    """A method in words, as :func:`~diorama.core.worded.value_named` reads them: ``dps:step=0.5``.

    Raises:
        BadConfig: there is no such method or setting, or a value does not fit.
    """
    return value_named(words, INVERSE_METHODS, "method")
