"""rejects.csv: the rows that got no message, each with its reason; the cells themselves stand in the lists only."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from mmsflow.audience.columns import REJECT_COLUMNS
from mmsflow.audience.formula_guard import guarded
from mmsflow.ledger.model import ReportRow
from mmsflow.report.tables import guarded_number


class RejectsTable:
    """Writes rejects.csv to a text file that was opened with ``newline=""`` and ``utf-8-sig``."""

    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(REJECT_COLUMNS)

    def add(self, rows: Sequence[ReportRow]) -> None:
        self._writer.writerows(
            (row.bucket, row.code, guarded(row.reason), guarded(row.source), row.row, guarded_number(row.number))
            for row in rows
            if row.bucket.is_set_aside
        )
