"""The closed unions of what a noise process is made of. A file that holds a value tags it with its class name."""

from __future__ import annotations

from diorama.processes.curves import CurveSpacing
from diorama.processes.discrete import DiscreteProcess
from diorama.processes.earlier_spacings import GeometricSpacing, PreservingSpacing, TableSpacing
from diorama.processes.exploding import ExplodingProcess
from diorama.processes.flow import FlowProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.preserving import PreservingProcess
from diorama.processes.rescaled import RescaledProcess
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.processes.times import LogitNormalTimes, LogNormalTimes, LogUniformTimes, StepTimes, UniformTimes
from diorama.processes.weighting import PreconditionedWeighting, TruncatedSNRWeighting, UniformWeighting

AnyProcess = DiscreteProcess | ExplodingProcess | FlowProcess | PreservingProcess | RescaledProcess
"""How data become noise."""

AnyPreconditioning = EDMPreconditioning | TargetPreconditioning
"""What goes into a network and what comes out of it."""

AnySpacing = (
    CurveSpacing | GeometricSpacing | KarrasSpacing | PreservingSpacing | StepSpacing | TableSpacing | UniformSpacing
)
"""Which levels a sampler visits."""

AnyThreshold = DynamicThreshold | StaticThreshold
"""How clean samples are limited on the way."""

AnyTimes = LogitNormalTimes | LogNormalTimes | LogUniformTimes | StepTimes | UniformTimes
"""At which times training looks."""

AnyWeighting = PreconditionedWeighting | TruncatedSNRWeighting | UniformWeighting
"""How much each time counts."""
