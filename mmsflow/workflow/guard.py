"""Is this the ledger that knows what was sent? Run markers beside the campaign, and campaigns long past their time.

A fresh clone, a lost ledger and one restored from a backup all look as if nothing, or less, had been sent. So every
run leaves a marker in ``campaigns/.runs/``, to be committed with the campaign. It holds no personal data, and a ledger
that knows less than the marker says does not send until a person decides.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mmsflow.account import renamed_accounts
from mmsflow.delivery.rules import RunRules
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.private_files import private_draft
from mmsflow.workflow.blocking import Blocker

LONG_PAST = timedelta(days=7)
_MOST_BYTES = 1 << 20
_VERSION = 2
_EXPLAINED = "every run leaves it there, so that a lost or restored ledger cannot send a second time"


@dataclass(frozen=True, slots=True)
class Marker:
    """What a campaign's latest run on one account left behind.

    Attributes:
        run: its id.
        ledger: which ledger knows it.
        fence: how often it was taken up.
        events: the number of the newest step in its history.
        campaign_sha256: of the campaign file that it was frozen with.
    """

    run: str
    ledger: str
    fence: int
    events: int
    campaign_sha256: str


def marker_path(campaign_file: Path, campaign: str) -> Path:
    """``campaigns/.runs/NAME.json`` for ``campaigns/FILE.yaml``."""
    return campaign_file.parent / ".runs" / f"{campaign}.json"


def markers_of(campaign_file: Path, campaign: str) -> list[Marker]:
    """The markers of a campaign's latest runs, one for each account; none where they cannot be read."""
    return list(marked_runs(campaign_file, campaign).values())


def marker_blocker(
    ledger: LedgerReader, account: str, campaign: str, campaign_file: Path, *, adopted: bool = False
) -> Blocker | None:
    """Compare the ledger with the marker of the campaign's latest run on this account.

    Args:
        adopted: a person has said that this ledger is the one from now on. Who had a run that it does not hold at all
            is not known even then, so the campaign is not begun anew.

    Returns:
        What blocks where the ledger knows less than the marker says, or the marker cannot be read.
    """
    path = marker_path(campaign_file, campaign)
    cause = "ledger_behind_marker"
    try:
        marker = _read(path).get(account)
        problem = None if marker is None else _problem(ledger, marker)
    except ValueError as error:
        marker, problem, cause = None, f"its marker cannot be read ({error})", "marker_unreadable"
    if problem is None:
        return None
    if adopted:
        lost = marker is not None and marker.ledger == ledger.identity() and ledger.find_run(marker.run) is None
        return _lost(marker, path) if marker is not None and lost else None
    return Blocker(
        cause,
        f"this ledger may not know what {campaign} has sent already: {problem} (see {path})",
        f"{_EXPLAINED}. Bring back the right ledger with MMSFLOW_LEDGER or from a backup; or, if you know what you "
        "are doing, add --adopt (this ledger is the one from now on) or --again (a new run to everybody)",
    )


def _lost(marker: Marker, path: Path) -> Blocker:
    return Blocker(
        "run_lost",
        f"{marker.run} is not in this ledger, which goes on from an older copy (see {path})",
        "who had a message of it is not known here. --again sends the campaign to everybody, perhaps a second time",
    )


def marked_runs(campaign_file: Path, campaign: str) -> dict[str, Marker]:
    """Load the markers of the campaign's latest runs by account; empty where they cannot be read."""
    try:
        return _read(marker_path(campaign_file, campaign))
    except ValueError:
        return {}


def leave_marker(ledger: LedgerReader, run: RunInfo, campaign_file: Path) -> None:
    """Write down that this ledger carries the run out; before its first message and again when it comes to rest.

    A test run leaves none, and of an older run than the marker's nothing is noted.

    Raises:
        LedgerError: the marker cannot be written, so nothing may be sent.
    """
    if run.test:
        return
    path = marker_path(campaign_file, run.campaign)
    current = ledger.find_run(run.run) or run
    mine = Marker(run.run, ledger.identity(), current.fence, ledger.last_event(run.key), run.campaign_sha256)
    markers: dict[str, Marker] = {}
    with suppress(ValueError):  # a person has just decided that what stood there does not count
        markers = _read(path)
    names = ledger.names_of(run.account)
    newer = [marker for name in names if (marker := markers.get(name)) and marker.ledger == mine.ledger]
    if any(marker.run != mine.run for marker in newer) and _is_older(ledger, run):
        return
    # One account has one latest run: what an earlier name of it says has been followed, or decided about.
    others = {name: marker for name, marker in markers.items() if name not in names}
    _write(path, run.campaign, others | {run.account: mine})


