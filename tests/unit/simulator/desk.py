"""Raw requests to a simulator in process: what a client would send, written down by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.applications import Starlette

from mmsflow.clock import ManualClock
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.config import SimulatorConfig

START = datetime(2026, 1, 20, 11, 0, tzinfo=UTC)  # a Tuesday, noon in Warsaw
NUMBER = "+48501102030"
SEND = "/Messaging/v1/MMSOffnetNat"
STATUS = "/Messaging/v1/MMSDeliveryStatus"
LIMIT = "/Messaging/v1/MMSOffnetNat/limit"
TOKEN = "/oauth/v2/token"
JSON = {"Accept": "application/json", "Content-Type": "application/json"}
BOUNDARY = "92977ae4d2ba21425a59"
MULTIPART = {"Accept": "application/json", "Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}
MESSAGE_PART_HEADERS = (
    'Content-Disposition: form-data; name="messagePart"; filename="messagePart"',
    "Content-Type: application/json; name=messagePart",
    "Content-Transfer-Encoding: binary",
)
BASE64 = "Content-Transfer-Encoding: base64"


def message(number: str = NUMBER, **changes: Any) -> dict[str, Any]:
    """A message part that the document allows; a change to None leaves the field out."""
    fields = {
        "addresses": [f"tel:{number}"],
        "subject": "Zażółć",
        "priority": "Normal",
        "senderAddress": "ACME",
        "deliveryReport": True,
    } | changes
    return {name: value for name, value in fields.items() if value is not None}


def part(headers: Sequence[str], content: bytes) -> bytes:
    """One part with its delimiter line."""
    return f"--{BOUNDARY}\r\n".encode() + "".join(f"{line}\r\n" for line in headers).encode() + b"\r\n" + content


def multipart(*attachments: bytes, first: bytes | None = None, end: bytes = b"--") -> bytes:
    """A body: the message part, then attachments made by ``part``."""
    first = first or part(MESSAGE_PART_HEADERS, json.dumps(message()).encode())
    return b"".join(piece + b"\r\n" for piece in (first, *attachments)) + f"--{BOUNDARY}".encode() + end


def attachment(raw: bytes, *headers: str) -> bytes:
    """A base64 part in wrapped lines."""
    return part((BASE64, *headers), base64.encodebytes(raw).replace(b"\n", b"\r\n"))


class Desk:
    """A simulator and a client that talks to it; the clock stands at ``START``."""

    def __init__(self, config: SimulatorConfig, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock(START)
        self.app: Starlette = create_app(config, clock=self.clock)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://simulator")
        self.config = config
        self.bearer = ""

    async def close(self) -> None:
        await self.client.aclose()
        close_app(self.app)

    async def authorize(self) -> httpx.Response:
        reply = await self.client.post(
            TOKEN,
            data={"grant_type": "client_credentials"},
            auth=(self.config.client_id, self.config.client_secret),
            headers={"Accept": "application/json"},
        )
        self.bearer = f"Bearer {reply.json()['access_token']}"
        return reply

    async def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        if not self.bearer:
            await self.authorize()
        return {"Authorization": self.bearer, **headers}

    async def post(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return await self.client.post(SEND, content=body, headers=await self._headers(headers))

    async def send(self, number: str = NUMBER, **changes: Any) -> httpx.Response:
        return await self.post(json.dumps(message(number, **changes)).encode(), JSON)

    async def accepted(self, number: str = NUMBER, **changes: Any) -> str:
        reply = await self.send(number, **changes)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["authenticationId"])

    async def ask(self, path: str, **query: str | list[str]) -> httpx.Response:
        return await self.client.get(path, params=query, headers=await self._headers({"Accept": "application/json"}))

    async def status(self, message_id: str) -> str:
        return str((await self.ask(STATUS, id=message_id)).json()["status"])

    async def limit(self) -> Any:
        return (await self.ask(LIMIT)).json()

    async def messages(self, **query: str) -> Any:
        return (await self.client.get("/_simulator/messages", params=query)).json()["messages"]

    async def stats(self) -> Any:
        return (await self.client.get("/_simulator/stats")).json()

    async def fault(self, *rules: Mapping[str, object]) -> httpx.Response:
        return await self.client.post("/_simulator/faults", json=list(rules))


def refusal(reply: httpx.Response) -> tuple[int, int]:
    """HTTP status and the operator's code."""
    assert set(reply.json()) == {"code", "message", "description"}
    return reply.status_code, reply.json()["code"]
