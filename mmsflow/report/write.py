"""Write a run's report: one pass over its rows feeds the table, the document and the summary for the page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from mmsflow.errors import Finding, InvalidInput, MmsflowError, UsageError
from mmsflow.ledger.model import ReportRow, RunInfo
from mmsflow.mms.private_files import make_private_folder
from mmsflow.report import document
from mmsflow.report.drafts import Drafts
from mmsflow.report.exhibits import collect_exhibits
from mmsflow.report.html import render_page
from mmsflow.report.model import ReportPaths, Summary
from mmsflow.report.moments import Moments, zone_of
from mmsflow.report.rejects import RejectsTable
from mmsflow.report.summary import Summariser
from mmsflow.report.tables import CsvTable, JsonRows, KeptColumns

if TYPE_CHECKING:
    from mmsflow.ledger.history import LedgerReader
    from mmsflow.report.look import Look

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

    Raises:
        UsageError: an unknown format, or a folder that cannot be written to.
        MmsflowError: the disk is full, or writing failed in another way; an earlier report is still there.
        LedgerError: the ledger cannot be read.
    """
    if unknown := sorted(set(formats) - set(FORMATS)):
        raise UsageError(f"there is no report format {', '.join(unknown)}", f"use {', '.join(FORMATS)}")
    with _explained(out):
        make_private_folder(out)
        with Drafts(out) as drafts:
            moments = Moments(zone_of(run.config))
            summary = _write_rows(reader, run, drafts, formats, moments, now, progress)
            look_problems: tuple[Finding, ...] = ()
            if "html" in formats:
                exhibits = collect_exhibits(reader, run)
                page, look_problems = page_in_some_look(
                    workspace,
                    lambda look: render_page(
                        run, summary, exhibits, now=now, zone=moments.zone, show_numbers=show_numbers, look=look
                    ),
                )
                drafts.open("report.html").write(page)
            paths = drafts.publish()
    csv, html, json, xlsx = (paths.get(f"report.{name}") for name in FORMATS)
    return ReportPaths(csv, html, json, xlsx, look_problems)


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """What the file system refuses, as an error with a way out."""
    try:
        yield
    except (PermissionError, NotADirectoryError, FileExistsError, IsADirectoryError) as error:
        problem = f"the report cannot be written to {out}: {error.strerror}"
        raise UsageError(problem, "name a folder of your own with --out") from error
    except OSError as error:
        problem = f"writing the report to {out} failed: {error.strerror}"
        raise MmsflowError(problem, "the run itself is not touched: make room, then write the report again") from error


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


def _write_rows(
    reader: LedgerReader,
    run: RunInfo,
    drafts: Drafts,
    formats: Collection[str],
    moments: Moments,
    now: datetime,
    progress: Progress | None,
) -> Summary:
    summariser = Summariser(run.rows, reader.waves(run.key), moments, KeptColumns.of(run.config).segments)
    sinks: list[Callable[[Sequence[ReportRow]], None]] = [summariser.add]
    if "csv" in formats:
        sinks.append(CsvTable(drafts.open("report.csv", "utf-8-sig"), run, moments).add)
        sinks.append(RejectsTable(drafts.open("rejects.csv", "utf-8-sig")).add)
    json_file = drafts.open("report.json") if "json" in formats else None
    if json_file:
        approval = reader.approval_for(run.key)
        inputs, begun_by = reader.inputs(run.key), reader.begun_by(run.key)
        json_file.write(document.opening(run, inputs, now, moments, approval, begun_by))
        sinks.append(JsonRows(json_file, run, moments).add)
    workbook = None
    if "xlsx" in formats:
        from mmsflow.report.workbook import Workbook

        workbook = Workbook(drafts.open_binary("report.xlsx"), drafts.scratch_folder(), run, moments)
        drafts.callback(workbook.discard)
        sinks.append(workbook.add)
    done = 0
    for chunk in _chunks(reader.report_rows(run.key)):
        for sink in sinks:
            sink(chunk)
        done += len(chunk)
        if progress:
            progress(done)
    summary = summariser.summary()
    if json_file:
        json_file.write(document.closing(summary, moments))
    if workbook:
        workbook.close(summary)
    return summary


def _chunks(rows: Iterator[ReportRow]) -> Iterator[list[ReportRow]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk
