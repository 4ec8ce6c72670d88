"""Addresses of the settings: the gateway's and the proxy's, read, or refused with a reason."""

from __future__ import annotations

import re
from base64 import b64encode
from ipaddress import ip_address

import httpx

from mmsflow.errors import UsageError
from mmsflow.gateway.wire import one_line

Url = httpx.URL

_HOST = re.compile(rb"[a-z0-9._:-]+")


def checked_url(text: str, name: str, *, local: bool = False) -> Url:
    """Read an address of the settings.

    Args:
        text: the URL; name: the setting it comes from, for messages.
        local: an application in this process answers, so that any host and scheme will do.

    Raises:
        UsageError: no http(s) URL, not encrypted off loopback, or with credentials, query or fragment in it.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, ValueError) as error:
        raise UsageError(f"{name} is no usable URL: {one_line(str(error))}", f"correct {name}") from None
    if url.scheme not in ("http", "https") or not _HOST.fullmatch(url.raw_host):
        raise UsageError(f"{name} is no http or https URL", f"write {name} as https://host")
    if url.userinfo or url.query or url.fragment:
        raise UsageError(
            f"{name} holds credentials, a query or a fragment", "give the credentials by their own settings"
        )
    if url.scheme == "http" and not local and not _is_loopback(url.host):
        raise UsageError(
            f"{name} is plain http to {url.host}; credentials and messages would travel in the open",
            f"write {name} with https; plain http is for loopback only",
        )
    return url


def _is_loopback(host: str) -> bool:
    host = host.rstrip(".")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def checked_proxy(url: str) -> httpx.Proxy | None:
    """Read a proxy of the settings; None where there is none.

    Raises:
        UsageError: no http(s) URL.
    """
    if not url:
        return None
    try:
        proxy = httpx.Proxy(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        # The text is not repeated, it may hold a password.
        raise UsageError("the proxy is no http or https URL", "write `proxy` as http://host:port")
    if proxy.raw_auth is None:
        return proxy
    # As a header, because the way on which httpx-aiohttp 0.2 hands credentials on is deprecated in aiohttp 3.14.
    identity = b64encode(b":".join(proxy.raw_auth)).decode("ascii")
    return httpx.Proxy(proxy.url, headers={"Proxy-Authorization": f"Basic {identity}"})
