"""The simulator over a real port: faults that need a connection, and the life of the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from mmsflow.clock import ManualClock
from mmsflow.errors import UsageError
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.serve import _listener, serve, serving

from .desk import JSON, LIMIT, SEND, START, TOKEN, message

GUARD_SECONDS = 20


class Wire:
    """A served simulator, a client for its own pages, and raw connections for what is under test."""

    def __init__(self, port: int, client: httpx.AsyncClient, bearer: str) -> None:
        self.port, self.client, self.bearer = port, client, bearer

    async def fault(self, **rule: object) -> None:
        (await self.client.post("/_simulator/faults", json=[rule])).raise_for_status()

    async def received(self) -> int:
        return len((await self.client.get("/_simulator/messages")).json()["messages"])

    def request(self, body: bytes | None = None) -> bytes:
        content = json.dumps(message()).encode() if body is None else body
        headers = {**JSON, "Host": "simulator", "Authorization": self.bearer, "Content-Length": str(len(content))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {SEND} HTTP/1.1\r\n{lines}\r\n".encode() + content

    async def exchange(self, request: bytes) -> tuple[bytes, bool]:
        """What came back until the connection ended, and whether it was reset."""
        async with asyncio.timeout(GUARD_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            came = bytearray()
            try:
                while piece := await reader.read(65_536):
                    came += piece
                return bytes(came), False
            except ConnectionResetError:
                return bytes(came), True
            finally:
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with (
        serving(SimulatorConfig(), clock=ManualClock(START)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        token = await client.post(
            TOKEN,
            data={"grant_type": "client_credentials"},
            auth=("simulator", "simulator"),
            headers={"Accept": "application/json"},
        )
        yield Wire(port, client, f"Bearer {token.json()['access_token']}")


async def test_a_dropped_reply_ends_the_connection_after_the_message_was_received(wire: Wire) -> None:
    await wire.fault(kind="drop_reply")
    assert await wire.exchange(wire.request()) == (b"", False)
    assert await wire.received() == 1

    await wire.fault(kind="drop_reply", reset=True)
    assert await wire.exchange(wire.request()) == (b"", True)
    assert await wire.received() == 2


async def test_a_connection_cut_before_processing_leaves_no_message(wire: Wire) -> None:
    for kind in ("close", "close_early"):
        await wire.fault(kind=kind, reset=True)
        assert (await wire.exchange(wire.request()))[0] == b""

    await wire.fault(kind="close_mid_body")
    assert (await wire.exchange(wire.request(bytes(300_000))))[0] == b""

    assert await wire.received() == 0


async def test_a_reply_can_end_after_its_status_line_or_in_its_middle(wire: Wire) -> None:
    await wire.fault(kind="drop_after_status")
    head, _ = await wire.exchange(wire.request())
    assert head.startswith(b"HTTP/1.1 200 ")
    assert head.endswith(b"\r\n\r\n")

    await wire.fault(kind="drop_mid_reply")
    half, _ = await wire.exchange(wire.request())
    assert half.partition(b"\r\n\r\n")[2].startswith(b'{"authent')
    assert not half.endswith(b"}")
    assert await wire.received() == 2


async def test_a_hang_with_an_end_cuts_the_connection(wire: Wire) -> None:
    await wire.fault(kind="hang", seconds=0)

    assert await wire.exchange(wire.request()) == (b"", False)
    assert await wire.received() == 1


async def test_a_client_that_leaves_in_the_middle_of_its_body_does_no_harm(wire: Wire) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(wire.request()[:-10])
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert (await wire.exchange(wire.request().replace(b"Host:", b"Connection: close\r\nHost:")))[0].startswith(
        b"HTTP/1.1 200"
    )
    assert await wire.received() == 1


async def test_the_record_is_seen_by_the_pages_over_the_port(wire: Wire) -> None:
    reply = await wire.client.get(LIMIT, headers={"Accept": "application/json", "Authorization": wire.bearer})

    assert reply.json()["used"] == "0"


async def test_a_request_that_hangs_does_not_hold_up_the_end() -> None:
    async with asyncio.timeout(GUARD_SECONDS):
        async with serving(SimulatorConfig()) as port:
            await _set_token_to_hang(port)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            while await _hangs(port) == 0:
                pass
        await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def _set_token_to_hang(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        await client.post("/_simulator/faults", json=[{"kind": "hang", "endpoint": "token"}])


async def _hangs(port: int) -> int:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return int((await client.get("/_simulator/stats")).json()["faults"].get("hang", 0))


def test_an_address_that_is_taken_is_refused_with_a_way_out() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match="cannot listen") as refused,
    ):
        serve(SimulatorConfig(), port=taken.getsockname()[1])
    assert "another port" in refused.value.advice


def test_replies_are_sent_at_once_because_the_socket_names_its_protocol() -> None:
    with _listener("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio turns Nagle's algorithm off for such sockets only


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(UsageError):
        serve(SimulatorConfig(), port=port)


SERVE = """
import sys
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.serve import serve
serve(SimulatorConfig(), ready=lambda port: (sys.stderr.write(f"{port}\\n"), sys.stderr.flush()))
sys.exit(42)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_good_order_and_it_prints_nothing(number: signal.Signals) -> None:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, stdout=pipe, stderr=pipe)
    assert process.stderr is not None
    async with asyncio.timeout(GUARD_SECONDS):
        port = int(await process.stderr.readline())
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/")).status_code == 404
        process.send_signal(number)
        output, errors = await process.communicate()

    assert (process.returncode, output, errors) == (42, b"", b"")
