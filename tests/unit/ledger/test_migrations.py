"""The migrations make exactly the schema that the code works with, and no version harms another's ledger."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from mmsflow.errors import LedgerError
from mmsflow.ledger.migrate import MIGRATIONS
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.schema import HEAD, VERSION_TABLE, metadata
from mmsflow.ledger.store import Ledger, LedgerReader

from .test_numbers import NEW


def definitions(connection: Connection) -> dict[str, list[str]]:
    """Every table's and index's SQL, its items sorted and its spelling levelled."""
    found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        name: sorted(re.sub(r'\s+|"', " ", item).strip(" ()") for item in sql.split(","))
        for name, sql in found
        if name != VERSION_TABLE
    }


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def set_version(url: str, version: str) -> None:
    Ledger.open(url).close()
    write_version(url, version)


def write_version(url: str, version: str) -> None:
    """Say which version a ledger has, whatever is in it."""
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'")


def forget_version_5(connection: Connection, version: str) -> None:
    """Take away what version 0005 adds, and say that the ledger has an earlier one."""
    connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'")
    for column in ("place", "copied_at", "closed_at"):
        connection.exec_driver_sql(f"ALTER TABLE identity DROP COLUMN {column}")
    for column in ("cause", "client", "content_sha256"):
        connection.exec_driver_sql(f"ALTER TABLE runs DROP COLUMN {column}")
    for table in ("epochs", "lost_runs", "fingerprint_key"):
        connection.exec_driver_sql(f"DROP TABLE {table}")


def test_the_migrations_make_the_schema_of_the_code(url: str) -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as expected, Ledger.open(url) as ledger, ledger._database.read() as migrated:
        metadata.create_all(expected)
        assert definitions(migrated) == definitions(expected)
        assert compare_metadata(MigrationContext.configure(migrated), metadata) == []
    engine.dispose()


def test_the_code_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_an_up_to_date_ledger_is_opened_without_alembic(url: str) -> None:
    Ledger.open(url).close()
    code = (
        "import sys; from mmsflow.ledger.store import Ledger; Ledger.open(sys.argv[1]).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, url], check=True)


@pytest.mark.parametrize("opened", [Ledger, LedgerReader])
def test_a_ledger_of_a_newer_version_is_refused_with_advice(url: str, opened: type[LedgerReader]) -> None:
    set_version(url, "9999")
    with pytest.raises(LedgerError, match="newer mmsflow") as caught:
        opened.open(url)
    assert "Upgrade" in caught.value.advice


def test_a_reader_of_an_older_ledger_is_told_what_upgrades_it(url: str) -> None:
    set_version(url, "0000")
    with pytest.raises(LedgerError, match="not been brought") as caught:
        LedgerReader.open(url)
    assert "upgrades it" in caught.value.advice


def test_a_ledger_without_its_version_is_refused(url: str) -> None:
    with Ledger.open(url) as ledger, ledger._database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE}")
    with pytest.raises(LedgerError, match="does not say"):
        Ledger.open(url)


def test_what_an_earlier_version_watched_is_kept_and_its_schedule_not_known(url: str) -> None:
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    with Ledger.open(url) as ledger:
        ledger.account_for("simulator", "news", until, schedule="times")
        with ledger._database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE watched DROP COLUMN schedule")
            forget_version_5(connection, "0003")
    with Ledger.open(url) as ledger:
        assert ledger.accounted_until("simulator", "news") == until
        assert ledger.accounted_schedule("simulator", "news") == ""


def test_a_migration_that_is_interrupted_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Ledger.open(url)
    with LedgerReader.open(url) as reader:
        assert reader.runs() == []
    Ledger.open(url).close()


def test_of_a_run_that_an_earlier_version_paused_who_paused_it_tells_the_cause(url: str) -> None:
    with Ledger.open(url) as ledger:
        run = ledger.freeze_run(NEW, [], [])
        ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.QUOTA, reason="spent")
        with ledger._database.write() as connection:
            forget_version_5(connection, "0004")
    with Ledger.open(url) as ledger:
        found = ledger.find_run(run.run)
        assert found is not None
        assert (found.cause, found.reason) == ("quota_spent", "spent")
        ledger.pause(run.key, PausedBy.BREAKER, "refused", cause="all_rejected")
        again = ledger.find_run(run.run)
        assert again is not None
        assert again.cause == "all_rejected"
        assert ledger.run_events(run.key)[-1].detail["cause"] == "all_rejected"
        ledger.set_state(run.key, RunState.RUNNING)
        gone = ledger.find_run(run.run)
        assert gone is not None
        assert gone.cause == ""
