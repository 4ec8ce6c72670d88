"""report.csv and report.json: a row for each row of the lists, with the same fields, numbers in full.

The CSV is a comma-separated table in UTF-8 with a byte-order mark and CRLF line ends. A spreadsheet takes a cell that
begins like a formula for one, so such a cell gets an apostrophe in front (see ``formula_guard``). A valid number begins
with a plus and is left as it is: ``+48`` and nine digits can only become that number. Columns that only some runs have,
of segments and of consent, stand after those that every run has.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from json.encoder import encode_basestring as _quoted
from typing import TextIO, TypeVar

from mmsflow.audience.formula_guard import guarded
from mmsflow.ledger.model import ReportRow, RunInfo
from mmsflow.report.moments import Moments

COLUMNS = (
    "run",
    "campaign",
    "row",
    "source",
    "number",
    "variant",
    "bucket",
    "status",
    "reason",
    "gateway_id",
    "wave",
    "attempts",
    "planned_at",
    "sent_at",
    "final_at",
    "subject",
)

_REMEMBERED = 2_000

_Cells = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class KeptColumns:
    """Names of the columns of the lists whose cells a run keeps beside its rows; most runs keep none.

    Attributes:
        segments, consent: in the order of ``ReportRow.segments`` and ``ReportRow.consent``.
    """

    segments: tuple[str, ...] = ()
    consent: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, object]) -> KeptColumns:
        """As a run's frozen settings name them."""
        return cls(_names(config.get("segments")), _names(config.get("consent")))

    @property
    def headers(self) -> tuple[str, ...]:
        """The columns that they add to the table: ``segment:city``, ``consent:date``."""
        return (*(f"segment:{name}" for name in self.segments), *(f"consent:{name}" for name in self.consent))

    def cells(self, segments: Sequence[str], consent: Sequence[str]) -> list[str]:
        """A row's cells under ``headers``; empty where the row has none, as one that was set aside has no consent."""
        return [*_as_many(segments, self.segments), *_as_many(consent, self.consent)]


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _as_many(cells: Sequence[str], names: Sequence[str]) -> list[str]:
    return [*cells[: len(names)], *([""] * (len(names) - len(cells)))]


def guarded_number(number: str) -> str:
    """A number as a cell: E.164 of a Polish number as it is, what could not be read as one guarded."""
    if len(number) == 12 and number.startswith("+48") and number.isascii() and number[3:].isdigit():
        return number
    return guarded(number)


_Key = TypeVar("_Key")
_Made = TypeVar("_Made")


class _Remembered(dict[_Key, _Made]):
    """``remembered[text]`` is what ``make`` makes of it; for columns whose texts repeat. Memory is bounded."""

    def __init__(self, make: Callable[[_Key], _Made]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: _Key) -> _Made:
        if len(self) >= _REMEMBERED:
            self.clear()
        made = self[key] = self._make(key)
        return made


class CsvTable:
    """Writes report.csv to a text file that was opened with ``newline=""`` and ``utf-8-sig``."""

    def __init__(self, file: TextIO, run: RunInfo, moments: Moments) -> None:
        self._writer = csv.writer(file)
        self._run, self._campaign = run.run, run.campaign
        self._moments = moments
        self._cells: _Remembered[str, str] = _Remembered(guarded)
        self._kept = KeptColumns.of(run.config)
        self._kept_cells: _Remembered[_Cells, list[str]] = _Remembered(
            lambda cells: [guarded(cell) for cell in self._kept.cells(*cells)]
        )
        self._writer.writerow((*COLUMNS, *map(guarded, self._kept.headers)))

    def add(self, rows: Sequence[ReportRow]) -> None:
        run, campaign, cells, moments = self._run, self._campaign, self._cells, self._moments
        lines: list[tuple[object, ...]] = [
            (
                run,
                campaign,
                row.row,
                cells[row.source],
                guarded_number(row.number),
                cells[row.variant],
                row.bucket,
                cells[row.status],
                guarded(row.reason),
                guarded(row.gateway_id),
                row.wave or "",
                row.attempts,
                moments[row.planned_at].text,
                moments[row.sent_at].text,
                moments[row.final_at].text,
                guarded(row.subject),
            )
            for row in rows
        ]
        if self._kept.headers:
            kept = self._kept_cells
            lines = [(*line, *kept[row.segments, row.consent]) for line, row in zip(lines, rows, strict=True)]
        self._writer.writerows(lines)


class JsonRows:
    """Writes the list of rows inside report.json; what does not apply to a row is null."""

    def __init__(self, file: TextIO, run: RunInfo, moments: Moments) -> None:
        self._file = file
        self._run = f'"run":{_quoted(run.run)},"campaign":{_quoted(run.campaign)}'
        self._moments = moments
        self._texts: _Remembered[str, str] = _Remembered(_quoted)
        self._kept = KeptColumns.of(run.config)
        self._kept_members: _Remembered[_Cells, str] = _Remembered(self._members)
        self._separator = "\n"

    def add(self, rows: Sequence[ReportRow]) -> None:
        run, texts, moments = self._run, self._texts, self._moments
        lines = [
            f'{{{run},"row":{row.row},"source":{texts[row.source]},"number":{_quoted(row.number)}'
            f',"variant":{texts[row.variant]},"bucket":{texts[row.bucket]},"status":{texts[row.status]}'
            f',"reason":{_quoted(row.reason)},"gateway_id":{_quoted(row.gateway_id)},"wave":{row.wave or "null"}'
            f',"attempts":{row.attempts},"planned_at":{_instant(moments[row.planned_at].text)}'
            f',"sent_at":{_instant(moments[row.sent_at].text)},"final_at":{_instant(moments[row.final_at].text)}'
            f',"subject":{_quoted(row.subject)}}}'
            for row in rows
        ]
        if self._kept.headers:
            kept = self._kept_members
            lines = [f"{line[:-1]}{kept[row.segments, row.consent]}}}" for line, row in zip(lines, rows, strict=True)]
        if lines:
            self._file.write(self._separator + ",\n".join(lines))
            self._separator = ",\n"

    def _members(self, kept: _Cells) -> str:
        found = []
        for key, names, cells in zip(
            ("segments", "consent"), (self._kept.segments, self._kept.consent), kept, strict=True
        ):
            if names:
                members = zip_longest(names, cells[: len(names)])
                found.append(f',"{key}":{json.dumps(dict(members), ensure_ascii=False)}')
        return "".join(found)


def _instant(text: str) -> str:
    return f'"{text}"' if text else "null"
