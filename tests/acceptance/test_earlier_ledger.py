"""A ledger and markers that version 0004 left behind a killed run: taken over, gone on with, and nobody gets it twice.

``version_0004`` holds what that version wrote for twelve people with three requests at a time, after its process was
killed: five messages accepted, three on the wire, four unsent. In ``two_clients`` another client id at the same host
had sent a campaign ``other`` before. The gateway's address is written ``@HOST@``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .console import Console
from .daemons import DAEMON, running
from .independent_gateway import CLIENT_ID, ROTATED_ID, IndependentGateway
from .workspace import CAMPAIGN, numbers, write_list

RECORDED = Path(__file__).with_name("version_0004")
RUN = ("run", CAMPAIGN, "--yes", "--no-wait", "--json")


def put_back(workspace: Path, gateway: IndependentGateway, name: str) -> list[str]:
    """Write the recorded ledger and its markers into a workspace; the numbers that have had nothing yet."""
    host = gateway.url.partition("://")[2]
    write_list(workspace, numbers(12))
    other = (workspace / CAMPAIGN).read_text("utf-8").replace("campaign: offer", "campaign: other")
    (workspace / "campaigns" / "other.yaml").write_text(other, "utf-8")
    for folder in (".mmsflow", "campaigns/.runs"):
        (workspace / folder).mkdir(parents=True)
    with closing(sqlite3.connect(workspace / ".mmsflow" / "ledger.db")) as ledger:
        ledger.executescript((RECORDED / f"{name}.sql").read_text("utf-8").replace("@HOST@", host))
        ready = ledger.execute("SELECT msisdn FROM messages WHERE state = 'ready' ORDER BY id").fetchall()
    assert len(ready) == 4
    for marker in RECORDED.glob(f"{name}.*.json"):
        target = workspace / "campaigns" / ".runs" / marker.name.removeprefix(f"{name}.")
        target.write_text(marker.read_text("utf-8").replace("@HOST@", host), "utf-8")
    return [number for (number,) in ready]


@pytest.fixture
def credentials(credentials: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With a witness of the test's own: every test puts the same ledger back."""
    return credentials | {"MMSFLOW_WITNESS": str(tmp_path / "witness")}


def accounts(quick: Console) -> dict[str, int]:
    rows = quick("account", "--json").ended_with(0).document["accounts"]
    return {row["account"]: row["runs"] for row in rows}


def test_the_run_goes_on_with_the_same_client_id_and_asks_nothing(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    unsent = put_back(workspace, gateway, "one_client")
    done = quick(*RUN)
    assert gateway.numbers == unsent, done.err
    assert accounts(quick) == {f"orange@{gateway.url.partition('://')[2]}": 1}
    quick(*RUN)
    assert gateway.numbers == unsent
    marker = (workspace / "campaigns" / ".runs" / "offer.json").read_text("utf-8")
    assert f"{CLIENT_ID}@" not in marker


def test_it_goes_on_with_the_host_spelled_in_another_way(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    unsent = put_back(workspace, gateway, "one_client")
    port = gateway.url.rpartition(":")[2]
    quick(*RUN, MMSFLOW_GATEWAY_URL=f"HTTP://127.0.0.1:0{port}/")
    assert gateway.numbers == unsent


def test_a_rotated_client_id_is_asked_about_once_and_then_the_run_goes_on(
    quick: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    unsent = put_back(workspace, gateway, "one_client")
    refused = quick(*RUN, MMSFLOW_CLIENT_ID=ROTATED_ID).ended_with(6)
    assert refused.document["cause"] == "client_id_new"
    assert gateway.numbers == []
    quick("account", "rotated", MMSFLOW_CLIENT_ID=ROTATED_ID).ended_with(0)
    for _ in range(2):
        quick(*RUN, MMSFLOW_CLIENT_ID=ROTATED_ID)
        assert gateway.numbers == unsent


@pytest.mark.parametrize("client", [CLIENT_ID, ROTATED_ID])
def test_two_client_ids_at_one_host_stay_apart_until_a_person_says_that_they_are_one(
    quick: Console, workspace: Path, gateway: IndependentGateway, client: str
) -> None:
    unsent = put_back(workspace, gateway, "two_clients")
    host = gateway.url.partition("://")[2]
    refused = quick(*RUN, MMSFLOW_CLIENT_ID=client).ended_with(6)
    assert refused.document["cause"] == "other_account"
    assert f"{CLIENT_ID}@{host}" in refused.document["error"]
    assert f"orange@{host}" in refused.document["error"]
    assert gateway.numbers == []
    assert accounts(quick) == {f"orange@{host}": 0, f"{CLIENT_ID}@{host}": 1, f"{ROTATED_ID}@{host}": 1}
    more = ("--same-account",) if client == CLIENT_ID else ("--same-account", "--rotated-client")
    quick(*RUN, *more, MMSFLOW_CLIENT_ID=client)
    assert gateway.numbers == unsent
    # Of the other one nobody has said anything yet.
    other = ("run", "campaigns/other.yaml", "--yes", "--json")
    assert quick(*other, MMSFLOW_CLIENT_ID=client).ended_with(6).document["cause"] == "other_account"
    assert gateway.numbers == unsent


def test_a_daemon_takes_it_over_and_sends_only_the_rest(
    console: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    unsent = put_back(workspace, gateway, "one_client")
    with running(console, *DAEMON):
        gateway.wait_for(len(unsent))
    assert gateway.numbers == unsent
