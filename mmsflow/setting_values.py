"""What each setting may say: the functions that read it from TOML or from the environment's text."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from mmsflow.account import named_account
from mmsflow.secret import Secret

PROFILES = ("orange", "simulator")
LIST_SUFFIXES = (".csv", ".jsonl", ".xlsx")
NOTICE_KINDS = ("finished", "paused", "needs_person")
_RATE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?/ ?(s|min|h)", re.ASCII)
_RATE_SECONDS = {"s": 1, "min": 60, "h": 3600}
_MAIL = re.compile(r"[^\s@<>,;\"\[\]]+@[^\s@<>,;\"]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]+", re.ASCII)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return value


def as_in_the_file(text: str) -> object:
    """Read an environment variable's text: what is written as in TOML or JSON is read so, all else is the text.

    Lists, tables and quoted texts are told by how they begin: ``["a", "b"]``, ``{a = 1}``, ``"orange"``. ``true``,
    ``false`` and numbers stay texts, which the readers take. Spaces around it are dropped.
    """
    text = text.strip()
    if not text.startswith(("[", "{", '"', "'")):
        return text
    try:
        table = tomllib.loads(f"value = {text}")
        return table["value"] if len(table) == 1 else text
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text  # such as [::1], an address
    return value


def _url(value: object) -> str:
    text = _text(value).rstrip("/")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid:
        raise ValueError("must be a URL such as https://gateway.example")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user name or password; set client_id and client_secret")
    return text


def _whole(minimum: int, maximum: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return value

    return read


def _positive(value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else 0.0
    except (ValueError, OverflowError):
        number = 0.0
    if not 0 < number < 1e6:
        raise ValueError("must be a number above 0")
    return number


def _duration(value: object) -> timedelta:
    text = str(value).strip()
    for unit, seconds in {"min": 60.0, "ms": 0.001, "d": 86400.0, "h": 3600.0, "s": 1.0}.items():
        if text.endswith(unit):
            try:
                length = float(text.removesuffix(unit)) * seconds
            except ValueError:
                break
            if 0 < length <= 366 * 86400:
                return timedelta(seconds=length)
    raise ValueError("must be a duration such as 20s, 30min, 72h or 7d")


def _period(value: object) -> timedelta:
    length = _duration(value)
    if length < timedelta(seconds=1):
        raise ValueError("must be 1s or longer")
    return length


def _time_of_day(value: object) -> time:
    try:
        return value if isinstance(value, time) else time.fromisoformat(str(value))
    except ValueError:
        raise ValueError("must be a time such as 00:00") from None


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone such as Europe/Warsaw") from None


def _statuses(value: object) -> tuple[int, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("must be a list of HTTP statuses such as [502]")
    return tuple(_whole(500, 599)(item) for item in items)


def _list_path(value: object) -> str:
    text = _text(value)
    path = PurePosixPath(text)
    if path.suffix not in LIST_SUFFIXES or path.is_absolute() or ".." in path.parts:
        raise ValueError("must be a list inside the workspace such as lists/suppression.csv (or .jsonl, .xlsx)")
    return text


def _cap(value: object) -> str:
    text = _text(value).strip()
    if not re.fullmatch(r"[1-9]\d{0,3} in [1-9]\d{0,2} ?(min|h|hours?|d|days?|weeks?)", text, re.ASCII):
        raise ValueError("must be messages and a time such as 2 in 7 days, or 1 in 24h")
    return text


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            near = get_close_matches(str(value), choices, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ValueError(f"must be one of: {', '.join(choices)}{hint}")
        return str(value)

    return read


def _rate(value: object) -> float:
    match = _RATE.fullmatch(_text(value).strip())
    per_second = float(match[1]) / _RATE_SECONDS[match[2]] if match else 0.0
    if per_second <= 0:
        raise ValueError("must be a pace such as 20/s or 600/min")
    return per_second


def _host(value: object) -> str:
    text = _text(value).strip()
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host name or an address such as 127.0.0.1")
    return text


def _several(read: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    """A list of TOML, or a text with commas between, of what ``read`` takes."""

    def read_all(value: object) -> tuple[str, ...]:
        items = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(items, list):
            raise ValueError('must be a list of texts such as ["one", "two"]')
        return tuple(read(item.strip() if isinstance(item, str) else item) for item in items)

    return read_all


def _mail(value: object) -> str:
    text = _text(value).strip()
    if not _MAIL.fullmatch(text):
        raise ValueError("must be an e-mail address such as ops@example.com")
    return text


def _webhook(value: object) -> str:
    text = _url(value)
    parts = urlsplit(text)
    if parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("must be an https URL (plain http on this machine only)")
    return text


def _account(value: object) -> str:
    """A name, or a table with ``name`` and ``test``, which in the environment is written as TOML has it."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = tomllib.loads(f"account = {value}")["account"]
        except tomllib.TOMLDecodeError:
            raise ValueError('must be a name, or {name = "…", test = true}') from None
    if isinstance(value, str):
        return named_account(value)
    if not isinstance(value, Mapping) or not value.keys() <= {"name", "test"} or not isinstance(value.get("name"), str):
        raise ValueError('must be a name, or {name = "…", test = true}')
    test = value.get("test", False)
    if not isinstance(test, bool):
        raise ValueError("must say true or false as `test`")
    return named_account(value["name"], test=test)


def _secret(value: object) -> Secret:
    return Secret(_text(value))


READERS: Mapping[str, Callable[[object], object]] = {
    "gateway": _one_of(*PROFILES),
    "gateway_url": _url,
    "token_url": _url,
    "account": _account,
    "client_id": _text,
    "client_secret": _secret,
    "client_secret_file": _text,
    "ledger": _text,
    "witness": _text,
    "in_flight": _whole(1, 1024),
    "total_deadline": _duration,
    "connect_timeout": _duration,
    "keep_alive": _one_of("auto", "on", "off"),
    "poll_per_second": _positive,
    "not_found_grace": _duration,
    "quota_period": _period,
    "quota_reset_time": _time_of_day,
    "quota_timezone": _zone,
    "attachment_headers": _one_of("full", "minimal"),
    "not_processed_statuses": _statuses,
    "ca_file": _text,
    "proxy": _url,
    "suppression": _list_path,
    "at_most": _cap,
    "rate": _rate,
    "web_host": _host,
    "web_port": _whole(0, 65_535),
    "web_names": _several(_host),
    "web_token": _secret,
    "web_token_file": _text,
    "web_session": _duration,
    "log_format": _one_of("auto", "console", "json"),
    "log_level": _one_of("debug", "info", "warning", "error"),
    "retain": _period,
    "webhook_url": _webhook,
    "webhook_secret": _secret,
    "webhook_secret_file": _text,
    "mail_host": _host,
    "mail_port": _whole(1, 65_535),
    "mail_security": _one_of("starttls", "tls", "none"),
    "mail_user": _text,
    "mail_password": _secret,
    "mail_password_file": _text,
    "mail_from": _mail,
    "mail_to": _several(_mail),
    "notify": _several(_one_of(*NOTICE_KINDS)),
    "simulator_quota": _whole(0, 10_000_000),
    "simulator_delay": _duration,
}
"""Each setting with the function that reads it from TOML or from the environment's text."""

SECRETS = tuple(name for name, reader in READERS.items() if reader is _secret)
"""Settings that are secrets; of each ``NAME_file`` reads it from a file."""
