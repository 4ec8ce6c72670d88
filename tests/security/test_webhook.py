"""Notices as signed requests: what is posted, how it is signed, and what each answer means."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mmsflow.clock import ManualClock
from mmsflow.errors import UsageError
from mmsflow.notifying.model import NotPosted
from mmsflow.notifying.webhook import Webhook
from mmsflow.secret import Secret

from .certificates import Authority
from .receivers import LETTER, NOW, Receiver, receiving

KEY = b"canary-key-0123456789abcdef"
SECRET = Secret("whsec_" + base64.b64encode(KEY).decode())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def webhook(receiver: Receiver, secret: Secret = SECRET, **more: object) -> Webhook:
    return Webhook(receiver.url, secret, ManualClock(NOW), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("secret", "key"), [(SECRET, KEY), (Secret("just a long enough text"), b"just a long enough text")]
)
async def test_a_notice_is_signed_so_that_the_standard_webhooks_rules_verify_it(
    receiver: Receiver, secret: Secret, key: bytes
) -> None:
    await webhook(receiver, secret).send(LETTER)

    ((headers, body),) = receiver.requests
    assert headers["webhook-id"] == LETTER.id
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    version, _, given = headers["webhook-signature"].partition(",")
    assert version == "v1"
    assert base64.b64decode(given, validate=True) == hmac.new(key, signed, hashlib.sha256).digest()


async def test_the_payload_tells_what_happened_and_holds_no_number(receiver: Receiver) -> None:
    await webhook(receiver).send(LETTER)

    ((headers, body),) = receiver.requests
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == {
        "type": "notice.finished",
        "timestamp": "2026-12-01T08:30:00Z",
        "data": {
            "kind": "finished",
            "campaign": "winter-sale",
            "run": "winter-sale-20261201-1",
            "title": "mmsflow: winter-sale-20261201-1 finished",
            "text": "winter-sale-20261201-1 is done; the last answer was about …030.",
            "advice": "Nothing has to be done.",
            "rows": 2000,
            "buckets": {"delivered": 1950, "failed": 50},
            "url": LETTER.link,
            "cause": None,
        },
    }


async def test_a_repeat_has_the_same_id(receiver: Receiver) -> None:
    channel = webhook(receiver)
    await channel.send(LETTER)
    await channel.send(LETTER)
    assert {headers["webhook-id"] for headers, _ in receiver.requests} == {LETTER.id}


@pytest.mark.parametrize("status", [301, 302, 400, 404, 429, 500, 503])
async def test_any_answer_but_2xx_means_that_it_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.status, receiver.headers = status, {"location": receiver.url}

    with pytest.raises(NotPosted, match=f"answered {status}") as refused:
        await webhook(receiver).send(LETTER)

    assert not refused.value.for_good
    assert len(receiver.requests) == 1  # no redirect is followed, nothing is repeated at once


async def test_gone_means_that_it_is_given_up(receiver: Receiver) -> None:
    receiver.status = 410
    with pytest.raises(NotPosted) as refused:
        await webhook(receiver).send(LETTER)
    assert refused.value.for_good


async def test_a_receiver_that_never_answers_is_left_at_the_deadline(receiver: Receiver) -> None:
    receiver.silent = True
    with pytest.raises(NotPosted, match="did not answer within"):
        await webhook(receiver, deadline=timedelta(seconds=0.2)).send(LETTER)


async def test_the_body_of_a_reply_is_not_read(receiver: Receiver) -> None:
    receiver.status, receiver.body = 200, b"x" * 20_000_000
    assert await webhook(receiver).send(LETTER) == ""


async def test_neither_secret_nor_path_is_in_an_error_or_in_a_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors = []
    for status in (500, 410):
        receiver.status = status
        with pytest.raises(NotPosted) as refused:
            await webhook(receiver).send(LETTER)
        errors.append(f"{refused.value} {refused.value.advice} {refused.value.__cause__}")
    gone = Webhook("http://127.0.0.1:1/path-canary", SECRET, ManualClock(NOW))
    with pytest.raises(NotPosted, match=r"127.0.0.1:1 was not reached") as refused:
        await gone.send(LETTER)
    said = f"{errors} {refused.value} {caplog.text} {gone.target} {vars(gone)['_secret']!r}"

    secret = SECRET.reveal().removeprefix("whsec_")
    assert [word for word in (secret, "path-canary") if word in said] == []


async def test_a_certificate_that_nobody_vouches_for_is_refused_and_the_own_authority_is_trusted(
    tmp_path: Path,
) -> None:
    authority = Authority.made_in(tmp_path)
    with receiving(authority.server("IP:127.0.0.1")) as receiver:
        with pytest.raises(NotPosted, match="certificate"):
            await webhook(receiver).send(LETTER)
        assert receiver.requests == []
        await webhook(receiver, ca_file=str(authority.certificate)).send(LETTER)
        assert len(receiver.requests) == 1


async def test_a_proxy_is_used_only_when_it_is_set(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    await webhook(receiver).send(LETTER)
    proxy = receiver.url.removesuffix("/hook/path-canary")
    await Webhook("http://localhost:1/x", SECRET, ManualClock(NOW), proxy=proxy).send(LETTER)
    assert [headers["host"] for headers, _ in receiver.requests][1] == "localhost:1"


@pytest.mark.parametrize("text", ["whsec_not base64!", "whsec_c2hvcnQ=", "too short"])
def test_a_secret_that_protects_nothing_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="webhook_secret") as refused:
        Webhook("https://hooks.example", Secret(text), ManualClock(NOW))
    assert text not in f"{refused.value} {refused.value.advice}"
