"""A second, independent reading of the operator's document: a small gateway on the standard library's HTTP server.

It shares nothing with the package: another HTTP server, another multipart parser, its own record. Tests steer it from
the outside: the quota, and how many replies are given before the next ones are held back.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

CLIENT_ID, CLIENT_SECRET = "client-7", "s3cret/with:colon"
ROTATED_ID = "client-8"  # of the same contract
PATIENCE = 120.0  # longest wait for something that must happen; reached only by a test that fails
HOLD = 600.0  # how long a reply is held back that nobody asks for any more
_FATES = {"7": "Expired", "8": "Rejected", "9": "Indeterminate"}

Reply: TypeAlias = tuple[int, Mapping[str, object]]
_INVALID_CREDENTIALS: Reply = (401, {"code": 41, "message": "Invalid credentials", "description": "Wrong or missing."})
_LIMIT_REACHED: Reply = (403, {"code": 53, "message": "Too many requests", "description": "The limit is reached."})


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it arrived.

    Attributes:
        number: ``+48…`` out of the address.
        form: ``json`` or ``multipart``.
        fields: the message part.
        attachments: content type as declared, and the bytes after base64.
    """

    id: str
    number: str
    form: str
    fields: Mapping[str, object]
    attachments: tuple[tuple[str, bytes], ...] = ()


@dataclass(slots=True)
class IndependentGateway:
    """The record, the quota and the tap that holds replies back. All methods may be called from any thread.

    A message's final status follows from its number's last digit: 7 expired, 8 rejected, 9 indeterminate, else
    retrieved. Before it comes the submission's ``Success``, as often as ``submission_answers`` says.
    """

    quota: int = 1000
    used: int = 0
    replies_allowed: float = float("inf")
    submission_answers: int = 0
    url: str = ""
    messages: list[Received] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    resets_on: date = field(default_factory=lambda: datetime.now(ZoneInfo("Europe/Warsaw")).date() + timedelta(days=1))
    secret: str = CLIENT_SECRET
    _tokens: set[str] = field(default_factory=set)
    _moved: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, messages: int) -> None:
        """Return as soon as so many messages have arrived."""
        with self._moved:
            arrived = self._moved.wait_for(lambda: len(self.messages) >= messages, PATIENCE)
        assert arrived, f"only {len(self.messages)} of {messages} messages arrived"

    def rotate(self, secret: str) -> None:
        """Take another client secret from now on, and no token that was given out before."""
        self.secret = secret
        self._tokens.clear()

    def reply_to(self, messages: float) -> None:
        """Give the replies to the first ``messages`` messages; later ones arrive, and wait for theirs."""
        with self._moved:
            self.replies_allowed = messages
            self._moved.notify_all()

    def reset_quota(self) -> None:
        """A new period of a day begins."""
        with self._moved:
            self.used, self.resets_on = 0, self.resets_on + timedelta(days=1)

    @property
    def numbers(self) -> list[str]:
        """Every number that a message arrived for, as often as one did, sorted."""
        with self._moved:
            return sorted(message.number for message in self.messages)

    def status_of(self, message: Received) -> str:
        return _FATES.get(message.number[-1], "Retrieved")

    def token(self, authorization: str, form: Mapping[str, list[str]]) -> Reply:
        ids = (CLIENT_ID, ROTATED_ID)
        known = {f"Basic {base64.b64encode(f'{each}:{self.secret}'.encode()).decode()}" for each in ids}
        if authorization not in known or form.get("grant_type") != ["client_credentials"]:
            return 401, {"error": "invalid_client"}
        token = secrets.token_urlsafe(12)
        self._tokens.add(token)
        return 200, {"access_token": token, "token_type": "Bearer", "expires_in": "3600"}

    def knows(self, authorization: str) -> bool:
        return authorization.removeprefix("Bearer ") in self._tokens

    def limit(self) -> Reply:
        left = max(0, self.quota - self.used)
        # Every number is a text, and the weekday is never the date's own, as in the document's example.
        weekday = (self.resets_on - timedelta(days=2)).strftime("%a")
        shown = f"{weekday} {self.resets_on.strftime('%b %d %Y')}"
        return 200, {"used": str(self.used), "available": str(left), "date": shown}

    def status(self, id_: str) -> Reply:
        with self._moved:
            message = next((message for message in self.messages if message.id == id_), None)
            self.asked[id_] = self.asked.get(id_, 0) + 1
        if message is None:
            return 200, {"status": "Message ID Not found"}
        return 200, {"status": "Success" if self.asked[id_] <= self.submission_answers else self.status_of(message)}

    def submit(self, content_type: str, body: bytes) -> Reply:
        try:
            form, fields, attachments = _read_submission(content_type, body)
            number = _number(fields)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            return 400, {"code": 20, "message": "Invalid request", "description": str(error)}
        with self._moved:
            if self.used >= self.quota:
                return _LIMIT_REACHED
            self.used += 1
            received = Received(secrets.token_hex(8), number, form, fields, attachments)
            self.messages.append(received)
            place = len(self.messages)
            self._moved.notify_all()
            self._moved.wait_for(lambda: place <= self.replies_allowed, HOLD)
        return 200, {"authenticationId": received.id}


