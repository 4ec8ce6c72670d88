"""Bringing a ledger to the schema that this version knows."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from mmsflow.errors import LedgerError
from mmsflow.ledger.schema import HEAD, VERSION_TABLE

MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(connection: Connection, path: Path) -> None:
    """Create or upgrade the tables within the transaction that ``connection`` is in.

    Raises:
        LedgerError: the file is something else, or was written by a newer version.
    """
    found = _version(connection, path)
    if found == HEAD:
        return
    # Alembic takes 0.1 s to import; a ledger that is up to date does without.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if found is not None and found not in {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }:
        raise _newer(path, found)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def has_schema(connection: Connection, path: Path) -> bool:
    """For readers, who cannot upgrade: whether there are tables at all; none are where a ledger is just being made.

    Raises:
        LedgerError: the schema is not the one that this version knows.
    """
    found = _version(connection, path)
    if found is None or found == HEAD:
        return found is not None
    if found > HEAD:
        raise _newer(path, found)
    raise LedgerError(
        f"the ledger {path} has not been brought to this version's schema yet",
        "Run any command that writes to it, such as `mmsflow run` or `mmsflow poll`; that upgrades it.",
        cause="ledger_version",
    )


def _version(connection: Connection, path: Path) -> str | None:
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if VERSION_TABLE not in tables:
        raise LedgerError(
            f"{path} is a database of another program, not a ledger",
            "Name another file with MMSFLOW_LEDGER.",
            cause="not_a_ledger",
        )
    version = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if version is None:
        raise LedgerError(
            f"the ledger {path} does not say which schema it has", "Restore it from a backup.", cause="ledger_damaged"
        )
    return str(version)


def _newer(path: Path, found: str) -> LedgerError:
    return LedgerError(
        f"the ledger {path} was written by a newer mmsflow (schema {found}, this one knows {HEAD})",
        "Upgrade mmsflow; nothing was changed.",
        cause="ledger_version",
    )
