"""The closed union of noise processes. A file that holds one tags it with its class name."""

from __future__ import annotations

from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.paths import CosineProcess, LinearPreservingProcess, PolynomialProcess
from diorama.processes.preserving import PreservingProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.processes.scaled_noise import ScaledNoiseProcess
from diorama.processes.subpreserving import SubPreservingProcess

AnyProcess = (
    CosineProcess
    | DiscreteProcess
    | ExplodingProcess
    | FlowProcess
    | GeometricProcess
    | GeometricStepsProcess
    | LinearPreservingProcess
    | PolynomialProcess
    | PreservingProcess
    | RescaledProcess
    | ScaledNoiseProcess
    | SubPreservingProcess
)
"""How data become noise."""
