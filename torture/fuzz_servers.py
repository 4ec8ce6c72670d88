"""Replies drawn at random, and a server that speaks HTTP by hand, and often badly."""

from __future__ import annotations

import asyncio
import gzip
import json
import string
from random import Random
from typing import Any

_STATUSES = (*range(200, 212), *range(300, 309), *range(400, 432), *range(500, 512), 599, 999)
_FIELDS = ("authenticationId", "id", "deliveryStatus", "status", "used", "available", "date", "code", "message",
           "description", "access_token", "expires_in")  # fmt: skip
_WORDS = ("Bad request", "DeliveredToNetwork", "Retrieved", "MESSAGE ID NOT FOUND", "Indeterminate", "partial-success",
          "Tue Jan 22 2026", "-1", "1e400", "0x10", "NaN", "\u0000", "ż" * 40, "\ud83d\ude00", "99", "")  # fmt: skip

_DATES = ("Tue Jan 22 2026", "Thu Jan 32 2026", "2026-12-22", "22.12.2026", "", "Jan", "Tue Jan 22 99999", 20261222)
_STATES = ("Retrieved", "retrieved ", "REJECTED", "Expired", "Success", "Partial success", "Address Error",
           "In-determinate", "Message ID Not found", "DeliveredToTerminal", "Teleported", "", 5, None)  # fmt: skip


class Replies:
    """Draws replies; the token endpoint answers well most of the time, or nothing else would be reached."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng

    def draw(self, path: str) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body for a request to ``path``."""
        rng = self._rng
        if path.endswith("/token") and rng.random() < 0.97:
            return 200, [("content-type", "application/json")], b'{"access_token": "token-of-32-characters-or-so"}'
        headers = self._headers()
        body = self._mangled(self._plausible(path)) if rng.random() < 0.4 else self._body()
        if rng.random() < 0.05:
            headers.append(("content-encoding", rng.choice(("gzip", "deflate", "br", "identity", "x"))))
            body = self._packed(body)
        status = 200 if rng.random() < 0.4 else rng.choice(_STATUSES)
        return status, headers, b"" if status in (204, 304) else body

    def _plausible(self, path: str) -> bytes:
        rng = self._rng
        if path.endswith("/limit"):
            used, left = rng.choice((1, "1", "1.0", " 7 ", 10**20)), rng.choice((99, "99", "0", "-3"))
            document: dict[str, object] = {"used": used, "available": left, "date": rng.choice(_DATES)}
        elif "Status" in path:
            document = {"status": rng.choice(_STATES)}
        else:
            document = {
                "authenticationId": rng.choice(("a1", 17, "ż", " ", "x" * 600)),
                "deliveryStatus": rng.choice(_WORDS),
            }
        wrapped: object = rng.choice((document, document, {"reply": document}, [document], [[document]]))
        return json.dumps(wrapped).encode()

    def _headers(self) -> list[tuple[str, str]]:
        kinds = ("application/json", "text/html; charset=utf-8", "", "json", "application/json; charset=utf-16")
        found = [("content-type", self._rng.choice(kinds))]
        if self._rng.random() < 0.2:
            waits = ("1", "0", "-5", "999999999999", "soon", "Wed, 21 Oct 2099 07:28:00 GMT", "1.5", "٣")
            found.append(("retry-after", self._rng.choice(waits).encode().decode("latin-1")))
        return found

    def _body(self) -> bytes:
        kind = self._rng.randrange(10)
        if kind < 5:
            return self._mangled(json.dumps(self._value(0)).encode())
        if kind < 7:
            return json.dumps({self._rng.choice(_FIELDS): self._scalar() for _ in range(3)}).encode()
        if kind < 8:
            return b"[" * self._rng.choice((10, 2_000, 100_000))
        if kind < 9:
            return self._rng.randbytes(self._rng.choice((0, 1, 7, 300, 70_000)))
        return b'{"authenticationId": "' + b"a" * self._rng.choice((1, 600, 200_000)) + b'"}'

    def _value(self, depth: int) -> object:
        rng = self._rng
        if depth > 3 or rng.random() < 0.3:
            return self._scalar()
        if rng.random() < 0.3:
            return [self._value(depth + 1) for _ in range(rng.randrange(3))]
        return {rng.choice(_FIELDS): self._value(depth + 1) for _ in range(rng.randrange(4))}

    def _scalar(self) -> object:
        rng = self._rng
        text = "".join(rng.choices(string.printable, k=rng.randrange(12)))
        return rng.choice((None, True, rng.randrange(-5, 10**18), 10**400, rng.choice(_WORDS), text, 0.5, [], {}))

    def _mangled(self, body: bytes) -> bytes:
        if self._rng.random() < 0.7 or not body:
            return body
        at = self._rng.randrange(len(body))
        return self._rng.choice(
            (body[:at], body[:at] + self._rng.randbytes(3) + body[at:], body + body, b"\xef\xbb\xbf" + body)
        )

    def _packed(self, body: bytes) -> bytes:
        if self._rng.random() < 0.1:
            return _BOMB
        return gzip.compress(body)[: self._rng.choice((5, 10**6))]


_BOMB = gzip.compress(b" " * (32 * 1024 * 1024))


class RawServer:
    """Speaks HTTP by hand, and often badly: one request a connection."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._rng = Random(1)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def end(self) -> None:
        """Cut off whoever still talks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request, answer it in some way, hang up."""
        if (task := asyncio.current_task()) is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            path = await _read_request(reader)
            writer.write(self._garbled(*self._replies.draw(path), good=path.endswith("/token")))
            await writer.drain()
            if self._rng.random() < 0.03:
                await reader.read()  # silence, until the client gives up
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _garbled(self, status: int, headers: list[tuple[str, str]], body: bytes, *, good: bool) -> bytes:
        lines = [f"HTTP/1.1 {status} Reason", "connection: close", *(f"{name}: {value}" for name, value in headers)]
        head = "\r\n".join([*lines, f"content-length: {len(body)}"]).encode("latin-1", "replace") + b"\r\n\r\n"
        if good:
            return head + body
        whole = head + body
        at = self._rng.randrange(len(whole))
        longer = head.replace(b"content-length: ", b"content-length: 9")
        chunked = "\r\n".join([*lines, "transfer-encoding: chunked"]).encode("latin-1", "replace") + b"\r\n\r\n"
        ways = (whole, whole, whole[:at], whole[:at] + self._rng.randbytes(4) + whole[at:], longer + body,
                chunked + b"5\r\n" + body[:5] + b"\r\n0\r\n\r\n", chunked + b"zz\r\n" + body, b"HTTP/1.1 abc\r\n\r\n",
                b"", b"\x16\x03\x01" + self._rng.randbytes(40), head.replace(b"HTTP/1.1", b"HTTP/9.9") + body,
                b"HTTP/1.1 100 Continue\r\n\r\n" + whole,
                head[:-4] + b"\r\nx: " + b"y" * 20_000 + b"\r\n\r\n")  # fmt: skip
        return self._rng.choice(ways)


async def _read_request(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    sizes = [line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
    await reader.readexactly(int(sizes[0]) if sizes else 0)
    return head.split(" ")[1]
