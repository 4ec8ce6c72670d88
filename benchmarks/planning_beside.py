"""What planning is measured beside: one function that does the same to the same list, and explains nothing.

It reads the list twice too (a consent refused in any row of a number wins), keeps every row with its bucket and
reason, and commits it all in one durable transaction.
"""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

from benchmarks.contender import Measurement, Stopwatch, Task
from benchmarks.lists import LIST, OPT_OUTS, SUBJECT, TEMPLATE

_CHUNK = 2_000
_NUMBER = re.compile(r"(?:\+48)?((?:45|50|51|53|57|60|66|69|72|73|78|79|88)\d{7})").fullmatch
_LOOP = "{{% for name, city, points, code in rows %}}{}\0{{% endfor %}}"

_Message = tuple[int, int, str, str, str, str, str]
_Aside = tuple[int, int, str, str, str, str]


def plan(task: Task) -> Measurement:
    """The whole list, from CSV to a committed table."""
    workspace, watch = Path(task.folder), Stopwatch()
    database = sqlite3.connect(workspace / "beside.db", isolation_level=None)
    try:
        database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
            "CREATE TABLE message (ordinal INTEGER PRIMARY KEY, row INTEGER, source TEXT, msisdn TEXT, subject TEXT,"
            " texts TEXT, state TEXT);"
            "CREATE TABLE aside (ordinal INTEGER PRIMARY KEY, row INTEGER, source TEXT, number TEXT, bucket TEXT,"
            " reason TEXT);"
        )
        with watch.running():
            _store(database, workspace, where=task.where)
        stored = database.execute("SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM aside)").fetchone()
    finally:
        database.close()
    if stored != (task.count,):
        raise RuntimeError(f"the list has {task.count} rows, the tables {stored}")
    return watch.measurement(task.count)


def _store(database: sqlite3.Connection, workspace: Path, *, where: bool) -> None:
    environment = ImmutableSandboxedEnvironment(keep_trailing_newline=True)
    subject = environment.from_string(_LOOP.format(SUBJECT))
    text = environment.from_string(_LOOP.format((workspace / TEMPLATE).read_text("utf-8")))
    aside: list[_Aside] = []
    chosen = _chosen(workspace, aside, where=where)
    database.execute("BEGIN")
    while chunk := list(islice(chosen, _CHUNK)):
        rows = [cells for *_, cells in chunk]
        subjects = subject.render(rows=rows).split("\0")
        texts = text.render(rows=rows).split("\0")
        messages: list[_Message] = [
            (ordinal, ordinal + 1, LIST, msisdn, subjects[at], json.dumps([texts[at]], ensure_ascii=False), "ready")
            for at, (ordinal, msisdn, _) in enumerate(chunk)
        ]
        database.executemany("INSERT INTO message VALUES (?,?,?,?,?,?,?)", messages)
    database.executemany("INSERT INTO aside VALUES (?,?,?,?,?,?)", aside)
    database.execute("CREATE UNIQUE INDEX one_a_number ON message (msisdn)")
    database.execute("CREATE INDEX by_state ON message (state, ordinal)")
    database.execute("COMMIT")


def _chosen(
    workspace: Path, aside: list[_Aside], *, where: bool
) -> Iterator[tuple[int, str, tuple[str, str, str, str]]]:
    refused = {f"+48{found[1]}" for (cell,) in _rows(workspace / OPT_OUTS) if (found := _NUMBER(cell))}
    unwilling = {
        f"+48{found[1]}"
        for cell, *_, consent in _rows(workspace / LIST)
        if consent != "tak" and (found := _NUMBER(cell.replace(" ", "")))
    }
    seen: set[str] = set()
    for ordinal, (cell, name, city, segment, points, code, _) in enumerate(_rows(workspace / LIST), 1):
        found = _NUMBER(cell) or _NUMBER(cell.replace(" ", ""))
        msisdn = f"+48{found[1]}" if found else cell
        if where and segment != "gold":
            reason = ("excluded", "filtered")
        elif not found:
            reason = ("invalid", "no Polish mobile number")
        elif msisdn in refused:
            reason = ("excluded", "opted out")
        elif msisdn in unwilling:
            reason = ("excluded", "no consent")
        elif msisdn in seen:
            reason = ("duplicate", "same number as an earlier row")
        else:
            seen.add(msisdn)
            yield ordinal, msisdn, (name, city, points, code)
            continue
        aside.append((ordinal, ordinal + 1, LIST, msisdn, *reason))


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        next(reader)
        yield from reader
