from __future__ import annotations

import csv
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import RUN, START, LedgerOfRows, a_row, many_rows

from mmsflow.errors import LedgerError, MmsflowError, UsageError
from mmsflow.ledger.model import FrozenInput, QuotaReading, ReportRow
from mmsflow.ledger.operation import Approval
from mmsflow.message.model import DrawnPart, Layout, StaticPart, TextPart
from mmsflow.mms.status import Bucket
from mmsflow.report.exhibits import collect_exhibits
from mmsflow.report.model import ReportFailed
from mmsflow.report.write import write_report

ROWS = [
    a_row(1),
    a_row(2, Bucket.INVALID, number="12", final_at=None, reason="too short, 'x'"),
    a_row(3, Bucket.FAILED),
]


def test_all_three_files_tell_of_the_same_rows(tmp_path: Path) -> None:
    paths = write_report(LedgerOfRows(ROWS).as_reader(), replace(RUN, rows=3), tmp_path, now=START)
    assert paths.csv
    assert paths.json
    assert paths.html
    assert paths.csv.read_bytes().startswith(b"\xef\xbb\xbfrun,campaign,")
    with paths.csv.open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    document = json.loads(paths.json.read_text("utf-8"))
    assert [row["number"] for row in table] == [row["number"] for row in document["rows"]] == [r.number for r in ROWS]
    assert [row["bucket"] for row in table] == [row["bucket"] for row in document["rows"]]
    assert "1 + 1 + 1 = 3" in paths.html.read_text("utf-8")


def test_only_the_asked_for_formats_are_written(tmp_path: Path) -> None:
    paths = write_report(LedgerOfRows(ROWS).as_reader(), RUN, tmp_path, formats=["json"], now=START)
    assert (paths.csv, paths.html, paths.json) == (None, None, tmp_path / "report.json")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pdf"):
        write_report(LedgerOfRows(ROWS).as_reader(), RUN, tmp_path, formats=["pdf"], now=START)


def test_folder_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / RUN.run
    write_report(LedgerOfRows(ROWS).as_reader(), RUN, folder, now=START)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_report_that_fails_half_way_leaves_the_earlier_one_alone(tmp_path: Path) -> None:
    def broken() -> Iterator[ReportRow]:
        yield a_row(1)
        raise LedgerError("the ledger cannot be read")

    write_report(LedgerOfRows(ROWS).as_reader(), RUN, tmp_path, now=START)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(LedgerError):
        write_report(LedgerOfRows(broken()).as_reader(), RUN, tmp_path, now=START)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_is_a_file_is_refused_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError) as caught:
            write_report(LedgerOfRows(ROWS).as_reader(), RUN, out, now=START)
        assert "--out" in caught.value.advice


def test_a_full_disk_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    class FullDisk(LedgerOfRows):
        def report_rows(self, key: int) -> Iterator[ReportRow]:
            raise OSError(28, "No space left on device")

    with pytest.raises(MmsflowError, match="No space left") as caught:
        write_report(FullDisk(()).as_reader(), RUN, tmp_path, now=START)
    assert caught.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_no_encoding_holds_is_written_with_a_question_mark(tmp_path: Path) -> None:
    rows = [a_row(subject="broken \ud83d end")]
    paths = write_report(LedgerOfRows(rows).as_reader(), RUN, tmp_path, now=START)
    for path in (paths.csv, paths.html, paths.json):
        assert path
        assert "broken ? end" in path.read_text("utf-8")


def test_progress_is_told_in_rows(tmp_path: Path) -> None:
    told: list[int] = []
    reader = LedgerOfRows(many_rows(600)).as_reader()
    write_report(reader, replace(RUN, rows=600), tmp_path, now=START, progress=told.append)
    assert told == [250, 500, 600]


# Its lines are counted by other tests; `scripts/coverage` would take twice as long for it.
@pytest.mark.no_cover
@pytest.mark.parametrize("formats", [("csv", "html", "json"), ("xlsx",)])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, formats: tuple[str, ...]) -> None:
    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        try:
            reader = LedgerOfRows(many_rows(count)).as_reader()
            write_report(reader, replace(RUN, rows=count), tmp_path, formats=formats, now=START)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_bytes(100)  # what is loaded once, such as the page's template
    assert peak_bytes(12_000) < peak_bytes(4_000) * 1.5


PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (PNG, 'src="data:image/png;base64,'),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 300_000, "too large to be shown here"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture that this page can show"),
        (None, "no longer kept in the ledger"),
    ],
    ids=["small", "large", "an SVG, which could hold a script", "purged"],
)
def test_a_picture_is_shown_or_the_reason_why_not(tmp_path: Path, content: bytes | None, shown: str) -> None:
    layouts = [(StaticPart("image/png", "a.png", "11", 20), TextPart("a.txt"))]
    reader = LedgerOfRows(ROWS, layouts=layouts, blobs={"11": content} if content else {}).as_reader()
    paths = write_report(reader, RUN, tmp_path, now=START)
    assert paths.html
    assert shown in paths.html.read_text("utf-8")


