"""What a study asks, of how many, and when it ends: typed values, and the ``study.toml`` that holds them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from diorama.core.config import LATER, decode
from diorama.core.errors import BadConfig, BadInput
from diorama.core.files import write_text
from diorama.study.staircase import Staircase

Kind = Literal["pairwise", "2afc", "real_or_fake", "opinion"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Order = Literal["balanced", "adaptive"]

FILE = "study.toml"
MOST_BYTES = 1 << 20
"""Of a file that holds a design."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_LONGEST = 20_000
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MOST_SYSTEMS, _MOST_TRIALS = 50, 1_000
_MOST_RATERS, _MOST_JUDGEMENTS = 1_000_000, 1_000_000_000

QUESTIONS: Mapping[Kind, str] = {
    "pairwise": "Which of the two looks better?",
    "2afc": "Which of the two is real?",
    "real_or_fake": "Is this real, or was it made by a computer?",
    "opinion": "How good does this look?",
}

CONSENT = """You will look at pictures or short clips and answer one question about each.
Your answers, and how long each of them took, are stored under a random number. Your name, your address and your \
account are neither asked for nor stored.
You may stop at any time by closing this page. What you answered until then is kept."""


def usual_effect(kind: Kind) -> float:
    """What a study is to find where nobody said it: a share of answers, or half a grade."""
    return 0.5 if kind == "opinion" else 0.6


@dataclass(frozen=True, kw_only=True)
class Session:
    """What one rater is asked.

    Args:
        judgements: first judgements; repeats and attention items come on top of them.
        repeats: how many of them are asked once more, sides exchanged, to see how steady a rater is.
        attention: items whose answer is plain: one shows nothing but noise.
        practice: trials at the beginning that are marked as practice and not exported.
        exposure_ms: how long pictures are shown, in milliseconds; ``None`` for as long as the rater wants.
    """

    judgements: int = 40
    repeats: int = 4
    attention: int = 2
    practice: int = 2
    exposure_ms: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.judgements <= _MOST_TRIALS:
            raise ValueError(f"judgements must be in [1, {_MOST_TRIALS}], got {self.judgements}")
        for name in ("repeats", "attention", "practice"):
            if not 0 <= getattr(self, name) <= self.judgements:
                raise ValueError(
                    f"{name} must be in [0, {self.judgements}], since there are so many judgements, "
                    f"got {getattr(self, name)}"
                )
        if self.exposure_ms is not None and not 50 <= self.exposure_ms <= 60_000:
            raise ValueError(f"exposure_ms must be in [50, 60000], got {self.exposure_ms}")


@dataclass(frozen=True, kw_only=True)
class Stop:
    """When nobody new is let in, fixed beforehand: a study that ends when its result pleases proves nothing.

    Args:
        raters: that have finished.
        judgements: given in all; ``None`` for no such bound. Whoever has begun may finish.
    """

    raters: int = 20
    judgements: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.raters <= _MOST_RATERS:
            raise ValueError(f"raters must be in [1, {_MOST_RATERS:,}], got {self.raters}")
        if self.judgements is not None and not 1 <= self.judgements <= _MOST_JUDGEMENTS:
            raise ValueError(f"judgements must be in [1, {_MOST_JUDGEMENTS:,}], got {self.judgements}")


@dataclass(frozen=True, kw_only=True)
class Power:
    """What the study is to find, from which its power follows.

    Args:
        effect: the share of answers that is to be told from a half: for the better of two systems, right ones, or of
            a system's pictures called real. Of opinions the difference of two means, in grades.
        level: of the test, two-sided.
    """

    effect: float = 0.6
    level: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.effect <= 4:
            raise ValueError(f"effect must be in (0, 4], got {self.effect}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must be in (0, 1), got {self.level}")


