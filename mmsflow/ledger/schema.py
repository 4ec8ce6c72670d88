"""The ledger's tables, in SQL that SQLite and PostgreSQL both understand.

Instants are integer microseconds since 1970 in UTC, structured values are JSON in text columns: both databases then
hold the same bytes, and the hot paths need no type conversion by SQLAlchemy.

Every row of the source lists is in exactly one of ``messages`` and ``set_aside``. ``tallies`` counts both by state and
is kept by the transaction that makes a change, so that a count never reads a million rows.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
)

HEAD = "0005"
"""The newest migration; a test compares it with the migrations folder."""

VERSION_TABLE = "alembic_version"

metadata = MetaData()

# SQLite numbers rows by itself only where the type is spelt INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _instant(name: str, *, nullable: bool = True) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _run_key() -> Column[int]:
    return Column("run_key", _Key, ForeignKey("runs.key"), nullable=False)


# One row: which ledger this is, so that a run's marker can tell it from a fresh or another one.
identity = Table(
    "identity",
    metadata,
    Column("ledger", Text, primary_key=True),
    _text("place"),  # JSON array: machine, device, inode of the file when it last sent; empty where not known
    _instant("copied_at"),  # when `mmsflow backup` made this file; NULL for one that nobody marked as a copy
    _instant("closed_at"),  # when `mmsflow backup --move` closed it; NULL while it may be used
)

# One row for each process that has sent: a copy shares those up to the moment at which it was taken. See copies.py.
epochs = Table(
    "epochs",
    metadata,
    Column("number", _Key, primary_key=True),
    Column("token", Text, nullable=False),
    Column("after_event", BigInteger, nullable=False),  # the newest step in the history when it began
    _instant("at", nullable=False),
)

# Runs that a person has heard of as lost: begun after the copy that became this ledger was taken.
lost_runs = Table(
    "lost_runs",
    metadata,
    Column("run", Text, primary_key=True),
    Column("campaign", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("begun", Integer, nullable=False),
    _instant("at", nullable=False),
)

# One row: the key of the fingerprints of client ids, so that they say nothing outside this ledger and its copies.
fingerprint_key = Table("fingerprint_key", metadata, Column("key", Text, primary_key=True))

runs = Table(
    "runs",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("run", Text, nullable=False, unique=True),
    Column("campaign", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("occurrence", Text, nullable=False),
    Column("test", Boolean, nullable=False),
    Column("campaign_file", Text, nullable=False),
    Column("campaign_sha256", Text, nullable=False),
    Column("plan_sha256", Text, nullable=False),
    Column("git_commit", Text, nullable=False),
    Column("git_clean", Boolean, nullable=False),
    Column("sender", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("delivery_report", Boolean, nullable=False),
    Column("config", Text, nullable=False),  # JSON object
    _instant("created_at", nullable=False),
    Column("rows", Integer, nullable=False),
    Column("state", Text, nullable=False),
    _text("paused_by"),
    _text("reason"),
    _text("cause"),  # of the pause, a word of causes.py; empty in runs paused by an earlier version
    _count("fence"),
    _instant("updated_at", nullable=False),
    _instant("resumes_at"),
    Column("lifted_left", Integer),  # NULL until a breaker is overridden; see model.Lift
    Column("lifted_failed", Integer),
    Column("lifted_canary", Boolean, nullable=False, server_default=false()),
    _instant("due_at"),  # the scheduled time that it belongs to; NULL for a run that a person began
    _instant("purged_at"),  # when its personal data were removed; NULL while they are there
    _text("content_sha256"),  # over every message and row set aside, without campaign and path; empty of before
    _text("client"),  # keyed fingerprint of the client id that it was begun with: evidence, no identity
    UniqueConstraint("account", "campaign", "occurrence", name="runs_one_for_each_occurrence"),
)

inputs = Table(
    "inputs",
    metadata,
    _run_key(),
    Column("position", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    PrimaryKeyConstraint("run_key", "position"),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column("content_type", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

waves = Table(
    "waves",
    metadata,
    _run_key(),
    Column("number", Integer, nullable=False),
    _instant("starts_at"),
    Column("size", Integer, nullable=False),
    PrimaryKeyConstraint("run_key", "number"),
)

layouts = Table(
    "layouts",
    metadata,
    Column("key", _Key, primary_key=True),
    _run_key(),
    Column("layout", Text, nullable=False),  # JSON array of parts
)

messages = Table(
    "messages",
    metadata,
    Column("id", _Key, primary_key=True),  # ascending in sending order within a run
    _run_key(),
    Column("ordinal", Integer, nullable=False),
    Column("source_row", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("msisdn", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("layout_key", _Key, ForeignKey("layouts.key"), nullable=False),
    Column("texts", Text, nullable=False),  # JSON array of strings
    Column("wave", Integer, nullable=False),
    Column("state", Text, nullable=False),
    _count("attempt"),  # attempts begun; with the fence it names one try
    _count("unspent"),  # of them, those that do not use up the campaign's attempts
    _count("fence"),
    _instant("not_before"),
    _instant("sent_at"),
    _instant("accepted_at"),
    _instant("final_at"),
    _instant("next_poll_at"),
    _count("polls"),
    _text("gateway_id"),
    _text("status"),
    _text("reason"),
    _text("code"),
    _text("consent"),  # JSON array of cells, see audience.model.Recipient; empty without any
    _text("segments"),  # the same
)

# Literals, because neither database uses a partial index for a condition whose value is a parameter.
IS_READY = messages.c.state == literal_column("'ready'")
HAS_GATEWAY_ID = messages.c.gateway_id != literal_column("''")
IS_POLLED = (messages.c.state == literal_column("'accepted'")) & messages.c.next_poll_at.is_not(None)
MUST_WAIT = IS_READY & messages.c.not_before.is_not(None)
PROBLEMS = ("unknown", "accepted_noid", "rejected", "failed", "undetermined", "expired")
IS_PROBLEM = messages.c.state.in_([literal_column(f"'{state}'") for state in PROBLEMS])

# The last line of defence: within a run a number gets one message.
Index("messages_one_a_number", messages.c.run_key, messages.c.msisdn, unique=True)
Index("messages_by_ordinal", messages.c.run_key, messages.c.ordinal, unique=True)
# Partial indexes hold the open work only: a settled message costs nothing in them. There is none for `sending`: it
# would cost two changes a message, and is looked for only after a crash, when the tallies say that there is some.
Index("messages_ready", messages.c.run_key, messages.c.id, sqlite_where=IS_READY, postgresql_where=IS_READY)
Index(
    "messages_waiting",
    messages.c.run_key,
    messages.c.not_before,
    sqlite_where=MUST_WAIT,
    postgresql_where=MUST_WAIT,
)
Index(
    "messages_to_poll",
    messages.c.run_key,
    messages.c.next_poll_at,
    sqlite_where=IS_POLLED,
    postgresql_where=IS_POLLED,
)
# What people look for in a long run; a message that went well costs nothing in it.
Index(
    "messages_problems",
    messages.c.run_key,
    messages.c.state,
    messages.c.id,
    sqlite_where=IS_PROBLEM,
    postgresql_where=IS_PROBLEM,
)

# Whether another message has an id of the gateway already.
Index(
    "messages_by_gateway_id",
    messages.c.gateway_id,
    sqlite_where=HAS_GATEWAY_ID,
    postgresql_where=HAS_GATEWAY_ID,
)

set_aside = Table(
    "set_aside",
    metadata,
    _run_key(),
    Column("ordinal", Integer, nullable=False),
    Column("source_row", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("bucket", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    _text("segments"),
    PrimaryKeyConstraint("run_key", "ordinal"),
    sqlite_with_rowid=False,
)
Index("set_aside_by_number", set_aside.c.run_key, set_aside.c.number)

tallies = Table(
    "tallies",
    metadata,
    _run_key(),
    Column("wave", Integer, nullable=False),  # 0 for rows that were set aside
    Column("state", Text, nullable=False),  # a message's state, or the bucket of rows that were set aside
    Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("run_key", "wave", "state"),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", _Key, primary_key=True),
    _run_key(),
    Column("message_id", _Key, ForeignKey("messages.id")),  # NULL: the run itself changed
    _instant("at", nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
)
Index("events_by_message", events.c.message_id)

quota_readings = Table(
    "quota_readings",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("account", Text, nullable=False),
    _instant("at", nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("reset_on", Text),  # ISO date
)
Index("quota_readings_by_account", quota_readings.c.account, quota_readings.c.at)

quota_use = Table(
    "quota_use",
    metadata,
    Column("account", Text, nullable=False),
    Column("period", Text, nullable=False),
    _run_key(),
    Column("posts", Integer, nullable=False),
    PrimaryKeyConstraint("account", "period", "run_key"),
)

# Up to when the scheduled times of a campaign are accounted for: each of them has a run, or is in `skipped`. Which
# times they are says `schedule`, as recurrence.times_as_text writes it; empty where that is not known.
watched = Table(
    "watched",
    metadata,
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    _instant("accounted_until", nullable=False),
    _text("schedule"),
    PrimaryKeyConstraint("account", "campaign"),
)

skipped = Table(
    "skipped",
    metadata,
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    _instant("due_at", nullable=False),
    _instant("at", nullable=False),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("account", "campaign", "due_at"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("digest", Text, nullable=False),
    _instant("at", nullable=False),
    Column("who", Text, nullable=False),
    Column("seen", Text, nullable=False),  # JSON object: what the plan looked like, see operation.Approval
    Column("run_key", _Key, ForeignKey("runs.key")),  # the run that used it up; NULL as long as there is none
)
Index("approvals_by_campaign", approvals.c.account, approvals.c.campaign, approvals.c.id)

# What people are told of; `name` makes sure that they are told once, also by a daemon that was killed in between.
notices = Table(
    "notices",
    metadata,
    Column("id", _Key, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    _instant("at", nullable=False),
    Column("kind", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("run", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("advice", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON object
    _instant("settled_at"),  # when what it asks for was done; NULL while it is open
)

# One row for each channel that a notice is to go out by.
notice_posts = Table(
    "notice_posts",
    metadata,
    Column("notice_id", _Key, ForeignKey("notices.id"), nullable=False),
    Column("channel", Text, nullable=False),
    _count("attempts"),
    _instant("next_at"),  # NULL when it went out or was given up
    _instant("sent_at"),
    _text("error"),
    PrimaryKeyConstraint("notice_id", "channel"),
)
