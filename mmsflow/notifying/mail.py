"""Notices as mail: plain text over SMTP, the certificate verified, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import ssl
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from socket import SHUT_RDWR

from mmsflow.errors import UsageError
from mmsflow.gateway.trust import context_for
from mmsflow.notifying.model import Letter, NotPosted
from mmsflow.notifying.wording import plain, subject_of, text_of
from mmsflow.secret import blotted
from mmsflow.settings import Settings

_DEADLINE = timedelta(seconds=60)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class Mail:
    """Mails letters by one server to a few addresses.

    Args:
        settings: ``mail_…`` and ``ca_file``; complete.
        deadline: for one attempt, from the first connection to the server's last word.

    Raises:
        UsageError: mail would go unprotected to another machine, or the certificate authority cannot be read.
    """

    name = "mail"

    def __init__(self, settings: Settings, *, deadline: timedelta = _DEADLINE) -> None:
        self._host, self._port, self._security = settings.mail_host, settings.mail_port, settings.mail_security
        if self._security == "none" and self._host not in _LOOPBACK:
            raise UsageError(
                f"mail_security is none, but {self._host} is another machine: anybody on the way could read the mail",
                "set mail_security to starttls or tls",
            )
        self._user, self._password = settings.mail_user, settings.mail_password
        self._from, self._to = settings.mail_from, settings.mail_to
        self._context = context_for(settings.ca_file, "https" if self._security != "none" else "")
        self._seconds = deadline.total_seconds()
        receivers = "1 address" if len(self._to) == 1 else f"{len(self._to)} addresses"
        self.target = f"{receivers} by {self._host}"

    async def send(self, letter: Letter) -> str:
        """Mail a letter; see Channel."""
        call = _Call(self._seconds)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.to_thread(self._converse, call, self._message(letter))
        except TimeoutError:
            raise NotPosted(f"{self._host} took longer than {self._seconds:g} s") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotPosted(f"{self._host} did not take it: {_said(error)}", self._advice(error)) from None
        finally:
            call.hang_up()  # a thread cannot be cancelled, but its socket can be closed

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["Subject"] = subject_of(letter)
        message["From"] = self._from
        message["To"] = ", ".join(self._to)
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = f"<{letter.id}@{self._from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text_of(letter))
        return message

    def _converse(self, call: _Call, message: EmailMessage) -> str:
        server = call.connected(self._host, self._port, self._context if self._security == "tls" else None)
        try:
            if self._security == "starttls":
                server.starttls(context=self._context)
            if self._user:
                server.login(self._user, self._password.reveal())
            refused = server.send_message(message, self._from, list(self._to))
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        return f"{len(refused)} of {len(self._to)} addresses were refused" if refused else ""

    def _advice(self, error: Exception) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            return "see whether `mail_user` and `mail_password` are right"
        if isinstance(error, ssl.SSLCertVerificationError):
            return "name the server as its certificate does, or its authority with `ca_file`"
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return "see whether `mail_security` and `mail_port` fit the server"
        return ""


class _Call:
    """One conversation, which another thread can end whatever the server does."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._server: smtplib.SMTP | None = None

    def connected(self, host: str, port: int, context: ssl.SSLContext | None) -> smtplib.SMTP:
        """Connect, at once encrypted where there is a context."""
        if context is None:
            return _Plain(self, host, port, timeout=self._seconds)
        return _Tls(self, host, port, timeout=self._seconds, context=context)

    def begins(self, server: smtplib.SMTP) -> None:
        """Said by a connection before it connects: the greeting may never end."""
        self._server = server

    def hang_up(self) -> None:
        """Close the socket under a conversation that goes on; again is harmless."""
        socket = getattr(self._server, "sock", None)
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.shutdown(SHUT_RDWR)


class _Plain(smtplib.SMTP):
    def __init__(self, call: _Call, host: str, port: int, *, timeout: float) -> None:
        call.begins(self)
        super().__init__(host, port, timeout=timeout)


class _Tls(smtplib.SMTP_SSL):
    def __init__(self, call: _Call, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        call.begins(self)
        super().__init__(host, port, timeout=timeout, context=context)


def _said(error: Exception) -> str:
    """What the server or the system said: one line, numbers masked, no addresses, no secret."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in error.recipients.values()})
        return f"every address was refused ({', '.join(map(str, codes))})"
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return plain(blotted(f"{error.smtp_code} {text}"))
    return plain(blotted(str(error) or type(error).__name__))