@dataclass(frozen=True, kw_only=True)
class StudyDesign:
    """One study.

    Args:
        name: what exports call it: letters, digits, dots, dashes and underscores.
        kind: of the question: ``pairwise`` (which of two is better, with ties), ``2afc`` (which of two is true),
            ``real_or_fake`` (one picture), ``opinion`` (one picture, grades 1 to 5).
        systems: whose pictures or clips are shown. Raters never see these names.
        truth: the one of the systems that is true, for ``2afc`` and ``real_or_fake``.
        title: of the pages.
        question: that is asked of every trial; a plain one of the kind by default.
        instructions: before the first trial.
        consent: what a rater agrees to.
        completion_code: shown at the end; empty for none.
        return_address: where the last page leads, https://…; empty for nowhere.
        ties: whether "no difference" may be chosen, for ``pairwise``.
        order: ``balanced``: every pair or system as often as any other, on both sides; ``adaptive``: what the answers
            so far tell least about comes next.
        session: what one rater is asked.
        stop: when nobody new is let in.
        power: what the study is to find.
        seed: of the order.
        staircase: exposures follow the rater's answers (HYPE_time), for ``real_or_fake`` of one system; ``None`` for
            exposures that do not.
    """

    name: str
    kind: Kind
    systems: tuple[str, ...]
    truth: str = "real"
    title: str = "A study of pictures"
    question: str = ""
    instructions: str = ""
    consent: str = CONSENT
    completion_code: str = ""
    return_address: str = ""
    ties: bool = True
    order: Order = "balanced"
    session: Session = field(default_factory=Session)
    stop: Stop = field(default_factory=Stop)
    power: Power = field(default_factory=Power)
    seed: int = 0
    staircase: Staircase | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name must be letters, digits, dots, dashes and underscores, got {self.name!r}")
        for name in ("title", "question", "instructions", "consent", "completion_code", "return_address"):
            text = getattr(self, name)
            if _CONTROL.search(text) or len(text) > _LONGEST:
                raise ValueError(f"{name} must be text without control characters, of at most {_LONGEST} letters")
        if not self.consent.strip():
            raise ValueError("consent is empty: a rater must know what is asked and what is stored")
        back = urlsplit(self.return_address)
        if self.return_address and not (back.scheme in ("https", "http") and back.hostname):
            raise ValueError(f"return_address must be https://HOST/… or http://HOST/…, got {self.return_address!r}")
        self._check_systems()
        self._check_staircase()
        if self.kind != "opinion" and self.power.effect >= 1:
            raise ValueError(f"power.effect is a share of answers, in (0, 1), got {self.power.effect:g}")
        if not 0 <= self.seed < 1 << 63:
            raise ValueError(f"seed must be in [0, 2^63), got {self.seed}")

    @property
    def asked(self) -> str:
        """The question that raters read."""
        return self.question or QUESTIONS[self.kind]

    @property
    def two(self) -> bool:
        """Whether a trial shows two side by side."""
        return self.kind in ("pairwise", "2afc")

    @property
    def tested(self) -> tuple[str, ...]:
        """The systems that are not the true one."""
        return tuple(name for name in self.systems if name != self.truth)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Places of the systems that are held against each other; of one-picture kinds (system, system)."""
        places = range(len(self.systems))
        if self.kind == "pairwise":
            return tuple((a, b) for a in places for b in places if a < b)
        if self.kind == "2afc":
            true = self.systems.index(self.truth)
            return tuple((true, b) for b in places if b != true)
        return tuple((a, a) for a in places)

    def _check_systems(self) -> None:
        least = 1 if self.kind == "opinion" else 2
        if not least <= len(self.systems) <= _MOST_SYSTEMS:
            raise ValueError(f"systems: {self.kind} takes {least} to {_MOST_SYSTEMS}, got {len(self.systems)}")
        if len(set(self.systems)) < len(self.systems):
            raise ValueError(f"systems must differ, got {', '.join(self.systems)}")
        for name in self.systems:
            if not _NAME.fullmatch(name):
                raise ValueError(f"systems: {name!r} must be letters, digits, dots, dashes and underscores")
        if self.kind in ("2afc", "real_or_fake") and self.truth not in self.systems:
            raise ValueError(f"truth: {self.truth!r} is none of the systems {', '.join(self.systems)}")

    def _check_staircase(self) -> None:
        if self.staircase is None:
            return
        if self.kind != "real_or_fake":
            raise ValueError(f"staircase needs the kind real_or_fake, got {self.kind}")
        if len(self.systems) != 2:
            raise ValueError(
                f"staircase needs the true source and one system, since a rater's exposures follow one system's "
                f"pictures, got {len(self.systems)} systems; make a study for each"
            )
        if self.order != "balanced":
            raise ValueError('staircase needs order = "balanced", in which half of the pictures are real')
        if self.session.exposure_ms is not None:
            raise ValueError("staircase chooses the exposures, and session.exposure_ms fixes them; leave one out")
        if self.staircase.blocks > self.session.judgements:
            raise ValueError(
                f"staircase.blocks must be at most session.judgements, {self.session.judgements}, got "
                f"{self.staircase.blocks}"
            )


def read_design(path: Path) -> StudyDesign:
    """The design that a TOML file holds.

    Raises:
        BadInput: it cannot be read, is no TOML, or holds a value that does not fit; the message names the key.
    """
    return design_of(parsed(read_bytes(path), path), str(path))


def read_bytes(path: Path) -> bytes:
    """What a file holds that may be a design.

    Raises:
        BadInput: it cannot be read, or is larger than any design.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{path}: is larger than a study's design can be")
        return path.read_bytes()
    except OSError as problem:
        raise BadInput(f"{path}: cannot be read ({problem.strerror})") from problem


def parsed(content: bytes, path: Path) -> dict[str, Any]:
    """The plain values of TOML.

    Args:
        content: of a file.
        path: of the file, for messages.

    Raises:
        BadInput: it is no TOML.
    """
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{path}: is no TOML ({problem})") from problem


def design_of(values: Mapping[str, Any], where: str) -> StudyDesign:
    """The design that plain values stand for, as TOML or JSON give them.

    Raises:
        BadInput: one does not fit; the message begins with ``where``.
    """
    try:
        design: StudyDesign = decode(StudyDesign, values, f"{where}: ")
    except BadConfig as problem:
        raise BadInput(str(problem)) from problem
    return design


def plain(design: StudyDesign) -> dict[str, Any]:
    """The design as plain values, tables within tables; what is ``None`` is left out."""
    return _plain(design)


def differences(before: StudyDesign, after: StudyDesign) -> list[str]:
    """The keys of ``study.toml`` in which two designs differ."""
    first, second = plain(before), plain(after)
    return [key for key in {**first, **second} if first.get(key) != second.get(key)]


def write_design(path: Path, design: StudyDesign) -> None:
    """Write the design as TOML, whole or not at all."""
    write_text(path, to_toml(plain(design)))


def to_toml(values: Mapping[str, Any]) -> str:
    """Plain values as TOML: texts, numbers, lists of them, and tables one level deep."""
    flat = [f"{key} = {_toml(value)}" for key, value in values.items() if not isinstance(value, Mapping)]
    tables = [
        "\n".join(["", f"[{key}]", *(f"{_key(name)} = {_toml(inner)}" for name, inner in value.items())])
        for key, value in values.items()
        if isinstance(value, Mapping)
    ]
    return "\n".join([*flat, *tables]) + "\n"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {name: inner for name, inner in held.items() if inner is not None}
    return list(value) if isinstance(value, tuple) else value


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if not isinstance(value, str):
        return repr(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
    return f'"""\n{escaped}"""' if "\n" in value else f'"{escaped}"'
