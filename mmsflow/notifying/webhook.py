"""Notices as signed HTTP requests, after the Standard Webhooks specification; the only HTTP beside the gateway's.

The transport is driven directly, without a client around it: no redirects, cookies, environment proxies, retries or
logging of URLs exist on this path. Of the reply its status alone is read, so its body can be of any size.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from mmsflow.clock import Clock
from mmsflow.errors import UsageError
from mmsflow.gateway.trust import context_for
from mmsflow.notifying.model import Letter, NotPosted
from mmsflow.notifying.wording import buckets_of, plain, subject_of
from mmsflow.secret import Secret, blotted
from mmsflow.secret_file import SecretFile

_DEADLINE = timedelta(seconds=20)
_PREFIX = "whsec_"
_LEAST_KEY_BYTES = 16
_GONE = 410
_MOVED = "redirects are not followed: set `webhook_url` to where it leads"
_ADVICE = {
    **dict.fromkeys((301, 302, 307, 308), _MOVED),
    401: "see whether the receiver has the same `webhook_secret`",
    404: "see whether `webhook_url` is right",
    _GONE: "it wants no further notices: remove `webhook_url`, or name another one",
}


class Webhook:
    """Posts letters to one URL.

    Args:
        url: https, or http to this machine.
        secret: ``whsec_`` and base64, or any text of at least 16 bytes; looked up for each letter.
        clock: for the instant that is signed.
        ca_file, proxy: as the gateway's.
        deadline: for one attempt, from the first connection to the reply's status.

    Raises:
        UsageError: the secret, the proxy or the certificate authority cannot be used.
    """

    name = "webhook"

    def __init__(
        self,
        url: str,
        secret: Secret,
        clock: Clock,
        *,
        ca_file: str = "",
        proxy: str = "",
        deadline: timedelta = _DEADLINE,
    ) -> None:
        self._url, self._clock = url, clock
        _key(secret.reveal())
        self._secret = secret
        if isinstance(secret, SecretFile):
            secret.must_satisfy(_complaint)
        self._context = context_for(ca_file, url, proxy)
        self._proxy = _proxied(proxy, ca_file)
        self._seconds = deadline.total_seconds()
        self.target = urlsplit(url).netloc

    async def send(self, letter: Letter) -> str:
        """Post a letter; see Channel."""
        body = payload(letter)
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "user-agent": "mmsflow",
            "accept-encoding": "identity",
            "webhook-id": letter.id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(_key(self._secret.reveal()), letter.id, stamp, body),
        }
        status = await self._status_of(httpx.Request("POST", self._url, headers=headers, content=body))
        if not 200 <= status < 300:
            raise NotPosted(f"{self.target} answered {status}", _ADVICE.get(status, ""), for_good=status == _GONE)
        return ""

    async def _status_of(self, request: httpx.Request) -> int:
        request.extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)}
        transport = httpx.AsyncHTTPTransport(
            verify=self._context, proxy=self._proxy, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        try:
            async with asyncio.timeout(self._seconds), transport:
                reply = await transport.handle_async_request(request)
                await reply.aclose()
                return reply.status_code
        except TimeoutError:
            raise NotPosted(f"{self.target} did not answer within {self._seconds:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            # From None: the request, which the error holds, has the URL with all that is secret in it.
            raise NotPosted(f"{self.target} was not reached: {plain(blotted(_said(error)))}") from None


def payload(letter: Letter) -> bytes:
    """The body: JSON as ``docs/notifications.md`` promises it."""
    data = {
        "kind": str(letter.kind),
        "campaign": letter.campaign or None,
        "run": letter.run or None,
        "title": subject_of(letter),
        "text": plain(letter.text),
        "advice": plain(letter.advice) or None,
        "rows": letter.rows,
        "buckets": buckets_of(letter),
        "url": letter.link or None,
        "cause": letter.cause or None,
    }
    at = letter.at.isoformat(timespec="seconds").replace("+00:00", "Z")
    document = {"type": f"notice.{letter.kind}", "timestamp": at, "data": data}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signature(key: bytes, number: str, stamp: str, body: bytes) -> str:
    """``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    signed = b".".join((number.encode(), stamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _complaint(text: str) -> str:
    """Why a text cannot be the secret; empty where it can."""
    try:
        _key(text)
    except UsageError as error:
        return error.message
    return ""


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text[len(_PREFIX) :], validate=True) if text.startswith(_PREFIX) else text.encode()
    except (binascii.Error, ValueError):
        raise UsageError(
            f"webhook_secret is not base64 after {_PREFIX}",
            f"write {_PREFIX} and the base64 of 24 to 64 random bytes, or a text without that beginning",
        ) from None
    if len(key) < _LEAST_KEY_BYTES:
        fix = "make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`"
        raise UsageError(f"webhook_secret has less than {_LEAST_KEY_BYTES} bytes", fix)
    return key


def _proxied(url: str, ca_file: str) -> httpx.Proxy | None:
    if not url:
        return None
    try:
        return httpx.Proxy(url, ssl_context=context_for(ca_file, url) if url.startswith("https") else None)
    except (httpx.InvalidURL, ValueError):
        # The text is not repeated, it may hold a password.
        raise UsageError("the proxy is no http or https URL", "write `proxy` as http://host:port") from None


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
