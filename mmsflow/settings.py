"""Settings: mmsflow.toml, overridden by MMSFLOW_… environment variables, as one frozen object.

Precedence: environment, then mmsflow.toml, then the defaults of ``Settings``.
"""

from __future__ import annotations

import errno
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.secret import Secret

__all__ = ["READERS", "Secret", "Settings", "find_workspace", "load_settings"]

SETTINGS_FILE = "mmsflow.toml"
ORANGE_URL = "https://apigateway-prd.orange.pl"
PROFILES = ("orange", "simulator")
LIST_SUFFIXES = (".csv", ".jsonl", ".xlsx")
_PREFIX = "MMSFLOW_"
_LARGEST_BYTES = 1_000_000
_WARSAW = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set outside the campaign files.

    Attributes (in mmsflow.toml by the same name, in the environment in upper case after ``MMSFLOW_``):
        workspace: the workspace's folder; not in mmsflow.toml.
        gateway: profile, ``orange`` or ``simulator``; empty where none was named.
        gateway_url: base URL of the gateway, without a slash at the end.
        token_url: OAuth 2.0 token address; empty means base URL + ``/oauth/v2/token``.
        client_id, client_secret: OAuth 2.0 client credentials; ``client_secret_file`` reads the secret from a file.
        ledger: ``sqlite:///PATH``; empty means ``.mmsflow/ledger.db`` in the workspace.
        in_flight: requests at a time, all runs together.
        total_deadline: longest time for one request, its reply included.
        connect_timeout: longest time to connect.
        poll_per_second: status questions a second, all runs together.
        not_found_grace: how long an unknown message id counts as "asked too early".
        quota_period: length of the quota's period; None where it is not known.
        quota_reset_time: local time at which the counter resets.
        quota_timezone: zone of the reset's date.
        attachment_headers: ``full``, or ``minimal`` for only what the operator's own example shows.
        not_processed_statuses: HTTP statuses that this gateway promises to mean "not processed".
        ca_file: own certificate authority, PEM; empty for the system's.
        proxy: explicit proxy URL; proxies of the environment are never used.
        suppression: list (CSV, JSON Lines or XLSX) of numbers that never get anything, whatever a campaign says.
        at_most: frequency cap of marketing campaigns that name none, such as ``2 in 7 days``.
        simulator_quota: requests in a period of the built-in simulator's account.
        simulator_delay: longest time until the built-in simulator's delivery report.
    """

    workspace: Path
    gateway: str = ""
    gateway_url: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    ledger: str = ""
    in_flight: int = 16
    total_deadline: timedelta = timedelta(seconds=60)
    connect_timeout: timedelta = timedelta(seconds=10)
    poll_per_second: float = 50.0
    not_found_grace: timedelta = timedelta(minutes=10)
    quota_period: timedelta | None = None
    quota_reset_time: time = time(0)
    quota_timezone: ZoneInfo = _WARSAW
    attachment_headers: str = "full"
    not_processed_statuses: tuple[int, ...] = ()
    ca_file: str = ""
    proxy: str = ""
    suppression: str = ""
    at_most: str = ""
    simulator_quota: int = 1000
    simulator_delay: timedelta = timedelta(seconds=20)

    @property
    def profile(self) -> str:
        """The gateway profile in force: as named, else ``orange`` where a URL is set.

        Raises:
            UsageError: neither is set; nothing sends to a real host by accident.
        """
        if self.gateway:
            return self.gateway
        if self.gateway_url:
            return "orange"
        raise UsageError(
            "no gateway is named",
            "set MMSFLOW_GATEWAY=simulator to try it without an account, "
            "or MMSFLOW_GATEWAY=orange with MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET",
        )

    @property
    def in_process(self) -> bool:
        """Whether the gateway is the simulator inside this process, which needs no network."""
        return self.profile == "simulator" and not self.gateway_url

    @property
    def base_url(self) -> str:
        """Where the profile's gateway is."""
        if self.in_process:
            return "http://simulator.localhost"
        return self.gateway_url or ORANGE_URL

    @property
    def credentials(self) -> tuple[str, Secret]:
        """Client id and secret; the simulator has a pair of its own.

        Raises:
            UsageError: the operator's gateway is meant, and they are not set.
        """
        if self.profile == "simulator":
            return self.client_id or "simulator", self.client_secret or Secret("simulator")
        if not self.client_id or not self.client_secret:
            raise UsageError(
                f"no credentials for the gateway at {self.base_url}",
                "set MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET (or MMSFLOW_CLIENT_SECRET_FILE)",
            )
        return self.client_id, self.client_secret

    @property
    def account(self) -> str:
        """The account that history, quota and runs belong to: client id and gateway host."""
        if self.in_process:
            return "simulator"
        return f"{self.credentials[0]}@{self.base_url.split('://', 1)[-1]}"

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{self.workspace / '.mmsflow' / 'ledger.db'}"


