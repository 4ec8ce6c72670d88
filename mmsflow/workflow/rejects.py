"""The file of rejects: every row that gets no message, with its reason and its cells, to be mended and read again."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from mmsflow.audience.columns import REJECT_COLUMNS
from mmsflow.audience.formula_guard import guarded
from mmsflow.audience.read import MORE_CELLS
from mmsflow.errors import UsageError
from mmsflow.mms.private_files import private_draft
from mmsflow.mms.status import Bucket
from mmsflow.plan.draft import Draft
from mmsflow.report.tables import guarded_number

_NUMBER = REJECT_COLUMNS[-1]


def write_rejects(out: Path, draft: Draft, columns: Collection[str]) -> None:
    """Write the rows set aside as CSV: our columns first, then every column that any list has.

    Where a list has a column named like one of ours, ours is called ``reject_…``; only the list's own ``number`` takes
    the place of ours, so that a person mends one cell and not two. What a spreadsheet would take for a formula is
    guarded, and the guard is taken away when the file is read as a list.

    Args:
        out: appears whole, for its owner only, or not at all.
        draft: filled with the cells of the rows set aside.
        columns: the lists' columns.

    Raises:
        UsageError: it cannot be written.
    """
    ours = [f"reject_{name}" if name in columns and name != _NUMBER else name for name in REJECT_COLUMNS]
    theirs = [name for name in columns if name != _NUMBER]
    if draft.reasons[(Bucket.INVALID, "malformed_row")]:
        theirs.append(MORE_CELLS)
    try:
        with private_draft(out, encoding="utf-8-sig") as file:
            table = csv.writer(file)
            table.writerow(map(guarded, (*ours, *theirs)))
            table.writerows(_lines(draft, theirs, own_number=_NUMBER in columns))
    except OSError as error:
        fix = "name a file in a folder of yours"
        raise UsageError(
            f"the rejects cannot be written to {out}: {error.strerror}", fix, cause="file_not_written"
        ) from None


def _lines(draft: Draft, theirs: Collection[str], *, own_number: bool) -> Iterator[list[str]]:
    for row in draft.stored_set_aside():
        number = _text(row.cells.get(_NUMBER, "")) if own_number and row.cells else row.number
        facts = (row.bucket.value, row.code, row.reason, row.source, str(row.row), number)
        yield [guarded_number(text) for text in (*facts, *(_text(row.cells.get(name, "")) for name in theirs))]


def _text(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)
