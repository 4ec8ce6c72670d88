"""How fast an account goes: by its setting, else as the ledger says that an earlier run went."""

from __future__ import annotations

from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import outcomes_of
from mmsflow.plan.pace import LEAST_MESSAGES, UNKNOWN, Basis, Pace, pace_shown_by

# Whatever the ledger holds, no more than these are looked at: 20 runs, and 2,000 messages of each that has as many.
_NEWEST = 20
_SAMPLE = 2_000


def pace_of_account(ledger: LedgerReader, account: str, rate: float | None) -> Pace:
    """What is known of an account's pace.

    Args:
        rate: the account's ``rate`` in the settings, submissions a second; None without.
    """
    if rate is not None:
        return Pace(rate, Basis.ACCOUNT)
    for run in ledger.runs(account=account, tests=False, limit=_NEWEST):
        if (per_second := _went_at(ledger, run)) is not None:
            return Pace(per_second, Basis.RUN, run.run)
    return UNKNOWN


def _went_at(ledger: LedgerReader, run: RunInfo) -> float | None:
    """Messages a second of one run; None where it says nothing of the account."""
    if run.rows < LEAST_MESSAGES or run.config.get("per_second"):
        return None  # its own rate says how fast it had to go, not how fast it could have
    if outcomes_of(ledger.state_counts(run.key)) < LEAST_MESSAGES:
        return None
    return pace_shown_by(ledger.first_submissions(run.key, _SAMPLE))
