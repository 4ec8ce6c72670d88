"""The token call, and what a token is good for."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from .conftest import OpenDesk
from .desk import LIMIT, TOKEN, Desk, refusal

FORM = {"grant_type": "client_credentials"}
ACCEPT = {"Accept": "application/json"}


async def test_client_credentials_buy_a_bearer_token_with_a_life(open_desk: OpenDesk) -> None:
    desk = open_desk(token_life=600)

    reply = await desk.authorize()

    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert (reply.json()["token_type"], reply.json()["expires_in"]) == ("Bearer", 600)
    assert (await desk.ask(LIMIT)).status_code == 200


@pytest.mark.parametrize(("form", "shown"), [("number", 3600), ("string", "3600"), ("missing", None)])
async def test_expires_in_is_a_number_a_string_or_missing(open_desk: OpenDesk, form: str, shown: object) -> None:
    assert (await open_desk(expires_in=form).authorize()).json().get("expires_in") == shown


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic ***",
        "Basic " + base64.b64encode(b"simulator:wrong").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Basic " + base64.b64encode("żółw:żółw".encode()).decode(),
        "Bearer " + base64.b64encode(b"simulator:simulator").decode(),
    ],
)
async def test_wrong_or_missing_credentials_get_401(desk: Desk, authorization: str) -> None:
    reply = await desk.client.post(TOKEN, data=FORM, headers={**ACCEPT, "Authorization": authorization})

    assert reply.status_code == 401
    assert reply.json()["error"] == "invalid_client"
    assert (await desk.stats())["token_refused"] == 1


async def test_credentials_may_be_form_encoded_as_the_rfc_wants(open_desk: OpenDesk) -> None:
    desk = open_desk(client_secret="a+b %")

    for secret in ("a+b %", "a%2Bb+%25"):
        assert (await desk.client.post(TOKEN, data=FORM, auth=("simulator", secret), headers=ACCEPT)).status_code == 200


@pytest.mark.parametrize(
    ("request_body", "error"),
    [
        ({"data": {"grant_type": "password"}}, "unsupported_grant_type"),
        ({"data": {"scope": "x"}}, "unsupported_grant_type"),
        ({"json": FORM}, "invalid_request"),
    ],
)
async def test_another_grant_or_form_is_refused(desk: Desk, request_body: dict[str, Any], error: str) -> None:
    reply = await desk.client.post(TOKEN, auth=("simulator", "simulator"), headers=ACCEPT, **request_body)

    assert (reply.status_code, reply.json()["error"]) == (400, error)


async def test_a_token_expires_at_the_end_of_its_life(open_desk: OpenDesk) -> None:
    desk = open_desk(token_life=60)
    await desk.authorize()

    await desk.clock.advance(59.9)
    assert (await desk.ask(LIMIT)).status_code == 200
    await desk.clock.advance(0.1)
    assert refusal(await desk.ask(LIMIT)) == (401, 42)


@pytest.mark.parametrize(("bearer", "code"), [("Basic abc", 40), ("Bearer ", 40), ("nonsense", 40), ("Bearer abc", 41)])
async def test_a_call_without_a_token_of_ours_gets_401(desk: Desk, bearer: str, code: int) -> None:
    desk.bearer = bearer

    assert refusal(await desk.send()) == (401, code)
    assert refusal(await desk.ask(LIMIT)) == (401, code)


async def test_all_tokens_can_be_revoked_at_once(desk: Desk) -> None:
    await desk.authorize()

    revoked = await desk.client.delete("/_simulator/tokens")

    assert revoked.json() == {"revoked": 1}
    assert refusal(await desk.ask(LIMIT)) == (401, 41)


async def test_token_calls_are_counted(desk: Desk) -> None:
    await desk.authorize()
    await desk.authorize()

    assert (await desk.stats())["token_calls"] == 2
