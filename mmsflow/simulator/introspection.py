"""/_simulator/…: what "handsets" got, the counters, and the faults in force.

For clients on this machine only, and without a token. Numbers are full: this is the judge's own book.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mmsflow.errors import UsageError
from mmsflow.simulator.fate import status_now
from mmsflow.simulator.faults import FaultBook, read_rules
from mmsflow.simulator.gateway import Gateway, Json
from mmsflow.simulator.refusal import Refusal
from mmsflow.simulator.state import Entry

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Introspection:
    """The handlers; they read and reset the record that the gateway writes."""

    def __init__(self, gateway: Gateway, faults: FaultBook) -> None:
        self._gateway = gateway
        self._record = gateway.record
        self._faults = faults

    def routes(self) -> list[Route]:
        """All routes, each guarded."""
        table: list[tuple[str, str, Handler]] = [
            ("/_simulator/messages", "GET", self._messages),
            ("/_simulator/messages", "DELETE", self._reset),
            ("/_simulator/stats", "GET", self._stats),
            ("/_simulator/faults", "GET", self._list_faults),
            ("/_simulator/faults", "POST", self._set_faults),
            ("/_simulator/faults", "DELETE", self._set_faults),
            ("/_simulator/tokens", "DELETE", self._revoke),
            ("/_simulator/consume", "POST", self._consume),
        ]
        paths = {path: {verb: handler for at, verb, handler in table if at == path} for path, _, _ in table}
        return [Route(path, _guarded(handlers), methods=list(handlers)) for path, handlers in paths.items()]

    async def _messages(self, request: Request) -> Response:
        query = request.query_params
        # A plus sign in a query is a space to forms; both are meant as +48….
        number = query.get("number", "").strip().lstrip("+")
        wanted = f"+{number}" if number else None
        limit, offset = _whole(query.get("limit", "-1"), "limit"), _whole(query.get("offset", "0"), "offset")
        entries = self._record.entries(wanted, limit, max(0, offset))
        now = self._gateway.now
        shown: Json = [self._shown(entry, now) for entry in entries]
        return JSONResponse({"total": self._record.total(wanted), "messages": shown})

    def _shown(self, entry: Entry, now: float) -> Json:
        received = datetime.fromtimestamp(entry.prospect.received_at, UTC)
        parts: Json = json.loads(entry.parts) if entry.parts else []
        return {
            "id": entry.id,
            "number": entry.number,
            "sender": entry.sender,
            "subject": entry.subject,
            "priority": entry.priority,
            "deliveryReport": entry.prospect.delivery_report,
            "parts": parts,
            "received_at": received.isoformat(),
            "status": status_now(self._gateway.config, entry.prospect, now),
        }

    async def _reset(self, _request: Request) -> Response:
        return JSONResponse({"forgotten": self._record.reset()})

    async def _stats(self, _request: Request) -> Response:
        counters = self._record.counters()
        repeated = self._record.per_number(2)
        messages = self._record.total(None)
        named = ("posts", "accepted", "token_calls", "token_refused", "status_calls", "limit_calls", "errors")
        stats: dict[str, Json] = {name: counters.get(name, 0) for name in named}
        stats |= {"refused": _by_prefix(counters, "refused:"), "faults": _by_prefix(counters, "fault:")}
        duplicates: Json = [{"number": number, "count": count} for number, count in repeated]
        stats |= {"messages": messages, "numbers": self._record.distinct_numbers(), "duplicates": duplicates}
        stats |= {"max_per_number": repeated[0][1] if repeated else min(1, messages), "quota": self._quota()}
        return JSONResponse(stats)

    def _quota(self) -> Json:
        period, used, hidden = self._gateway.used(self._gateway.now)
        resets_at = datetime.fromtimestamp(period.end, UTC).isoformat()
        return {"quota": self._gateway.config.quota, "used": used, "hidden": hidden, "resets_at": resets_at}

    async def _list_faults(self, _request: Request) -> Response:
        return JSONResponse({"faults": self._faults.as_json()})

    async def _set_faults(self, request: Request) -> Response:
        document = [] if request.method == "DELETE" else await _json(request)
        self._faults.replace(read_rules(document))
        return JSONResponse({"faults": self._faults.as_json()})

    async def _revoke(self, _request: Request) -> Response:
        return JSONResponse({"revoked": self._record.revoke_tokens()})

    async def _consume(self, request: Request) -> Response:
        document = await _json(request)
        requests = document.get("requests") if isinstance(document, dict) else None
        if not isinstance(requests, int) or isinstance(requests, bool) or not 0 < requests < 2**31:
            raise UsageError("how much of the quota somebody else uses now is missing", 'give {"requests": 5}')
        period, _, _ = self._gateway.used(self._gateway.now)
        self._record.use(period.index, requests)
        return JSONResponse({"quota": self._quota()})


def _by_prefix(counters: Mapping[str, int], prefix: str) -> Json:
    return {name.removeprefix(prefix): count for name, count in counters.items() if name.startswith(prefix)}


def _guarded(handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        if not _is_loopback(request):
            refusal = Refusal(51, "Only clients on this machine may look into the simulator.")
            return JSONResponse(refusal.as_json(), refusal.status)
        # Starlette adds HEAD wherever GET is.
        verb = "GET" if request.method == "HEAD" else request.method
        try:
            return await handlers[verb](request)
        except UsageError as exc:
            return JSONResponse({"error": exc.message, "fix": exc.advice}, 400)

    return handle


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _whole(text: str, name: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise UsageError(f"{name} is no whole number", f"give ?{name}=100") from None
    return max(-1, min(value, 2**62))


async def _json(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise UsageError("the body is not JSON", "send JSON in UTF-8") from None
