"""The closed unions of what a noise process is made of. A file that holds a value tags it with its class name."""

from __future__ import annotations

from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.curves import CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.geometric import GeometricProcess, GeometricStepsProcess
from diorama.processes.paths import CosineProcess, LinearPreservingProcess, PolynomialProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.subpreserving import SubPreservingProcess
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.processes.times import LogitNormalTimes, LogNormalTimes, LogUniformTimes, StepTimes, UniformTimes
from diorama.processes.weighting import PreconditionedWeighting, SNRWeighting, TruncatedSNRWeighting, UniformWeighting

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
    | SubPreservingProcess
)
"""How data become noise."""

AnyPreconditioning = ConsistencyPreconditioning | EDMPreconditioning | TargetPreconditioning
"""What goes into a network and what comes out of it."""

AnySpacing = CurveSpacing | KarrasSpacing | StepSpacing | UniformSpacing
"""Which levels a sampler visits."""

AnyThreshold = DynamicThreshold | StaticThreshold
"""How clean samples are limited on the way."""

AnyTimes = LogitNormalTimes | LogNormalTimes | LogUniformTimes | StepTimes | UniformTimes
"""At which times training looks."""

AnyWeighting = PreconditionedWeighting | SNRWeighting | TruncatedSNRWeighting | UniformWeighting
"""How much each time counts."""
