"""Ledgers of earlier versions: their accounts get names without credentials, where that merges nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger_factory import Ledgers, freeze

from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.schema import VERSION_TABLE
from mmsflow.ledger.store import Ledger


def test_accounts_of_an_earlier_version_lose_their_client_id_only_where_that_merges_nothing(ledgers: Ledgers) -> None:
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    names = ("me@GW.example:443", "a@two.example", "b@two.example", "simulator")
    with Ledger.open(ledgers.url) as ledger:
        for number, name in enumerate(names):
            freeze(ledger, run=f"winter-sale-{number}", account=name)
            ledger.account_for(name, "winter-sale", until)
            ledger.tell(NewNotice("told", NoticeKind.PAUSED, name, "winter-sale", "", "text", "", {}))
        with ledger._database.write() as connection:
            for column in ("cause", "client", "content_sha256"):
                connection.exec_driver_sql(f"ALTER TABLE runs DROP COLUMN {column}")
            for column in ("place", "copied_at", "closed_at"):
                connection.exec_driver_sql(f"ALTER TABLE identity DROP COLUMN {column}")
            for table in ("epochs", "lost_runs", "fingerprint_key"):
                connection.exec_driver_sql(f"DROP TABLE {table}")
            connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '0004'")
    for _ in range(2):
        with Ledger.open(ledgers.url) as ledger:
            account, *others = [run.account for run in reversed(ledger.runs())]
            assert account == "orange@gw.example"
            assert tuple(others) == names[1:]
            assert ledger.accounted_until("orange@gw.example", "winter-sale") == until
            clients = [run.client for run in reversed(ledger.runs())]
            assert clients[:3] == [ledger.client_fingerprint(client) for client in ("me", "a", "b")]
            assert clients[3] == ""
            # The notice is open under the account's new name: it is not made a second time.
            again = NewNotice("told", NoticeKind.PAUSED, "orange@gw.example", "winter-sale", "", "text", "", {})
            assert not ledger.tell(again)