def test_the_last_reading_of_the_counter_is_shown_and_none_from_before_the_run(tmp_path: Path) -> None:
    old = QuotaReading(START.replace(year=2025), RUN.account, 1, 9_999, None)
    new = QuotaReading(START, RUN.account, 812, 188, None)
    for readings, shown in (([old, new], True), ([old], False)):
        paths = write_report(LedgerOfRows(ROWS, quota=readings).as_reader(), RUN, tmp_path, now=START)
        assert paths.html
        text = paths.html.read_text("utf-8")
        assert ("812 used, 188 left" in text) is shown
        assert "9,999" not in text


def test_the_pictures_shown_are_those_that_were_sent_each_once_and_one_code_of_many(tmp_path: Path) -> None:
    sent = StaticPart("image/jpeg", "winter.jpg", "22", 20)
    layouts: list[Layout] = [(sent, DrawnPart("image/png", "qr.png")), (sent, TextPart("a.txt"))]
    original = FrozenInput("media", "media/winter.heic", "11", 9_000_000)
    blobs = {"22": b"\xff\xd8\xff" + b"x" * 9, "33": PNG}
    reader = LedgerOfRows(ROWS, inputs=[original], layouts=layouts, drawn="33", blobs=blobs).as_reader()
    shown = collect_exhibits(reader, RUN).pictures
    assert [(picture.path.split()[0], picture.size_bytes, picture.note) for picture in shown] == [
        ("winter.jpg", 12, ""),
        ("qr.png", 28, ""),
    ]


def test_page_and_document_say_who_approved_the_plan_and_when_and_nothing_where_nobody_was_asked(
    tmp_path: Path,
) -> None:
    given = Approval(RUN.plan_sha256, START, "<b>Ewa</b>", {}, RUN.run)
    for approval in (given, None):
        ledger = LedgerOfRows(ROWS, approval=approval).as_reader()
        paths = write_report(ledger, replace(RUN, rows=3), tmp_path, formats=["html", "json"], now=START)
        assert paths.html
        assert paths.json
        said = {"by": "<b>Ewa</b>", "at": "2026-12-01T09:00:00+01:00"} if approval else None
        assert json.loads(paths.json.read_text("utf-8"))["run"]["approval"] == said
        page = paths.html.read_text("utf-8")
        assert ("Plan approved" in page) is (approval is not None)
        assert ("by &lt;b&gt;Ewa&lt;/b&gt;, " in page) is (approval is not None)


@pytest.mark.parametrize("who", ["Ola", ""])
def test_the_document_says_who_began_a_run_by_hand(tmp_path: Path, who: str) -> None:
    ledger = LedgerOfRows(ROWS, by_hand=who).as_reader()
    paths = write_report(ledger, replace(RUN, rows=3), tmp_path, formats=["json"], now=START)
    assert paths.json
    assert json.loads(paths.json.read_text("utf-8"))["run"]["begun_by"] == (who or None)


@pytest.mark.parametrize("broken", ["csv", "html", "json", "xlsx"])
def test_a_format_that_fails_takes_no_other_with_it(tmp_path: Path, broken: str) -> None:
    formats = ["csv", "html", "json", "xlsx"]
    (tmp_path / f"report.{broken}" / "in the way").mkdir(parents=True)
    with pytest.raises(ReportFailed, match=f"report.{broken}") as caught:
        write_report(LedgerOfRows(ROWS).as_reader(), replace(RUN, rows=3), tmp_path, formats=formats, now=START)
    assert caught.value.cause == "report_incomplete"
    written = {name: getattr(caught.value.paths, name) for name in formats}
    assert [name for name, path in written.items() if path is None] == [broken]
    assert all(path.stat().st_size for path in written.values() if path)
    assert not list(tmp_path.glob(".*"))


def test_a_sink_that_breaks_half_way_is_left_out_and_the_rest_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmsflow.report.write.JsonRows.add", full)
    with pytest.raises(ReportFailed, match=r"report\.json .*No space") as caught:
        write_report(LedgerOfRows(ROWS).as_reader(), replace(RUN, rows=3), tmp_path, now=START)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rejects.csv", "report.csv", "report.html"]
    assert isinstance(caught.value.__cause__, OSError)


def test_dead_drafts_and_scratch_folders_of_a_killed_report_are_swept(tmp_path: Path) -> None:
    for name in ("report.csv", "report.html", "report.json", "report.xlsx", "rejects.csv"):
        (tmp_path / f".{name}.abcd_123.draft").write_text("+48501000000")
    (tmp_path / ".scratch.abcd_123").mkdir()
    (tmp_path / ".scratch.abcd_123" / "sheet").write_text("+48501000000")
    write_report(
        LedgerOfRows(ROWS).as_reader(),
        replace(RUN, rows=3),
        tmp_path,
        formats=["csv", "html", "json", "xlsx"],
        now=START,
    )
    assert not list(tmp_path.glob(".*"))
