"""Which schedule the times are of that a campaign has accounted for, so that a change while nobody is there is seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what was watched before, the schedule is not known."""
    op.add_column("watched", sa.Column("schedule", sa.Text(), server_default="", nullable=False))
