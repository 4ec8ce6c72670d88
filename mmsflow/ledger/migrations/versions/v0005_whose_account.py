"""What tells accounts, copies of a ledger and answers apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a ledger of the version before to this one."""
    _causes()
    _copies()
    _shared_ids()


def _causes() -> None:
    """Add why a run is paused, as a word; of a run that is paused already, ``paused_by`` tells it."""
    op.add_column("runs", sa.Column("cause", sa.Text(), server_default="", nullable=False))


def _copies() -> None:
    """Add what tells a copy of a ledger from the one that went on: where it was, and who has sent with it."""
    op.add_column("identity", sa.Column("place", sa.Text(), server_default="", nullable=False))
    op.add_column("identity", sa.Column("copied_at", sa.BigInteger(), nullable=True))
    op.add_column("identity", sa.Column("closed_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "epochs",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("after_event", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "lost_runs",
        sa.Column("run", sa.Text(), primary_key=True),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )


def _shared_ids() -> None:
    """Find messages by the gateway's id, so that one that several have is noticed."""
    has_one = sa.text("gateway_id != ''")
    op.create_index(
        "messages_by_gateway_id",
        "messages",
        ["gateway_id"],
        if_not_exists=True,
        sqlite_where=has_one,
        postgresql_where=has_one,
    )
