"""What a daemon needs to know after a restart: scheduled times, approvals, notices; and which runs are purged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the tables; earlier runs were begun by people, and hold their data."""
    op.add_column("runs", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.add_column("runs", sa.Column("purged_at", sa.BigInteger(), nullable=True))
    _scheduled_times()
    _approvals()
    _notices()


def _scheduled_times() -> None:
    op.create_table(
        "watched",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("accounted_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "campaign"),
    )
    op.create_table(
        "skipped",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "campaign", "due_at"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("run_key", _KEY, sa.ForeignKey("runs.key"), nullable=True),
    )
    op.create_index("approvals_by_campaign", "approvals", ["account", "campaign", "id"])


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _KEY, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False, unique=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("advice", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
    )
    op.create_table(
        "notice_posts",
        sa.Column("notice_id", _KEY, sa.ForeignKey("notices.id"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("notice_id", "channel"),
    )
