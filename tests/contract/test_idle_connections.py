"""Servers that close idle connections: what they make of messages in doubt, over real sockets."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from test_gateway_wire import TOKEN, config

from mmsflow.clock import SystemClock
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import OutgoingMessage, Wire

MESSAGE = OutgoingMessage("+48501102030", "Hej", "ACME", "Normal", True)


class Closing(threading.Thread):
    """A gateway in a thread of its own, so that a client whose event loop is busy finds connections just closed.

    Args:
        idle_seconds: between which times a connection may be idle.
        seen: whether the close is seen at the other end at once; else whoever writes too late gets no reply.
        requests: after how many requests a connection ends all the same.
        header: another header of each reply.
    """

    def __init__(
        self, idle_seconds: tuple[float, float], *, seen: bool, requests: int = 10**9, header: str = ""
    ) -> None:
        super().__init__(daemon=True)
        self.idle_seconds, self.seen, self.requests = idle_seconds, seen, requests
        self.header = header.encode() + b"\r\n" if header else b""
        self.rng = Random(7)
        self.received = self.connections = 0
        self.port = 0
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        talks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        await asyncio.sleep(0.05)  # the connections' ends

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        idle: float | None = None
        try:
            for _ in range(self.requests):
                began = time.monotonic()
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), idle if self.seen else None)
                if idle is not None and time.monotonic() - began > idle:
                    break
                size = re.search(rb"content-length: (\d+)", head, re.I)
                await reader.readexactly(int(size[1]) if size else 0)
                body = TOKEN
                if b"/oauth/" not in head:
                    self.received += 1
                    body = b'{"authenticationId": "id-%d"}' % self.received
                length = str(len(body)).encode()
                writer.write(b"HTTP/1.1 200 OK\r\n" + self.header + b"Content-Length: " + length + b"\r\n\r\n" + body)
                idle = self.rng.uniform(*self.idle_seconds)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    def start_and_wait(self) -> None:
        self.start()
        self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self.join(10)


@contextmanager
def closing(*idle_seconds: float, **how: object) -> Iterator[Closing]:
    server = Closing((idle_seconds[0], idle_seconds[1]), **how)  # type: ignore[arg-type]
    server.start_and_wait()
    try:
        yield server
    finally:
        server.stop()


async def fates(server: Closing, messages: int = 400, keep_alive: str = "auto", busy: float = 0.004) -> Counter[Wire]:
    """Send them, 16 at a time, with an event loop that is busy again and again, as with commits."""
    rng, seen = Random(3), Counter[Wire]()
    settings = config(f"http://127.0.0.1:{server.port}", keep_alive=keep_alive)
    async with GatewayClient(settings, SystemClock()) as gateway:
        left = messages

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                seen[(await gateway.send(MESSAGE)).wire] += 1
                await asyncio.sleep(rng.uniform(0, 0.04))
                time.sleep(rng.uniform(0, busy))  # noqa: ASYNC251 - a commit

        await asyncio.gather(*(work() for _ in range(16)))
    return seen


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen"])
async def test_a_server_that_closes_soon_after_its_reply_leaves_few_in_doubt(seen: bool) -> None:
    with closing(0.005, 0.03, seen=seen) as server:
        wires = await fates(server)
    assert wires[Wire.BEGUN] <= 8
    assert wires[Wire.ANSWERED] + wires[Wire.BEGUN] == 400
    assert server.received == wires[Wire.ANSWERED]


async def test_without_learning_the_same_server_leaves_many_in_doubt() -> None:
    with closing(0.005, 0.03, seen=False) as server:
        wires = await fates(server, keep_alive="on")
    assert wires[Wire.BEGUN] > 40


async def test_with_keep_alive_off_none_is_reused_and_none_is_in_doubt() -> None:
    with closing(0.005, 0.03, seen=False) as server:
        wires = await fates(server, 100, keep_alive="off")
        assert server.connections == 101
    assert wires == {Wire.ANSWERED: 100}


async def test_a_server_that_ends_each_connection_after_some_requests_leaves_few_in_doubt() -> None:
    with closing(60, 60, seen=True, requests=20) as server:
        wires = await fates(server)
    assert wires[Wire.BEGUN] <= 8


async def test_what_a_server_says_of_its_idle_time_is_kept_to() -> None:
    with closing(0.6, 0.6, seen=False, header="Keep-Alive: timeout=1") as server:
        async with GatewayClient(config(f"http://127.0.0.1:{server.port}"), SystemClock()) as gateway:
            for pause in (0.0, 0.7, 0.0, 0.7):
                assert (await gateway.send(MESSAGE)).wire is Wire.ANSWERED
                await asyncio.sleep(pause)
        assert server.connections == 2


async def test_a_good_server_keeps_its_connections() -> None:
    with closing(60, 60, seen=True) as server:
        assert await fates(server, 1000, busy=0.0005) == {Wire.ANSWERED: 1000}
        assert server.connections < 500


async def test_a_question_whose_reused_connection_broke_is_repeated_and_learned_from() -> None:
    with closing(0.05, 0.05, seen=False) as server:
        async with GatewayClient(config(f"http://127.0.0.1:{server.port}"), SystemClock()) as gateway:
            await gateway.send(MESSAGE)
            await asyncio.sleep(0.1)
            assert (await gateway.status("id-1")).http_status == 200
            before = server.connections
            await asyncio.sleep(0.1)
            assert (await gateway.send(MESSAGE)).wire is Wire.ANSWERED
        assert server.connections == before + 1
