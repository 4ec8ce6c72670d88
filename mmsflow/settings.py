"""Settings: mmsflow.toml, overridden by MMSFLOW_… environment variables, as one frozen object.

Precedence: environment, then mmsflow.toml, then the defaults of ``Settings``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.account import SIMULATOR, default_account, is_test_account
from mmsflow.answers_file import known_accounts
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.known_accounts import KnownAccounts
from mmsflow.secret import Secret
from mmsflow.secret_file import SecretFile, read_text, why_unreadable
from mmsflow.setting_values import NOTICE_KINDS, READERS, SECRETS, as_in_the_file

__all__ = ["READERS", "Secret", "Settings", "find_workspace", "load_settings"]

SETTINGS_FILE = "mmsflow.toml"
ANSWERS = "accounts"
ORANGE_URL = "https://apigateway-prd.orange.pl"
_PREFIX = "MMSFLOW_"
_WARSAW = ZoneInfo("Europe/Warsaw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is set outside the campaign files.

    Attributes (in mmsflow.toml by the same name, in the environment in upper case after ``MMSFLOW_``):
        workspace: the workspace's folder; not in mmsflow.toml.
        gateway: profile, ``orange`` or ``simulator``; empty where none was named.
        gateway_url: base URL of the gateway, without a slash at the end.
        token_url: OAuth 2.0 token address; empty means base URL + ``/oauth/v2/token``.
        account: the account's name, or a table with ``name`` and ``test``; in here ``named_account``, empty without.
        client_id, client_secret: OAuth 2.0 client credentials; ``client_secret_file`` reads the secret from a file.
        ledger: ``sqlite:///PATH``; empty means ``.mmsflow/ledger.db`` in the workspace.
        witness: folder outside the workspace for the witness, which tells a copy of the ledger that was put back from
            the ledger that went on sending; empty for ``mmsflow`` in the user's state folder.
        in_flight: requests at a time, all runs together.
        total_deadline: longest time for one request, its reply included.
        connect_timeout: longest time to connect.
        keep_alive: whether connections are used again: ``auto`` stops by itself where they break, ``on``, ``off``.
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
        rate: submissions a second of all runs together, such as ``20/s``; no limit when not given.
        web_host, web_port: where the daemon's web page listens; port 0 takes any free one.
        web_names: host names by which the page is reached, beside the address that it listens at.
        web_token: what opens the web page, at least 20 characters; ``web_token_file`` reads it from a file.
        web_session: how long a browser stays signed in.
        log_format: of the daemon: ``console``, ``json``, or ``auto``: console on a terminal, else JSON.
        log_level: the least that the daemon logs: ``debug``, ``info``, ``warning`` or ``error``.
        retain: how long after its end a run keeps personal data; without it the daemon purges nothing.
        webhook_url: where notices are posted, https.
        webhook_secret: key of their signature; ``webhook_secret_file`` reads it from a file.
        mail_host, mail_port: the mail server that takes notices; without a host no mail is sent.
        mail_security: ``starttls``, ``tls``, or ``none`` for a server on this machine.
        mail_user, mail_password: its credentials, if any; ``mail_password_file`` reads the password from a file.
        mail_from, mail_to: addresses of the notices.
        notify: which notices go out: ``finished``, ``paused``, ``needs_person``.
        simulator_quota: requests in a period of the built-in simulator's account.
        simulator_delay: longest time until the built-in simulator's delivery report.
    """

    workspace: Path
    gateway: str = ""
    gateway_url: str = ""
    token_url: str = ""
    named_account: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    ledger: str = ""
    witness: str = ""
    in_flight: int = 16
    total_deadline: timedelta = timedelta(seconds=60)
    connect_timeout: timedelta = timedelta(seconds=10)
    keep_alive: str = "auto"
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
    rate: float | None = None
    web_host: str = "127.0.0.1"
    web_port: int = 8474
    web_names: tuple[str, ...] = ()
    web_token: Secret = field(default_factory=lambda: Secret(""))
    web_session: timedelta = timedelta(hours=12)
    log_format: str = "auto"
    log_level: str = "info"
    retain: timedelta | None = None
    webhook_url: str = ""
    webhook_secret: Secret = field(default_factory=lambda: Secret(""))
    mail_host: str = ""
    mail_port: int = 587
    mail_security: str = "starttls"
    mail_user: str = ""
    mail_password: Secret = field(default_factory=lambda: Secret(""))
    mail_from: str = ""
    mail_to: tuple[str, ...] = ()
    notify: tuple[str, ...] = NOTICE_KINDS
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
            cause="no_gateway",
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
                cause="no_credentials",
            )
        return self.client_id, self.client_secret

    @property
    def secret_files(self) -> tuple[SecretFile, ...]:
        """The secrets that are read from files, and anew whenever those have changed."""
        values = [getattr(self, name) for name in SECRETS]
        return tuple(value for value in values if isinstance(value, SecretFile))

    @property
    def account(self) -> str:
        """The account that history, quota and runs belong to: its name, or one made from profile and host.

        Raises:
            UsageError: no gateway is named.
        """
        if self.gateway == SIMULATOR and not self.gateway_url:
            return SIMULATOR
        # The name belongs to the operator's account: what goes to a simulator is not in its history.
        if self.named_account and (self.gateway != SIMULATOR or is_test_account(self.named_account)):
            return self.named_account
        return default_account(self.profile, self.base_url)

    @property
    def is_account_named(self) -> bool:
        """Whether a person has named the account in force, so that a new address or client id asks nothing."""
        return bool(self.named_account) or is_test_account(self.account)

    @property
    def known_accounts(self) -> KnownAccounts:
        """What people have said about accounts, as mmsflow.toml has it now."""
        return known_accounts(self.workspace / SETTINGS_FILE)

    def is_ours(self, account: str) -> bool:
        """Whether a name means the account in force."""
        return account in self.known_accounts.names_of(self.account)

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
            raise UsageError(
                f"MMSFLOW_WORKSPACE names {named}, which is not a folder",
                "name the workspace's folder",
                cause="no_workspace",
            )
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
    for name in SECRETS:
        if f"{name}_file" in overrides and name not in overrides:
            values.pop(name, None)
    values |= overrides
    for name in SECRETS:
        path = values.pop(f"{name}_file", "")
        if path and name not in values:
            values[name] = _secret_from_file(workspace / str(path), name)
    if "account" in values:
        values["named_account"] = values.pop("account")
    return Settings(workspace=workspace, **values)  # type: ignore[arg-type]  # each value came through its reader


