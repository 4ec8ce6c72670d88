"""Notices as mail: encrypted, to a server that is who it says it is; what a mail says, and what a refusal means."""

from __future__ import annotations

import asyncio
import email
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from mmsflow.errors import UsageError
from mmsflow.notifying.mail import Mail
from mmsflow.notifying.model import NotPosted
from mmsflow.secret import Secret
from mmsflow.settings import Settings

from .certificates import Authority
from .receivers import LETTER, NOW

PASSWORD = "canary-password-1234"


@dataclass
class Office:
    """A mail server's handler: what it took, and whom it refuses."""

    refused: tuple[str, ...] = ()
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return f"550 no such user {address} +48501102030"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.encrypted.append(session.ssl is not None)
        message = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append((envelope.rcpt_tos, message))
        return "250 OK"

    def login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.logins.append(data.password)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def serving(make: Callable[[], asyncio.Protocol], context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free port; its number."""
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def settings(folder: Path, port: int, **more: Any) -> Settings:
    usual = Settings(
        workspace=folder,
        mail_host="127.0.0.1",
        mail_port=port,
        mail_security="none",
        mail_from="mmsflow@example.com",
        mail_to=("ops@example.com", "ewa@example.com"),
    )
    return replace(usual, **more)


async def test_a_mail_says_what_happened_with_stable_id_and_no_number(tmp_path: Path) -> None:
    office = Office()
    async with serving(lambda: SMTP(office)) as port:
        await Mail(settings(tmp_path, port)).send(LETTER)
        await Mail(settings(tmp_path, port)).send(LETTER)

    (to, mail), (_, repeat) = office.mails
    assert to == ["ops@example.com", "ewa@example.com"]
    assert mail["Subject"] == "mmsflow: winter-sale-20261201-1 finished"
    assert mail["From"] == "mmsflow@example.com"
    assert mail["Message-ID"] == repeat["Message-ID"] == f"<{LETTER.id}@example.com>"
    assert parsedate_to_datetime(mail["Date"]) == NOW
    text = mail.get_content().replace("\r\n", "\n")
    assert "1,950 delivered\n" in text
    assert "2,000 rows of the lists\n" in text
    assert LETTER.link in text
    assert "…030" in text
    assert "501 102 030" not in text


async def test_a_line_break_in_a_name_makes_no_header(tmp_path: Path) -> None:
    office = Office()
    letter = replace(LETTER, run="offer\r\nBcc: thief@example.com")
    async with serving(lambda: SMTP(office)) as port:
        await Mail(settings(tmp_path, port)).send(letter)
    ((to, mail),) = office.mails
    assert mail["Bcc"] is None
    assert "thief@example.com" not in to
    assert mail["Subject"] == "mmsflow: offer··Bcc: thief@example.com finished"


async def test_starttls_encrypts_before_the_password_and_trusts_only_who_is_vouched_for(tmp_path: Path) -> None:
    authority, office = Authority.made_in(tmp_path), Office()
    context = authority.server("IP:127.0.0.1")

    def make() -> SMTP:
        return SMTP(office, tls_context=context, require_starttls=True, authenticator=office.login, auth_required=True)

    login = {"mail_user": "mmsflow", "mail_password": Secret(PASSWORD), "mail_security": "starttls"}
    async with serving(make) as port:
        with pytest.raises(NotPosted, match="certificate") as refused:
            await Mail(settings(tmp_path, port, **login)).send(LETTER)
        assert "ca_file" in refused.value.advice
        assert (office.mails, office.logins) == ([], [])
        await Mail(settings(tmp_path, port, ca_file=str(authority.certificate), **login)).send(LETTER)

    assert office.logins == [PASSWORD.encode()]
    assert office.encrypted == [True]


async def test_tls_from_the_first_byte_works_and_a_server_without_starttls_gets_nothing(tmp_path: Path) -> None:
    authority, office = Authority.made_in(tmp_path), Office()
    own = {"ca_file": str(authority.certificate)}
    async with serving(lambda: SMTP(office), authority.server("IP:127.0.0.1")) as port:
        await Mail(settings(tmp_path, port, mail_security="tls", **own)).send(LETTER)
    async with serving(lambda: SMTP(office)) as port:
        with pytest.raises(NotPosted, match="STARTTLS"):
            await Mail(settings(tmp_path, port, mail_security="starttls", **own)).send(LETTER)
    assert len(office.mails) == 1


async def test_a_wrong_password_is_said_and_not_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mmsflow")
    office = Office()
    wrong = Secret("wrong-canary-password")

    def make() -> SMTP:
        return SMTP(office, authenticator=office.login, auth_require_tls=False)

    async with serving(make) as port:
        with pytest.raises(NotPosted) as refused:
            await Mail(settings(tmp_path, port, mail_user="mmsflow", mail_password=wrong)).send(LETTER)
    assert "mail_password" in refused.value.advice
    assert "canary" not in f"{refused.value} {refused.value.advice} {caplog.text}"
    assert office.mails == []


async def test_one_address_that_is_refused_is_remarked_and_all_refused_are_an_error(tmp_path: Path) -> None:
    office = Office(refused=("ewa@example.com",))
    async with serving(lambda: SMTP(office)) as port:
        assert await Mail(settings(tmp_path, port)).send(LETTER) == "1 of 2 addresses were refused"
        office.refused = ("ewa@example.com", "ops@example.com")
        with pytest.raises(NotPosted, match=r"every address was refused \(550\)") as refused:
            await Mail(settings(tmp_path, port)).send(LETTER)
    assert "example.com" not in str(refused.value)


async def test_a_server_that_never_says_anything_is_left_at_the_deadline(tmp_path: Path) -> None:
    async with serving(asyncio.Protocol) as port:
        with pytest.raises(NotPosted, match="took longer than"):
            await Mail(settings(tmp_path, port), deadline=timedelta(seconds=0.2)).send(LETTER)


def test_mail_without_encryption_goes_to_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mail_security is none"):
        Mail(settings(tmp_path, 25, mail_host="mail.example.com"))
