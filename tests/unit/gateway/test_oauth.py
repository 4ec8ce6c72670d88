"""One token for all: when it is renewed, how often, and what wrong credentials lead to."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scripted_gateway import MESSAGE, SECRET, Answer, Request, ScriptedGateway, config

from mmsflow.clock import ManualClock
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Wire
from mmsflow.gateway.oauth import TokenSource
from mmsflow.gateway.retry import Action, decide
from mmsflow.gateway.transport import Exchange
from mmsflow.secret_file import SecretFile

TOKEN = Exchange(Wire.ANSWERED, 200, body=b'{"access_token": "fresh", "expires_in": 100}')
DOWN = Exchange(Wire.NOT_BEGUN, fault="connection refused")


class Endpoint:
    """A token endpoint that gives these answers in turn, the last of them for ever."""

    def __init__(self, *answers: Exchange) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[list[tuple[str, str]], bytes]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def ask(self, headers: list[tuple[str, str]], body: bytes) -> Exchange:
        self.calls.append((headers, body))
        await self.gate.wait()
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def clock() -> ManualClock:
    return ManualClock(datetime(2026, 12, 1, tzinfo=UTC))


def source(endpoint: Endpoint, time: ManualClock | None = None) -> TokenSource:
    return TokenSource(config(), time or clock(), endpoint.ask)


def token_of(life: str, name: str = "fresh") -> Exchange:
    return Exchange(Wire.ANSWERED, 200, body=f'{{"access_token": "{name}"{life}}}'.encode())


async def test_the_token_is_asked_for_with_basic_and_client_credentials() -> None:
    endpoint = Endpoint(TOKEN)
    assert await source(endpoint).token() == "fresh"
    headers, body = endpoint.calls[0]
    basic = b64encode(f"client:{SECRET}".encode()).decode()
    assert dict(headers) == {
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert body == b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("life", "renewed_after"),
    [
        (', "expires_in": 3600', 3570.0),  # 30 s ahead
        (', "expires_in": "100"', 80.0),  # a fifth ahead
        (', "expires_in": 1', 0.8),
        ("", 270.0),  # taken as five minutes
    ],
)
async def test_the_token_is_renewed_ahead_of_its_end_by_thirty_seconds_or_a_fifth(
    life: str, renewed_after: float
) -> None:
    time, endpoint = clock(), Endpoint(token_of(life))
    tokens = source(endpoint, time)
    await tokens.token()
    await time.advance(renewed_after - 0.01)
    await tokens.token()
    assert len(endpoint.calls) == 1
    await time.advance(0.02)
    await tokens.token()
    assert len(endpoint.calls) == 2


async def test_however_many_wait_there_is_one_renewal() -> None:
    endpoint = Endpoint(TOKEN)
    tokens = source(endpoint)
    assert set(await asyncio.gather(*(tokens.token() for _ in range(500)))) == {"fresh"}
    assert len(endpoint.calls) == 1


async def test_a_waiter_that_gives_up_does_not_take_the_token_from_the_others() -> None:
    endpoint = Endpoint(TOKEN)
    endpoint.gate.clear()
    tokens = source(endpoint)
    first, second = asyncio.create_task(tokens.token()), asyncio.create_task(tokens.token())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    endpoint.gate.set()
    assert await second == "fresh"
    assert first.cancelled()
    assert len(endpoint.calls) == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_not_reported_as_lost() -> None:
    lost: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: lost.append(context))
    endpoint = Endpoint(DOWN)
    endpoint.gate.clear()
    waiter = asyncio.create_task(source(endpoint).token())
    await asyncio.sleep(0)
    waiter.cancel()
    await asyncio.sleep(0)
    endpoint.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    del waiter, endpoint
    assert lost == []


async def test_a_failed_renewal_ahead_of_time_keeps_the_old_token_until_its_end() -> None:
    time, endpoint = clock(), Endpoint(TOKEN, DOWN)
    tokens = source(endpoint, time)
    await tokens.token()
    await time.advance(85)
    assert await tokens.token() == "fresh"
    assert await tokens.token() == "fresh"
    assert len(endpoint.calls) == 2
    await time.advance(20)
    with pytest.raises(GatewayUnavailable, match="connection refused"):
        await tokens.token()


async def test_a_rejected_token_is_replaced_and_not_handed_out_again() -> None:
    endpoint = Endpoint(token_of("", "first"), token_of("", "second"))
    tokens = source(endpoint)
    assert await tokens.token() == "first"
    assert await tokens.replace("first") == "second"
    assert await tokens.replace("first") == "second"
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 302])
async def test_an_endpoint_that_refuses_is_a_matter_of_credentials_or_address_with_advice(status: int) -> None:
    with pytest.raises(GatewayRefused, match=str(status)) as caught:
        await source(Endpoint(Exchange(Wire.ANSWERED, status, body=SECRET.encode()))).token()
    assert "MMSFLOW_" in caught.value.advice
    assert SECRET not in f"{caught.value!r} {caught.value.advice}"


@pytest.mark.parametrize(
    "exchange",
    [
        DOWN,
        Exchange(Wire.BEGUN, fault="the server hung up"),
        Exchange(Wire.ANSWERED, 500),
        Exchange(Wire.ANSWERED, 429),
        Exchange(Wire.ANSWERED, 200, body=b"<html>sign in</html>"),
        Exchange(Wire.ANSWERED, 200, body=b'{"access_token": "a\\r\\nb"}'),
    ],
)
async def test_an_endpoint_that_does_not_answer_sensibly_is_unavailable(exchange: Exchange) -> None:
    with pytest.raises(GatewayUnavailable):
        await source(Endpoint(exchange)).token()


async def test_an_endpoint_that_cannot_be_asked_at_all_is_a_wrong_address() -> None:
    with pytest.raises(GatewayRefused, match="cannot be asked"):
        await source(Endpoint(Exchange(Wire.NOT_BEGUN, fault="bad", misconfigured=True))).token()


async def test_five_hundred_messages_answered_401_at_once_lead_to_one_renewal_and_each_is_sent_once_more() -> None:
    def send(request: Request) -> Answer:
        stale = request.headers["authorization"] == "Bearer token-number-1"
        return (401, b'{"code": 42, "message": "Expired"}') if stale else (200, b'{"authenticationId": "x"}')

    gateway = ScriptedGateway(send=send)
    async with GatewayClient(config(), clock(), app=gateway) as client:
        evidence = await asyncio.gather(*(client.send(MESSAGE) for _ in range(500)))
    assert {item.gateway_id for item in evidence} == {"x"}
    assert len(gateway.token_calls) == 2
    assert len(gateway.requests) <= 1000


async def test_a_401_that_stands_is_evidence_after_exactly_two_requests() -> None:
    gateway = ScriptedGateway(send=lambda _: (401, b'{"code": 41, "message": "Invalid credentials"}'))
    async with GatewayClient(config(), clock(), app=gateway) as client:
        evidence = await client.send(MESSAGE)
    assert (evidence.http_status, evidence.code) == (401, 41)
    assert decide(evidence).action is Action.PAUSE_CREDENTIALS
    assert len(gateway.requests) == 2


async def test_refused_credentials_leave_the_message_unsent_and_ask_for_a_pause() -> None:
    gateway = ScriptedGateway(token=lambda _: (401, b'{"error": "invalid_client"}'))
    async with GatewayClient(config(), clock(), app=gateway) as client:
        evidence = await client.send(MESSAGE)
        reply = await client.status("id-1")
    assert (evidence.wire, evidence.credentials_refused) == (Wire.NOT_BEGUN, True)
    assert (reply.status, reply.http_status) == (None, 401)
    assert gateway.requests == []


def answer(status: int, body: str, content_type: str = "application/json") -> Exchange:
    return Exchange(Wire.ANSWERED, status, body=body.encode(), content_type=content_type)


@pytest.mark.parametrize("status", [200, 400, 401])
@pytest.mark.parametrize("error", ["invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope"])
async def test_an_error_of_oauth_is_a_refusal_in_its_own_words_whatever_the_status(status: int, error: str) -> None:
    body = f'{{"error": "{error}", "error_description": "Client is locked"}}'
    with pytest.raises(GatewayRefused, match=f"{error}: Client is locked"):
        await source(Endpoint(answer(status, body))).token()


@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize("error", ["temporarily_unavailable", "server_error"])
async def test_an_error_of_oauth_that_passes_is_no_refusal(status: int, error: str) -> None:
    with pytest.raises(GatewayUnavailable, match=error):
        await source(Endpoint(answer(status, f'{{"error": "{error}"}}'))).token()


@pytest.mark.parametrize(
    ("body", "content_type", "said"),
    [
        ("<html>hello</html>", "text/html", "no JSON .text/html"),
        ("", "", "no body"),
        ('{"token": "x"}', "application/json", "no `access_token`"),
        ('{"access_token": "a b"}', "application/json", "cannot|can stand"),
    ],
)
async def test_an_answer_without_a_token_says_what_it_was(body: str, content_type: str, said: str) -> None:
    with pytest.raises(GatewayUnavailable, match=said):
        await source(Endpoint(answer(200, body, content_type))).token()


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BearerToken", ""])
async def test_a_token_of_the_type_that_is_used_is_taken(kind: str) -> None:
    assert await source(Endpoint(answer(200, f'{{"access_token": "t", "token_type": "{kind}"}}'))).token() == "t"


async def test_a_token_of_another_type_is_refused_by_its_name() -> None:
    with pytest.raises(GatewayRefused, match="type mac"):
        await source(Endpoint(answer(200, '{"access_token": "t", "token_type": "mac"}'))).token()


async def test_what_does_not_answer_is_blamed_on_no_setting_that_nobody_set() -> None:
    with pytest.raises(GatewayUnavailable) as raised:
        await source(Endpoint(DOWN)).token()
    assert "MMSFLOW_TOKEN_URL" not in raised.value.advice
    assert "firewall" in raised.value.advice


class Rotating(Endpoint):
    """A token endpoint that takes some secrets, and gives tokens of 100 s."""

    def __init__(self, *takes: str) -> None:
        super().__init__()
        self.takes, self.asked = set(takes), list[str]()

    async def ask(self, headers: list[tuple[str, str]], body: bytes) -> Exchange:
        secret = b64decode(dict(headers)["Authorization"].removeprefix("Basic ")).decode().partition(":")[2]
        self.asked.append(secret)
        if secret not in self.takes:
            return Exchange(Wire.ANSWERED, 401, body=b'{"error": "invalid_client"}')
        return token_of(', "expires_in": 100', f"token-{len(self.asked)}")


def rotated(path: Path, endpoint: Rotating, time: ManualClock) -> TokenSource:
    path.write_text("first")
    return TokenSource(replace(config(), client_secret=SecretFile("client_secret", path)), time, endpoint.ask)


async def test_a_rotated_secret_is_used_at_the_next_token_request_and_the_token_in_use_stays(tmp_path: Path) -> None:
    time, endpoint = clock(), Rotating("first", "other")
    tokens = rotated(tmp_path / "secret", endpoint, time)
    token = await tokens.token()
    (tmp_path / "secret").write_text("other")
    assert await tokens.token() == token
    await time.advance(81)
    assert await tokens.token() != token
    assert endpoint.asked == ["first", "other"]


async def test_after_a_401_the_token_is_asked_for_with_the_secret_of_now(tmp_path: Path) -> None:
    endpoint = Rotating("first")
    tokens = rotated(tmp_path / "secret", endpoint, clock())
    token = await tokens.token()
    endpoint.takes = {"other"}
    (tmp_path / "secret").write_text("other")
    assert await tokens.replace(token) == "token-2"
    assert endpoint.asked == ["first", "other"]


@pytest.mark.parametrize("half", ["", "sec", "second-that-the-gateway-does-not-take-yet"])
async def test_a_half_written_secret_or_one_that_is_early_does_not_stop_what_works(tmp_path: Path, half: str) -> None:
    time, endpoint = clock(), Rotating("first")
    tokens = rotated(tmp_path / "secret", endpoint, time)
    await tokens.token()
    (tmp_path / "secret").write_text(half)
    await time.advance(101)  # the first token is over
    assert (await tokens.token()).startswith("token-")
    assert endpoint.asked[-1] == "first"


async def test_a_secret_that_is_complete_only_after_its_refusal_is_tried_at_once(tmp_path: Path) -> None:
    class Writing(Rotating):
        async def ask(self, headers: list[tuple[str, str]], body: bytes) -> Exchange:
            exchange = await super().ask(headers, body)
            (tmp_path / "secret").write_text("complete")
            return exchange

    endpoint = Writing("complete")
    assert await rotated(tmp_path / "secret", endpoint, clock()).token() == "token-2"
    assert endpoint.asked == ["first", "complete"]


async def test_a_token_that_is_still_good_is_used_while_the_credentials_are_refused(tmp_path: Path) -> None:
    time, endpoint = clock(), Rotating("first")
    tokens = rotated(tmp_path / "secret", endpoint, time)
    token = await tokens.token()
    endpoint.takes = set()
    await time.advance(81)
    assert await tokens.token() == token
    await time.advance(20)
    with pytest.raises(GatewayRefused, match="invalid_client"):
        await tokens.token()


async def test_a_refusal_names_the_secrets_file_and_that_it_cannot_be_read(tmp_path: Path) -> None:
    tokens = rotated(tmp_path / "secret", Rotating(), clock())
    (tmp_path / "secret").unlink()
    with pytest.raises(GatewayRefused) as refused:
        await tokens.token()
    assert f"{tmp_path / 'secret'}" in refused.value.advice
    assert "No such file" in refused.value.advice
