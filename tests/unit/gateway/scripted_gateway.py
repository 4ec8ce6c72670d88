"""A gateway in this process that answers as a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from mmsflow.gateway.model import GatewayConfig, OutgoingMessage
from mmsflow.settings import Secret

SECRET = "canary-secret-9f3c"
MESSAGE = OutgoingMessage("+48501102030", "Kod", "ACME", "Normal", True)

Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class ScriptedGateway:
    """Answers each kind of call by its own function; tokens are ``token-number-1``, ``token-number-2`` …"""

    send: Callable[[Request], Answer] = lambda _: (200, b'{"authenticationId": "id-1"}')
    status: Callable[[Request], Answer] = lambda _: (200, b'{"status": "Retrieved"}')
    limit: Callable[[Request], Answer] = lambda _: (200, b'{"used": "1", "available": "99", "date": "Tue Jan 22 2026"}')
    token: Callable[[Request], Answer] | None = None
    life: Any = 3600
    requests: list[Request] = field(default_factory=list)
    token_calls: list[Request] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event["body"], event["more_body"]
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        answer = self._answer(Request(scope["method"], scope["path"], query, headers, body))
        extra = answer[2] if len(answer) == 3 else {}
        named = {"content-type": "application/json"} | extra
        await send(
            {
                "type": "http.response.start",
                "status": answer[0],
                "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer[1]})

    def _answer(self, request: Request) -> Answer:
        if request.path == "/oauth/v2/token":
            self.token_calls.append(request)
            return self.token(request) if self.token else self.fresh_token()
        self.requests.append(request)
        if request.path.endswith("/limit"):
            return self.limit(request)
        return self.send(request) if request.method == "POST" else self.status(request)

    def fresh_token(self) -> Answer:
        token: dict[str, Any] = {"access_token": f"token-number-{len(self.token_calls)}"}
        return 200, json.dumps(token if self.life is None else token | {"expires_in": self.life}).encode()


def config(**changes: Any) -> GatewayConfig:
    settings: dict[str, Any] = {
        "base_url": "http://gateway.test",
        "client_id": "client",
        "client_secret": Secret(SECRET),
        "total_deadline": timedelta(seconds=5),
    }
    return GatewayConfig(**settings | changes)
