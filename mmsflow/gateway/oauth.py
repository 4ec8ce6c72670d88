"""OAuth 2.0 client credentials (RFC 6749, section 4.4): one token for all, renewed once however many wait for it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable

from mmsflow.clock import Clock
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.model import GatewayConfig, Wire
from mmsflow.gateway.transport import Exchange
from mmsflow.gateway.wire import TokenAnswer, read_oauth_error, read_token, token_problem
from mmsflow.secret import Secret
from mmsflow.secret_file import SecretFile

# RFC 6749 allows an answer without expires_in. Five minutes cost little, and a token that dies earlier is noticed
# by its 401 and renewed then.
_ASSUMED_LIFE_SECONDS = 300.0
_LONGEST_MARGIN_SECONDS = 30.0
_HOLD_OFF_SECONDS = 5.0

_CHECK_CREDENTIALS = "check MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET against what the operator gave you"
_CHECK_URL = "check MMSFLOW_TOKEN_URL; when it is not set it is the gateway's URL with /oauth/v2/token"
_TRY_AGAIN = "nothing was sent, so it is safe to try again"
_TEMPORARY = frozenset({"temporarily_unavailable", "server_error"})

Ask = Callable[[list[tuple[str, str]], bytes], Awaitable[Exchange]]
"""Makes the token call with these headers and this body."""


class TokenSource:
    """Hands out the bearer token, and renews it ahead of its end by min(30 s, life/5).

    The secret is looked up at each renewal, so that a rotated one is used from then on; a token in use stays until it
    ends or is refused. Neither the token nor the credentials appear in any message, repr or log, and no body of the
    token call is kept.
    """

    def __init__(self, config: GatewayConfig, clock: Clock, ask: Ask) -> None:
        self._config = config
        self._clock = clock
        self._ask = ask
        self._token = Secret("")
        self._renew_at = 0.0
        self._ends_at = 0.0
        self._renewal: asyncio.Task[str] | None = None
        self._worked = Secret("")  # the client secret of the last token

    async def token(self) -> str:
        """A token that is good for now.

        Raises:
            GatewayRefused: the credentials or the address are wrong.
            GatewayUnavailable: the token endpoint did not answer, or not sensibly.
        """
        if not self._token or self._clock.monotonic() >= self._renew_at:
            return await self._renewed()
        return self._token.reveal()

    async def replace(self, rejected: str) -> str:
        """A token other than the one that the gateway has just answered with 401; raises as ``token``."""
        if self._token.reveal() == rejected:
            self._token = Secret("")
        return await self.token()

    async def close(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _renewed(self) -> str:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
            # With every waiter cancelled nobody would fetch the failure, and asyncio would log it as lost.
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        # Shielded: one waiter that gives up must not take the token from the others.
        return await asyncio.shield(self._renewal)

    async def _renew(self) -> str:
        try:
            answer = await self._granted()
        except (GatewayRefused, GatewayUnavailable):
            if not self._token or self._clock.monotonic() >= self._ends_at:
                raise
            # The old token is still good for a while; the endpoint is not asked again for each message meanwhile.
            self._renew_at = self._clock.monotonic() + _HOLD_OFF_SECONDS
            return self._token.reveal()
        life = answer.life_seconds or _ASSUMED_LIFE_SECONDS
        now = self._clock.monotonic()
        self._token = Secret(answer.access_token)
        self._ends_at = now + life
        self._renew_at = self._ends_at - min(_LONGEST_MARGIN_SECONDS, life / 5)
        return answer.access_token

    async def _granted(self) -> TokenAnswer:
        """A token for the secret in force; where it is refused, for what its file holds by then or for the last one.

        A file may have been read half-written, and a new secret may be in its file before the gateway takes it.
        """
        secret = self._config.client_secret
        used = secret.reveal()
        try:
            answer = await self._fetch(used)
        except GatewayRefused as refusal:
            now = secret.read_anew() if isinstance(secret, SecretFile) else used
            other = now if now != used else self._worked.reveal()
            if refusal.cause != "credentials_refused" or other in ("", used):
                raise
            answer = await self._fetch(used := other)
        self._worked = Secret(used)
        return answer

    async def _fetch(self, secret: str) -> TokenAnswer:
        identity = f"{self._config.client_id}:{secret}"
        credentials = Secret(b64encode(identity.encode()).decode("ascii"))
        headers = [
            ("Authorization", f"Basic {credentials.reveal()}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
        exchange = await self._ask(headers, b"grant_type=client_credentials")
        if exchange.misconfigured:
            raise GatewayRefused(
                f"the token endpoint cannot be asked: {exchange.fault}", _CHECK_URL, cause="token_address"
            )
        if exchange.wire is not Wire.ANSWERED:
            raise GatewayUnavailable(
                f"the token endpoint could not be asked: {exchange.fault}", self._look_at, cause="token_unreachable"
            )
        error, description = read_oauth_error(exchange.body)
        if error:
            raise self._oauth_refusal(exchange.http_status, error, description)
        if not 200 <= exchange.http_status < 300:
            raise self._refusal(exchange.http_status)
        answer = read_token(exchange.body)
        if answer is None:
            problem = token_problem(exchange.body, exchange.content_type)
            raise GatewayUnavailable(
                f"the token endpoint's answer holds no usable token: {problem}", _CHECK_URL, cause="token_unreadable"
            )
        if answer.token_type and not answer.token_type.casefold().startswith("bearer"):
            raise GatewayRefused(
                f"the token endpoint gives tokens of the type {answer.token_type}, only Bearer can be used",
                "ask the operator for client credentials with Bearer tokens",
                cause="token_type",
            )
        return answer

    @property
    def _check_credentials(self) -> str:
        secret = self._config.client_secret
        if not isinstance(secret, SecretFile):
            return _CHECK_CREDENTIALS
        place = f"MMSFLOW_CLIENT_ID and the secret in {secret.path} against what the operator gave you"
        if not secret.trouble:
            return f"check {place}"
        return f"check {place}: the file cannot be used ({secret.trouble}), the secret from before was tried"

    @property
    def _look_at(self) -> str:
        """Where to look when nothing answers; names a setting only where it was set."""
        places = ["network", "firewall"]
        if self._config.proxy:
            places.append("the proxy")
        if self._config.token_url:
            places.append("MMSFLOW_TOKEN_URL")
        return f"look at {', '.join(places)}; {_TRY_AGAIN}"

    def _oauth_refusal(self, http_status: int, error: str, description: str) -> GatewayRefused | GatewayUnavailable:
        said = f"the token endpoint answered {http_status} with the error {error}"
        said += f": {description}" if description else ""
        if error in _TEMPORARY or http_status >= 500 or http_status in (408, 425, 429):
            return GatewayUnavailable(said, _TRY_AGAIN, cause="token_out_of_order")
        return GatewayRefused(said, self._check_credentials, cause="credentials_refused")

    def _refusal(self, http_status: int) -> GatewayRefused | GatewayUnavailable:
        said = f"the token endpoint answered {http_status}"
        if http_status in (400, 401, 403):
            said = f"{said}: it refuses the client credentials"
            return GatewayRefused(said, self._check_credentials, cause="credentials_refused")
        if http_status >= 500 or http_status in (408, 425, 429):
            return GatewayUnavailable(f"{said}: it is out of order for now", self._look_at, cause="token_out_of_order")
        return GatewayRefused(f"{said}: it does not seem to be one", _CHECK_URL, cause="token_address")
