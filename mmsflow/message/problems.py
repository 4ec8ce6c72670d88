"""Problems of rows, gathered so that ten thousand empty cells are one finding with its rows named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mmsflow.audience.model import Recipient
from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding

_ROWS_NAMED = 5
_KINDS_KEPT = 200


@dataclass(slots=True)
class _Kind:
    rows: list[int] = field(default_factory=list)
    count: int = 0
    fix: str = ""


class RowProblems:
    """What is wrong with rows, by source and by what is wrong."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self.count = 0

    def add(self, recipient: Recipient, message: str, fix: str) -> None:
        """One row has this problem."""
        self.count += 1
        message, fix = masked(message), masked(fix)  # a path in it may be made of the row's number
        key = (recipient.source, message)
        if key not in self._kinds and len(self._kinds) >= _KINDS_KEPT:
            return
        kind = self._kinds.setdefault(key, _Kind(fix=fix))
        kind.count += 1
        if len(kind.rows) < _ROWS_NAMED:
            kind.rows.append(recipient.row)

    def findings(self) -> Iterable[Finding]:
        """One finding for each kind, placed at its first row."""
        for (source, message), kind in self._kinds.items():
            first = sorted(kind.rows)  # the arms of a batch come one after the other
            rows = f"row {first[0]}"
            if kind.count > 1:
                more = ", …" if kind.count > len(kind.rows) else ""
                rows = f"{kind.count} rows: {', '.join(map(str, first))}{more}"
            yield Finding(source, first[0], 0, f"{message} ({rows})", kind.fix)
