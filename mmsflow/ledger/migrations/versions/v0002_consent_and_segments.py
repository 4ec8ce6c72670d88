"""Consent with its evidence, and the segments by which a report counts, beside each row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; rows of earlier runs have neither."""
    for table, column in (("messages", "consent"), ("messages", "segments"), ("set_aside", "segments")):
        op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
