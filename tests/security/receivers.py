"""Who gets notices in tests: an HTTP server on this machine that answers as it is told, and letters to give it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mmsflow.ledger.operation import NoticeKind
from mmsflow.mms.status import Bucket
from mmsflow.notifying.model import Letter

NOW = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)
LETTER = Letter(
    id="msg_0123456789ab_7",
    at=NOW,
    kind=NoticeKind.FINISHED,
    campaign="winter-sale",
    run="winter-sale-20261201-1",
    text="winter-sale-20261201-1 is done; the last answer was about +48 501 102 030.",
    advice="Nothing has to be done.",
    rows=2_000,
    buckets={Bucket.DELIVERED: 1_950, Bucket.FAILED: 50, Bucket.PENDING: 0},
    link="http://127.0.0.1:8474/runs/winter-sale-20261201-1",
)


@dataclass
class Receiver:
    """What came in, and what is answered."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    silent: bool = False
    url: str = ""
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """An HTTP server on a free port of 127.0.0.1, with TLS where there is a context."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append(({name.lower(): value for name, value in self.headers.items()}, body))
            receiver.arrived.set()
            if receiver.silent:
                receiver.over.wait()
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hangs up is what some tests are about

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    receiver.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/hook/path-canary"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
