"""A gateway on a real port that means harm: it repeats what it should not, and answers with payloads and faults.

Built on the standard library's HTTP server; it shares nothing with the package. What it does to a message follows from
the last two digits of the recipient's number.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

CLIENT_ID = "client-7"
SECRET = "canary-5ecret-c0ffee/+=:x"
BASIC = base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
TOKEN = "canary-t0ken/decaf/0123456789"
CANARIES = (SECRET, BASIC, TOKEN, TOKEN.replace("/", "\\/"), quote(TOKEN, safe=""), quote(SECRET, safe=""))

EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
FORMULA = '=HYPERLINK("http://127.0.0.1:9";"click")'
_NUMBER = re.compile(rb"tel:\+?(48\d{9})")


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply; ``cut`` hangs up instead."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


def as_json(document: Mapping[str, object], status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


@dataclass(slots=True)
class HostileGateway:
    """What it has seen, and what it does.

    Attributes:
        received: bodies of the sends that it took, in order.
        asked: every request as (method, path).
        credentials: every Authorization header seen.
        on_send: called with each number before it is answered.
        redirect_to: where every call but the token's is sent on to; empty for nowhere.
    """

    url: str = ""
    received: list[tuple[str, bytes]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    on_send: Callable[[str], None] = lambda _: None
    redirect_to: str = ""
    _times: dict[str, int] = field(default_factory=dict)

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> Answer:
        self.asked.append((method, path))
        self.credentials.append(authorization)
        if path == "/oauth/v2/token":
            return self._token(authorization)
        if self.redirect_to:
            return Answer(302, b"", {"Location": self.redirect_to + path})
        if path.endswith("/limit"):
            return as_json({"used": "1", "available": "999", "date": f"Tue Jan 22 2036 {authorization}"})
        if method == "GET":
            return self._status(path, authorization)
        found = _NUMBER.search(body)
        number = "+" + found[1].decode() if found else ""
        self.on_send(number)
        return self._send(number, authorization, body)

    def _token(self, authorization: str) -> Answer:
        # At first out of order, with everything that it knows in its error page.
        if self._first("token"):
            return Answer(503, f"<pre>{authorization} {SECRET} {TOKEN}</pre>".encode())
        return as_json({"access_token": TOKEN, "expires_in": 3600, "scope": f"{authorization} {SECRET}"})

    def _status(self, path: str, authorization: str) -> Answer:
        if self._first(path):
            return as_json({"status": f"{EVIL} {authorization}"})
        if self._times[path] == 2:
            return as_json({"code": 1, "message": f"{FORMULA} {authorization}"}, 500)
        return as_json({"status": "Retrieved"})

    def _send(self, number: str, authorization: str, body: bytes) -> Answer:
        first, echo = self._first(number), f"{authorization} {number} {number[3:]} {EVIL}"
        escaped = echo.replace("/", "\\/")
        refused = {"code": 20, "message": FORMULA, "description": echo}
        match number[-2:]:
            case "81":
                return as_json(refused, 400)
            case "82":
                return Answer(500, f"<html>{echo}".encode(), {"Content-Type": f"text/html; {authorization}"})
            case "83":
                return Answer(cut=True)
            case "84":
                return as_json({"message": escaped, "token": quote(TOKEN, safe="")})
            case "85" if first:
                return Answer(503, b'{"code": 5}', {"Retry-After": "1"})
            case "86" if first:
                return as_json({"code": 41, "message": echo}, 401)
            case "87":
                return Answer(200, gzip.compress(b" " * 50_000_000 + echo.encode()), {"Content-Encoding": "gzip"})
            case "88":
                return as_json({"deliveryStatus": "Bad request", "message": echo})
            case "89":
                return Answer(200, b"\x00\xff" + echo.encode(), {"Content-Type": authorization})
            case "90" if first:
                return as_json({"code": 53, "message": echo}, 403)
        self.received.append((number, body))
        return as_json({"authenticationId": f"={number[-2:]}+{EVIL}"})

    def _first(self, what: str) -> bool:
        self._times[what] = self._times.get(what, 0) + 1
        return self._times[what] == 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._reply(b"")

    def do_POST(self) -> None:
        self._reply(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _reply(self, body: bytes) -> None:
        with self.server.turn:
            answer = self.server.gateway.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
        if answer.cut:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the client has had enough

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gateway: HostileGateway) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway
        self.turn = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """A client that refuses our certificate is what the tests are about."""


@contextmanager
def serving(gateway: HostileGateway, tls: ssl.SSLContext | None = None) -> Iterator[HostileGateway]:
    """Serve on a free loopback port while the block lasts, with TLS where a context is given."""
    with _Server(gateway) as server:
        if tls is not None:
            # The handshake belongs to the connection's own thread, or a client that breaks it off stops everybody.
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        gateway.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join()
