"""The closed unions of what a noise process is made of. A file that holds a value tags it with its class name."""

from __future__ import annotations

from diorama.processes.consistency import ConsistencyPreconditioning
from diorama.processes.curves import CurveSpacing
from diorama.processes.distilled import DistilledSpacing, KarrasGridSpacing
from diorama.processes.earlier_spacings import GeometricSpacing, PreservingSpacing, TableSpacing
from diorama.processes.flow_spacing import FlowSpacing
from diorama.processes.jump_spacing import JumpSpacing
from diorama.processes.kinds import AnyProcess as AnyProcess
from diorama.processes.precondition import EDMPreconditioning, TargetPreconditioning
from diorama.processes.ratio_spacing import RatioSpacing
from diorama.processes.sections import SectionSpacing, StrideSpacing
from diorama.processes.solver_spacing import FlowSolverSpacing, SolverSpacing
from diorama.processes.spacing import KarrasSpacing, StepSpacing, UniformSpacing
from diorama.processes.step_mean import StepMeanPreconditioning
from diorama.processes.threshold import DynamicThreshold, StaticThreshold
from diorama.processes.times import (
    KarrasTimes,
    LogitNormalTimes,
    LogNormalTimes,
    LogUniformTimes,
    StepTimes,
    UniformTimes,
)
from diorama.processes.truncated_spacing import TruncatedSpacing
from diorama.processes.two_times import TwoTimePreconditioning
from diorama.processes.weighting import (
    LikelihoodWeighting,
    MinSNRWeighting,
    P2Weighting,
    PreconditionedWeighting,
    SNRWeighting,
    TruncatedSNRWeighting,
    UniformWeighting,
)

AnyPreconditioning = (
    ConsistencyPreconditioning
    | EDMPreconditioning
    | StepMeanPreconditioning
    | TargetPreconditioning
    | TwoTimePreconditioning
)
"""What goes into a network and what comes out of it."""

AnySpacing = (
    CurveSpacing
    | DistilledSpacing
    | FlowSolverSpacing
    | FlowSpacing
    | GeometricSpacing
    | JumpSpacing
    | KarrasGridSpacing
    | KarrasSpacing
    | PreservingSpacing
    | RatioSpacing
    | SectionSpacing
    | SolverSpacing
    | StepSpacing
    | StrideSpacing
    | TableSpacing
    | TruncatedSpacing
    | UniformSpacing
)
"""Which levels a sampler visits."""

AnyThreshold = DynamicThreshold | StaticThreshold
"""How clean samples are limited on the way."""

AnyTimes = KarrasTimes | LogitNormalTimes | LogNormalTimes | LogUniformTimes | StepTimes | UniformTimes
"""At which times training looks."""

AnyWeighting = (
    LikelihoodWeighting
    | MinSNRWeighting
    | P2Weighting
    | PreconditionedWeighting
    | SNRWeighting
    | TruncatedSNRWeighting
    | UniformWeighting
)
"""How much each time counts."""
