"""Answers whose envelope no document shows: built from a known truth, which is the judge, not the code."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mmsflow.gateway.wire import asked_seconds, limit_problem, masked, read_limit, read_send, read_status
from mmsflow.mms.status import MessageState

ENVELOPES = int(os.environ.get("MMSFLOW_TEST_ENVELOPES", "300"))

ENDS = {
    "Retrieved": MessageState.DELIVERED,
    "DeliveredToTerminal": MessageState.DELIVERED,
    "Rejected": MessageState.FAILED,
    "Address Error": MessageState.FAILED,
    "DeliveryImpossible": MessageState.FAILED,
    "Expired": MessageState.EXPIRED,
}
WAITING = ["Success", "Partial success", "Indeterminate", "DeliveredToNetwork", "MessageWaiting"]
ECHOES = ["subject", "senderAddress", "addresses", "address", "text"]
FIELDS = ["status", "deliveryStatus", "deliveryReport", "result", "submission", "state", "reportStatus", "process"]
NOISE = ["OK", "0", "operation expired soon", "Retrieved at 12:00", "not Rejected", "success rate", "delivered"]


def spelled(rng: Random, word: str) -> str:
    return rng.choice([word, word.upper(), word.lower(), word.replace(" ", ""), word.replace(" ", "_"), f" {word} "])


def hidden(rng: Random, facts: list[tuple[str, Any]]) -> str:
    """A JSON text with these fields somewhere in it, between noise and echoes, some names twice."""
    fields = [*facts]
    for _ in range(rng.randrange(4)):
        echo: Any = spelled(rng, rng.choice([*ENDS, *WAITING]))
        fields.append((rng.choice(ECHOES), rng.choice([echo, [echo], {"status": echo}])))
    fields += [
        (f"note{number}", rng.choice([*NOISE, 7, None, True, 1.5, [], {}])) for number in range(rng.randrange(4))
    ]
    if rng.random() < 0.5:
        fields.append((rng.choice(["id", "messageId", "authenticationId"]), rng.choice([*ENDS, "id-1"])))
    rng.shuffle(fields)
    return enclosed(rng, fields, 3)


def as_object(fields: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in fields) + "}"


def enclosed(rng: Random, fields: list[tuple[str, Any]], depth: int) -> str:
    here: list[tuple[str, str]] = []
    inner: list[tuple[str, Any]] = []
    for name, value in fields:
        if depth and rng.random() < 0.4:
            inner.append((name, value))
        else:
            here.append((name, json.dumps(value)))
    if inner:
        text = enclosed(rng, inner, depth - 1)
        kind = rng.randrange(4)
        text = f"[{text}]" if kind == 1 else f'[{text}, {{"page": 1}}]' if kind == 2 else text
        here.append((rng.choice(["data", "info", "answer"]), json.dumps(text) if kind == 3 else text))
    rng.shuffle(here)
    text = as_object(here)
    return rng.choice([text, text, f"[{text}]"])


@pytest.mark.parametrize("seed", range(10))
def test_of_all_known_words_the_most_final_counts_wherever_it_is(seed: int) -> None:
    rng = Random(seed)
    for _ in range(ENVELOPES // 10):
        ends = rng.sample(sorted(ENDS), rng.choice([0, 0, 1, 1, 1, 2]))
        words = [*ends, *rng.sample(WAITING, rng.randrange(1, 3))]
        names = rng.sample(FIELDS, len(words)) if rng.random() < 0.7 else [rng.choice(FIELDS)] * len(words)
        body = hidden(rng, [(name, spelled(rng, word)) for name, word in zip(names, words, strict=True)])
        status = read_status(200, body.encode())
        states = {ENDS[word] for word in ends}
        assert status is not None, body
        assert status.state == (states.pop() if len(states) == 1 else None), body
        if len({ENDS[word] for word in ends}) > 1:
            assert "contradict" in status.meaning
            assert "/" in status.raw


@pytest.mark.parametrize("seed", range(10))
def test_without_a_word_of_a_status_no_echo_and_no_noise_is_one(seed: int) -> None:
    rng = Random(1000 + seed)
    for _ in range(ENVELOPES // 10):
        body = hidden(rng, [])
        assert read_status(200, body.encode()) is None, body


@pytest.mark.parametrize("seed", range(10))
def test_of_several_counters_the_tightest_counts_and_each_is_kept_whole(seed: int) -> None:
    rng = Random(2000 + seed)
    for _ in range(ENVELOPES // 10):
        truth = []
        for number in range(rng.randrange(1, 5)):
            day = date(2026, 12, 1) + timedelta(days=rng.randrange(28))
            truth.append((f"c{number}", rng.randrange(5000), rng.choice([0, 0, 7, 900, 4321]), day))
        body = counters_text(rng, truth)
        quota = read_limit(body.encode())
        assert quota is not None, body
        least = min(available for _, _, available, _ in truth)
        last = max(day for _, _, available, day in truth if available == least)
        assert (quota.available, quota.reset_on) == (least, last), body
        assert (quota.used, quota.available, quota.reset_on) in {each[1:] for each in truth}
        assert sorted((each.used, each.available) for each in quota.counters) == sorted(each[1:3] for each in truth)


def counters_text(rng: Random, truth: list[tuple[str, int, int, date]]) -> str:
    texts = []
    for name, used, available, day in truth:
        fields = [("used", figure(rng, used)), ("available", figure(rng, available))]
        fields += [("date", json.dumps(day.strftime("%a %b %d %Y"))), ("subject", '"used"')]
        rng.shuffle(fields)
        texts.append((name, as_object(fields)))
    if len(texts) > 1 and rng.random() < 0.4:
        return "[" + ", ".join(text for _, text in texts) + "]"
    text = as_object(texts) if len(texts) > 1 or rng.random() < 0.5 else texts[0][1]
    return rng.choice([text, f'{{"limit": {text}}}', f'{{"limit": {json.dumps(text)}}}'])


def figure(rng: Random, number: int) -> str:
    grouped = f"{number:,}".replace(",", rng.choice([" ", "\u00a0", "\u202f", "\u2009"]))
    return rng.choice([str(number), f"{number}.0", json.dumps(str(number)), json.dumps(grouped), f'" {number} "'])


@pytest.mark.parametrize("value", ['"1,000"', '"1.000"', '"unlimited"', "null", '"12,5"', "1.5", "[]", '"1 00"'])
def test_a_figure_that_is_in_doubt_is_shown_as_it_was_answered(value: str) -> None:
    body = f'{{"daily": {{"used": "1", "available": {value}}}, "global": {{"used": 1, "available": 900}}}}'.encode()
    assert read_limit(body) is None
    assert "`available` is" in limit_problem(body)
    assert "daily" in limit_problem(body)


def test_no_figure_at_all_is_told_apart_from_an_unreadable_one() -> None:
    assert "holds no `used`" in limit_problem(b'{"remaining": 5}')
    assert "`available` is missing" in limit_problem(b'{"used": 5}')
    assert "no JSON" in limit_problem(b"<html>", "text/html")


@pytest.mark.parametrize(
    "body",
    [
        b'{"authenticationId": "x", "data": {"deliveryStatus": "Bad request"}}',
        b'{"result": "Bad request", "authenticationId": "x"}',
        b'[{"authenticationId": "x"}, {"status": "BAD_REQUEST"}]',
    ],
)
def test_a_refusal_counts_in_whatever_field_it_is(body: bytes) -> None:
    assert read_send(200, body).refused


def test_a_text_of_ours_that_is_said_again_is_no_refusal() -> None:
    assert not read_send(
        200, b'{"authenticationId": "x", "subject": "Bad request", "addresses": ["Bad request"]}'
    ).refused


@pytest.mark.parametrize(
    ("body", "gateway_id", "said"),
    [
        (b'{"authenticationId": "a\\tb"}', "a\tb", ""),
        (b'{"authenticationId": "' + b"x" * 600 + b'"}', "x" * 600, ""),
        (b'{"authenticationId": "' + b"x" * 3000 + b'"}', "", "3000 characters"),
        (b'{"authenticationId": "a\\u0007b"}', "", "control characters"),
        (b'{"authenticationId": "a", "authenticationId": "b"}', "", "2 different ids"),
        (b'{"authenticationId": "a", "authenticationId": "a"}', "a", ""),
        (b'{"authenticationId": "outer", "login": {"authenticationId": "inner"}}', "outer", ""),
    ],
)
def test_an_id_is_taken_where_it_can_be_asked_for_else_it_is_said_why(body: bytes, gateway_id: str, said: str) -> None:
    answer = read_send(200, body)
    assert answer.gateway_id == gateway_id
    assert said in answer.text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1.5", 1.5),
        ("10 s", 10.0),
        ("2026-12-01T09:01:00Z", 60.0),
        ("2026-12-01T10:02:00+01:00", 120.0),
        ("Fri, 01 Jan 10000 00:00:00 GMT", 60.0),
        ("-1", 60.0),
        ("soon", 60.0),
        (" ", 60.0),
        ("", None),
    ],
)
def test_a_header_that_asks_for_time_counts_also_where_it_cannot_be_read(value: str, seconds: float | None) -> None:
    assert asked_seconds(value, datetime(2026, 12, 1, 9, tzinfo=UTC)) == seconds


def test_an_answer_is_shown_with_its_shape_and_without_what_is_personal_or_secret() -> None:
    body = b'{"data": [{"authenticationId": "abc-123", "status": "Retrieved"}], "address": "tel:+48501102030"}'
    shown = masked(body)
    assert "Retrieved" in shown
    assert "authenticationId" in shown
    assert "abc-123" not in shown
    assert "501102" not in shown
    assert "s3cret" not in masked(b'{"access_token": "s3cret", "client_secret": "s3cret"}')
