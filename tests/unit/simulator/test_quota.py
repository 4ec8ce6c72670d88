"""The counter of requests: what uses it up, when it resets, how it is shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from mmsflow.clock import ManualClock

from .conftest import OpenDesk
from .desk import LIMIT, STATUS, Desk, refusal


async def test_limit_answers_texts_and_the_date_of_the_next_reset(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=100)
    await desk.accepted()

    assert await desk.limit() == {"used": "1", "available": "99", "date": "Wed Jan 21 2026"}


async def test_after_the_quota_every_post_gets_403_with_code_53_until_the_reset(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=2)

    replies = [await desk.send() for _ in range(4)]

    assert [reply.status_code for reply in replies] == [200, 200, 403, 403]
    assert refusal(replies[2]) == (403, 53)
    assert refusal(await desk.send(priority="urgent")) == (403, 53)
    assert (await desk.limit())["available"] == "0"
    assert len(await desk.messages()) == 2


@pytest.mark.parametrize(
    ("now", "seconds_left", "shown"),
    [
        (datetime(2026, 1, 20, 22, 59, 50, tzinfo=UTC), 10, "Wed Jan 21 2026"),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 23 * 3600, "Mon Mar 30 2026"),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), 25 * 3600, "Mon Oct 26 2026"),
        (datetime(2026, 12, 31, 22, 0, tzinfo=UTC), 3600, "Fri Jan 01 2027"),
    ],
)
async def test_the_period_ends_at_midnight_in_warsaw_also_on_days_of_23_and_25_hours(
    open_desk: OpenDesk, now: datetime, seconds_left: int, shown: str
) -> None:
    desk = open_desk(quota=1, token_life=10**6, clock=ManualClock(now))
    await desk.accepted()

    assert (await desk.limit())["date"] == shown
    await desk.clock.advance(seconds_left - 0.5)
    assert (await desk.send()).status_code == 403
    await desk.clock.advance(0.5)
    assert (await desk.send()).status_code == 200


async def test_a_calendar_period_can_have_several_days(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=1, quota_days=30, token_life=10**7)
    await desk.accepted()

    assert (await desk.limit())["date"] == "Thu Feb 19 2026"
    await desk.clock.advance(29 * 86_400)
    assert (await desk.send()).status_code == 403
    await desk.clock.advance(86_400)
    assert (await desk.send()).status_code == 200


async def test_a_period_can_be_seconds_long(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=1, quota_seconds=5)
    statuses = []

    for _ in range(4):
        statuses.append((await desk.send()).status_code)
        await desk.clock.advance(2.5)

    assert statuses == [200, 403, 200, 403]


@pytest.mark.parametrize(
    ("which", "shown"),
    [
        ("next", "Wed Jan 21 2026"),
        ("last", "Tue Jan 20 2026"),
        ("today", "Tue Jan 20 2026"),
        ("tomorrow", "Wed Jan 21 2026"),
        ("yesterday", "Mon Jan 19 2026"),
    ],
)
async def test_which_date_is_shown_is_a_setting(open_desk: OpenDesk, which: str, shown: str) -> None:
    assert (await open_desk(reset_date=which).limit())["date"] == shown


async def test_the_weekday_can_be_wrong_as_in_the_operators_example(open_desk: OpenDesk) -> None:
    assert (await open_desk(wrong_weekday=True).limit())["date"] == "Thu Jan 21 2026"


async def test_the_counts_can_be_numbers_inside_an_enclosing_object(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=9, limit_as_numbers=True, limit_nested=True)

    assert await desk.limit() == {"limit": {"used": 0, "available": 9, "date": "Wed Jan 21 2026"}}


@pytest.mark.parametrize(("counts", "used"), [(False, "1"), (True, "4")])
async def test_whether_status_and_limit_calls_use_quota_is_a_setting(
    open_desk: OpenDesk, counts: bool, used: str
) -> None:
    desk = open_desk(quota_counts_status=counts)
    await desk.ask(STATUS, id=await desk.accepted())
    await desk.ask(LIMIT)

    assert (await desk.limit())["used"] == used


@pytest.mark.parametrize(("counts", "used"), [(False, "0"), (True, "1")])
async def test_whether_a_refused_post_uses_quota_is_a_setting(open_desk: OpenDesk, counts: bool, used: str) -> None:
    desk = open_desk(quota_counts_refused=counts)
    await desk.send(priority="urgent")

    assert (await desk.limit())["used"] == used


async def test_questions_go_on_when_they_use_quota_and_it_is_used_up(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=1, quota_counts_status=True)
    message_id = await desk.accepted()

    assert await desk.status(message_id) == "Success"
    assert (await desk.limit())["used"] == "1"


async def test_a_post_without_a_valid_token_uses_no_quota(desk: Desk) -> None:
    desk.bearer = "Bearer stranger"
    await desk.send()
    await desk.authorize()

    assert (await desk.limit())["used"] == "0"


async def test_a_short_window_refuses_with_code_53_while_quota_is_left(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=100, rate_limit=2)

    statuses = Counter([(await desk.send()).status_code for _ in range(5)])

    assert statuses == {200: 2, 403: 3}
    assert (await desk.limit())["available"] == "98"
    await desk.clock.advance(1)
    assert (await desk.send()).status_code == 200


async def test_somebody_else_can_have_used_some_of_every_period(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=3, quota_seconds=60, hidden_used=2)

    assert [(await desk.send()).status_code for _ in range(2)] == [200, 403]
    await desk.clock.advance(60)
    assert (await desk.limit())["used"] == "2"


async def test_somebody_else_can_go_on_using_it_but_never_more_than_there_is(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=10, hidden_per_second=0.5)
    await desk.accepted()

    await desk.clock.advance(10)
    assert await desk.limit() == {"used": "6", "available": "4", "date": "Wed Jan 21 2026"}
    await desk.clock.advance(1000)
    assert (await desk.limit())["used"] == "10"
    assert (await desk.send()).status_code == 403


async def test_what_somebody_else_goes_on_using_begins_anew_with_each_period(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=100, quota_seconds=60, hidden_per_second=1)

    await desk.clock.advance(70)

    assert (await desk.limit())["used"] == "10"


async def test_somebody_else_can_use_some_at_a_given_moment(open_desk: OpenDesk) -> None:
    desk = open_desk(quota=10)

    await desk.client.post("/_simulator/consume", json={"requests": 4})

    assert (await desk.limit())["used"] == "4"
    assert (await desk.client.post("/_simulator/consume", json={"requests": -1})).status_code == 400
