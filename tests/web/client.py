"""Requests to the page as any program can make them, without a browser's courtesy."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from .scene import TOKEN


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; header names in lower case."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass(slots=True)
class Client:
    """A client that keeps the session's cookie, and sends its own origin with what changes something."""

    url: str
    cookie: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Reply:
        """A form from a page of ours, unless ``Origin`` says otherwise."""
        body = urlencode(fields or {})
        own = {"Origin": f"http://{self.host}", "Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, {**own, **headers}, body)

    def ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> Reply:
        """One request; names with ``_`` stand for ``-``, an empty value leaves the header out."""
        said = {name.replace("_", "-"): value for name, value in {**self.extra, **headers}.items()}
        if self.cookie:
            said.setdefault("Cookie", self.cookie)
        connection = HTTPConnection(self.host, timeout=60)
        try:
            connection.putrequest(method, path, skip_host="Host" in said, skip_accept_encoding=True)
            data = (body or "").encode()
            for name, value in said.items():
                if value:
                    connection.putheader(name, value)
            if body is not None and "Content-Length" not in said:
                connection.putheader("Content-Length", str(len(data)))
            connection.endheaders(data)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
        finally:
            connection.close()

    def signed_in(self) -> Client:
        """The same, with a session."""
        reply = self.post("/sign-in", {"token": TOKEN, "who": "Ola"})
        assert reply.status == 303, reply.text
        return Client(self.url, reply.headers["set-cookie"].partition(";")[0])
