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


def _causes() -> None:
    """Add why a run is paused, as a word; of a run that is paused already, ``paused_by`` tells it."""
    op.add_column("runs", sa.Column("cause", sa.Text(), server_default="", nullable=False))
