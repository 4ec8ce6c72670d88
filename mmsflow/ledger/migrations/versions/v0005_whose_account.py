"""What tells accounts, copies of a ledger and answers apart."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

from mmsflow.account import client_in, renamed_accounts
from mmsflow.ledger.fingerprint import fingerprint

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OF_ACCOUNT = ("runs", "quota_readings", "quota_use", "watched", "skipped", "approvals", "notices")


def upgrade() -> None:
    """Bring a ledger of the version before to this one."""
    _accounts()
    _contents()
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


def _contents() -> None:
    """Keep what a run sends apart from what it is called; of earlier runs it is not known."""
    op.add_column("runs", sa.Column("content_sha256", sa.Text(), server_default="", nullable=False))


def _accounts() -> None:
    """Give accounts names without credentials, and keep a fingerprint of the client id that each run had.

    Names that would become the same one stay as they are: whether two client ids are one contract, a person says.
    """
    op.create_table("fingerprint_key", sa.Column("key", sa.Text(), primary_key=True))
    op.add_column("runs", sa.Column("client", sa.Text(), server_default="", nullable=False))
    connection, key = op.get_bind(), secrets.token_hex(32)
    connection.execute(sa.text("INSERT INTO fingerprint_key (key) VALUES (:key)"), {"key": key})
    names: set[str] = set()
    for table in _OF_ACCOUNT:
        names |= set(connection.execute(sa.text(f"SELECT DISTINCT account FROM {table}")).scalars())  # noqa: S608
    for name in names:
        if client := client_in(name):
            values = {"client": fingerprint(key, client), "name": name}
            connection.execute(sa.text("UPDATE runs SET client = :client WHERE account = :name"), values)
    for old, new in renamed_accounts(names).items():
        for table in _OF_ACCOUNT:
            update = f"UPDATE {table} SET account = :new WHERE account = :old"  # noqa: S608
            connection.execute(sa.text(update), {"new": new, "old": old})
        # The account is part of a notice's unique name.
        renamed = "UPDATE notices SET name = replace(name, :old, :new) WHERE account = :account"
        marks = {"old": f"\x1f{old}", "new": f"\x1f{new}", "account": new}
        connection.execute(sa.text(renamed), marks)
