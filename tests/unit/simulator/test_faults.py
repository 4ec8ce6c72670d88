"""Faults on request, as far as they can be had without a connection."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mmsflow.errors import UsageError
from mmsflow.simulator.breakage import WireFault
from mmsflow.simulator.faults import FaultKind, FaultRule, read_rules

from .conftest import OpenDesk
from .desk import LIMIT, Desk, refusal


async def statuses(desk: Desk, count: int) -> list[int]:
    return [(await desk.send()).status_code for _ in range(count)]


async def test_the_nth_request_only(desk: Desk) -> None:
    await desk.fault({"kind": "html", "nth": 2})

    assert await statuses(desk, 4) == [200, 502, 200, 200]
    assert (await desk.stats())["faults"] == {"html": 1}


async def test_every_so_many_requests_and_at_most_so_many_times(desk: Desk) -> None:
    await desk.fault({"kind": "html", "every": 2, "times": 2})

    assert await statuses(desk, 7) == [200, 502, 200, 502, 200, 200, 200]


async def test_by_chance_and_the_same_seed_gives_the_same_faults(open_desk: OpenDesk) -> None:
    rule = FaultRule(kind=FaultKind.HTML, probability=0.3)

    first, again, other = [await statuses(open_desk(seed=seed, faults=(rule,)), 60) for seed in (1, 1, 2)]

    assert first == again != other
    assert 5 < first.count(502) < 35


async def test_only_sends_to_one_number(desk: Desk) -> None:
    await desk.fault({"kind": "html", "number": "+48501000001"})

    assert (await desk.send("+48501000002")).status_code == 200
    assert (await desk.send("+48501000001")).status_code == 502
    assert (await desk.send("+48-501")).status_code == 400


async def test_only_the_endpoint_that_the_rule_names(desk: Desk) -> None:
    await desk.fault({"kind": "html", "endpoint": "limit"})

    assert (await desk.send()).status_code == 200
    assert (await desk.ask(LIMIT)).status_code == 502


async def test_the_first_rule_that_applies_wins_and_each_counts_all_it_saw(desk: Desk) -> None:
    await desk.fault({"kind": "html", "nth": 2}, {"kind": "empty", "status": 500, "nth": 3})

    assert await statuses(desk, 4) == [200, 502, 500, 200]
    listed = (await desk.client.get("/_simulator/faults")).json()["faults"]
    assert [(rule["seen"], rule["hits"]) for rule in listed] == [(4, 1), (4, 1)]
    await desk.client.delete("/_simulator/faults")
    assert await statuses(desk, 3) == [200, 200, 200]


async def test_a_reply_of_ones_own_with_status_body_and_headers(desk: Desk) -> None:
    await desk.fault({"kind": "reply", "status": 503, "body": '{"code": 5}', "headers": {"Retry-After": "7"}})

    reply = await desk.send()

    assert (reply.status_code, reply.json(), reply.headers["retry-after"]) == (503, {"code": 5}, "7")
    assert await desk.messages() == []


@pytest.mark.parametrize(
    ("rule", "status", "content", "received"),
    [
        ({"kind": "no_id"}, 200, b'{"deliveryStatus":"DeliveredToNetwork"}', 1),
        ({"kind": "bad_request"}, 200, b'{"deliveryStatus":"Bad request"}', 0),
        ({"kind": "empty"}, 200, b"", 1),
        ({"kind": "empty", "status": 504}, 504, b"", 0),
        ({"kind": "empty", "status": 504, "process": True}, 504, b"", 1),
        ({"kind": "empty", "process": False}, 200, b"", 0),
    ],
)
async def test_a_reply_may_say_something_else_than_what_happened(
    desk: Desk, rule: dict[str, Any], status: int, content: bytes, received: int
) -> None:
    await desk.fault(rule)

    reply = await desk.send()

    assert (reply.status_code, reply.content) == (status, content)
    assert len(await desk.messages()) == received


async def test_garbage_is_no_json(desk: Desk) -> None:
    await desk.fault({"kind": "garbage"})

    with pytest.raises(ValueError):
        (await desk.send()).json()


async def test_a_refused_request_is_never_made_to_look_accepted(desk: Desk) -> None:
    await desk.fault({"kind": "no_id"})

    assert refusal(await desk.send(priority="urgent")) == (400, 24)


async def test_a_redirect_leads_elsewhere(desk: Desk) -> None:
    await desk.fault({"kind": "redirect", "status": 307, "headers": {"Location": "https://portal.invalid/"}})

    reply = await desk.send()

    assert (reply.status_code, reply.headers["location"]) == (307, "https://portal.invalid/")
    assert await desk.messages() == []


async def test_a_gzip_bomb_is_small_on_the_wire_and_large_unpacked(desk: Desk) -> None:
    await desk.fault({"kind": "gzip_bomb", "size": 5_000_000})

    reply = await desk.send()

    assert int(reply.headers["content-length"]) < 10_000
    assert len(reply.content) == 5_000_000
    assert len(await desk.messages()) == 1


async def test_a_huge_reply_is_the_normal_one_behind_white_space(desk: Desk) -> None:
    await desk.fault({"kind": "huge", "size": 200_000})

    reply = await desk.send()

    assert len(reply.content) > 200_000
    assert reply.json()["authenticationId"] == (await desk.messages())[0]["id"]


async def test_a_delayed_reply_comes_after_the_message_was_received(desk: Desk) -> None:
    await desk.authorize()
    await desk.fault({"kind": "delay", "seconds": 30})
    sending = asyncio.create_task(desk.send())

    await desk.clock.advance(29)
    assert not sending.done()
    assert len(await desk.messages()) == 1
    await desk.clock.advance(1)
    assert (await sending).status_code == 200


async def test_a_dripping_reply_takes_its_time_for_each_byte(desk: Desk) -> None:
    await desk.authorize()
    await desk.fault({"kind": "drip", "seconds": 2})
    sending = asyncio.create_task(desk.send())

    await desk.clock.advance(20)
    assert not sending.done()
    await desk.clock.advance(200)
    assert (await sending).json()["authenticationId"]


async def test_a_hanging_request_never_answers_although_the_message_was_received(desk: Desk) -> None:
    await desk.authorize()
    await desk.fault({"kind": "hang"})
    sending = asyncio.create_task(desk.send())

    await desk.clock.advance(86_400)

    assert not sending.done()
    assert len(await desk.messages()) == 1
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


@pytest.mark.parametrize(
    ("kind", "processed"),
    [
        ("close_early", False),
        ("close_mid_body", False),
        ("close", False),
        ("drop_reply", True),
        ("drop_mid_reply", True),
    ],
)
async def test_in_process_a_cut_connection_is_an_exception_that_says_whether_the_request_was_processed(
    desk: Desk, kind: str, processed: bool
) -> None:
    await desk.fault({"kind": kind})

    with pytest.raises(WireFault) as cut:
        await desk.send()

    assert cut.value.processed is processed
    assert len(await desk.messages()) == processed
    assert (await desk.stats())["posts"] == 1


async def test_every_call_has_its_latency_or_sends_only(open_desk: OpenDesk) -> None:
    desk = open_desk(latency=(2, 3), latency_on="send")
    await desk.authorize()
    sending = asyncio.create_task(desk.send())

    await desk.clock.advance(1.9)
    assert not sending.done()
    assert (await desk.ask(LIMIT)).status_code == 200
    await desk.clock.advance(1.1)
    assert (await sending).status_code == 200


@pytest.mark.parametrize(
    "document",
    [
        {},
        ["html"],
        [{}],
        [{"kind": "explode"}],
        [{"kind": []}],
        [{"kind": "html", "colour": "red"}],
        [{"kind": "html", "\ud800": "red"}],
        [{"kind": "reply", "body": "\ud800"}],
        [{"kind": "html", "nth": True}],
        [{"kind": "html", "nth": 0}],
        [{"kind": "html", "every": "2"}],
        [{"kind": "html", "probability": 1.5}],
        [{"kind": "html", "endpoint": "sends"}],
        [{"kind": "html", "status": 99}],
        [{"kind": "html", "headers": {"A b": "c"}}],
        [{"kind": "html", "headers": {"A": "c\r\nD: e"}}],
        [{"kind": "hang", "seconds": -1}],
        [{"kind": "huge", "size": 2**40}],
        [{"kind": "close", "process": True}],
        [{"kind": "drop_reply", "process": False}],
        [{"kind": "close_early", "number": "+48501000001"}],
        [{"kind": "html", "endpoint": "limit", "number": "+48501000001"}],
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_a_way_out(document: object) -> None:
    with pytest.raises(UsageError) as refused:
        read_rules(document)

    assert refused.value.advice


async def test_refused_rules_leave_those_in_force(desk: Desk) -> None:
    await desk.fault({"kind": "html"})

    assert (await desk.fault({"kind": "explode"})).status_code == 400
    assert (await desk.client.post("/_simulator/faults", content=b"\xff")).status_code == 400
    assert await statuses(desk, 1) == [502]


def test_rules_survive_the_way_through_their_own_json() -> None:
    rule = FaultRule(kind=FaultKind.REPLY, status=500, body="x", headers=(("A", "b"),), probability=0.5, times=3)

    document = [{name: getattr(rule, name) for name in ("kind", "status", "body", "probability", "times")}]

    assert read_rules([{**document[0], "headers": {"A": "b"}}]) == (rule,)


async def test_a_fault_can_strike_the_token_call(desk: Desk) -> None:
    await desk.fault({"kind": "html", "endpoint": "token"})

    reply = await desk.client.post("/oauth/v2/token", auth=httpx.BasicAuth("simulator", "simulator"))

    assert reply.status_code == 502
