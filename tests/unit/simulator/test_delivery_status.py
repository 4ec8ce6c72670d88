"""How a message's status moves: submission first, the delivery report later."""

from __future__ import annotations

from collections import Counter

import pytest

from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.fate import draw

from .conftest import OpenDesk
from .desk import STATUS, Desk, refusal


async def test_a_message_is_processed_first_and_retrieved_when_its_delay_is_over(open_desk: OpenDesk) -> None:
    desk = open_desk(mix={"Retrieved": 1}, delivery_delay=(10, 10))
    message_id = await desk.accepted()

    assert await desk.status(message_id) == "Success"
    await desk.clock.advance(9.9)
    assert await desk.status(message_id) == "Success"
    await desk.clock.advance(0.1)
    assert await desk.status(message_id) == "Retrieved"
    assert [shown["status"] for shown in await desk.messages()] == ["Retrieved"]


async def test_a_fresh_id_can_be_unknown_for_a_while(open_desk: OpenDesk) -> None:
    desk = open_desk(not_found_for=3)
    message_id = await desk.accepted()

    assert await desk.status(message_id) == "Message ID Not found"
    await desk.clock.advance(3)
    assert await desk.status(message_id) == "Success"


async def test_an_id_that_was_never_given_is_not_found(desk: Desk) -> None:
    assert await desk.status("123_456_789_abc_def") == "Message ID Not found"


async def test_without_a_delivery_report_there_is_nothing_to_ask(desk: Desk) -> None:
    message_id = await desk.accepted(deliveryReport=False)
    await desk.clock.advance(3600 - 1)

    assert await desk.status(message_id) == "Message ID Not found"


async def test_a_number_can_have_its_fate_fixed(open_desk: OpenDesk) -> None:
    desk = open_desk(fates={"+48501000001": "Rejected"}, mix={"Retrieved": 1}, delivery_delay=(0, 0))

    assert await desk.status(await desk.accepted("+48501000001")) == "Rejected"
    assert await desk.status(await desk.accepted("+48501000002")) == "Retrieved"


async def test_addresses_of_one_message_that_differ_are_a_partial_success(open_desk: OpenDesk) -> None:
    desk = open_desk(fates={"+48501000001": "Rejected"}, mix={"Retrieved": 1}, delivery_delay=(0, 0))
    message_id = await desk.accepted(addresses=["tel:+48501000001", "tel:+48501000002"])

    assert await desk.status(message_id) == "Partial success"


@pytest.mark.parametrize(
    ("envelope", "reply"),
    [
        ("top", {"status": "Message ID Not found"}),
        ("nested", {"deliveryInfo": {"status": "Message ID Not found"}}),
        ("list", [{"status": "Message ID Not found"}]),
    ],
)
async def test_the_envelope_of_the_status_is_a_setting(open_desk: OpenDesk, envelope: str, reply: object) -> None:
    assert (await open_desk(status_envelope=envelope).ask(STATUS, id="x")).json() == reply


async def test_the_status_call_wants_exactly_one_id(desk: Desk) -> None:
    assert refusal(await desk.ask(STATUS)) == (400, 27)
    assert refusal(await desk.ask(STATUS, id="")) == (400, 27)
    assert refusal(await desk.ask(STATUS, id="a", colour="red")) == (400, 28)
    assert refusal(await desk.ask(STATUS, id=["a", "b"])) == (400, 28)


def test_the_mix_holds_over_many_numbers() -> None:
    config = SimulatorConfig(mix={"Retrieved": 90, "Expired": 10, "Rejected": 0})

    drawn = Counter(draw(config, f"+48501{number:06}", 1).status for number in range(5000))

    assert drawn.keys() == {"Retrieved", "Expired"}
    assert 400 < drawn["Expired"] < 600


def test_a_fate_follows_from_seed_number_and_how_often_the_number_was_sent_to() -> None:
    config, other = SimulatorConfig(seed=1), SimulatorConfig(seed=2)

    assert draw(config, "+48501000001", 1) == draw(config, "+48501000001", 1)
    distinct = {
        draw(config, "+48501000001", 1).delay,
        draw(config, "+48501000001", 2).delay,
        draw(config, "+48501000002", 1).delay,
        draw(other, "+48501000001", 1).delay,
    }
    assert len(distinct) == 4


def test_delays_stay_in_their_range() -> None:
    config = SimulatorConfig(delivery_delay=(5, 6))

    assert all(5 <= draw(config, f"+4850100{number:04}", 1).delay <= 6 for number in range(500))
