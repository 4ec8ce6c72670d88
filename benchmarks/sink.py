"""The fastest gateway that one core of Python can be: answers token, limit and send, and looks at nothing else.

``python -m benchmarks.sink [--delay SECONDS]`` prints the port it listens at on 127.0.0.1, and ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contender import SINK_CORE, pin

_ROOT = Path(__file__).resolve().parent.parent
_SEND = b"POST /Messaging/"
_BUFFER_BYTES = 256 * 1024


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


_TOKEN = _answer(b'{"access_token": "bench-token-0123456789", "expires_in": 86400}')
_LIMIT = _answer(b'{"used": "0", "available": "100000000", "date": "Fri Jan 22 2038"}')


class _Connection(asyncio.BufferedProtocol):
    """One request after the other; bodies are counted and never kept."""

    sent = 0
    delay = 0.0

    def __init__(self) -> None:
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._head = self._path = b""
        self._missing = 0
        self._is_send = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - asyncio names it
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing:
            self._missing -= nbytes
        elif not self._begin(self._head + bytes(self._view[:nbytes])):
            return
        if not self._missing:
            self._reply()

    def _begin(self, data: bytes) -> bool:
        """Read a request's head; False while it is not complete."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return False
        self._head = b""
        head = data[:end]
        self._is_send = head.startswith(_SEND)
        self._path = head[: head.find(b"\r\n")]
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        self._missing = length - (len(data) - end - 4)
        return True

    def _reply(self) -> None:
        if self._is_send:
            kind = _Connection
            kind.sent += 1
            answer = _answer(b'{"authenticationId": "bench-%09d"}' % kind.sent)
            if kind.delay:
                asyncio.get_running_loop().call_later(kind.delay, self._write, answer)
                return
        elif b"/limit" in self._path:
            answer = _LIMIT
        elif b"/sent" in self._path:
            answer = _answer(b"%d" % _Connection.sent)
        else:
            answer = _TOKEN
        self._write(answer)

    def _write(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink."""

    url: str

    def sent(self) -> int:
        """Sends answered so far."""
        with urllib.request.urlopen(f"{self.url}/sent", timeout=10) as reply:
            return int(reply.read())


@contextmanager
def running_sink(delay_seconds: float = 0.0) -> Iterator[Sink]:
    """A sink in a process of its own, ended on leaving."""
    command = [sys.executable, "-m", "benchmarks.sink", "--delay", str(delay_seconds)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Sink(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.stdin.close()
            process.wait(timeout=10)


async def _serve(delay_seconds: float) -> None:
    _Connection.delay = delay_seconds
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)  # asyncio sets TCP_NODELAY itself
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    pin(SINK_CORE)
    asyncio.run(_serve(parser.parse_args().delay))


if __name__ == "__main__":
    main()