def long_past(ledger: LedgerReader, run: RunInfo, now: datetime) -> str:
    """Why a person should look first before an unfinished run goes on; empty where nothing speaks against it.

    A restored snapshot or a machine that was switched off for weeks must not send a campaign that nobody expects any
    more. What counts is when the run should have begun, was last heard of, or was to go on by itself after the quota's
    reset or for its window, whichever is latest.
    """
    rules = RunRules.from_config(run.config)
    if rules.not_after is not None and now >= rules.not_after:
        return ""  # nothing is sent any more; the rest becomes not_sent
    heard = [run.created_at, run.updated_at, rules.start]
    heard += [run.resumes_at] if run.resumes_at else []
    heard += [event.at for event in ledger.run_events(run.key)[-1:]]
    idle = now - max(heard)
    if idle <= LONG_PAST:
        return ""
    return f"{run.run} was last carried out {idle.days} days ago"


def start_long_past(start: datetime | None, now: datetime) -> str:
    """The same for a run that is about to begin: its campaign's start lies far back."""
    if start is None or now - start <= LONG_PAST:
        return ""
    return f"the campaign's start was {(now - start).days} days ago"


def _is_older(ledger: LedgerReader, run: RunInfo) -> bool:
    newest = ledger.runs(account=run.account, campaign=run.campaign, tests=False, limit=1)
    return bool(newest) and newest[0].key != run.key


def _problem(ledger: LedgerReader, marker: Marker) -> str | None:
    """What the ledger does not know; None when it knows all that the marker says."""
    if ledger.identity() != marker.ledger:
        return f"{marker.run} was carried out with another ledger"
    run = ledger.find_run(marker.run)
    if run is None:
        return f"it does not hold {marker.run}, as if it were an older copy"
    if run.fence < marker.fence:
        return f"{marker.run} was taken up {marker.fence} times, here only {run.fence} times, as in an older copy"
    if ledger.last_event(run.key) < marker.events:
        return f"it lacks the end of the history of {marker.run}, as an older copy would"
    return None


def _read(path: Path) -> dict[str, Marker]:
    """The markers of a campaign by account; ValueError where the file holds something else."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(error.strerror) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    accounts = document.get("accounts") if isinstance(document, dict) else None
    if not isinstance(accounts, dict):
        raise ValueError("it names no accounts")
    # Earlier versions had the client id in an account's name, and no version in the marker.
    renamed = renamed_accounts(accounts) if "version" not in document else {}
    return {renamed.get(str(account), str(account)): _marker(facts) for account, facts in accounts.items()}


def _marker(facts: object) -> Marker:
    if not isinstance(facts, Mapping):
        raise ValueError("an account in it is no list of facts")
    try:
        run, ledger, digest = (str(facts[name]) for name in ("run", "ledger", "campaign_sha256"))
        return Marker(run, ledger, int(str(facts["fence"])), int(str(facts["events"])), digest)
    except KeyError as error:
        raise ValueError(f"it lacks {error}") from None


def _write(path: Path, campaign: str, markers: Mapping[str, Marker]) -> None:
    accounts = {account: asdict(marker) for account, marker in markers.items()}
    document = {"version": _VERSION, "campaign": campaign, "accounts": accounts}
    text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with private_draft(path, errors="strict", mode=0o644) as file:
            file.write(text)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise LedgerError(
            f"the run's marker {path} cannot be written: {error.strerror}; nothing was sent",
            f"Make the folder writable for you: {_EXPLAINED}.",
            cause="marker_not_written",
        ) from error
