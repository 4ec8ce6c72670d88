"""Numbers into the workspace's suppression list, safely beside a daemon that reads it and an editor that writes it."""

from __future__ import annotations

import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mmsflow.audience.consent import HARMLESS, Refusals, read_number, shown_place, suppressed_only, suppression_plans
from mmsflow.audience.csv_lists import CsvList
from mmsflow.audience.list_rows import ListShape, OptOut, new_list, with_rows
from mmsflow.errors import Finding, InvalidInput, MmsflowError, UsageError
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn
from mmsflow.mms.private_files import make_private_folder
from mmsflow.settings import Settings

_LOCK_SECONDS = 10.0
_TRIES = 5  # while somebody else goes on writing the list
_MOST_BYTES = 512 << 20
_MOST_FINDINGS = 50


class ListNotWritten(MmsflowError):
    """The suppression list cannot be written; it is as it was."""

    cause = "suppression_list_not_written"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Numbers as people gave them, readable ones first.

    Attributes:
        numbers: E.164, each once, in order.
        unreachable: masked numbers that no MMS can be sent to, such as landlines, each with why.
    """

    numbers: tuple[str, ...]
    unreachable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Added:
    """What became of them.

    Attributes:
        path: the list, as the settings name it.
        added: numbers that the list did not have.
        known: the others, each with the row that has it.
        unkept: facts (``reason``, ``added_by``, ``added_at``) for which the list has no column.
        is_new: the list was made.
        open_in: programs that seem to have the list open, which would write over what was added.
    """

    path: str
    added: tuple[str, ...]
    known: Mapping[str, str]
    unkept: tuple[str, ...] = ()
    is_new: bool = False
    open_in: tuple[str, ...] = ()


def wanted_numbers(typed: Sequence[str], file: Path | None = None) -> Wanted:
    """Read the numbers that a person typed, and those of a file: a list, or one number a line.

    Raises:
        InvalidInput: every entry that is no number, with its place; nothing is to be done then.
        UsageError: there is none.
    """
    places = [("argument", position, text) for position, text in enumerate(typed, 1)]
    findings: list[Finding] = []
    numbers: dict[str, None] = {}
    unreachable: dict[str, None] = {}
    entries = [(f"number {position}", 0, parse_msisdn(text), text) for _, position, text in places]
    if file is not None:
        entries += _entries_of(file)
    for name, line, number, text in entries:
        if isinstance(number, str):
            numbers[number] = None
        elif number.code in HARMLESS:
            unreachable[f"{mask_msisdn(text)}: {number.explanation}"] = None
        elif len(findings) < _MOST_FINDINGS:
            fix = "give it as 501 102 030 or +48 501 102 030"
            findings.append(Finding(name, line, 0, number.explanation, fix))
    if findings:
        raise InvalidInput(findings, "nothing was added: the list is as it was", cause="bad_number")
    if not numbers and not unreachable:
        raise UsageError("no number is named", "write `mmsflow optout add 501102030`, or name a list with --from")
    return Wanted(tuple(numbers), tuple(unreachable))


def list_path(settings: Settings) -> str:
    """Name the suppression list, as the settings have it.

    Raises:
        UsageError: there is none, or none that rows can be added to.
    """
    if not (path := settings.suppression):
        fix = (
            'put `suppression = "lists/suppression.csv"` into mmsflow.toml, restart the daemon if one runs, '
            "then run this again: a list that is not there is made"
        )
        raise UsageError("the workspace has no suppression list", fix, cause="no_suppression_list")
    if path.endswith(".xlsx"):
        fix = "add the number there, or save it as CSV and name that one in `suppression`"
        raise UsageError(f"{path} is a workbook, which only people write", fix, cause="suppression_is_workbook")
    return path


def add_numbers(settings: Settings, numbers: Sequence[str], *, who: str, why: str, now: datetime) -> Added:
    """Put numbers into the workspace's suppression list; whoever sends reads it anew within a second or so.

    Args:
        numbers: E.164, each once.
        who, why: kept where the list has a column for it.

    Raises:
        UsageError: there is no such list, or none that rows can be added to.
        InvalidInput: the list cannot be read; it is as it was.
        ListNotWritten: it cannot be written, or somebody else keeps writing it; it is as it was.
    """
    path = list_path(settings)
    facts = {"added_at": now.isoformat(timespec="seconds"), "added_by": _one_line(who), "reason": _one_line(why)}
    with _alone(settings.workspace):
        for _ in range(_TRIES):
            if (done := _added(settings.workspace, path, numbers, facts)) is not None:
                return done
    raise ListNotWritten(f"{path} changes again and again while it is written", "wait for its writer, then try again")


def where_listed(settings: Settings, numbers: Sequence[str]) -> dict[str, str]:
    """Find those of the numbers that the suppression list has, each with its place.

    Raises:
        UsageError: there is no such list.
        InvalidInput: it cannot be read.
    """
    path = settings.suppression or list_path(settings)
    return _known(suppressed_only(settings.workspace, path), numbers)


def _added(workspace: Path, path: str, numbers: Sequence[str], facts: Mapping[str, str]) -> Added | None:
    """Add them once; None where the list was changed by somebody else meanwhile."""
    real = _inside(workspace, path)
    before = _state(real)
    if before is None or before.st_size == 0:
        content = new_list([OptOut(number, facts) for number in numbers], is_jsonl=path.endswith(".jsonl"))
        made = _write(workspace, path, real, content, numbers, before)
        return Added(path, tuple(numbers), {}, is_new=True) if made else None
    known = _known(suppressed_only(workspace, path), numbers)
    new = [number for number in numbers if number not in known]
    if not new:
        return Added(path, (), known)
    shape = _shape(workspace, path)
    old = _content(real, path)
    unkept = tuple(fact for fact, value in facts.items() if value and shape.column_of(fact) is None)
    content = with_rows(old, shape, [OptOut(number, facts) for number in new])
    if not _write(workspace, path, real, content, numbers, before):
        return None
    return Added(path, tuple(new), known, unkept, open_in=_editors(real))


def _known(refusals: Refusals, numbers: Sequence[str]) -> dict[str, str]:
    found = {number: refusals.suppressed.get(int(number[3:])) for number in numbers}
    lists = refusals.suppression_lists
    return {number: shown_place(lists, place) for number, place in found.items() if place is not None}


def _shape(workspace: Path, path: str) -> ListShape:
    (plan,) = suppression_plans(workspace, path)
    with plan.open() as table:
        if isinstance(table, CsvList):
            return ListShape(plan.columns, plan.number_at, table.delimiter, table.encoding)
    return ListShape(plan.columns, plan.number_at, is_jsonl=True)


def _write(
    workspace: Path, path: str, real: Path, content: bytes, numbers: Sequence[str], before: os.stat_result | None
) -> bool:
    """Put the list in its place, whole, after reading it back; False where it has changed since ``before``."""
    try:
        if before is None:
            make_private_folder(real.parent)
        descriptor, name = tempfile.mkstemp(
            dir=real.parent, prefix=f".{real.stem[:80]}.", suffix=f".draft{Path(path).suffix}"
        )
    except OSError as error:
        raise _not_written(path, error) from error
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if before is not None:
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
                with suppress(PermissionError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.flush()
            os.fsync(file.fileno())
        _read_back(workspace, draft, path, numbers)
        now = _state(real)
        if (now is None) != (before is None) or (now and before and _changed(now, before)):
            return False
        draft.replace(real)
        _sync(real.parent)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        draft.unlink(missing_ok=True)
    return True


def _read_back(workspace: Path, draft: Path, path: str, numbers: Sequence[str]) -> None:
    """Make sure that whoever sends will find every number in the list as it is about to be.

    Raises:
        ListNotWritten: it would not.
    """
    missing = len(numbers)
    with suppress(InvalidInput):
        found = suppressed_only(workspace, str(draft.relative_to(workspace.resolve())))
        missing = sum(int(number[3:]) not in found.suppressed for number in numbers)
    if missing:
        advice = "add the numbers in the program that wrote the list, or save it as CSV in UTF-8"
        raise ListNotWritten(f"{path} would not be read as it should with these rows, so nothing was added", advice)


def _not_written(path: str, error: OSError) -> ListNotWritten:
    advice = "make the list and its folder writable for you, and look at the room on its disk"
    return ListNotWritten(f"{path} cannot be written, it is as it was: {error.strerror or error}", advice)


def _inside(workspace: Path, path: str) -> Path:
    """The list's real path; a link is followed, so that it stays one."""
    root = workspace.resolve()
    try:
        real = (root / path).resolve()
    except (OSError, RuntimeError):
        real = root.parent
    if not real.is_relative_to(root) or Path(path).is_absolute():
        raise InvalidInput(
            [Finding(path, 0, 0, "it is outside the workspace (the suppression list)", "move it inside")]
        )
    return real


