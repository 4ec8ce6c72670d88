"""Adding to the suppression list: the list stays what it was, nothing is half done, and whoever sends finds the rows."""

from __future__ import annotations

import json
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsflow.audience.consent import suppressed_only
from mmsflow.errors import InvalidInput, MmsflowError, UsageError
from mmsflow.settings import Settings
from mmsflow.workflow import optout
from mmsflow.workflow.optout import Added, ListNotWritten, add_numbers, wanted_numbers, where_listed

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
OLA, PAWEL = "+48501000101", "+48601000102"
AT = "2026-12-01T08:00:00+00:00"


def workspace(folder: Path, content: bytes | None, name: str = "lists/stop.csv") -> Settings:
    if content is not None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return Settings(workspace=folder, gateway="simulator", suppression=name)


def add(settings: Settings, *numbers: str, why: str = "asked by letter") -> Added:
    return add_numbers(settings, numbers, who="anna", why=why, now=NOW)


def content(settings: Settings) -> bytes:
    return (settings.workspace / settings.suppression).read_bytes()


HEADER = "number,added_at,added_by,reason\n"
ROW = f"{OLA},{AT},anna,asked by letter\n"


@pytest.mark.parametrize(
    ("before", "added"),
    [
        (b"number,reason\n", f"{OLA},asked by letter\n"),
        (b"number,reason\n+48790000999,old", f"\n{OLA},asked by letter\n"),
        (b"number;reason\r\n", f"{OLA};asked by letter\r\n"),
        (b"sep=;\r\nnumber;reason\r\n", f"{OLA};asked by letter\r\n"),
        (b"telefon\tuwagi\n", f"{OLA}\tasked by letter\n"),
        (b"name,number,city\nOla,501000199,Gda\n", f",{OLA},\n"),
        (b"number\n", f"{OLA}\n"),
        (b"\xef\xbb\xbfnumber,Pow\xc3\xb3d\n", f"{OLA},asked by letter\n"),
        (b'"number","Data dodania","Kto"\r\n', f"{OLA},{AT},anna\r\n"),
        (b"number,reason\r", f"{OLA},asked by letter\r"),
    ],
)
def test_every_byte_of_the_list_stays_and_the_new_row_looks_like_the_others(
    tmp_path: Path, before: bytes, added: str
) -> None:
    settings = workspace(tmp_path, before)
    assert add(settings, OLA).added == (OLA,)
    assert content(settings) == before + added.encode()
    assert where_listed(settings, [OLA, PAWEL]).keys() == {OLA}


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "cp1250"])
def test_other_encodings_stay_what_they_are(tmp_path: Path, codec: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(codec, b"")
    text = "number;powód\r\n+48501000199;zażółć gęślą\r\n"
    settings = workspace(tmp_path, mark + text.encode(codec))
    add(settings, OLA, why="na życzenie")
    assert content(settings) == mark + (text + f"{OLA};na życzenie\r\n").encode(codec)
    assert OLA in where_listed(settings, [OLA])


def test_json_lines_get_an_object_with_the_keys_that_the_list_has(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b'{"msisdn": "+48501000199", "why": "x", "segment": 1}', "lists/stop.jsonl")
    done = add(settings, OLA)
    assert done.unkept == ("added_at", "added_by")
    last = content(settings).decode().splitlines()[-1]
    assert json.loads(last) == {"msisdn": OLA, "why": "asked by letter"}
    assert OLA in where_listed(settings, [OLA])


@pytest.mark.parametrize("before", [None, b""])
@pytest.mark.parametrize("name", ["new/stop.csv", "stop.jsonl"])
def test_a_list_that_is_not_there_or_empty_is_made_with_who_when_and_why(
    tmp_path: Path, before: bytes | None, name: str
) -> None:
    settings = workspace(tmp_path, before, name)
    assert add(settings, OLA).is_new
    if name.endswith(".csv"):
        assert content(settings).decode() == HEADER + ROW
    assert OLA in where_listed(settings, [OLA])
    if before is None:
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_number_that_is_there_in_another_spelling_is_not_added_again(tmp_path: Path) -> None:
    before = b"number,reason\n501 000-101,old\n0048601000102,old\n"
    settings = workspace(tmp_path, before)
    done = add(settings, OLA, PAWEL)
    assert (done.added, done.known) == ((), {OLA: "lists/stop.csv row 2", PAWEL: "lists/stop.csv row 3"})
    assert content(settings) == before


@pytest.mark.parametrize("why", ["=cmd|' /C calc'!A0", "+48", "-1", "@x", "\t=1", "'=1"])
def test_a_reason_never_becomes_a_formula(tmp_path: Path, why: str) -> None:
    settings = workspace(tmp_path, b"number,reason\n")
    add(settings, OLA, why=why)
    cell = content(settings).decode().splitlines()[1].partition(",")[2].strip('"')
    assert cell[:1] not in set("=+-@\t")


def test_a_reason_with_line_ends_quotes_and_delimiters_stays_one_row(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b"number,reason\n")
    add(settings, OLA, PAWEL, why='said "stop",\nand again\x00')
    assert len(content(settings).splitlines()) == 3
    assert where_listed(settings, [OLA, PAWEL]).keys() == {OLA, PAWEL}


def test_mode_and_link_of_the_list_stay(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b"number\n", "lists/real.csv")
    (tmp_path / "lists" / "real.csv").chmod(0o664)
    (tmp_path / "stop.csv").symlink_to("lists/real.csv")
    add(Settings(workspace=tmp_path, gateway="simulator", suppression="stop.csv"), OLA)
    assert (tmp_path / "stop.csv").is_symlink()
    assert (tmp_path / "lists" / "real.csv").stat().st_mode & 0o777 == 0o664
    assert OLA in where_listed(settings, [OLA])


def test_whoever_reads_meanwhile_sees_the_old_list_or_the_new_one_and_notices_the_change(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b"number\n+48501000199\n")
    read = suppressed_only(tmp_path, settings.suppression)
    assert read.is_current()
    add(settings, OLA)
    assert not read.is_current()
    assert sorted(path.name for path in (tmp_path / "lists").iterdir()) == ["stop.csv"], "no draft is left"


def test_what_an_editor_saves_in_between_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = workspace(tmp_path, b"number\n")
    real = optout._read_back
    saved: list[int] = []

    def saving(*arguments: object) -> None:
        if not saved:
            saved.append(1)
            (tmp_path / "lists" / "stop.csv").write_bytes(b"number\n+48501000199\n")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(optout, "_read_back", saving)
    add(settings, OLA)
    assert content(settings) == f"number\n+48501000199\n{OLA}\n".encode()


def test_somebody_who_never_stops_writing_is_named_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, real, turn = workspace(tmp_path, b"number\n"), optout._read_back, iter(range(99))

    def saving(*arguments: object) -> None:
        (tmp_path / "lists" / "stop.csv").write_bytes(b"number\n" + b"\n" * next(turn))
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(optout, "_read_back", saving)
    with pytest.raises(ListNotWritten, match="changes again and again"):
        add(settings, OLA)
    assert sorted(path.name for path in (tmp_path / "lists").iterdir()) == ["stop.csv"]


def test_many_at_once_all_get_in(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b"number,reason\n")
    numbers = [f"+48501{n:06d}" for n in range(12)]
    threads = [threading.Thread(target=add, args=(settings, number)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert where_listed(settings, numbers).keys() == set(numbers)
    assert len(content(settings).splitlines()) == 13


@pytest.mark.parametrize(
    ("name", "before", "cause"),
    [
        ("", None, "no_suppression_list"),
        ("lists/stop.xlsx", b"PK", "suppression_is_workbook"),
        ("lists/stop.csv", b"number\nabc\n", "invalid_input"),
        ("lists/stop.csv", b"name\nOla\n", "invalid_input"),
        ("lists/stop.csv", b'number\n"48501000199\n', "invalid_input"),
        ("../stop.csv", None, "invalid_input"),
        ("lists", None, "invalid_input"),
    ],
)
def test_a_list_that_cannot_take_it_is_left_alone_with_its_cause(
    tmp_path: Path, name: str, before: bytes | None, cause: str
) -> None:
    folder = tmp_path / "workspace"
    (folder / "lists").mkdir(parents=True)
    settings = workspace(folder, before, name)
    with pytest.raises(MmsflowError) as raised:
        add(settings, OLA)
    assert raised.value.cause == cause
    if before is not None:
        assert content(settings) == before
    assert not (tmp_path / "stop.csv").exists()


def test_rows_that_would_not_be_read_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = workspace(tmp_path, b"number\n")
    monkeypatch.setattr(optout, "with_rows", lambda old, *_: old + b"+48501000199\n")
    with pytest.raises(ListNotWritten, match="would not be read"):
        add(settings, OLA)
    assert content(settings) == b"number\n"


def test_a_full_disk_leaves_the_list_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = workspace(tmp_path, b"number\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ListNotWritten, match="No space left"):
        add(settings, OLA)
    assert content(settings) == b"number\n"
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["stop.csv"]


def test_numbers_are_read_as_liberally_as_lists_are_and_each_counts_once(tmp_path: Path) -> None:
    wanted = wanted_numbers(["501 000 101", "+48501000101", "(48) 601-000-102", "22 555 12 34"])
    assert wanted.numbers == (OLA, PAWEL)
    assert len(wanted.unreachable) == 1
    assert "555" not in wanted.unreachable[0], "numbers are masked"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "501000101\n# a comment\n\n+48 601 000 102\n"),
        ("a.csv", "name;telefon\nOla;501000101\nPaweł;601000102\n"),
        ("a.jsonl", '{"msisdn": "501000101"}\n{"msisdn": "601000102"}\n'),
        ("b.txt", "\ufeff501000101\r\n601000102"),
    ],
)
def test_a_file_is_a_list_or_one_number_a_line(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    assert wanted_numbers([], file).numbers == (OLA, PAWEL)


def test_every_entry_that_is_no_number_is_named_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("501000101\n50100010\n601000102\n5010001011\n")
    with pytest.raises(InvalidInput) as raised:
        wanted_numbers(["12"], file)
    assert raised.value.cause == "bad_number"
    assert [finding.place for finding in raised.value.findings] == ["number 1", f"{file}:2", f"{file}:4"]
    assert "nothing was added" in raised.value.message


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        wanted_numbers([], tmp_path / name)


def test_nothing_named_is_said() -> None:
    with pytest.raises(UsageError, match="no number is named"):
        wanted_numbers([])


def test_a_list_that_an_office_program_has_open_is_told(tmp_path: Path) -> None:
    settings = workspace(tmp_path, b"number\n")
    (tmp_path / "lists" / ".~lock.stop.csv#").touch()
    assert add(settings, OLA).open_in == ("LibreOffice",)
