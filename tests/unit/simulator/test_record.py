"""The record: what was really sent, kept in a file that two processes may share."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from mmsflow.errors import UsageError
from mmsflow.simulator.app import close_app
from mmsflow.simulator.fate import Fate
from mmsflow.simulator.state import Record
from mmsflow.simulator.wire import MessagePart, Submission

from .conftest import OpenDesk
from .desk import LIMIT, MULTIPART, NUMBER, START, Desk, attachment, multipart


async def test_messages_are_listed_in_order_and_can_be_narrowed(desk: Desk) -> None:
    for last in (1, 2, 3, 1):
        await desk.accepted(f"+4850110203{last}")
        await desk.clock.advance(1)

    assert [shown["number"][-1] for shown in await desk.messages()] == ["1", "2", "3", "1"]
    assert [shown["number"][-1] for shown in await desk.messages(limit="2", offset="1")] == ["2", "3"]
    assert len(await desk.messages(number="+48501102031")) == 2
    assert len(await desk.messages(number="48501102031")) == 2
    assert (await desk.messages(limit="1"))[0]["received_at"] == START.isoformat()
    assert (await desk.client.get("/_simulator/messages?limit=x")).status_code == 400


async def test_the_counters_tell_posts_accepted_refused_and_duplicates(desk: Desk) -> None:
    for last in (1, 2, 1, 1):
        await desk.accepted(f"+4850110203{last}")
    await desk.send(priority="urgent")
    await desk.ask(LIMIT)

    stats = await desk.stats()

    assert (stats["posts"], stats["accepted"], stats["messages"], stats["numbers"]) == (5, 4, 4, 2)
    assert stats["refused"] == {"400/24": 1}
    assert stats["duplicates"] == [{"number": "+48501102031", "count": 3}]
    assert stats["max_per_number"] == 3
    assert (stats["token_calls"], stats["limit_calls"], stats["status_calls"]) == (1, 1, 0)
    assert stats["quota"]["used"] == 5


async def test_a_reset_forgets_messages_counters_and_used_quota_but_no_token(desk: Desk) -> None:
    message_id = await desk.accepted()

    assert (await desk.client.delete("/_simulator/messages")).json() == {"forgotten": 1}

    assert await desk.messages() == []
    assert (await desk.stats())["posts"] == 0
    assert (await desk.limit())["used"] == "0"
    assert await desk.status(message_id) == "Message ID Not found"


@pytest.mark.parametrize("path", ["messages", "stats", "faults"])
async def test_only_clients_on_this_machine_may_look_inside(desk: Desk, path: str) -> None:
    transport = httpx.ASGITransport(desk.app, client=("192.0.2.7", 4711))

    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as stranger:
        assert (await stranger.get(f"/_simulator/{path}")).status_code == 403
        assert (await stranger.delete("/_simulator/messages")).status_code == 403


async def test_only_numbers_and_ids_are_kept_when_only_counts_are_wanted(open_desk: OpenDesk) -> None:
    desk = open_desk(record="counts")
    await desk.post(multipart(attachment(b"x")), MULTIPART)

    (shown,) = await desk.messages()

    assert (shown["number"], shown["subject"], shown["parts"]) == ("+48501102030", None, [])
    assert shown["id"]


async def test_a_second_process_sees_tokens_messages_and_quota_of_the_first(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    state = str(tmp_path / "deep" / "simulator.sqlite")
    first = open_desk(state=state, quota=3)
    second = open_desk(state=state, quota=3, clock=first.clock)
    await first.authorize()
    second.bearer = first.bearer

    for desk in (first, second, first):
        await desk.accepted()

    assert (await second.send()).status_code == 403
    assert len(await second.messages()) == 3
    assert await second.limit() == await first.limit()


async def test_a_restart_remembers_when_the_periods_began(open_desk: OpenDesk, tmp_path: Path) -> None:
    settings = {"state": str(tmp_path / "simulator.sqlite"), "quota": 1, "quota_seconds": 60}
    first = open_desk(**settings)
    await first.accepted()
    await first.clock.advance(45)
    close_app(first.app)

    again = open_desk(**settings, clock=first.clock)

    assert (await again.send()).status_code == 403
    await again.clock.advance(15)
    assert (await again.send()).status_code == 200


async def test_a_record_that_is_locked_for_too_long_answers_503_and_keeps_nothing(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    desk = open_desk(state=str(tmp_path / "simulator.sqlite"))
    await desk.authorize()
    await desk.accepted()
    _wait_no_longer(desk.app)
    blocker = sqlite3.connect(tmp_path / "simulator.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")

    reply = await desk.send()
    blocker.execute("ROLLBACK")
    blocker.close()

    assert (reply.status_code, reply.json()["code"]) == (503, 5)
    assert len(await desk.messages()) == 1


def _wait_no_longer(app: Starlette) -> None:
    record: Record = app.state.record
    record._db.execute("PRAGMA busy_timeout = 0")


def _accept(record: Record, room: int, fate_of: Callable[[str, int], Fate]) -> bool:
    submission = Submission(MessagePart((NUMBER,), "ACME", None, None, True), ())
    return record.accept(submission, message_id="x", now=0, period=0, room=room, fate_of=fate_of, keep_parts=True)


def test_a_message_and_its_quota_are_recorded_together_or_not_at_all() -> None:
    def delivered(_number: str, _nth: int) -> Fate:
        return Fate("Retrieved", 1)

    def broken(_number: str, _nth: int) -> Fate:
        raise RuntimeError

    record = Record(":memory:", 0)

    with pytest.raises(RuntimeError):
        _accept(record, 1, broken)
    assert (record.used(0), record.total(None), record.counters()) == (0, 0, {})
    assert [_accept(record, 1, delivered) for _ in range(2)] == [True, False]
    assert (record.used(0), record.total(None), record.counters()) == (1, 1, {"accepted": 1})
    record.close()


def test_the_file_is_for_its_owner_only(open_desk: OpenDesk, tmp_path: Path) -> None:
    open_desk(state=str(tmp_path / "simulator.sqlite"))

    assert stat.S_IMODE((tmp_path / "simulator.sqlite").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 40, None])
def test_a_file_that_is_something_else_is_refused_with_a_way_out(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.sqlite"
    if content is None:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (x)")
        other.close()
    else:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=r"other\.sqlite") as refused:
        Record(str(path), 0)
    assert refused.value.advice


def test_a_record_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Record(str(tmp_path), 0)
    with pytest.raises(UsageError):
        Record(str(tmp_path / "a\0b"), 0)
