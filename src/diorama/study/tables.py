"""The tables of a study's database: versions of the study, raters, their trials, exposures and answers."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

METADATA = MetaData()

VERSIONS = Table(
    "diorama_study_versions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("study", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("design", Text, nullable=False),
    Column("collection", Text, nullable=False),
    # Addresses of trials and media are made with it; it never leaves the database.
    Column("secret", String(64), nullable=False),
    Column("made_at", DateTime, nullable=False),
    UniqueConstraint("study", "number"),
)

RATERS = Table(
    "diorama_study_raters",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("version_id", ForeignKey(VERSIONS.c.id), nullable=False),
    # Which part of the balanced order is theirs.
    Column("number", Integer, nullable=False),
    Column("token", String(32), nullable=False, unique=True),
    Column("agreed_at", DateTime),
    Column("finished_at", DateTime),
    UniqueConstraint("version_id", "number"),
)

TRIALS = Table(
    "diorama_study_trials",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("rater_id", ForeignKey(RATERS.c.id), nullable=False),
    Column("position", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    # Places among the media; none of an adaptive trial whose turn has not come.
    Column("left", Integer),
    Column("right", Integer),
    Column("first", Integer),
    Column("wanted", String(16), nullable=False),
    Column("shown_at", DateTime),
    Column("withdrawn", Boolean, nullable=False, server_default=false()),
    UniqueConstraint("rater_id", "position"),
)

# Of studies whose exposures follow the answers. A table of its own, so that older databases need no other columns.
EXPOSURES = Table(
    "diorama_study_exposures",
    METADATA,
    Column("trial_id", ForeignKey(TRIALS.c.id), primary_key=True),
    # None of practice, attention items and repeats, which are no part of a staircase.
    Column("block", Integer),
    Column("ms", Integer, nullable=False),
)

ANSWERS = Table(
    "diorama_study_answers",
    METADATA,
    # One answer a trial: what two requests at once would both write, the database refuses.
    Column("trial_id", ForeignKey(TRIALS.c.id), primary_key=True),
    Column("rater_id", ForeignKey(RATERS.c.id), nullable=False),
    Column("key", String(64), nullable=False),
    Column("choice", String(16), nullable=False),
    Column("ms", Integer, nullable=False),
    Column("answered_at", DateTime, nullable=False),
    UniqueConstraint("rater_id", "key"),
)