def _content(real: Path, path: str) -> bytes:
    try:
        with real.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _not_written(path, error) from error
    if len(content) > _MOST_BYTES:
        raise ListNotWritten(f"{path} is larger than {_MOST_BYTES >> 20} MiB", "add the numbers in another program")
    return content


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _not_written(path.name, error) from error


def _changed(now: os.stat_result, before: os.stat_result) -> bool:
    kept = [(each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns) for each in (now, before)]
    return kept[0] != kept[1]


def _editors(real: Path) -> tuple[str, ...]:
    """Programs that left word beside the list that they have it open."""
    signs = {
        "LibreOffice": f".~lock.{real.name}#",
        "Excel": f"~${real.name}",
        "Vim": f".{real.name}.swp",
        "Emacs": f".#{real.name}",
    }
    return tuple(name for name, sign in signs.items() if os.path.lexists(real.with_name(sign)))


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """One writer of ours at a time: another terminal, or the page."""
    folder = workspace / ".mmsflow"
    try:
        make_private_folder(folder)
        descriptor = os.open(folder / "optout.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _not_written(str(folder), error) from error
    try:
        patience = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    message = "another process has been adding to the suppression list for a while"
                    raise ListNotWritten(message, "try again in a moment") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_line(text: str) -> str:
    clean = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(clean.split())[:500]


Entry = tuple[str, int, str | BadNumber, str]
"""Where a number stands (file, line), what was read, and the text."""


def _entries_of(file: Path) -> list[Entry]:
    """The numbers of a file: of a list's column for them, or one a line.

    Raises:
        InvalidInput: it cannot be read.
    """
    if file.suffix not in {".xlsx", ".jsonl"} and (plain := _plain(file)) is not None:
        return plain
    real = file.resolve()
    try:
        (plan,) = suppression_plans(real.parent, real.name)
        found: list[Entry] = []
        with plan.open() as table:
            for row, cells in table.rows():
                number = read_number(cells[plan.number_at])
                found.append((f"{file} row {row}", 0, number, str(cells[plan.number_at])))
        return found
    except InvalidInput as error:
        findings = [replace(each, file=str(file), message=_about_file(each.message)) for each in error.findings]
        raise InvalidInput(findings, cause="bad_file") from error


def _about_file(message: str) -> str:
    return message.removesuffix(" (the suppression list)")


def _plain(file: Path) -> list[Entry] | None:
    """One number a line, blank lines and those with ``#`` aside; None where the first line is no number."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES)
    except OSError as error:
        raise InvalidInput(
            [Finding(str(file), 0, 0, f"it cannot be read: {error.strerror}")], cause="bad_file"
        ) from error
    text = content.decode("utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig", "replace")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        return []
    first = parse_msisdn(lines[0][1])
    if not isinstance(first, str) and first.code not in HARMLESS and sum(map(str.isdigit, lines[0][1])) < 7:
        return None
    return [(str(file), number, parse_msisdn(line), line) for number, line in lines]
