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
    _shared_ids()


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
