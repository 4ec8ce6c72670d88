"""Write a run's report: one pass over its rows feeds the table, the document and the summary for the page."""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mmsflow.errors import Finding, InvalidInput, LedgerError, MmsflowError, UsageError
from mmsflow.ledger.model import ReportRow, RunInfo
from mmsflow.mms.private_files import make_private_folder
from mmsflow.report import document
from mmsflow.report.drafts import Drafts
from mmsflow.report.exhibits import collect_exhibits
from mmsflow.report.html import render_page
from mmsflow.report.model import NOTHING_WRITTEN, ReportFailed, ReportPaths, Summary
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.rejects import RejectsTable
from mmsflow.report.summary import Summariser
from mmsflow.report.tables import CsvTable, JsonRows, KeptColumns

if TYPE_CHECKING:
    from mmsflow.ledger.history import LedgerReader
    from mmsflow.report.look import Look
    from mmsflow.report.workbook import Workbook

FORMATS = ("csv", "html", "json", "xlsx")
DEFAULT_FORMATS = ("csv", "html", "json")
# Small enough to stay in the processor's cache between table, document and summary: 2,000 rows cost a fifth more.
_CHUNK_ROWS = 250

Progress = Callable[[int], None]


def write_report(
    reader: LedgerReader,
    run: RunInfo,
    out: Path,
    *,
    formats: Collection[str] = DEFAULT_FORMATS,
    show_numbers: bool = False,
    now: datetime,
    progress: Progress | None = None,
    workspace: Path | None = None,
) -> ReportPaths:
    """Write ``report.csv``, ``report.html``, ``report.json`` … into one folder, replacing earlier ones at once.

    With the CSV comes ``rejects.csv``: the rows that got no message.

    Args:
        reader: the ledger; it is read only.
        run: the run as the ledger knows it now.
        out: folder of this report, by custom ``reports/RUN``; made where it is missing, for its owner only.
        formats: which of ``csv``, ``html``, ``json`` and ``xlsx`` to write; others that stand there are left alone.
        show_numbers: show numbers in full on the page, which masks them otherwise.
        now: the instant that the report is dated with; aware.
        progress: told the rows done so far, after each chunk.
        workspace: where an own look may be; the built-in one without it, and where the own one is broken.

    A format that cannot be written takes no other with it: the others are put in place first, and the failure is
    raised then.

    Raises:
        UsageError: an unknown format, or a folder that cannot be written to.
        ReportFailed: the disk is full, or writing one or all of them failed in another way; earlier ones are still
            there, and ``paths`` names the new ones.
        LedgerError: the ledger cannot be read.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise UsageError(
            f"there is no report format {', '.join(unknown)}", f"use {', '.join(FORMATS)}", cause="report_format"
        )
    failed: dict[str, Exception] = {}
    with _explained(out):
        make_private_folder(out)
        with Drafts(out) as drafts:
            moments = Moments(zone_of(run.config))
            sheets = _Sheets(reader, run, drafts, moments, now, failed)
            summary = sheets.write(formats, progress)
            look_problems: tuple[Finding, ...] = ()
            if "html" in formats:
                with _noting(failed, "html"):
                    exhibits = collect_exhibits(reader, run)
                    page, look_problems = page_in_some_look(
                        workspace,
                        lambda look: render_page(
                            run, summary, exhibits, now=now, zone=moments.zone, show_numbers=show_numbers, look=look
                        ),
                    )
                    drafts.open("report.html").write(page)
            written = _published(drafts, [name for name in FORMATS if name in formats], failed)
    csv, html, json, xlsx = (written.get(f"report.{name}") for name in FORMATS)
    paths = ReportPaths(csv, html, json, xlsx, look_problems)
    if failed:
        raise _failure(out, failed, paths)
    return paths


def _published(drafts: Drafts, formats: Sequence[str], failed: dict[str, Exception]) -> dict[str, Path]:
    written: dict[str, Path] = {}
    for name in formats:
        with _noting(failed, name):
            files = ("report.csv", "rejects.csv") if name == "csv" else (f"report.{name}",)
            written |= drafts.publish(*files) if name not in failed else {}
    return written


@contextmanager
def _noting(failed: dict[str, Exception], name: str) -> Iterator[None]:
    """Keep why a format could not be written, so that the others are; a ledger that cannot be read concerns all."""
    try:
        yield
    except LedgerError:
        raise
    except Exception as error:  # whatever a library or a template of the workspace's own raises
        failed.setdefault(name, error)


def _failure(out: Path, failed: Mapping[str, Exception], paths: ReportPaths) -> MmsflowError:
    """The first failure as an error: with its own class where all formats have met it, and none was written."""
    first = next(iter(failed.values()))
    whole = not any((paths.csv, paths.html, paths.json, paths.xlsx))
    if whole and isinstance(first, OSError):
        return _refused(out, first, paths)
    what = f"report.{' and report.'.join(failed)}"
    why = first.message if isinstance(first, MmsflowError) else _in_words(first)
    problem = f"{what} in {out} could not be written: {why}"
    advice = "`mmsflow report RUN` writes it again; the run itself and the other formats are not touched"
    made = ReportFailed(problem, advice, paths=paths, cause="report_not_written" if whole else "report_incomplete")
    made.__cause__ = first
    return made


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"


def _refused(out: Path, error: OSError, paths: ReportPaths = NOTHING_WRITTEN) -> MmsflowError:
    if isinstance(error, (PermissionError, NotADirectoryError, FileExistsError, IsADirectoryError)) or (
        error.errno == errno.EROFS
    ):
        problem = f"the report cannot be written to {out}: {error.strerror}"
        advice = "make the folder writable, or write it elsewhere: `mmsflow report RUN --out DIR`"
        return UsageError(problem, advice, cause="report_folder")
    problem = f"writing the report to {out} failed: {_in_words(error)}"
    advice = "the run itself is not touched: make room, then write the report again"
    return ReportFailed(problem, advice, paths=paths, cause="report_not_written")


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """What the file system refuses, as an error with a way out."""
    try:
        yield
    except OSError as error:
        raise _refused(out, error) from error


def page_in_some_look(workspace: Path | None, render: Callable[[Look | None], str]) -> tuple[str, tuple[Finding, ...]]:
    """The page in the workspace's own look, or in the built-in one where there is none or the own one is broken.

    A report is what a person needs when something went wrong, so no template may stand in its way.

    Returns:
        The page, and why the own look was not used.
    """
    from mmsflow.report.look import own_look

    try:
        return render(own_look(workspace) if workspace else None), ()
    except InvalidInput as error:
        return render(None), error.findings


class _Sheets:
    """The formats that hold every row, fed side by side; one that fails is left out from then on.

    Args:
        failed: gets why, by format.
    """

    def __init__(
        self,
        reader: LedgerReader,
        run: RunInfo,
        drafts: Drafts,
        moments: Moments,
        now: datetime,
        failed: dict[str, Exception],
    ) -> None:
        self._reader, self._run, self._drafts, self._moments, self._now = reader, run, drafts, moments, now
        self._failed = failed
        self._sinks: list[tuple[str, Callable[[Sequence[ReportRow]], None]]] = []
        self._endings: list[tuple[str, Callable[[Summary], None]]] = []

    def write(self, formats: Collection[str], progress: Progress | None) -> Summary:
        """Write all rows in the formats asked for; their sums."""
        run, kept = self._run, KeptColumns.of(self._run.config)
        summariser = Summariser(run.rows, self._reader.waves(run.key), self._moments, kept.segments)
        for name, begin in (("csv", self._begin_csv), ("json", self._begin_json), ("xlsx", self._begin_xlsx)):
            if name in formats:
                with _noting(self._failed, name):
                    begin()
        done = 0
        for chunk in _chunks(self._reader.report_rows(run.key)):
            summariser.add(chunk)
            for name, sink in self._sinks:
                if name not in self._failed:
                    with _noting(self._failed, name):
                        sink(chunk)
            done += len(chunk)
            if progress:
                progress(done)
        summary = summariser.summary()
        for name, end in self._endings:
            if name not in self._failed:
                with _noting(self._failed, name):
                    end(summary)
        return summary

    def _begin_csv(self) -> None:
        self._sinks.append(
            ("csv", CsvTable(self._drafts.open("report.csv", "utf-8-sig"), self._run, self._moments).add)
        )
        self._sinks.append(("csv", RejectsTable(self._drafts.open("rejects.csv", "utf-8-sig")).add))

    def _begin_json(self) -> None:
        run, reader, file = self._run, self._reader, self._drafts.open("report.json")
        approval = reader.approval_for(run.key)
        inputs, begun_by = reader.inputs(run.key), reader.begun_by(run.key)
        file.write(document.opening(run, inputs, self._now, self._moments, approval, begun_by))
        self._sinks.append(("json", JsonRows(file, run, self._moments).add))
        self._endings.append(("json", lambda summary: _to(file, document.closing(summary, self._moments))))

    def _begin_xlsx(self) -> None:
        from mmsflow.report.workbook import Workbook

        file, scratch = self._drafts.open_binary("report.xlsx"), self._drafts.scratch_folder()
        workbook = Workbook(file, scratch, self._run, self._moments)
        self._drafts.callback(_discarded, workbook)
        self._sinks.append(("xlsx", workbook.add))
        self._endings.append(("xlsx", workbook.close))


def _to(file: TextIO, text: str) -> None:
    file.write(text)


def _discarded(workbook: Workbook) -> None:
    with suppress(Exception):  # its rest may find no room; why the workbook was not written is said already
        workbook.discard()


def _chunks(rows: Iterator[ReportRow]) -> Iterator[list[ReportRow]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk
