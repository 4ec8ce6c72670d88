"""What machines ask: the health in a word, and the figures."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from datetime import date, timedelta

import pytest
from httpx import ASGITransport, AsyncClient, Response
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request

from mmsflow.daemon.health import REASONS, health_of
from mmsflow.daemon.metrics import METRICS
from mmsflow.delivery.progress import Snapshot
from mmsflow.ledger.model import QuotaReading
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.web.health import health_routes

from .operating_board import ACCOUNT, NUMBERS, START, OperatingBoard, a_card

Samples = dict[tuple[str, tuple[str, ...]], float]


def bearer(request: Request) -> bool:
    return request.headers.get("authorization") == "Bearer open"


async def get(board: OperatingBoard, path: str, token: str = "open") -> Response:
    app = Starlette(routes=health_routes(board, bearer))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://daemon") as client:
        return await client.get(path, headers={"Authorization": f"Bearer {token}"})


async def figures(board: OperatingBoard) -> Samples:
    reply = await get(board, "/metrics")
    assert reply.status_code == 200
    families = text_string_to_metric_families(reply.text)
    return {
        (each.name, tuple(label for _, label in sorted(each.labels.items()))): each.value
        for family in families
        for each in family.samples
    }


async def test_a_daemon_that_is_well_says_so_to_anybody(board: OperatingBoard) -> None:
    reply = await get(board, "/healthz", token="wrong")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok", "reasons": []})


async def test_a_loop_that_has_not_turned_for_a_minute_is_not_well(board: OperatingBoard) -> None:
    board.beat = 5.0
    await board.clock.advance(65)
    assert health_of(board).well
    await board.clock.advance(1)

    reply = await get(board, "/healthz")

    assert (reply.status_code, reply.json()) == (503, {"status": "not ok", "reasons": ["stalled"]})


async def test_a_daemon_that_never_turned_has_a_minute_from_its_start(board: OperatingBoard) -> None:
    await board.clock.advance(60)
    assert health_of(board).well
    await board.clock.advance(1)
    assert health_of(board).reasons == ("stalled",)


async def test_a_ledger_that_the_daemon_could_not_write_is_named(board: OperatingBoard) -> None:
    board.healthy = False

    assert (await get(board, "/healthz")).json()["reasons"] == ["ledger"]


async def test_a_ledger_without_the_right_to_write_is_named(
    board: OperatingBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever runs the tests may have every right

    assert (await get(board, "/healthz")).json()["reasons"] == ["ledger"]


async def test_a_disk_that_is_nearly_full_is_named(board: OperatingBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))

    assert (await get(board, "/healthz")).json()["reasons"] == ["disk"]


async def test_figures_are_for_those_with_the_token_only(board: OperatingBoard) -> None:
    reply = await get(board, "/metrics", token="wrong")

    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert "mmsflow_" not in reply.text


async def test_messages_are_counted_by_campaign_and_bucket_over_the_live_runs_and_no_others(
    board: OperatingBoard,
) -> None:
    board.campaigns = (a_card("sale", "sale-1", "sale-2"), a_card("quiet"))
    board.snapshots = {
        "sale-1": Snapshot(10, 0, {Bucket.DELIVERED: 7, Bucket.ACCEPTED: 3}, 3),
        "sale-2": Snapshot(10, 10, {Bucket.PENDING: 9, Bucket.DELIVERED: 1}, 0),
        "old-1": Snapshot(10, 0, {Bucket.DELIVERED: 10}, 0),
    }

    found = await figures(board)

    messages = {labels: value for (name, labels), value in found.items() if name == "mmsflow_messages"}
    assert {labels: value for labels, value in messages.items() if value} == {
        ("delivered", "sale"): 8,
        ("accepted", "sale"): 3,
        ("pending", "sale"): 9,
    }
    assert {campaign for _, campaign in messages} == {"sale"}
    assert found["mmsflow_campaigns", ("running",)] == 1
    assert found["mmsflow_campaigns", ("scheduled",)] == 1


async def test_runs_quota_times_and_notices_come_from_the_ledger_and_the_board(board: OperatingBoard) -> None:
    board.run_on_the_wire()
    board.ledger.record_quota(QuotaReading(START, ACCOUNT, 40, 60, date(2026, 12, 22)))
    board.ledger.tell(NewNotice("paused/a", NoticeKind.PAUSED, ACCOUNT, "a", "", "a is paused"))
    board.ledger.tell(NewNotice("paused/b", NoticeKind.PAUSED, ACCOUNT, "b", "", "b is paused"))
    board.ledger.settle_notices(ACCOUNT, ["paused/b"])
    board.campaigns = (a_card("sale", next_due=START + timedelta(days=1)),)
    board.beat = 0.5
    await board.clock.advance(10)

    found = await figures(board)

    assert found["mmsflow_runs", ("running",)] == 1
    assert (found["mmsflow_quota_used", ()], found["mmsflow_quota_available", ()]) == (40, 60)
    assert found["mmsflow_quota_reset_timestamp_seconds", ()] == pytest.approx(1797894000)  # midnight in Warsaw
    assert found["mmsflow_next_due_timestamp_seconds", ("sale",)] == START.timestamp() + 86400
    assert found["mmsflow_notices_open", ("paused",)] == 1
    assert found["mmsflow_beat_age_seconds", ()] == 9.5
    assert found["mmsflow_healthy", ()] == 1
    assert found["process_resident_memory_bytes", ()] > 0


async def test_no_number_is_among_the_figures_and_every_metric_is_explained(board: OperatingBoard) -> None:
    run, ids = board.run_on_the_wire()
    board.settle(run, ids[0], MessageState.REJECTED, "no such subscriber")
    board.campaigns = (a_card(run.campaign, run.run),)
    board.snapshots = {run.run: Snapshot(3, 2, {Bucket.FAILED: 1, Bucket.PENDING: 2}, 0)}

    text = (await get(board, "/metrics")).text

    assert not [number for number in NUMBERS if number[3:] in text]
    named = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE mmsflow_")}
    assert named == set(METRICS)


async def test_a_ledger_that_cannot_be_read_leaves_the_other_figures(
    board: OperatingBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmsflow.errors import LedgerError

    def broken() -> None:
        raise LedgerError("it is damaged")

    monkeypatch.setattr(board, "reading", broken)
    board.healthy = False

    found = await figures(board)

    assert found["mmsflow_ledger_readable", ()] == 0
    assert found["mmsflow_healthy", ()] == 0
    assert [reason for reason in REASONS if found["mmsflow_unhealthy", (reason,)]] == ["ledger"]
