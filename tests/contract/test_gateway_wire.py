"""What every fault of the wire leaves as evidence, over real sockets.

An update of httpx, httpx-aiohttp or aiohttp that changes when a request counts as begun is caught here: each case says
how far the request got as the other end saw it, and that it was not repeated.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mmsflow.clock import SystemClock
from mmsflow.errors import GatewayUnavailable
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, GatewayConfig, OutgoingMessage, Wire
from mmsflow.gateway.retry import Action, decide
from mmsflow.gateway.transport import BODY_CAP_BYTES
from mmsflow.mms.content import Part
from mmsflow.mms.status import MessageState
from mmsflow.settings import Secret

Fault = Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]

PICTURE = Part("image/jpeg", "picture.jpg", bytes(range(256)) * 1200)  # far more than socket buffers hold at once
MESSAGE = OutgoingMessage("+48501102030", "Zażółć", "ACME", "Normal", True, (PICTURE,))
TOKEN = b'{"access_token": "token-for-the-wire", "expires_in": 3600}'
ACCEPTED = b'{"authenticationId": "id-1"}'

# A key and certificate for 127.0.0.1 that nobody trusts, made for these tests; valid until 2120.
LOOPBACK_PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgk+F8Zkh1OgMzBmYv
AaPYr5JpGOQhjmPOLFobXWUEvwuhRANCAAR9F2bFnQjVL0NIsgAHukt9HtwTt7ms
ezM158fGhl7BAjQBK49V6tN8l+9PZXFUKZp0Q1Ompqkkb0z9iiOiT+Co
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBbDCCARKgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAkxMjcuMC4w
LjEwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CTEyNy4wLjAuMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABH0XZsWdCNUvQ0iy
AAe6S30e3BO3uax7MzXnx8aGXsECNAErj1Xq03yX709lcVQpmnRDU6amqSRvTP2K
I6JP4KijUzBRMA8GA1UdEQQIMAaHBH8AAAEwDwYDVR0TAQH/BAUwAwEB/zAOBgNV
HQ8BAf8EBAMCAoQwHQYDVR0OBBYEFNKN3PNs1mq1gMs+bnGJ6Yr1kq/mMAoGCCqG
SM49BAMCA0gAMEUCICLgMaZM+E2tKxoxHTfMWQddOexz7WtPNR/h3f1EEAjCAiEA
mgvcq/F9SAUAn4ofLz+Bc27xsZgIDrg6JNkncyjQPVc=
-----END CERTIFICATE-----
"""


