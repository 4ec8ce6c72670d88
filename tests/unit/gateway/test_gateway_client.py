"""The gateway's three calls over a scripted gateway in this process."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scripted_gateway import MESSAGE, SECRET, Answer, Request, ScriptedGateway, config

from mmsflow import __version__
from mmsflow.clock import ManualClock
from mmsflow.errors import GatewayRefused, GatewayUnavailable, UsageError
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, GatewayConfig, QuotaReply, StatusReply, Wire
from mmsflow.gateway.retry import Action, decide
from mmsflow.mms.content import Part
from mmsflow.mms.status import MessageState
from mmsflow.settings import Secret, Settings


def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, 9, tzinfo=UTC))


async def send(gateway: ScriptedGateway, **changes: Any) -> Evidence:
    async with GatewayClient(config(**changes), clock(), app=gateway) as client:
        return await client.send(MESSAGE)


async def status(gateway: ScriptedGateway, gateway_id: str = "id-1") -> StatusReply:
    async with GatewayClient(config(), clock(), app=gateway) as client:
        return await client.status(gateway_id)


async def limit(gateway: ScriptedGateway, time: ManualClock | None = None) -> QuotaReply:
    time = time or clock()
    async with GatewayClient(config(), time, app=gateway) as client:
        asking = asyncio.create_task(client.limit())
        while not asking.done():
            await time.advance(60)
        return asking.result()


# Sending


async def test_a_message_without_attachments_travels_as_json() -> None:
    gateway = ScriptedGateway()
    evidence = await send(gateway)
    request = gateway.requests[0]
    assert (request.method, request.path) == ("POST", "/Messaging/v1/MMSOffnetNat")
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.body)["addresses"] == ["tel:+48501102030"]
    assert (evidence.wire, evidence.http_status, evidence.gateway_id) == (Wire.ANSWERED, 200, "id-1")


@pytest.mark.parametrize("size_bytes", [10, 100_000])
async def test_a_message_with_attachments_travels_as_multipart_with_its_length(size_bytes: int) -> None:
    gateway = ScriptedGateway()
    picture = Part("image/jpeg", "a.jpg", b"\xff" * size_bytes)
    async with GatewayClient(config(), clock(), app=gateway) as client:
        await client.send(replace(MESSAGE, parts=(picture,)))
    request = gateway.requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert int(request.headers["content-length"]) == len(request.body)
    assert request.body.count(b"Content-ID: <a.jpg>") == 1


async def test_attachment_headers_can_be_reduced_to_the_operators_minimum() -> None:
    gateway = ScriptedGateway()
    async with GatewayClient(config(attachment_headers="minimal"), clock(), app=gateway) as client:
        await client.send(replace(MESSAGE, parts=(Part("image/jpeg", "a.jpg", b"x"),)))
    assert b"Content-ID" not in gateway.requests[0].body


async def test_every_call_accepts_json_and_names_us() -> None:
    gateway = ScriptedGateway()
    async with GatewayClient(config(), clock(), app=gateway) as client:
        await client.send(MESSAGE)
        await client.status("id-1")
        await client.limit()
    for request in [*gateway.token_calls, *gateway.requests]:
        assert request.headers["accept"] == "application/json"
        assert request.headers["user-agent"] == f"mmsflow/{__version__}"
    assert {request.headers["authorization"] for request in gateway.requests} == {"Bearer token-number-1"}


async def test_a_200_without_an_id_is_maybe_sent_and_keeps_its_raw_body() -> None:
    evidence = await send(ScriptedGateway(send=lambda _: (200, b"<html>thanks</html>")))
    assert decide(evidence).state is MessageState.ACCEPTED_NOID
    assert evidence.body == b"<html>thanks</html>"
    assert evidence.text


async def test_a_200_that_says_bad_request_is_a_refusal() -> None:
    body = b'{"authenticationId": "x", "deliveryStatus": "Bad request"}'
    evidence = await send(ScriptedGateway(send=lambda _: (200, body)))
    assert evidence.refused_in_body
    assert decide(evidence).state is MessageState.REJECTED


async def test_code_and_text_of_a_refusal_and_its_retry_after_are_evidence() -> None:
    body = b'{"code": 53, "message": "Too many requests", "description": "Limit."}'
    evidence = await send(ScriptedGateway(send=lambda _: (403, body, {"retry-after": "30"})))
    assert (evidence.code, evidence.text) == (53, "Too many requests: Limit.")
    assert evidence.retry_after_seconds == 30.0
    assert decide(evidence).action is Action.ASK_QUOTA


async def test_an_error_page_of_the_proxy_in_front_is_described_and_of_unknown_fate() -> None:
    page: Answer = (502, b"<html>Bad gateway</html>", {"content-type": "text/html"})
    evidence = await send(ScriptedGateway(send=lambda _: page))
    assert "text/html" in evidence.text
    assert decide(evidence).state is MessageState.UNKNOWN


async def test_an_application_that_fails_in_this_process_counts_as_begun() -> None:
    def fail(_: Request) -> Answer:
        raise ConnectionResetError("dropped after processing")

    evidence = await send(ScriptedGateway(send=fail))
    assert evidence.wire is Wire.BEGUN
    assert decide(evidence).state is MessageState.UNKNOWN


async def test_a_token_endpoint_that_is_down_leaves_the_message_ready() -> None:
    evidence = await send(ScriptedGateway(token=lambda _: (503, b"")))
    assert (evidence.wire, evidence.credentials_refused) == (Wire.NOT_BEGUN, False)
    assert decide(evidence).state is MessageState.READY


async def test_the_elapsed_time_is_the_clocks() -> None:
    time = clock()

    def slow(_: Request) -> Answer:
        time._elapsed += 2.5
        return 200, b'{"authenticationId": "x"}'

    async with GatewayClient(config(), time, app=ScriptedGateway(send=slow)) as client:
        assert (await client.send(MESSAGE)).elapsed_seconds == 2.5


async def test_a_cancelled_send_is_cancelled_and_not_turned_into_evidence() -> None:
    started = asyncio.Event()

    async def hang(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    async with GatewayClient(config(), clock(), app=hang) as client:
        sending = asyncio.create_task(client.send(MESSAGE))
        await started.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


# Status


@pytest.mark.parametrize("gateway_id", ["a_b-c", "1+2/3=4&x=ż %41#?", "***_***_***"])
async def test_the_status_is_asked_for_with_the_id_as_it_was_given(gateway_id: str) -> None:
    gateway = ScriptedGateway()
    reply = await status(gateway, gateway_id)
    assert gateway.requests[0].path == "/Messaging/v1/MMSDeliveryStatus"
    assert gateway.requests[0].query == {"id": [gateway_id]}
    assert reply.status is not None
    assert reply.status.state is MessageState.DELIVERED
    assert reply.body == b'{"status": "Retrieved"}'


async def test_an_error_in_place_of_a_status_is_told_without_one() -> None:
    error: Answer = (503, b'{"code": 5, "message": "Unavailable"}', {"retry-after": "7"})
    reply = await status(ScriptedGateway(status=lambda _: error))
    assert reply == StatusReply(
        None, http_status=503, code=5, text="Unavailable", body=error[1], retry_after_seconds=7.0
    )


async def test_a_status_question_that_meets_a_401_renews_the_token_and_asks_once_more() -> None:
    def answer(request: Request) -> Answer:
        fresh = request.headers["authorization"].endswith("2")
        return (200, b'{"status": "Expired"}') if fresh else (401, b"")

    gateway = ScriptedGateway(status=answer)
    reply = await status(gateway)
    assert reply.status is not None
    assert reply.status.state is MessageState.EXPIRED
    assert len(gateway.requests) == 2


async def test_a_status_question_that_gets_no_answer_says_so() -> None:
    def fail(_: Request) -> Answer:
        raise OSError("gone")

    reply = await status(ScriptedGateway(status=fail))
    assert (reply.status, reply.http_status) == (None, 0)
    assert "gone" in reply.text


# Quota


async def test_the_quota_is_read_from_strings() -> None:
    quota = await limit(ScriptedGateway())
    assert (quota.used, quota.available, quota.reset_on) == (1, 99, date(2026, 1, 22))


async def test_a_gateway_that_is_briefly_out_of_order_is_asked_for_the_quota_again_after_a_wait() -> None:
    time, answers = clock(), [503, 500, 200]

    def answer(_: Request) -> Answer:
        return answers.pop(0), b'{"used": 5, "available": 6}'

    quota = await limit(ScriptedGateway(limit=answer), time)
    assert (quota.used, quota.available, quota.reset_on) == (5, 6, None)
    assert time.monotonic() > 0


@pytest.mark.parametrize("answer", [(503, b""), (403, b'{"code": 53}'), (200, b"<html>"), (200, b'{"used": "1"}')])
async def test_a_quota_that_never_comes_is_an_unavailable_gateway_after_four_questions(answer: Answer) -> None:
    gateway = ScriptedGateway(limit=lambda _: answer)
    with pytest.raises(GatewayUnavailable, match="quota") as caught:
        await limit(gateway)
    assert len(gateway.requests) == 4
    assert caught.value.advice


@pytest.mark.parametrize(("code", "requests"), [(401, 2), (403, 1), (404, 1), (405, 1), (406, 1), (302, 1), (400, 1)])
async def test_a_refused_question_for_the_quota_is_not_repeated(code: int, requests: int) -> None:
    gateway = ScriptedGateway(limit=lambda _: (code, b'{"code": 50, "message": "Access denied"}'))
    with pytest.raises(GatewayRefused, match="Access denied") as caught:
        await limit(gateway)
    assert len(gateway.requests) == requests
    assert "MMSFLOW_" in caught.value.advice


# Set-up


@pytest.mark.parametrize(
    "url", ["http://gateway.example", "http://10.0.0.1", "http://localhost.example", "http://[2001:db8::1]"]
)
def test_plain_http_off_loopback_is_refused(url: str) -> None:
    for changes in ({"base_url": url}, {"base_url": "https://ok.example", "token_url": url}):
        with pytest.raises(UsageError, match="plain http"):
            GatewayClient(config(**changes), clock())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080/", "https://a.example"]
)
def test_https_anywhere_and_http_on_loopback_are_taken(url: str) -> None:
    GatewayClient(config(base_url=url), clock())


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.example",
        "ftp://a.example",
        "https://",
        "https://a.example:port",
        "https://u:p@a.example",
        "https://a.example?x=1",
        "https://a b",
        "https://[::1",
        "\x00",
    ],
)
def test_an_address_that_is_none_is_refused_with_its_settings_name(url: str) -> None:
    with pytest.raises(UsageError, match="MMSFLOW_GATEWAY_URL"):
        GatewayClient(config(base_url=url), clock())


@pytest.mark.parametrize("changes", [{"client_id": ""}, {"client_secret": Secret("")}])
def test_missing_credentials_are_refused_naming_the_settings(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        GatewayClient(config(**changes), clock())
    assert "MMSFLOW_CLIENT_SECRET" in caught.value.advice


def test_a_certificate_authority_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(UsageError, match=name):
            GatewayClient(config(base_url="https://a.example", ca_file=str(tmp_path / name)), clock())


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://u:canary@a", "http://u:canary@", "http://u:canary@a:port"])
def test_a_proxy_that_is_none_is_refused_without_showing_its_password(proxy: str) -> None:
    with pytest.raises(UsageError) as caught:
        GatewayClient(config(base_url="https://a.example", proxy=proxy), clock())
    assert "canary" not in "".join(traceback.format_exception(caught.value))


def test_the_settings_become_the_configuration() -> None:
    settings = Settings(
        workspace=Path(),
        gateway_url="https://a.example",
        client_id="id",
        client_secret=Secret("s"),
        in_flight=3,
        total_deadline=timedelta(seconds=7),
    )
    made = GatewayConfig.from_settings(settings)
    assert (made.base_url, made.client_id, made.in_flight) == ("https://a.example", "id", 3)
    assert made.total_deadline == timedelta(seconds=7)


# Secrets


async def test_neither_secret_nor_token_is_seen_in_logs_evidence_exceptions_or_reprs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "aiohttp", "aiohttp.client", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)

    def echo(request: Request) -> Answer:
        return 500, json.dumps({"message": f"seen {request.headers['authorization']}"}).encode()

    def echo_token_call(request: Request) -> Answer:
        return 401, json.dumps({"message": f"seen {SECRET} {request.headers['authorization']}"}).encode()

    token = "bearer-canary-77aa"
    shown: list[str] = [repr(config())]
    granted = ScriptedGateway(send=echo, status=echo, limit=echo)
    granted.token = lambda _: (200, json.dumps({"access_token": token}).encode())
    for gateway in (granted, ScriptedGateway(token=echo_token_call)):
        time = clock()
        async with GatewayClient(config(), time, app=gateway) as client:
            evidence, reply = await client.send(MESSAGE), await client.status("id-1")
            shown += [repr(evidence), repr(reply), str(evidence.body), str(reply.body), repr(client)]
        with pytest.raises((GatewayRefused, GatewayUnavailable)) as caught:
            await limit(gateway)
        shown += traceback.format_exception(caught.value)
    basic = granted.token_calls[0].headers["authorization"].removeprefix("Basic ")
    everything = caplog.text + "".join(shown)
    assert "seen" in everything
    for canary in (SECRET, token, basic):
        assert canary not in everything
