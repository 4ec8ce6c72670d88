"""Whatever the bytes of a list: located findings or rows that add up, never a traceback."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsflow.audience.model import Counts, Recipient, SetAside
from mmsflow.errors import InvalidInput

from .conftest import Workspace

PIECES = st.sampled_from(
    [
        "501102030",
        "msisdn",
        "name",
        ",",
        ";",
        "\t",
        '"',
        "\n",
        "\r\n",
        "\r",
        "sep=;",
        "4,85E+10",
        "Ż",
        "\ufeff",
        "\0",
        "'",
    ]
)
CSV_BYTES = st.builds(
    lambda head, pieces, encoding, tail: head + "".join(pieces).encode(encoding, "replace") + tail,
    st.sampled_from([b"", b"msisdn,name\n", b"msisdn\n", b"\xef\xbb\xbfmsisdn;name\r\n", b"\xff\xfe"]),
    st.lists(PIECES, max_size=30),
    st.sampled_from(["utf-8", "cp1250", "utf-16-le"]),
    st.binary(max_size=6),
)
BRIEF = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def add_up_or_are_refused(workspace: Workspace, name: str, source: dict[str, str], content: bytes) -> None:
    workspace.write(name, content)
    audience = workspace.audience(source)
    try:
        rows = list(audience.rows())
    except InvalidInput as refusal:
        findings = refusal.findings
    else:
        findings = ()
        counts_add_up(audience.counts, rows)
    assert all(finding.file == name and finding.message and finding.fix for finding in findings)


def counts_add_up(counts: Counts, rows: list[Recipient | SetAside]) -> None:
    assert counts.rows == len(rows) == counts.recipients + sum(counts.buckets.values())
    assert counts.recipients == sum(isinstance(row, Recipient) for row in rows)
    assert [row.ordinal for row in rows] == list(range(1, len(rows) + 1))


@BRIEF
@given(content=CSV_BYTES | st.binary(max_size=60))
def test_any_bytes_as_csv(tmp_path: Path, content: bytes) -> None:
    add_up_or_are_refused(Workspace(tmp_path), "lists/a.csv", {"csv": "lists/a.csv"}, content)


@BRIEF
@given(
    content=st.lists(
        st.sampled_from(
            ["{", "}", '"phone"', ":", "501102030", ",", "\n", "[", "]", "null", "\\ud800", "1e5", '"', "\0"]
        ),
        max_size=25,
    ).map(lambda pieces: "".join(pieces).encode())
    | st.binary(max_size=60)
)
def test_any_bytes_as_json_lines(tmp_path: Path, content: bytes) -> None:
    head = b'{"phone": "501102030"}\n'
    add_up_or_are_refused(Workspace(tmp_path), "lists/a.jsonl", {"jsonl": "lists/a.jsonl"}, head + content)


def test_totals_are_the_data_rows_of_a_big_dirty_list(workspace: Workspace) -> None:
    chance = random.Random(7)
    cells = ["501102030", "", "x", "4.85E+10", "226210211", "+49 151 1234 5678", "501102030, 502102030", " ", "12"]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["msisdn", "name"])
    for _ in range(1_000):
        number = chance.choice(cells) if chance.random() < 0.5 else str(500_000_000 + chance.randrange(10**7))
        writer.writerow([number, *["Ola"] * chance.randrange(3)])
    workspace.write("lists/a.csv", text.getvalue())
    audience = workspace.audience({"csv": "lists/a.csv"}, exclude=[{"number": "501102030"}])
    expected = sum(1 for row in csv.reader(io.StringIO(text.getvalue(), newline="")) if row) - 1
    assert sum(1 for _ in audience.rows()) == audience.counts.rows == expected
    assert audience.counts.recipients + sum(audience.counts.buckets.values()) == expected
