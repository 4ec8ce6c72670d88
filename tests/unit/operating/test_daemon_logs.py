"""The daemon's log: what stands in a line, and what never does."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mmsflow.clock import ManualClock
from mmsflow.daemon.events import EVENTS, message_event
from mmsflow.daemon.following import Follower
from mmsflow.daemon.logs import LEVELS, Log, logging_to
from mmsflow.mms.status import MessageState
from mmsflow.secret import Secret

from .operating_board import NUMBERS, START, OperatingBoard

SOURCES = Path(__file__).resolve().parents[3] / "mmsflow"


class Written:
    """A log and what was written to it."""

    def __init__(self, log: Log, stream: io.StringIO) -> None:
        self.log, self._stream = log, stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@contextmanager
def written(*, as_json: bool = True, level: str = "info", colours: bool = False) -> Iterator[Written]:
    stream = io.StringIO()
    with logging_to(stream, ManualClock(START), as_json=as_json, level=level, colours=colours) as log:
        yield Written(log, stream)


def test_a_json_line_names_the_event_its_level_and_its_instant_in_utc_first() -> None:
    with written() as seen:
        seen.log.on_event("run_paused", {"run": "sale-1", "campaign": "sale", "reason": "no quota left"})

    (line,) = seen.lines
    assert list(line) == ["at", "level", "event", "campaign", "run", "reason"]
    assert line["at"] == "2026-12-01T08:00:00.000Z"
    assert (line["level"], line["event"], line["reason"]) == ("warning", "run_paused", "no quota left")


def test_a_console_line_says_the_same_and_has_colours_only_when_asked_for() -> None:
    with written(as_json=False) as plain, written(as_json=False, colours=True) as coloured:
        for seen in (plain, coloured):
            with logging_to(
                seen._stream, ManualClock(START), as_json=False, level="info", colours=seen is coloured
            ) as log:
                log.on_event("run_started", {"run": "sale-1", "campaign": "sale"})

    assert plain.text.split() == [
        "2026-12-01T08:00:00.000Z",
        "[info",
        "]",
        "run_started",
        "campaign=sale",
        "run=sale-1",
    ]
    assert "\033[" in coloured.text


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("forged", ["x\nlevel=error event=run_finished", "x\r\x1b[2Kgone", "x\u2028y", "x\u202egnp"])
def test_no_text_of_a_list_or_a_gateway_can_begin_another_line_or_steer_a_terminal(as_json: bool, forged: str) -> None:
    with written(as_json=as_json) as seen:
        seen.log.on_event("message_rejected", {"reason": forged, forged: "as a key", "more": {"deep": [forged]}})

    assert len(seen.text.splitlines()) == 1
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", seen.text)


def test_on_the_console_a_text_cannot_pass_for_another_key_of_its_line() -> None:
    with written(as_json=False) as seen:
        seen.log.on_event("run_paused", {"reason": "full run=other-1", "run": "sale-1"})

    assert seen.text.endswith(" run=sale-1 reason='full run=other-1'\n")


@pytest.mark.parametrize("as_json", [True, False])
def test_neither_a_number_nor_a_secret_reaches_the_log(as_json: bool) -> None:
    Secret("correct-horse-battery")
    facts: Mapping[str, object] = {
        "reason": "501 102 101 refused by correct-horse-battery",
        "deep": {"a": ["+48501102101", "Authorization: Bearer abcdefgh12345"]},
    }
    with written(as_json=as_json) as seen:
        seen.log.on_event("error", facts)
        logging.getLogger("uvicorn").error("of %s with %s", "+48501102101", "correct-horse-battery")

    assert seen.text.count("…101") == 3
    for hidden in ("501102101", "501 102 101", "correct-horse", "abcdefgh"):
        assert hidden not in seen.text


def test_a_digest_and_a_runs_id_are_left_as_they_are() -> None:
    digest = "501102101" * 7
    with written() as seen:
        seen.log.on_event("plan_made", {"digest": digest, "run": "sale-20261201-100"})

    assert (seen.lines[0]["digest"], seen.lines[0]["run"]) == (digest, "sale-20261201-100")


def test_what_went_wrong_stands_under_reason_since_message_is_the_ledgers_number_of_one() -> None:
    with written() as seen:
        seen.log.on_event("error", {"doing": "reading", "message": "it is gone", "traceback": "line 1\n  line 2\n"})

    assert seen.lines[0]["reason"] == "it is gone"
    assert seen.lines[0]["traceback"] == "line 1 |   line 2"
    assert "message" not in seen.lines[0]


@pytest.mark.parametrize(("level", "events"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_in_force_is_the_least_that_is_written(level: str, events: int) -> None:
    with written(level=level) as seen:
        for name in ("message_sending", "run_started", "run_paused", "error"):
            seen.log.on_event(name, {})

    assert len(seen.lines) == events


def test_libraries_are_heard_from_warnings_on_whatever_the_level_and_their_exceptions_stay_on_one_line() -> None:
    with written(level="debug") as seen:
        logging.getLogger("httpx").info("HTTP Request: POST https://gateway/secret-path")
        logging.getLogger("apscheduler.scheduler").warning("a job was missed")
        warnings.showwarning("will go away", DeprecationWarning, "lib.py", 1)  # as the interpreter calls it
        text = "a cell: 501102101"
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("asyncio").exception("never retrieved")

    job, warning, crash = seen.lines
    assert (job["event"], job["library"], job["reason"]) == ("library", "apscheduler.scheduler", "a job was missed")
    assert warning["library"] == "py.warnings"
    assert (crash["level"], crash["error"], crash["reason"]) == ("error", "ValueError", "never retrieved")
    assert "test_daemon_logs.py" in crash["traceback"]
    assert "a cell" not in seen.text


def test_no_fact_takes_the_place_of_what_every_line_has() -> None:
    with written() as seen:
        seen.log.on_event("request", {"event": "forged", "level": "x", "at": "y", "exc_info": True, "who": "Ola"})

    (line,) = seen.lines
    assert (line["event"], line["level"], line["at"]) == ("request", "info", "2026-12-01T08:00:00.000Z")
    assert (line["event_"], line["who"]) == ("forged", "Ola")


def test_after_the_block_the_process_logs_as_before() -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    with written():
        assert root.handlers[:] != before[0]

    assert (root.handlers[:], root.level) == before


def test_every_step_of_a_message_is_a_line_with_its_run_its_own_number_and_three_digits(board: OperatingBoard) -> None:
    run, ids = board.run_on_the_wire()
    board.settle(run, ids[0], MessageState.REJECTED, f"400/20: {NUMBERS[0]} is not served")
    board.settle(run, ids[1], MessageState.ACCEPTED)
    board.settle(run, ids[2], MessageState.UNKNOWN, "the reply did not come")

    with written(level="debug") as seen:
        Follower(board.reading, seen.log, 0).catch_up()

    settled = seen.lines[-3:]
    assert [line["event"] for line in seen.lines[:-3]] == ["message_sending"] * 3
    assert [line["event"] for line in settled] == ["message_rejected", "message_accepted", "message_maybe_sent"]
    assert settled[0] == {
        "at": "2026-12-01T08:00:01.000Z",
        "level": "warning",
        "event": "message_rejected",
        "campaign": "winter-sale",
        "run": run.run,
        "message": ids[0],
        "number": "…101",
        "attempt": 1,
        "reason": "400/20: …101 is not served",
    }


def test_lines_of_a_message_are_written_once_and_from_the_daemons_own_start_on(board: OperatingBoard) -> None:
    run, ids = board.run_on_the_wire()
    with board.reading() as ledger:
        since = ledger.newest_step()
    with written() as seen:
        follower = Follower(board.reading, seen.log, since)
        board.settle(run, ids[0], MessageState.UNKNOWN)
        follower.catch_up()
        board.settle(run, ids[1], MessageState.REJECTED)
        follower.catch_up()
        follower.catch_up()

    assert [(line["event"], line["message"]) for line in seen.lines] == [
        ("message_maybe_sent", ids[0]),
        ("message_rejected", ids[1]),
    ]


async def test_a_ledger_that_cannot_be_read_for_a_while_costs_no_line(board: OperatingBoard) -> None:
    run, ids = board.run_on_the_wire()
    board.settle(run, ids[0], MessageState.REJECTED)
    clock, tries = Turns(START), 0

    @contextmanager
    def reading() -> Iterator[Any]:
        nonlocal tries
        tries += 1
        if tries == 1:
            from mmsflow.errors import LedgerUnavailable

            raise LedgerUnavailable("busy")
        with board.reading() as ledger:
            yield ledger

    with written() as seen, pytest.raises(Enough):
        await Follower(reading, seen.log, 0).follow(clock)

    assert [line["event"] for line in seen.lines] == ["message_rejected"]


class Enough(Exception):
    """The clock was asked for its third wait."""


class Turns(ManualClock):
    """A clock that lets two waits pass at once."""

    waits = 0

    async def sleep(self, seconds: float) -> None:
        assert timedelta(seconds=seconds) == timedelta(seconds=1)
        self.waits += 1
        if self.waits > 2:
            raise Enough


def test_every_state_of_a_message_has_an_event_that_is_explained() -> None:
    assert {message_event("", state.value) for state in MessageState} <= set(EVENTS)
    assert {level for level, _ in EVENTS.values()} <= set(LEVELS)


def test_every_event_that_the_daemon_tells_of_is_explained() -> None:
    texts = [
        path.read_text("utf-8") for folder in ("daemon", "cli/commands") for path in (SOURCES / folder).glob("*.py")
    ]
    told = {
        name for text in texts for name in re.findall(r"\bon_event\(\s*\"([a-z_]+)\"|\.event\(\s*\"([a-z_]+)\"", text)
    }

    assert {name for pair in told for name in pair if name} <= set(EVENTS)
