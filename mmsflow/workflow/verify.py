"""The audit of a run, as a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from mmsflow.ledger.audit import Figures, Violation
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader

_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit found.

    Attributes:
        figures: how much it went through.
        violations: the first thousand of them.
        count: how many there are.
    """

    figures: Figures
    violations: tuple[Violation, ...]
    count: int

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.count


def verify_run(ledger: LedgerReader, run: RunInfo) -> Verdict:
    """Go through a run's whole history again; works while another process writes it."""
    figures, count = Figures(), 0
    kept: list[Violation] = []
    for violation in ledger.audit(run.key, figures):
        count += 1
        if len(kept) < _KEPT:
            kept.append(violation)
    return Verdict(figures, tuple(kept), count)


def verdict_as_json(run: RunInfo, verdict: Verdict) -> dict[str, object]:
    """The document of ``verify --json``."""
    figures = verdict.figures
    return {
        "run": run.run,
        "holds": verdict.holds,
        "checked": {"rows": figures.rows, "messages": figures.messages, "events": figures.events},
        "count": verdict.count,
        "violations": [{"rule": item.rule, "where": item.where, "what": item.what} for item in verdict.violations],
    }
