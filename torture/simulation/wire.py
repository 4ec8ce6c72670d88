"""The wire below the real gateway client: requests reach the simulated gateway, or break on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from mmsflow.clock import Clock
from mmsflow.gateway.addresses import Url
from mmsflow.gateway.client import SEND_PATH, STATUS_PATH, TOKEN_PATH, GatewayClient
from mmsflow.gateway.model import GatewayConfig, Wire
from mmsflow.gateway.transport import Exchange, Transport
from torture.simulation.gateway import GatewayModel, Post
from torture.simulation.replies import Answer, Reply

Begun = Callable[[Post], None]


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told of what one process does.

    Attributes:
        begun: of each POST, in the moment at which its first byte leaves.
        asked: of each status question.
        limit_told: how many requests are available, as the process has just read.
    """

    begun: Begun
    asked: Callable[[], None]
    limit_told: Callable[[int], None]


class SimulatedWire(Transport):
    """Makes requests to the simulated gateway, within the total deadline.

    Args:
        process: number of the process, for the record.
    """

    def __init__(self, config: GatewayConfig, clock: Clock, gateway: GatewayModel, process: int, ears: Ears) -> None:
        super().__init__(config)
        self._clock, self._gateway, self._process, self._ears = clock, gateway, process, ears
        self._deadline = config.total_deadline.total_seconds()

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def exchange(
        self,
        method: str,  # noqa: ARG002 - the paths tell them apart
        url: Url,
        headers: Sequence[tuple[str, str]],
        chunks: Sequence[bytes] = (),
    ) -> Exchange:
        path = url.path
        if path == STATUS_PATH:
            self._ears.asked()
        token = dict(headers).get("Authorization", "").removeprefix("Bearer ")
        if path == SEND_PATH:
            return await self._post(json.loads(b"".join(chunks)), token)
        await self._clock.sleep(self._gateway.delay())
        if path == STATUS_PATH:
            return _told(self._gateway.status(str(url.params["id"]), token))
        if self._gateway.trouble():
            return Exchange(Wire.BEGUN, fault="simulated silence")
        if path == TOKEN_PATH:
            return _told(self._gateway.token())
        answer = self._gateway.limit(token)
        if answer.status == 200:
            self._ears.limit_told(int(json.loads(answer.body)["available"]))
        return _told(answer)

    async def _post(self, part: dict[str, list[str]], token: str) -> Exchange:
        await self._clock.sleep(self._gateway.delay() / 10)
        msisdn = part["addresses"][0].removeprefix("tel:")
        reply = self._gateway.post(token)
        if not reply.begun:
            return Exchange(Wire.NOT_BEGUN, fault="simulated refusal to connect")
        post = Post(msisdn, self._process, self._clock.monotonic(), reply)
        self._ears.begun(post)
        self._gateway.begun(post)
        try:
            async with asyncio.timeout(self._deadline):
                await self._clock.sleep(10 * self._deadline if reply.silent else self._gateway.delay())
        except TimeoutError:
            post.seen, post.seen_at = reply.means, self._clock.monotonic()
            return Exchange(Wire.BEGUN, fault="no whole reply in time")
        post.seen, post.seen_at = reply.means, self._clock.monotonic()
        return _replied(reply, post.gateway_id)


class SimulatedClient(GatewayClient):
    """The real client over the simulated wire, with chances that are drawn from the seed."""

    def __init__(self, config: GatewayConfig, clock: Clock, wire: SimulatedWire, random: Random) -> None:
        super().__init__(config, clock)
        self._transport = wire
        self._random = random  # type: ignore[assignment]


def _replied(reply: Reply, gateway_id: str) -> Exchange:
    if not reply.status:
        return Exchange(Wire.BEGUN, fault="the simulated server hung up")
    body = reply.body.replace("{id}", gateway_id).encode()
    fault = "the simulated connection broke" if reply.cut else ""
    return Exchange(Wire.ANSWERED, reply.status, reply.retry_after, "application/json", body, fault)


def _told(answer: Answer) -> Exchange:
    if not answer.status:
        return Exchange(Wire.BEGUN if answer.begun else Wire.NOT_BEGUN, fault="simulated silence")
    return Exchange(Wire.ANSWERED, answer.status, answer.retry_after, "application/json", answer.body.encode())