def _read_submission(content_type: str, body: bytes) -> tuple[str, Mapping[str, object], tuple[tuple[str, bytes], ...]]:
    kind = content_type.partition(";")[0].strip()
    if kind == "application/json":
        return "json", json.loads(body), ()
    if kind != "multipart/form-data":
        raise ValueError(f"the content type is {content_type}")
    head = f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\n\r\n".encode()
    whole = BytesParser().parsebytes(head + body)
    if whole.defects or not whole.is_multipart():
        raise ValueError(f"the multipart body is broken: {whole.defects}")
    first, *rest = [part for part in whole.walk() if part is not whole]
    if first.get_param("name", header="Content-Disposition") != "messagePart":
        raise ValueError("the first part is not the message part")
    if not rest:
        raise ValueError("a multipart request without an attachment")
    return "multipart", json.loads(_payload(first)), tuple((part.get_content_type(), _decoded(part)) for part in rest)


def _decoded(part: Message) -> bytes:
    if part.get("Content-Transfer-Encoding") != "base64":
        raise ValueError("an attachment is not declared as base64")
    text = part.get_payload()
    assert isinstance(text, str)
    return base64.b64decode("".join(text.split()), validate=True)


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload


def _number(fields: Mapping[str, object]) -> str:
    addresses = fields["addresses"]
    if not isinstance(addresses, list) or len(addresses) != 1:
        raise ValueError("not exactly one address")
    number = str(addresses[0]).removeprefix("tel:").removeprefix("+")
    if not str(addresses[0]).startswith("tel:") or not number.isdecimal() or not number.startswith("48"):
        raise ValueError("the address is not tel: and a Polish number with its country code")
    for name, kind in (("subject", str), ("senderAddress", str), ("priority", str), ("deliveryReport", bool)):
        if name in fields and not isinstance(fields[name], kind):
            raise ValueError(f"{name} is not of its type")
    return f"+{number}"


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        gateway, address = self.server.gateway, urlsplit(self.path)
        if address.path == "/Messaging/v1/MMSOffnetNat/limit":
            self._answer(gateway.limit)
        elif address.path == "/Messaging/v1/MMSDeliveryStatus":
            self._answer(lambda: gateway.status(parse_qs(address.query).get("id", [""])[0]))
        else:
            self._reply(404, {})

    def do_POST(self) -> None:
        gateway, body = self.server.gateway, self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/oauth/v2/token":
            self._reply(*gateway.token(self.headers.get("Authorization", ""), parse_qs(body.decode())))
        elif self.path == "/Messaging/v1/MMSOffnetNat":
            self._answer(lambda: gateway.submit(self.headers.get("Content-Type", ""), body))
        else:
            self._reply(404, {})

    def _answer(self, make: Callable[[], Reply]) -> None:
        known = self.server.gateway.knows(self.headers.get("Authorization", ""))
        self._reply(*(make() if known else _INVALID_CREDENTIALS))

    def _reply(self, status: int, document: Mapping[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the client was killed while it waited

    def log_message(self, *_: object) -> None:
        """Say nothing: the record is the log."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, gateway: IndependentGateway) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gateway = gateway


@contextmanager
def serving(gateway: IndependentGateway) -> Iterator[IndependentGateway]:
    """Serve on a free loopback port while the block lasts."""
    with _Server(gateway) as server:
        gateway.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            gateway.reply_to(float("inf"))
            server.shutdown()
            thread.join()
