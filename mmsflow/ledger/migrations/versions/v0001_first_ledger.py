"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table of an empty ledger."""
    _create_identity()
    _create_runs()
    _create_inputs()
    _create_blobs()
    _create_waves()
    _create_tallies()
    _create_layouts()
    _create_messages()
    _create_set_aside()
    _create_events()
    _create_quota_readings()
    _create_quota_use()


def _create_identity() -> None:
    op.create_table("identity", sa.Column("ledger", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("ledger"))


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("campaign_file", sa.Text(), nullable=False),
        sa.Column("campaign_sha256", sa.Text(), nullable=False),
        sa.Column("plan_sha256", sa.Text(), nullable=False),
        sa.Column("git_commit", sa.Text(), nullable=False),
        sa.Column("git_clean", sa.Boolean(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("delivery_report", sa.Boolean(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("paused_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("resumes_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_left", sa.Integer(), nullable=True),
        sa.Column("lifted_failed", sa.Integer(), nullable=True),
        sa.Column("lifted_canary", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("account", "campaign", "occurrence", name="runs_one_for_each_occurrence"),
        sa.UniqueConstraint("run"),
    )


def _create_inputs() -> None:
    op.create_table(
        "inputs",
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("run_key", "position"),
    )


def _create_blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )


def _create_waves() -> None:
    op.create_table(
        "waves",
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("run_key", "number"),
    )


def _create_tallies() -> None:
    op.create_table(
        "tallies",
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("run_key", "wave", "state"),
        sqlite_with_rowid=False,
    )


def _create_layouts() -> None:
    op.create_table(
        "layouts",
        sa.Column("key", _KEY, nullable=False),
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("layout", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("key"),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("msisdn", sa.Text(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("layout_key", _KEY, nullable=False),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unspent", sa.Integer(), server_default="0", nullable=False),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("final_at", sa.BigInteger(), nullable=True),
        sa.Column("next_poll_at", sa.BigInteger(), nullable=True),
        sa.Column("polls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("gateway_id", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["layout_key"], ["layouts.key"]),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("messages_by_ordinal", "messages", ["run_key", "ordinal"], unique=True)
    op.create_index("messages_one_a_number", "messages", ["run_key", "msisdn"], unique=True)
    op.create_index(
        "messages_ready",
        "messages",
        ["run_key", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'ready'"),
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "messages_to_poll",
        "messages",
        ["run_key", "next_poll_at"],
        unique=False,
        sqlite_where=sa.text("state = 'accepted' AND next_poll_at IS NOT NULL"),
        postgresql_where=sa.text("state = 'accepted' AND next_poll_at IS NOT NULL"),
    )
    op.create_index(
        "messages_waiting",
        "messages",
        ["run_key", "not_before"],
        unique=False,
        sqlite_where=sa.text("state = 'ready' AND not_before IS NOT NULL"),
        postgresql_where=sa.text("state = 'ready' AND not_before IS NOT NULL"),
    )


def _create_set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("run_key", "ordinal"),
        sqlite_with_rowid=False,
    )
    op.create_index("set_aside_by_number", "set_aside", ["run_key", "number"], unique=False)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("message_id", _KEY, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("old", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"]),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("events_by_message", "events", ["message_id"], unique=False)


def _create_quota_readings() -> None:
    op.create_table(
        "quota_readings",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.Column("reset_on", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("quota_readings_by_account", "quota_readings", ["account", "at"], unique=False)


def _create_quota_use() -> None:
    op.create_table(
        "quota_use",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("run_key", _KEY, nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["runs.key"]),
        sa.PrimaryKeyConstraint("account", "period", "run_key"),
    )
