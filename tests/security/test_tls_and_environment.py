"""Who the gateway is: verified by certificate and host name, and nothing of the environment changes that."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from mmsflow.clock import SystemClock
from mmsflow.errors import UsageError
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import Evidence, GatewayConfig, OutgoingMessage, Wire
from mmsflow.secret import Secret

from .certificates import Authority
from .hostile_gateway import BASIC, CLIENT_ID, SECRET, TOKEN, HostileGateway, serving

MESSAGE = OutgoingMessage("+48501102030", "Kod", "ACME", "Normal", True)
LONG_AGO = ("20200101000000Z", "20210101000000Z")
NOT_YET = ("20970101000000Z", "20990101000000Z")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


async def send(url: str, ca_file: Path | str = "", sends: int = 1) -> Evidence:
    """What becomes of a message; the hostile gateway refuses the first token call and is asked again."""
    config = GatewayConfig(
        base_url=url,
        client_id=CLIENT_ID,
        client_secret=Secret(SECRET),
        in_flight=1,
        total_deadline=timedelta(seconds=20),
        connect_timeout=timedelta(seconds=10),
        ca_file=str(ca_file),
    )
    async with GatewayClient(config, SystemClock()) as client:
        for _ in range(sends):
            evidence = await client.send(MESSAGE)
    return evidence


async def refused(tls: ssl.SSLContext, ca_file: Path | str = "") -> str:
    """Why nothing was sent to a server with this certificate, after making sure that nothing at all was."""
    with serving(HostileGateway(), tls) as gateway:
        evidence = await send(gateway.url, ca_file)
    assert (evidence.wire, gateway.asked, gateway.credentials) == (Wire.NOT_BEGUN, [], [])
    return evidence.text.lower()


async def test_our_own_authority_is_trusted_where_the_setting_names_it(authority: Authority) -> None:
    with serving(HostileGateway(), authority.server("IP:127.0.0.1")) as gateway:
        evidence = await send(gateway.url, authority.certificate, sends=2)
    assert evidence.http_status == 200
    assert gateway.credentials == [f"Basic {BASIC}", f"Basic {BASIC}", f"Bearer {TOKEN}"]


async def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_secret_is_told(authority: Authority) -> None:
    assert "self-signed" in await refused(authority.self_signed(), authority.certificate)
    assert "certificate" in await refused(authority.server("IP:127.0.0.1"))


async def test_an_expired_certificate_and_one_of_the_future_are_refused(authority: Authority) -> None:
    assert "expired" in await refused(authority.server("IP:127.0.0.1", dates=LONG_AGO), authority.certificate)
    assert "not yet valid" in await refused(authority.server("IP:127.0.0.1", dates=NOT_YET), authority.certificate)


@pytest.mark.parametrize("name", ["DNS:gateway.example", "IP:127.0.0.2", "DNS:127.0.0.1.example"])
async def test_a_certificate_for_another_host_is_refused(authority: Authority, name: str) -> None:
    assert "mismatch" in await refused(authority.server(name), authority.certificate)


async def test_an_authority_in_the_environment_is_not_trusted_and_keys_are_not_logged(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(authority.folder))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert "certificate" in await refused(authority.server("IP:127.0.0.1"))
    assert not (tmp_path / "keys").exists()


async def test_proxies_and_passwords_of_the_environment_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login thief password hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(HostileGateway()) as thief, serving(HostileGateway()) as gateway:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, thief.url)
            monkeypatch.setenv(name.upper(), thief.url)
        evidence = await send(gateway.url, sends=2)
    assert evidence.http_status == 200
    assert thief.asked == []
    assert set(gateway.credentials) == {f"Basic {BASIC}", f"Bearer {TOKEN}"}


async def test_a_redirect_is_never_followed_and_the_token_stays_here() -> None:
    with serving(HostileGateway()) as thief, serving(HostileGateway(redirect_to=thief.url)) as gateway:
        evidence = await send(gateway.url, sends=2)
    assert evidence.http_status == 302
    assert thief.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example",
        "http://10.0.0.1",
        "http://[fe80::1]",
        "http://127.0.0.1.example",
        "http://0.0.0.0",
        "http://localhost.example",
        "https://user:hunter2@gateway.example",
        "https://gateway.example?to=elsewhere",
        "file:///etc/passwd",
        "gopher://127.0.0.1",
        "//127.0.0.1",
    ],
)
@pytest.mark.parametrize("setting", ["base_url", "token_url"])
def test_no_address_but_https_or_loopback_is_a_gateway(url: str, setting: str) -> None:
    urls = {"base_url": "http://127.0.0.1:9"} | {setting: url}
    with pytest.raises(UsageError) as caught:
        GatewayClient(
            GatewayConfig(client_id="x", client_secret=Secret("x"), **urls),  # type: ignore[arg-type]
            SystemClock(),
        )
    assert "hunter2" not in caught.value.message + caught.value.advice


@pytest.mark.parametrize("content", ["", "no certificate", None])
def test_an_authority_that_cannot_be_read_is_a_usage_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    config = GatewayConfig(base_url="https://127.0.0.1:9", client_id="x", client_secret=Secret("x"), ca_file=str(path))
    with pytest.raises(UsageError, match="certificate authority"):
        GatewayClient(config, SystemClock())