class Peer:
    """The other end: hands out tokens properly, and treats a POST of a message as the case says."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.posts = 0
        self.whole_posts = 0
        self.heads: list[bytes] = []
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                while not writer.is_closing():
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.heads.append(head)
                    await self._answer(reader, writer, head)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        if b"/oauth/" in head.split(b"\r\n")[0]:
            await whole(reader, head)
            writer.write(reply(TOKEN))
            return
        self.posts += 1
        await self.fault(self, reader, writer, head)


@asynccontextmanager
async def peer(fault: Fault, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    other = Peer(fault)
    server = await asyncio.start_server(other.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    other.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield other
    finally:
        server.close()
        await other.stop()


def reply(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body) if length is None else length}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


async def whole(reader: asyncio.StreamReader, head: bytes) -> None:
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    await reader.readexactly(length)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(data: bytes, *, hang_up: bool = True, read: bool = True) -> Fault:
    """Read the whole request (or not), write these bytes, hang up (or not)."""

    async def fault(self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        if read:
            await whole(reader, head)
            self.whole_posts += 1
        writer.write(data)
        await writer.drain()
        if hang_up:
            writer.close()
            await writer.wait_closed()
        elif not read:
            await asyncio.Event().wait()

    return fault


async def resets_within_the_body(
    self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> None:
    await reader.readexactly(1000)
    reset(writer)


async def hangs_up_within_the_body(
    self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> None:
    await reader.readexactly(1000)
    writer.close()


async def resets_after_the_body(
    self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> None:
    await whole(reader, head)
    reset(writer)


async def stays_silent(self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    await asyncio.Event().wait()


async def drips(self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
    await whole(reader, head)
    writer.write(reply(b"", length=1_000_000))
    loop = asyncio.get_running_loop()
    while True:  # a byte at a time never trips a read timeout
        writer.write(b" ")
        await writer.drain()
        pause = loop.create_future()
        loop.call_later(0.01, pause.set_result, None)
        await pause


async def talks_without_end(
    self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> None:
    await whole(reader, head)
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


def config(base_url: str, token_url: str = "", **changes: Any) -> GatewayConfig:
    settings: dict[str, Any] = {
        "base_url": base_url,
        "token_url": token_url and token_url + "/oauth/v2/token",
        "client_id": "us",
        "client_secret": Secret("secret-canary"),
        "total_deadline": timedelta(seconds=10),
        "connect_timeout": timedelta(seconds=5),
    }
    return GatewayConfig(**settings | changes)


async def sent(settings: GatewayConfig, message: OutgoingMessage = MESSAGE) -> Evidence:
    async with GatewayClient(settings, SystemClock()) as gateway:
        return await gateway.send(message)


async def refuses_to_be_asked(
    self: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes
) -> None:
    raise AssertionError("no request of a message was to come here")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


def is_never_begun(evidence: Evidence) -> None:
    assert evidence.wire is Wire.NOT_BEGUN
    assert evidence.text
    decision = decide(evidence)
    assert (decision.state, decision.action) == (MessageState.READY, Action.BACK_OFF)


# Provably not sent


async def test_a_refused_connection_is_not_begun() -> None:
    async with peer(refuses_to_be_asked) as tokens:
        is_never_begun(await sent(config(f"http://127.0.0.1:{free_port()}", tokens.url)))


async def test_a_name_that_does_not_resolve_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **named: Any) -> Any:
        if host == "gateway.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with peer(refuses_to_be_asked) as tokens:
        is_never_begun(await sent(config("https://gateway.invalid", tokens.url)))


async def test_a_server_that_speaks_no_tls_is_not_begun() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(b"{}", "400 Bad Request"))
        writer.close()

    plain = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = plain.sockets[0].getsockname()[1]
    async with plain, peer(refuses_to_be_asked) as tokens:
        is_never_begun(await sent(config(f"https://127.0.0.1:{port}", tokens.url)))


async def test_a_certificate_that_nobody_vouches_for_is_not_begun(tmp_path: Path) -> None:
    async with peer(refuses_to_be_asked) as tokens, peer(refuses_to_be_asked, server_tls(tmp_path)) as other:
        evidence = await sent(config(other.url, tokens.url))
        is_never_begun(evidence)
        assert "certificate" in evidence.text.lower()


async def test_the_own_certificate_authority_is_trusted_when_it_is_set(tmp_path: Path) -> None:
    async with peer(says(reply(ACCEPTED), hang_up=False), server_tls(tmp_path)) as other:
        evidence = await sent(config(other.url, ca_file=str(tmp_path / "loopback.pem")))
        assert evidence.gateway_id == "id-1"


async def test_a_handshake_that_never_ends_is_not_begun_after_the_connect_timeout() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    mute = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    async with mute, peer(refuses_to_be_asked) as tokens:
        brief = timedelta(milliseconds=100)
        is_never_begun(await sent(config(f"https://127.0.0.1:{port}", tokens.url, connect_timeout=brief)))


async def test_a_proxy_that_refuses_connect_is_not_begun(tmp_path: Path) -> None:
    async with peer(refuses_to_be_asked, server_tls(tmp_path)) as tokens:
        port = int(tokens.url.rpartition(":")[2])
        tunnels: list[bytes] = []

        async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tunnels.append(await reader.readuntil(b"\r\n\r\n"))
            if not tunnels[-1].startswith(b"CONNECT 127.0.0.1:"):
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                writer.close()
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

        proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        proxy_port = proxy.sockets[0].getsockname()[1]
        async with proxy:
            settings = config(
                "https://gateway.invalid",
                tokens.url,
                ca_file=str(tmp_path / "loopback.pem"),
                proxy=f"http://user:proxy-canary@127.0.0.1:{proxy_port}",
            )
            evidence = await sent(settings)
    is_never_begun(evidence)
    assert "Proxy" in evidence.text
    assert "proxy-canary" not in f"{evidence}{settings}"
    assert [head.split()[1] for head in tunnels] == [f"127.0.0.1:{port}".encode(), b"gateway.invalid:443"]
    assert all(b"\r\nproxy-authorization: basic dxnlcjpwcm94es1jyw5hcnk=\r\n" in head.lower() for head in tunnels)


async def test_a_host_that_cannot_be_one_is_a_wrong_setup_and_not_begun() -> None:
    async with peer(refuses_to_be_asked) as tokens:
        evidence = await sent(config(f"https://{'x' * 70}.example", tokens.url))
    assert evidence.wire is Wire.NOT_BEGUN
    assert decide(evidence).state is MessageState.READY


# The request had begun: never repeated

BEGUN = {
    "hang-up before reading": says(b"", read=False),
    "hang-up within the body": hangs_up_within_the_body,
    "reset within the body": resets_within_the_body,
    "hang-up after the whole body": says(b""),
    "reset after the whole body": resets_after_the_body,
    "garbage instead of a status line": says(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "a cut-off status": says(b"HTTP/1.1 20"),
    "an interim answer and no more": says(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless headers": says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000),
}


@pytest.mark.parametrize("name", BEGUN)
async def test_a_request_that_had_begun_is_of_unknown_fate_and_is_not_repeated(name: str) -> None:
    async with peer(BEGUN[name]) as other:
        evidence = await sent(config(other.url))
        assert evidence.wire is Wire.BEGUN
        assert evidence.text
        assert (decide(evidence).state, decide(evidence).action) == (MessageState.UNKNOWN, Action.NONE)
        assert other.posts == 1


async def test_a_server_that_had_received_the_whole_request_and_hung_up_is_begun_never_not_begun() -> None:
    async with peer(says(b"")) as other:
        evidence = await sent(config(other.url))
        assert other.whole_posts == 1
        assert evidence.wire is Wire.BEGUN


async def test_silence_beyond_the_total_deadline_is_begun() -> None:
    async with peer(stays_silent) as other:
        evidence = await sent(config(other.url, total_deadline=timedelta(milliseconds=200)))
        assert evidence.wire is Wire.BEGUN
        assert "0.2 s" in evidence.text
        assert decide(evidence).state is MessageState.UNKNOWN


async def test_a_small_request_is_judged_like_a_large_one() -> None:
    async with peer(says(b"")) as other:
        evidence = await sent(config(other.url), OutgoingMessage("+48501102030", "Hej", "ACME", "Normal", True))
        assert (evidence.wire, other.whole_posts) == (Wire.BEGUN, 1)


async def test_a_connection_that_the_server_closes_while_idle_does_not_repeat_the_post_before() -> None:
    async with (
        peer(says(reply(ACCEPTED))) as other,
        GatewayClient(config(other.url), SystemClock()) as gateway,
    ):
        for count in (1, 2, 3):
            evidence = await gateway.send(MESSAGE)
            assert evidence.wire is not Wire.NOT_BEGUN
            assert other.posts <= count


# A status line was seen


ANSWERED_200 = {
    "a status line and a hang-up": says(b"HTTP/1.1 200 OK\r\n"),
    "headers cut off": says(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"),
    "a body cut off": says(reply(b'{"authenticationId": "id', length=500)),
    "a body that is garbage": says(reply(b"\x00\xff\xfe\x80")),
    "a gzip bomb": says(reply(gzip.compress(b" " * 50_000_000), "200 OK", "Content-Encoding: gzip")),
    "a broken gzip": says(reply(b"\x1f\x8b\x08broken", "200 OK", "Content-Encoding: gzip")),
    "an endless body": talks_without_end,
}


@pytest.mark.parametrize("name", ANSWERED_200)
async def test_a_200_without_a_usable_body_is_maybe_sent_and_not_repeated(name: str) -> None:
    async with peer(ANSWERED_200[name]) as other:
        evidence = await sent(config(other.url))
        assert (evidence.wire, evidence.http_status) == (Wire.ANSWERED, 200)
        assert evidence.text
        assert len(evidence.body) <= BODY_CAP_BYTES
        assert decide(evidence).state is MessageState.ACCEPTED_NOID
        assert other.posts == 1


async def test_a_reply_that_drips_beyond_the_total_deadline_keeps_its_status() -> None:
    async with peer(drips) as other:
        evidence = await sent(config(other.url, total_deadline=timedelta(milliseconds=200)))
        assert (evidence.wire, evidence.http_status) == (Wire.ANSWERED, 200)
        assert decide(evidence).state is MessageState.ACCEPTED_NOID


async def test_a_whole_answer_counts_although_the_connection_breaks_afterwards() -> None:
    async with peer(says(reply(ACCEPTED, length=500))) as other:
        assert (await sent(config(other.url))).gateway_id == "id-1"


async def test_a_compressed_answer_is_read_although_it_was_not_asked_for() -> None:
    async with peer(says(reply(gzip.compress(ACCEPTED), "200 OK", "Content-Encoding: gzip"))) as other:
        assert (await sent(config(other.url))).gateway_id == "id-1"


async def test_an_answer_before_the_body_was_read_is_taken_at_once() -> None:
    too_large = says(reply(b"{}", "413 Content Too Large"), hang_up=False, read=False)
    async with peer(too_large) as other:
        evidence = await sent(config(other.url))
        assert (evidence.wire, evidence.http_status) == (Wire.ANSWERED, 413)


async def test_a_redirect_is_not_followed_and_keeps_no_cookie() -> None:
    async with (
        peer(refuses_to_be_asked) as elsewhere,
        peer(says(reply(b"", "307 Moved", f"Location: {elsewhere.url}/", "Set-Cookie: a=b"), hang_up=False)) as other,
        GatewayClient(config(other.url.replace("127.0.0.1", "localhost")), SystemClock()) as gateway,
    ):
        assert [(await gateway.send(MESSAGE)).http_status for _ in range(2)] == [307, 307]
        assert elsewhere.posts == 0
        assert not any(b"\r\ncookie:" in head.lower() for head in other.heads)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(refuses_to_be_asked) as proxy, peer(says(reply(ACCEPTED), hang_up=False)) as other:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await sent(config(other.url))).gateway_id == "id-1"
        assert proxy.heads == []


async def test_the_length_is_announced_and_nothing_is_sent_in_chunks() -> None:
    async with peer(says(reply(ACCEPTED), hang_up=False)) as other:
        await sent(config(other.url))
        head = other.heads[-1].lower()
        assert b"\r\ncontent-length: " in head
        assert b"transfer-encoding" not in head
        assert b"\r\naccept: application/json\r\n" in head
        assert other.whole_posts == 1


async def test_a_token_endpoint_out_of_reach_leaves_the_message_unsent() -> None:
    async with peer(refuses_to_be_asked) as other:
        evidence = await sent(config(other.url, f"http://127.0.0.1:{free_port()}"))
        is_never_begun(evidence)
        assert other.posts == 0


async def test_a_quota_that_cannot_be_asked_for_is_an_unavailable_gateway() -> None:
    class AtOnce(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0)

    async with peer(says(b"", read=False)) as other, GatewayClient(config(other.url), AtOnce()) as gateway:
        with pytest.raises(GatewayUnavailable, match="quota"):
            await gateway.limit()
        assert other.posts >= 4


async def test_no_log_at_debug_holds_secret_token_number_or_message(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for fault in (says(reply(ACCEPTED), hang_up=False), says(b""), says(b"garbage\r\n\r\n")):
        async with peer(fault) as other, GatewayClient(config(other.url), SystemClock()) as gateway:
            evidence = await gateway.send(MESSAGE)
            await gateway.status("id-1")
            seen = f"{caplog.text}{evidence}{evidence.body!r}"
            basic = next(line for line in other.heads[0].split(b"\r\n") if b"Basic" in line).split()[-1].decode()
            for canary in ("secret-canary", basic, "token-for-the-wire", "501102030", MESSAGE.subject):
                assert canary not in seen


def server_tls(folder: Path) -> ssl.SSLContext:
    pem = folder / "loopback.pem"
    pem.write_text(LOOPBACK_PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
