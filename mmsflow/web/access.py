"""Who may see the page: its token, who is signed in, and how often somebody may guess."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from mmsflow.clock import Clock
from mmsflow.errors import UsageError
from mmsflow.ledger.requests import Answer
from mmsflow.mms.private_files import make_private_folder, write_private
from mmsflow.secret import Secret
from mmsflow.secret_file import SecretFile
from mmsflow.settings import Settings

SHORTEST_TOKEN = 20
_TOO_SHORT = f"has fewer than {SHORTEST_TOKEN} characters"
TOKEN_FILE = "web-token"  # noqa: S105 - a file's name

_MOST_SESSIONS = 100
_FREE_GUESSES = 5
_LONGEST_DELAY = timedelta(seconds=30)
_LARGEST_TOKEN_FILE = 1_000


def token_of(settings: Settings) -> Secret:
    """What opens the page: the configured token, else one that is made once and kept in ``.mmsflow/web-token``.

    Raises:
        UsageError: the configured one is shorter than 20 characters, or the file cannot be read or written.
    """
    if settings.web_token:
        return long_enough(settings.web_token)
    path = settings.workspace / ".mmsflow" / TOKEN_FILE
    try:
        kept = _kept(path)
        if kept is None:
            kept = secrets.token_urlsafe(32)
            make_private_folder(path.parent)
            write_private(path, kept + "\n")
    except OSError as error:
        raise UsageError(
            f"the web page's token cannot be kept in .mmsflow/{TOKEN_FILE}: {error.strerror}",
            "make it readable and writable for you, or set web_token_file",
        ) from error
    return Secret(kept)


def long_enough(token: Secret) -> Secret:
    """The token itself.

    Raises:
        UsageError: it is shorter than 20 characters.
    """
    if isinstance(token, SecretFile):
        token.must_satisfy(lambda text: "" if len(text) >= SHORTEST_TOKEN else _TOO_SHORT)
    if len(token.reveal()) < SHORTEST_TOKEN:
        raise UsageError(
            f"the web token {_TOO_SHORT}",
            "make one with `openssl rand -hex 32`, or leave it out: one is made and kept in .mmsflow/web-token",
        )
    return token


def _kept(path: Path) -> str | None:
    """The token in the file; None where there is none, or where others could have read it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
            return None
        text = file.read(_LARGEST_TOKEN_FILE).decode("ascii", "replace").strip()
    return text if len(text) >= SHORTEST_TOKEN else None


@dataclass(slots=True)
class Session:
    """A browser that is signed in.

    Attributes:
        until: when it must sign in again, aware.
        who: how its user named themselves; empty where they did not.
        handsets: where they sent their last test, as they wrote it.
        told: answers that its next page shows, once.
        token: hash of the token with which they signed in.
    """

    until: datetime
    who: str = ""
    handsets: str = ""
    told: list[Answer] = field(default_factory=list)
    token: bytes = b""


class Sessions:
    """Who is signed in, in memory only, by the hash of what their cookie holds.

    A restart signs everybody out, and so does another token: whoever had only the old one is to get in no more.
    """

    def __init__(self, clock: Clock, lasts: timedelta, token: Secret) -> None:
        self._clock, self._token = clock, token
        self.lasts = lasts
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def open(self, who: str) -> str:
        """A new session; what its cookie holds, 256 random bits. The oldest ends where there are too many."""
        secret = secrets.token_urlsafe(32)
        self._sessions[_hashed(secret)] = Session(
            self._clock.now() + self.lasts, who, token=_hashed(self._token.reveal())
        )
        while len(self._sessions) > _MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return secret

    def find(self, secret: str) -> Session | None:
        """The session of a cookie; None where there is none, or it is over."""
        key = _hashed(secret)
        session = self._sessions.get(key)
        if session is None:
            return None
        if self._clock.now() >= session.until or session.token != _hashed(self._token.reveal()):
            self._sessions.pop(key, None)
            return None
        return session

    def close(self, secret: str) -> None:
        """Sign out; again is harmless."""
        self._sessions.pop(_hashed(secret), None)


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


class Guesses:
    """Counts wrong tokens; after a few of them everybody waits, a second at first and half a minute at most.

    A guess within the wait is not looked at and does not prolong it, and nobody who is signed in notices.
    """

    def __init__(self, clock: Clock, token: Secret) -> None:
        self._clock = clock
        self._token = token
        self._wrong = 0
        self._not_before: datetime | None = None

    def wait(self) -> int:
        """Seconds until the next guess is looked at; 0 when it would be now."""
        if self._not_before is None:
            return 0
        left = (self._not_before - self._clock.now()).total_seconds()
        return max(0, -int(-left // 1))

    def check(self, offered: str) -> bool:
        """Whether it is the token; never while ``wait`` is above 0."""
        if self.wait():
            return False
        if self.same(offered):
            self._wrong, self._not_before = 0, None
            return True
        self._wrong += 1
        if self._wrong >= _FREE_GUESSES:
            doubled = timedelta(seconds=2 ** min(self._wrong - _FREE_GUESSES, 10))
            self._not_before = self._clock.now() + min(doubled, _LONGEST_DELAY)
        return False

    def same(self, offered: str) -> bool:
        """Compared in a time that tells nothing of where the first difference is."""
        return hmac.compare_digest(_hashed(offered), _hashed(self._token.reveal()))