def _from_toml(path: Path, workspace: Path) -> tuple[dict[str, object], list[Finding]]:
    if not path.exists():
        return {}, []
    try:
        text = read_text(path)
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        return {}, [_unreadable(error)]
    values: dict[str, object] = {}
    findings: list[Finding] = []
    for name, value in table.items():
        line = _line_of(name, text)
        reader = READERS.get(name) if name != ANSWERS else KnownAccounts.from_table
        if reader is None:
            near = get_close_matches(name, READERS, 1)
            fix = f"did you mean `{near[0]}`?" if near else "see the settings in the command-line reference"
            findings.append(Finding(SETTINGS_FILE, line, 1, f"unknown setting `{name}`", fix))
            continue
        try:
            values[name] = reader(value)
        except ValueError as error:
            findings.append(Finding(SETTINGS_FILE, line, 1, f"`{name}` {error}"))
    values.pop(ANSWERS, None)  # read anew whenever they are asked for
    for file in (f"{name}_file" for name in SECRETS):
        if file in values:
            values[file] = str(workspace / str(values[file]))
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
        text = environ.get(variable, "")
        # A secret is taken as it stands: spaces and quotes may belong to it.
        if not (text if name in SECRETS else text.strip()):
            continue
        try:
            values[name] = reader(text if name in SECRETS else as_in_the_file(text))
        except ValueError as error:
            raise UsageError(f"{variable} {error}", _forms(reader, text), cause="setting") from None
    return values


def _forms(reader: Callable[[object], object], text: str) -> str:
    """How a list or a table is written in the environment; empty for what is one value."""
    nothing: tuple[object, ...] = ([], {})
    for empty in nothing:
        try:
            reader(empty)
        except ValueError:
            continue
        if isinstance(empty, dict):
            return 'write it on one line as TOML has it, {one = "1", two = "2"}'
        unfinished = "; a bracket or quote is missing" if text.strip()[0] in "[\"'" else ""
        return f'write it as in mmsflow.toml, ["one", "two"], or with commas between, one, two{unfinished}'
    return ""


def _secret_from_file(path: Path, name: str) -> Secret:
    try:
        return SecretFile(name, path)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the {name.replace('_', ' ')} cannot be read from {path}: {why_unreadable(error)}",
            cause="secret_unreadable",
        ) from None
