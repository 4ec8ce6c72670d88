"""Reading a workbook beside the same rows as CSV: time and peak memory, each in a process of its own."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.memory import peak_bytes
from mmsflow.audience.model import Recipient
from mmsflow.audience.read import Audience
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.templating import Templates

ROWS = 100_000
HEAD = ("number", "name", "city", "tier", "points", "code", "consent", "consent_date")


def write_lists(folder: Path) -> None:
    """``a.csv`` and ``a.xlsx`` with the same rows; numbers are numbers in the workbook."""
    rows = [
        (501000000 + n, f"Imię {n % 977}", f"Miasto {n % 313}", "gold", n % 5000, f"K{n:06d}", "tak", "2026-03-02")
        for n in range(ROWS)
    ]
    with (folder / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEAD, *rows])
    import xlsxwriter  # only here: what is measured must not carry it

    book = xlsxwriter.Workbook(folder / "a.xlsx")
    sheet = book.add_worksheet()
    for number, row in enumerate([HEAD, *rows]):
        sheet.write_row(number, 0, row)
    book.close()


def read(folder: Path, form: str) -> str:
    """Read one of the lists through the whole intake; a line with the figures."""
    campaign = Campaign.model_validate(
        {
            "version": 1,
            "campaign": "a",
            "purpose": "transactional",
            "sender": "ACME",
            "recipients": [{form: f"a.{form}"}],
            "message": {"subject": "x"},
        }
    )
    before, start, begun = _peak_mib(), time.perf_counter(), time.process_time()
    rows = sum(isinstance(row, Recipient) for row in Audience(campaign, folder, Templates(folder)).rows())
    spent = f"{time.process_time() - begun:.2f} s of processor time, {time.perf_counter() - start:.2f} s in all"
    return f"{form:5} {rows} rows  {spent}  peak {_peak_mib():.0f} MiB, {before:.0f} of it before the first row"


def _peak_mib() -> float:
    return peak_bytes() / 1024**2


def main() -> None:
    if len(sys.argv) == 3:
        folder, step = Path(sys.argv[1]), sys.argv[2]
        if step == "write":
            write_lists(folder)
        else:
            print(read(folder, step))
        return
    with tempfile.TemporaryDirectory() as name:
        for step in ("write", "csv", "xlsx"):
            subprocess.run([sys.executable, "-m", "benchmarks.workbooks", name, step], check=True)


if __name__ == "__main__":
    main()
