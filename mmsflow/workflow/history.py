"""Questions about the past and the present: status, runs, one recipient's story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

from mmsflow.errors import UsageError
from mmsflow.ledger.model import ReportRow, RunInfo, Story
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.msisdn import BadNumber, mask_in_text, parse_msisdn
from mmsflow.report.moments import zone_of


def find_run(ledger: LedgerReader, name: str) -> RunInfo:
    """The run of that id.

    Raises:
        UsageError: there is none; the nearest ids are named.
    """
    run = ledger.find_run(name)
    if run is not None:
        return run
    known = [each.run for each in ledger.runs()]
    near = [each for each in known if name and (each.startswith(name) or name in each)][:3]
    fix = f"did you mean {' or '.join(near)}?" if near else "`mmsflow runs` lists them"
    raise UsageError(f"there is no run {name}", fix, cause="unknown_run")


def shown_state(run: RunInfo, *, held: bool) -> str:
    """The run's state for people: one that should be running while nobody carries it out was interrupted."""
    if run.state.is_under_way and not held:
        return "interrupted"
    return run.state.value


def run_as_json(ledger: LedgerReader, run: RunInfo, *, held: bool) -> dict[str, object]:
    """One run as ``status --json`` promises it; instants are ISO 8601 with offset.

    Args:
        held: whether some process carries runs of this ledger out right now.
    """
    zone = zone_of(run.config)
    progress, not_sent = ledger.wave_progress(run.key), ledger.waves_not_sent(run.key)
    return {
        "run": run.run,
        "campaign": run.campaign,
        "account": run.account,
        "test": run.test,
        "state": shown_state(run, held=held),
        "paused_by": run.paused_by.value,
        "reason": run.reason,
        "cause": run.cause or ("interrupted" if shown_state(run, held=held) == "interrupted" else ""),
        "resumes_at": iso(run.resumes_at, zone),
        "due_at": iso(run.due_at, zone),
        "created_at": iso(run.created_at, zone),
        "updated_at": iso(run.updated_at, zone),
        "approval": _approval(ledger, run, zone),
        "begun_by": ledger.begun_by(run.key) or None,
        "purged_at": iso(run.purged_at, zone),
        "rows": run.rows,
        "buckets": {bucket.value: rows for bucket, rows in ledger.bucket_counts(run.key).items()},
        "shared_ids": ledger.shared_ids(run.key),
        "waiting_for_reports": ledger.outstanding(run.key) if run.delivery_report else 0,
        "waves": [
            {
                "number": wave.number,
                "starts_at": iso(wave.starts_at, zone),
                "size": wave.size,
                "done": progress.get(wave.number, 0),
                "not_sent": not_sent.get(wave.number, 0),
            }
            for wave in ledger.waves(run.key)
        ],
    }


def _approval(ledger: LedgerReader, run: RunInfo, zone: tzinfo) -> dict[str, object] | None:
    approval = ledger.approval_for(run.key)
    return {"by": approval.who, "at": iso(approval.at, zone)} if approval else None


def stories_as_json(ledger: LedgerReader, number: str, *, show_numbers: bool = True) -> dict[str, object]:
    """One recipient's story over all runs, newest first; ``purged_runs`` counts those of which nobody knows any more.

    Args:
        number: as people write it.
        show_numbers: leave the number as it is in what was sent and what the gateway said. ``number`` is always full.

    Raises:
        UsageError: the number cannot be read.
    """
    msisdn = parse_msisdn(number)
    if isinstance(msisdn, BadNumber):
        raise UsageError(f"that is no number we could have sent to: {msisdn.explanation}", cause="number_unreadable")

    def seen(text: str) -> str:
        return text if show_numbers else mask_in_text(text, msisdn)

    stories = [_story(ledger, story, seen) for story in ledger.stories(msisdn)]
    forgotten = sum(run.purged_at is not None for run in ledger.runs())
    return {"number": msisdn, "stories": stories, "purged_runs": forgotten}


def _story(ledger: LedgerReader, story: Story, seen: Callable[[str], str]) -> dict[str, object]:
    run, row, events = story
    zone = zone_of(run.config)
    return {
        "run": run.run,
        "campaign": run.campaign,
        "account": run.account,
        "approval": _approval(ledger, run, zone),
        "source": row.source,
        "row": row.row,
        "bucket": row.bucket.value,
        "status": row.status,
        "reason": seen(row.reason),
        "gateway_id": row.gateway_id,
        "subject": seen(row.subject),
        "consent": _evidence(run, row),
        "events": [
            {
                "at": iso(event.at, zone),
                "attempt": event.attempt,
                "from": event.old,
                "to": event.new,
                "reason": seen(event.reason),
                "detail": {name: seen(fact) if isinstance(fact, str) else fact for name, fact in event.detail.items()},
            }
            for event in events
        ],
    }


def _evidence(run: RunInfo, row: ReportRow) -> dict[str, str]:
    """The cells that prove the consent, by their columns; empty where none was asked."""
    columns = run.config.get("consent")
    names = [str(name) for name in columns] if isinstance(columns, list) else []
    return dict(zip(names, row.consent, strict=False))


def iso(instant: datetime | None, zone: tzinfo) -> str | None:
    """ISO 8601 with offset, to the second; None stays None."""
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None
