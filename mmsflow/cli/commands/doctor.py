"""``mmsflow doctor``: what is wrong with this set-up, and how to mend it."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from mmsflow import __version__
from mmsflow.cli.output import paint, print_json, tell
from mmsflow.cli.session import Session
from mmsflow.errors import Finding, InvalidInput, MmsflowError, UsageError
from mmsflow.gateway.model import QuotaReply
from mmsflow.gateway.wire import masked
from mmsflow.notifying.channels import channels_of
from mmsflow.notifying.model import Channel, NotPosted
from mmsflow.notifying.outbox import trial_letter
from mmsflow.settings import SETTINGS_FILE
from mmsflow.wiring import open_gateway, reading_ledger
from mmsflow.workflow.purge import refuse_short_memory
from mmsflow.workflow.revision import is_tracked

_LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Check:
    what: str
    good: bool
    found: str
    fix: str = ""
    exit_code: int = 0


def doctor(*, notify: bool = False, as_json: bool) -> int:
    """Look at everything that can be looked at; returns the exit code of the first thing that is wrong.

    Args:
        notify: also send a test notice by each channel, now.
    """
    checks = [_versions()]
    try:
        session = Session.start()
    except MmsflowError as error:
        finding = (
            error.findings[0] if isinstance(error, InvalidInput) else Finding("", 0, 0, error.message, error.advice)
        )
        checks.append(
            _Check("settings", False, f"{finding.place} {finding.message}".strip(), finding.fix, error.exit_code)
        )
    else:
        checks += [_workspace(session), _secret(session)]
        for what, look in (("gateway", _gateway), ("quota", _quota), ("ledger", _ledger), ("answers", _answers)):
            checks.append(_try(what, look, session))
        checks += [_try("retention", _retention, session), _try("notices", _notices, session)]
        if notify:
            checks += _notified(session)
    if as_json:
        print_json({"checks": [{"what": c.what, "good": c.good, "found": c.found, "fix": c.fix} for c in checks]})
    else:
        for check in checks:
            mark = paint("✓", "good", sys.stdout) if check.good else paint("✗", "error", sys.stdout)
            tell(f"{mark} {check.what:<10} {check.found}")
            if check.fix:
                tell(f"  {'':<10} {paint('fix', 'fix', sys.stdout)}  {check.fix}")
    return next((check.exit_code for check in checks if not check.good), 0)


def _versions() -> _Check:
    found = f"mmsflow {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return _Check("versions", True, found)


def _workspace(session: Session) -> _Check:
    has_settings = (session.workspace / SETTINGS_FILE).is_file()
    campaigns = len(list((session.workspace / "campaigns").glob("*.yaml")))
    found = f"{session.workspace}, {campaigns} campaign files" + ("" if has_settings else f", no {SETTINGS_FILE}")
    fix = (
        ""
        if has_settings
        else f"an empty {SETTINGS_FILE} marks the folder as a workspace; `mmsflow init DIR` makes a new one"
    )
    return _Check("workspace", has_settings, found, fix, UsageError.exit_code)


def _secret(session: Session) -> _Check:
    if not session.settings.client_secret:
        return _Check("secret", True, "none set")
    in_environment = any(os.environ.get(name) for name in ("MMSFLOW_CLIENT_SECRET", "MMSFLOW_CLIENT_SECRET_FILE"))
    if not in_environment and is_tracked(session.workspace, SETTINGS_FILE) and _names_secret(session):
        fix = f"remove it from {SETTINGS_FILE} and its history, change it, and set MMSFLOW_CLIENT_SECRET_FILE instead"
        return _Check("secret", False, f"it stands in {SETTINGS_FILE}, which git tracks", fix, UsageError.exit_code)
    return _Check("secret", True, "set")


def _names_secret(session: Session) -> bool:
    text = (session.workspace / SETTINGS_FILE).read_text("utf-8")
    return any(line.split("=")[0].strip() == "client_secret" for line in text.splitlines())


def _try(what: str, look: Callable[[Session], str], session: Session) -> _Check:
    try:
        return _Check(what, True, look(session))
    except MmsflowError as error:
        return _Check(what, False, error.message, error.advice, error.exit_code)


def _gateway(session: Session) -> str:
    settings = session.settings
    host = "in this process" if settings.in_process else settings.base_url
    return f"{settings.profile} {host}, account {settings.account}"


def _quota(session: Session) -> str:
    async def ask() -> str:
        async with open_gateway(session.settings, session.clock) as gateway:
            reply = await gateway.limit()
        figures = f"{reply.used} used, {reply.available} available, {_reset(reply)}"
        return f"answers: {figures}; as answered: {masked(reply.body)}"

    return asyncio.run(ask())


def _reset(reply: QuotaReply) -> str:
    return f"reset date {reply.raw_date or 'missing'}"


def _ledger(session: Session) -> str:
    with reading_ledger(session.settings) as ledger:
        runs, holder = len(ledger.runs()), ledger.holder()
        held = f", written by process {holder.pid} ({holder.command})" if holder else ""
        return f"{session.settings.ledger_url}, {runs} runs{held}"


def _answers(session: Session) -> str:
    """The newest raw answers that the ledger has, masked: what the operator's document does not show."""
    with reading_ledger(session.settings) as ledger:
        found = ledger.newest_answers()
    shown = [f"{name} {masked(body.encode('utf-8', 'replace'))}" for name, body in found.items()]
    return "; ".join(shown) or "no send and no status was answered yet"


def _retention(session: Session) -> str:
    retain = session.settings.retain
    if retain is None:
        return "personal data are kept until `mmsflow purge`"
    refuse_short_memory(session.settings)
    days = f"{retain / timedelta(days=1):g} days"
    return f"personal data are removed {days} after a run's end, by the daemon or `mmsflow purge`"


def _notices(session: Session) -> str:
    channels = channels_of(session.settings, session.clock)
    if not channels:
        return "none set up: nobody is told when a run ends or needs a person"
    kinds = ", ".join(session.settings.notify) or "no kind"
    ways = "; ".join(f"{channel.name} to {channel.target}" for channel in channels)
    with reading_ledger(session.settings) as ledger:
        lost = ledger.posts_given_up(session.clock.now() - _LATELY)
    if lost:
        channel, error = lost[0]
        advice = "mend it, then try it with `mmsflow doctor --notify`"
        raise NotPosted(f"{len(lost)} given up in the last week, the newest by {channel}: {error}", advice)
    return f"{ways} ({kinds})"


def _notified(session: Session) -> list[_Check]:
    try:
        channels = channels_of(session.settings, session.clock)
    except MmsflowError:
        return []  # said above
    if not channels:
        return [_Check("notify", False, "there is no channel to try", "set webhook_url or mail_host", 2)]
    return [_try("notify", partial(_tried, channel), session) for channel in channels]


def _tried(channel: Channel, session: Session) -> str:
    remark = asyncio.run(channel.send(trial_letter(session.clock)))
    return f"a test notice went out by {channel.name} to {channel.target}{f'; {remark}' if remark else ''}"
