"""Every error that mmsflow raises on purpose, with its exit code and its way out.

    MmsflowError                 1  unforeseen, unless a subclass says otherwise
    ├── UsageError               2  wrong usage or settings
    ├── InvalidInput             3  campaign, list, template or medium is invalid (carries findings)
    ├── GatewayRefused           4  credentials or rights
    ├── GatewayUnavailable       5  network or gateway out of reach
    ├── PlanRefused              6  the plan is stale, or there is nothing to carry out
    ├── RunUnfinished            7  paused, waiting, stopped, or "maybe sent" left
    ├── RunHeld                  8  another process holds the ledger
    ├── IllegalTransition        1  a bug: a message was moved against the transition table
    └── LedgerError              1  the ledger cannot be read or written
        └── LedgerUnavailable    1  … for now: full disk, locked, I/O error; trying again can help

Exceptions never print; the command line shows them in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a file of the user's, with its place and a way out.

    Attributes:
        file: path as the user would type it.
        line: 1-based line, 0 where the whole file is meant.
        column: 1-based column, 0 where the whole line is meant.
        message: what is wrong, in one sentence without a full stop.
        fix: how to mend it; empty when nothing sensible can be said.
        severity: ``error`` or ``warning``.
    """

    file: str
    line: int
    column: int
    message: str
    fix: str = ""
    severity: str = "error"

    @property
    def place(self) -> str:
        """``file:line:column``, without the parts that are not known."""
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"

    def as_json(self) -> dict[str, str | int]:
        """The shape that ``check --json`` promises."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "fix": self.fix,
        }


class MmsflowError(Exception):
    """Base of all errors raised on purpose.

    Args:
        message: what happened and where, one sentence.
        advice: what the person can do now; may be empty.
        cause: stable word for programs, such as ``other_account``; that of the class when empty.

    Attributes:
        also: what failed after it, and is told beside it.
    """

    exit_code = 1
    cause = "error"

    def __init__(self, message: str, advice: str = "", *, cause: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice
        self.cause = cause or type(self).cause
        self.also: tuple[MmsflowError, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The shape that ``--json`` promises; ``also`` only where something failed after it."""
        document: dict[str, object] = {"error": self.message, "advice": self.advice, "exit_code": self.exit_code}
        document["cause"] = self.cause
        return document | ({"also": [each.as_json() for each in self.also]} if self.also else {})


class UsageError(MmsflowError):
    """A wrong option, argument or setting."""

    exit_code = 2
    cause = "usage"


class InvalidInput(MmsflowError):
    """A campaign file, list, template or medium is invalid; holds every finding of the pass.

    Attributes:
        table: what people should see above the findings; mostly empty.
    """

    exit_code = 3
    cause = "invalid_input"

    def __init__(
        self, findings: Sequence[Finding], message: str = "", advice: str = "", *, table: str = "", cause: str = ""
    ) -> None:
        errors = sum(finding.severity == "error" for finding in findings)
        noun = "error" if errors == 1 else "errors"
        super().__init__(message or f"{errors} {noun} found", advice, cause=cause)
        self.findings = tuple(findings)
        self.table = table


class GatewayRefused(MmsflowError):
    """The gateway answered and refused us: credentials, rights, or a wrong address."""

    exit_code = 4
    cause = "gateway_refused"


class GatewayUnavailable(MmsflowError):
    """The gateway could not be reached, or did not answer sensibly."""

    exit_code = 5
    cause = "gateway_unavailable"


class PlanRefused(MmsflowError):
    """The plan is stale, cannot be kept, or there is nothing left to carry out."""

    exit_code = 6
    cause = "plan_refused"


class RunUnfinished(MmsflowError):
    """The run is not finished: paused, waiting, stopped, or with "maybe sent" messages left."""

    exit_code = 7
    cause = "run_unfinished"


class RunHeld(MmsflowError):
    """Another process holds the ledger."""

    exit_code = 8
    cause = "run_held"


class IllegalTransition(MmsflowError):
    """A message was to be moved against the transition table."""

    cause = "illegal_transition"


class LedgerError(MmsflowError):
    """The ledger cannot be opened, read or written."""

    cause = "ledger"


class LedgerUnavailable(LedgerError):
    """The ledger cannot be read or written for now: a full disk, a lock, an I/O error."""

    cause = "ledger_unavailable"
