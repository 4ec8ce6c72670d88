"""What tells accounts, copies of a ledger and answers apart."""

from __future__ import annotations

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring a ledger of the version before to this one."""
