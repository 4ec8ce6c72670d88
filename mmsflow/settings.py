"""Settings: mmsflow.toml, overridden by MMSFLOW_… environment variables, as one frozen object.

Precedence: environment, then mmsflow.toml, then the defaults here. ``client_secret`` may also come from a file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from mmsflow.errors import Finding, InvalidInput, UsageError

SETTINGS_FILE = "mmsflow.toml"
ORANGE_URL = "https://apigateway-prd.orange.pl"
PROFILES = ("orange", "simulator")


class Secret:
    """A text that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set outside the campaign files.

    Attributes (the name in mmsflow.toml; upper case with ``MMSFLOW_`` in front in the environment):
        gateway: profile, ``orange`` or ``simulator``; empty when it was not named.
        gateway_url: base URL, no slash at the end.
        token_url: OAuth 2.0 token address; base URL + ``/oauth/v2/token`` when empty.
        client_id, client_secret: OAuth 2.0 client credentials.
        ledger: ``sqlite:///PATH``.
        in_flight: requests at a time, all runs together.
        quota_period: length of the quota's period; None when it is not known.
        quota_reset_time: local time at which the counter resets.
        quota_timezone: zone of the reset's date.
        attachment_headers: ``full``, or ``minimal`` for only what the operator's own example shows.
        not_processed_statuses: HTTP statuses that this gateway promises to mean "not processed".
        total_deadline: longest time for one request, reply included.
        connect_timeout: longest time to connect.
        poll_per_second: status questions a second, all runs together.
        not_found_grace: how long an unknown message id counts as "asked too early".
        ca_file: own certificate authority, PEM; empty for the system's.
        proxy: explicit proxy URL; proxies of the environment are never used.
        simulator_delay: seconds from which and to which the built-in simulator's delivery reports come.
    """

    workspace: Path
    gateway: str = ""
    gateway_url: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    ledger: str = ""
    in_flight: int = 16
    quota_period: timedelta | None = None
    quota_reset_time: time = time(0)
    quota_timezone: ZoneInfo = ZoneInfo("Europe/Warsaw")
    attachment_headers: str = "full"
    not_processed_statuses: tuple[int, ...] = ()
    total_deadline: timedelta = timedelta(seconds=60)
    connect_timeout: timedelta = timedelta(seconds=10)
    poll_per_second: float = 50.0
    not_found_grace: timedelta = timedelta(minutes=10)
    ca_file: str = ""
    proxy: str = ""