def find_workspace(start: Path, environ: Mapping[str, str]) -> Path:
    """The workspace: ``MMSFLOW_WORKSPACE``, else the nearest folder from ``start`` upwards with an mmsflow.toml.

    Args:
        start: a campaign file or a folder.
        environ: the process's environment.

    Returns:
        An absolute folder; the current one where no mmsflow.toml is found.
    """
    named = environ.get(_PREFIX + "WORKSPACE")
    if named:
        try:
            folder = Path(named).expanduser()
        except RuntimeError:  # `~name` of somebody who is not known here
            folder = Path(named)
        if not folder.is_dir():
            raise UsageError(f"MMSFLOW_WORKSPACE names {named}, which is not a folder", "name the workspace's folder")
        return folder.resolve()
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    return Path.cwd()


def load_settings(workspace: Path, environ: Mapping[str, str]) -> Settings:
    """Read the workspace's settings.

    Raises:
        InvalidInput: mmsflow.toml is not TOML, has unknown names or wrong values (all of them at once).
        UsageError: an environment variable has a wrong value.
    """
    values, findings = _from_toml(workspace / SETTINGS_FILE, workspace)
    if findings:
        raise InvalidInput(findings)
    overrides = _from_environment(environ)
    if "gateway_url" in overrides and "gateway" not in overrides:
        values.pop("gateway", None)  # naming a URL means that gateway, whatever profile the file prefers
    if "client_secret_file" in overrides and "client_secret" not in overrides:
        values.pop("client_secret", None)
    values |= overrides
    if "client_secret" not in values and (path := values.pop("client_secret_file", "")):
        values["client_secret"] = _secret_from_file(workspace / str(path))
    values.pop("client_secret_file", None)
    return Settings(workspace=workspace, **values)  # type: ignore[arg-type]  # each value came through its reader


def _from_toml(path: Path, workspace: Path) -> tuple[dict[str, object], list[Finding]]:
    if not path.exists():
        return {}, []
    try:
        text = _read(path)
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        return {}, [_unreadable(error)]
    values: dict[str, object] = {}
    findings: list[Finding] = []
    for name, value in table.items():
        line = _line_of(name, text)
        reader = READERS.get(name)
        if reader is None:
            near = get_close_matches(name, READERS, 1)
            fix = f"did you mean `{near[0]}`?" if near else "see the settings in the command-line reference"
            findings.append(Finding(SETTINGS_FILE, line, 1, f"unknown setting `{name}`", fix))
            continue
        try:
            values[name] = reader(value)
        except ValueError as error:
            findings.append(Finding(SETTINGS_FILE, line, 1, f"`{name}` {error}"))
    if "client_secret_file" in values:
        values["client_secret_file"] = str(workspace / str(values["client_secret_file"]))
    return values, findings


def _unreadable(error: Exception) -> Finding:
    place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
    if place is None:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return Finding(SETTINGS_FILE, 0, 0, f"cannot be read: {reason}", "mend or remove it; an empty one is valid")
    message = f"is not TOML: {str(error)[: place.start()]}"
    return Finding(SETTINGS_FILE, int(place[1]), int(place[2]), message, 'write `name = "value"`')


def _line_of(name: str, text: str) -> int:
    """1-based line of a setting or table; 0 where it is written in a way of its own."""
    pattern = re.compile(rf"""\s*\[*\s*["']?{re.escape(name)}["']?\s*[=.\]]""")
    return next((number for number, row in enumerate(text.splitlines(), 1) if pattern.match(row)), 0)


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    values: dict[str, object] = {}
    for name, reader in READERS.items():
        variable = _PREFIX + name.upper()
        if not (text := environ.get(variable)):
            continue
        try:
            values[name] = reader(text)
        except ValueError as error:
            raise UsageError(f"{variable} {error}") from None
    return values


def _read(path: Path) -> str:
    """A small text file, or what a pipe such as a shell's ``<(…)`` hands over."""
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise OSError(errno.EFBIG, f"it has more than {_LARGEST_BYTES} bytes")
    return content.decode("utf-8")


def _secret_from_file(path: Path) -> Secret:
    try:
        return Secret(_read(path).strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"the client secret cannot be read from {path}: {reason}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text")
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


READERS: Mapping[str, Callable[[object], object]] = {
    "gateway": _one_of(*PROFILES),
    "gateway_url": _url,
    "token_url": _url,
    "client_id": _text,
    "client_secret": lambda value: Secret(_text(value)),
    "client_secret_file": _text,
    "ledger": _text,
    "in_flight": _whole(1, 1024),
    "total_deadline": _duration,
    "connect_timeout": _duration,
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
    "simulator_quota": _whole(0, 10_000_000),
    "simulator_delay": _duration,
}
"""Each setting with the function that reads it from TOML or from the environment's text."""
