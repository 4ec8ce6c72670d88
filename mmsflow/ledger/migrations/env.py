"""Run by Alembic; the caller passes its connection and owns the transaction."""

from __future__ import annotations

from alembic import context

from mmsflow.ledger.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
