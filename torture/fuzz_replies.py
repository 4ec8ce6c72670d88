"""Replies that no document foresees, through the real client: each is classified, none raises, memory stays flat.

Two ways in: an application in this process (fast; whole replies with any status, headers and body), and a server on a
real port that also breaks HTTP itself.
"""

from __future__ import annotations

import asyncio
import resource
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from mmsflow.delivery.poll_outcomes import judge
from mmsflow.errors import MmsflowError
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, GatewayConfig, OutgoingMessage, Wire
from mmsflow.gateway.retry import decide
from mmsflow.gateway.transport import BODY_CAP_BYTES
from mmsflow.ledger.model import DuePoll
from mmsflow.mms.status import MessageState, check_transition
from mmsflow.settings import Secret
from torture import seeded
from torture.fuzz_servers import RawServer, Replies
from torture.results import Figure

PURPOSE = "replies that no document foresees, through the real client"

_AT_ONCE = 16
_SOCKET_SHARE = 10  # every tenth reply comes over a real port
_ALLOWED_GROWTH_KIB = 20 * 1024
_MESSAGE = OutgoingMessage("+48501102030", "Kod", "ACME", "Normal", True)
_NOW = datetime(2026, 12, 1, tzinfo=UTC)
_MAY_BE_REPEATED = frozenset({301, 307, 308, 401, 403, 404, 405, 406, 408, 415, 425, 429, 503})


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(1))
    parser.add_argument("--replies", type=int, default=1000, metavar="N", help="replies of each seed")


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    asyncio.run(_batch(Random(-1), 200))  # what is imported and allocated once must not count as growth
    return seeded.carry_out(options, lambda seed, _folder: one_seed(seed, options.replies))


def one_seed(seed: int, replies: int) -> dict[str, Figure]:
    """So many replies, all of them from the seed."""
    began, before = time.monotonic(), _peak_kib()
    seen, violations = asyncio.run(_batch(Random(seed), replies))
    growth = max(0, _peak_kib() - before)
    if growth > _ALLOWED_GROWTH_KIB:
        violations.append(f"memory grew by {growth} KiB")
    return {
        "kind": "replies",
        "seed": seed,
        "replies": replies,
        **{f"as_{outcome}": count for outcome, count in sorted(seen.items())},
        "worst_growth_kib": growth,
        "seconds": round(time.monotonic() - began, 1),
        "violations": violations[:20],
    }


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class _NoWaiting:
    """The loop's time, but nobody sleeps."""

    def now(self) -> datetime:
        return _NOW

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, _seconds: float) -> None:
        await asyncio.sleep(0)


async def _batch(rng: Random, replies: int) -> tuple[Counter[str], list[str]]:
    over_sockets = replies // _SOCKET_SHARE
    seen: Counter[str] = Counter()
    violations: list[str] = []
    async with _in_process(Replies(rng)) as client:
        await _ask(client, replies - over_sockets, seen, violations)
    async with _on_a_port(Replies(rng)) as client:
        await _ask(client, over_sockets, seen, violations)
    return seen, violations


async def _ask(client: GatewayClient, count: int, seen: Counter[str], violations: list[str]) -> None:
    calls: tuple[Callable[[GatewayClient], Coroutine[Any, Any, str]], ...] = (_send, _send, _status, _limit)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int) -> None:
        async with slots:
            try:
                seen[await calls[number % len(calls)](client)] += 1
            except Exception as error:
                violations.append(f"{type(error).__name__}: {error}"[:200])

    for start in range(0, count, 1000):
        await asyncio.gather(*(one(number) for number in range(start, min(count, start + 1000))))


async def _send(client: GatewayClient) -> str:
    evidence = await client.send(_MESSAGE)
    decision = decide(evidence)
    check_transition(MessageState.SENDING, decision.state)
    if fault := wrongly_judged(evidence, decision.state):
        raise AssertionError(f"{fault}: {evidence!r}")
    return str(decision.state)


def wrongly_judged(evidence: Evidence, state: MessageState) -> str:
    """What must not be, stated without the retry table; empty when all is well."""
    if len(evidence.body) > BODY_CAP_BYTES:
        return "the body was not capped"
    if (
        state is MessageState.READY
        and evidence.wire is not Wire.NOT_BEGUN
        and evidence.http_status not in _MAY_BE_REPEATED
    ):
        return "it would be sent again"
    if state is MessageState.ACCEPTED and not (evidence.gateway_id and 200 <= evidence.http_status < 300):
        return "it counts as accepted"
    if state is MessageState.REJECTED and evidence.http_status >= 500:
        return "it counts as refused"
    return ""


async def _status(client: GatewayClient) -> str:
    poll = DuePoll(1, "id-1", _NOW - timedelta(hours=1), 1, "")
    result = judge(poll, await client.status("id-1"), now=_NOW, until=timedelta(hours=72), grace=timedelta(minutes=10))
    if result.state is not None:
        check_transition(MessageState.ACCEPTED, result.state)
    return str(result.state or "waits")


async def _limit(client: GatewayClient) -> str:
    try:
        quota = await client.limit()
    except MmsflowError:
        return "no_quota"
    assert quota.used >= 0
    assert quota.available >= 0
    return "quota"


@asynccontextmanager
async def _in_process(replies: Replies) -> AsyncIterator[GatewayClient]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            continue
        status, headers, body = replies.draw(scope["path"])
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    async with GatewayClient(_config("http://gateway.localhost"), _NoWaiting(), app=app) as client:
        yield client


@asynccontextmanager
async def _on_a_port(replies: Replies) -> AsyncIterator[GatewayClient]:
    conversations = RawServer(replies)
    server = await asyncio.start_server(conversations.converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with GatewayClient(_config(f"http://127.0.0.1:{port}"), _NoWaiting()) as client:
            yield client
    finally:
        server.close()
        await conversations.end()
        await server.wait_closed()


def _config(url: str) -> GatewayConfig:
    return GatewayConfig(
        base_url=url,
        client_id="simulator",
        client_secret=Secret("simulator"),
        in_flight=_AT_ONCE,
        total_deadline=timedelta(milliseconds=250),
        connect_timeout=timedelta(milliseconds=250),
    )
