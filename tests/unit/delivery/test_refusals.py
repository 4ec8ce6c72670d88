"""Opt-outs and consent at the moment of sending: the lists may have changed since the plan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sending_desk import START, Desk, Inline, advance, desk, drive, number, rules, settle

from mmsflow.audience.consent import Refusals
from mmsflow.delivery.refusals import RefusalWatch
from mmsflow.errors import Finding, InvalidInput, MmsflowError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.mms.status import Bucket
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import carry_on, freeze

CAMPAIGN = """\
version: 1
campaign: winter-sale
purpose: marketing
sender: ACME
recipients:
  - csv: lists/a.csv
exclude:
  - csv: lists/optout.csv
consent: {column: consent, accept: ["yes"]}
rate: 1/s
message: {subject: hello}
"""
ROWS = [f"{number(n)},yes" for n in range(1, 7)]


@pytest.fixture(autouse=True)
async def no_threads() -> None:
    asyncio.get_running_loop().set_default_executor(Inline(max_workers=1))


@dataclass
class Lists:
    """A workspace whose lists change while its campaign is carried out."""

    folder: Path
    it: Desk
    run: RunInfo

    def write(self, name: str, *rows: str) -> None:
        (self.folder / "lists" / name).write_text("\n".join(rows) + "\n")

    async def carry_on(self, at: dict[int, Callable[[], object]] | None = None) -> MmsflowError | None:
        """Carry the run out, doing something when so many messages were sent."""
        work = carry_on(self.it.engine, self.run, workspace=self.folder, no_wait=False, observer=self.it.seen.append)
        task = asyncio.ensure_future(work)
        todo = dict(at or {})
        while not task.done():
            for sent in [sent for sent in todo if len(self.it.gateway.sent) >= sent]:
                todo.pop(sent)()
            await settle(task)
            if not task.done():
                await advance(self.it.clock, task)
        assert not todo
        return task.result()

    @property
    def buckets(self) -> dict[str, int]:
        return {bucket.value: n for bucket, n in self.it.ledger.bucket_counts(self.run.key).items() if n}


@asynccontextmanager
async def lists(tmp_path: Path) -> AsyncIterator[Lists]:
    folder = tmp_path / "workspace"
    _make(folder)
    async with desk(tmp_path, 1, in_flight=1) as it:
        prepared = prepare(folder / "campaigns" / "a.yaml", folder)
        with prepared.draft:
            reply = await it.gateway.limit()
            plan = plan_campaign(prepared, reply, it.ledger, account="simulator", resets=it.resets, now=it.clock.now())
            run = freeze(prepared, plan, it.ledger, workspace=folder, now=it.clock.now())
        yield Lists(folder, it, run)


def _make(folder: Path) -> None:
    for name, text in {
        "campaigns/a.yaml": CAMPAIGN,
        "lists/a.csv": "\n".join(["number,consent", *ROWS]) + "\n",
        "lists/optout.csv": "number\n+48601000999\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


async def test_a_recipient_who_opts_out_after_approval_is_not_sent_to(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        there.write("optout.csv", "number", number(3))
        assert await there.carry_on() is None
        assert number(3) not in there.it.received
        assert there.it.received.total() == 5
        (row,) = [row for row in there.it.ledger.report_rows(there.run.key) if row.number == number(3)]
        assert (row.bucket, row.status, row.code) == (Bucket.EXCLUDED, "suppressed", "opt_out")
        assert row.reason == "opted out: lists/optout.csv row 2"
        assert row.attempts == 0
        assert there.buckets == {"delivered": 5, "excluded": 1}
        assert there.it.seen[-1].unsent == 0


async def test_an_opt_out_counts_within_a_second_while_the_run_goes_on(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        assert await there.carry_on({2: lambda: there.write("optout.csv", "number", number(5), number(6))}) is None
        assert sorted(there.it.received) == [number(n) for n in (1, 2, 3, 4)]


async def test_consent_that_is_withdrawn_counts_at_once(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        rows = [*ROWS[:3], f"{number(4)},no", *ROWS[4:]]
        assert await there.carry_on({1: lambda: there.write("a.csv", "number,consent", *rows)}) is None
        assert number(4) not in there.it.received
        assert there.buckets == {"delivered": 5, "excluded": 1}
        (row,) = [row for row in there.it.ledger.report_rows(there.run.key) if row.number == number(4)]
        assert (row.code, row.reason) == ("no_consent", "no consent in lists/a.csv row 5")


async def test_a_list_that_cannot_be_read_pauses_the_run_and_is_never_an_empty_one(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        optout = there.folder / "lists" / "optout.csv"
        error = await there.carry_on({2: optout.unlink})
        assert error is not None
        assert error.exit_code == 7
        assert "lists/optout.csv" in error.message
        now = there.it.ledger.find_run(there.run.run)
        assert now is not None
        assert (now.state, now.paused_by) == (RunState.PAUSED, PausedBy.LISTS)
        sent = len(there.it.gateway.sent)
        assert 2 <= sent <= 4

        there.write("optout.csv", "number", number(6))
        assert await there.carry_on() is None
        assert there.buckets == {"delivered": 5, "excluded": 1}
        assert number(6) not in there.it.received


@pytest.mark.parametrize("text", ["", "number\nnonsense\n", "phone,x\n1,2\n"])
async def test_an_opt_out_that_cannot_be_understood_pauses_the_run_before_anything_is_sent(
    tmp_path: Path, text: str
) -> None:
    async with lists(tmp_path) as there:
        (there.folder / "lists" / "optout.csv").write_text(text)
        error = await there.carry_on()
        assert error is not None
        assert error.exit_code == 7
        assert there.it.gateway.sent == []


async def test_a_list_that_was_missing_from_the_start_pauses_the_run_too(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        (there.folder / "lists" / "optout.csv").unlink()
        error = await there.carry_on()
        assert error is not None
        assert error.exit_code == 7
        assert there.it.gateway.sent == []
        now = there.it.ledger.find_run(there.run.run)
        assert now is not None
        assert now.paused_by is PausedBy.LISTS


async def test_the_campaign_file_of_today_changes_nothing_for_the_run_of_yesterday(tmp_path: Path) -> None:
    async with lists(tmp_path) as there:
        there.write("optout.csv", "number", number(3))
        (there.folder / "campaigns" / "a.yaml").write_text("version: [broken\n")
        assert await there.carry_on() is None
        assert there.buckets == {"delivered": 5, "excluded": 1}


def refusing(*numbers: int) -> Refusals:
    return Refusals(dict.fromkeys(numbers, 1), {}, (), (), Path("/nowhere"), {})


class Reader:
    """Reads lists as a test says, and counts."""

    def __init__(self, *results: Refusals | InvalidInput) -> None:
        self._results: Iterator[Refusals | InvalidInput] = iter(results)
        self._last: Refusals | InvalidInput | None = None
        self.readings = 0

    def __call__(self) -> Refusals:
        self.readings += 1
        self._last = next(self._results, self._last)
        if isinstance(self._last, InvalidInput):
            raise self._last
        assert self._last is not None
        return self._last


UNREADABLE = InvalidInput([Finding("lists/optout.csv", 0, 0, "cannot be read")])


async def test_a_list_that_is_half_saved_for_a_moment_pauses_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        it.read_refusals = Reader(UNREADABLE, UNREADABLE, refusing())
        assert (await it.carry_out()).halt is None
        assert it.states == {"delivered": 3}
        assert it.gateway.sent[0][0] >= 1.0


async def test_lists_that_nobody_touched_are_read_once(tmp_path: Path) -> None:
    async with desk(tmp_path, 30, carried=rules(per_second=2)) as it:
        it.read_refusals = read = Reader(refusing())
        await it.carry_out(no_wait=True)
        assert read.readings == 1


async def test_files_are_looked_at_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    async with desk(tmp_path, 60, in_flight=2, carried=rules(per_second=10)) as it:

        def is_current(_: Refusals) -> bool:
            looks.append(it.clock.monotonic())
            return True

        monkeypatch.setattr(Refusals, "is_current", is_current)
        it.read_refusals = Reader(refusing())
        await it.carry_out(no_wait=True)
        assert it.clock.monotonic() > 5
        assert len(looks) <= it.clock.monotonic() + 2


async def test_a_list_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "optout.csv"
    file.write_text("number\n")

    def state() -> tuple[int, int, int, int]:
        found = file.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    readings = []

    def read() -> Refusals:
        before = state()
        readings.append(before)
        if len(readings) == 1:
            file.write_text("number\n+48501000001\n")
            return Refusals({}, {}, (), (), tmp_path, {"optout.csv": before})
        return Refusals({501000001: 1}, {}, (), (), tmp_path, {"optout.csv": before})

    async with desk(tmp_path, 1) as it:
        watch = RefusalWatch(read, it.clock)
        assert not watch.is_current()
        await drive(it.clock, watch.read())
        assert len(readings) == 2
        assert watch.is_current()
        ready = it.ledger.ready(it.run.key, now=START, after=0, limit=1)
        with pytest.raises(IndexError):  # there are no lists here to name its row
            watch.refused(ready)


async def test_a_pause_while_a_long_list_is_read_is_kept(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        it.read_refusals = Reader(UNREADABLE, UNREADABLE, UNREADABLE, refusing())
        task = asyncio.ensure_future(it.carrying_out())
        await settle(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert it.gateway.sent == []
        assert it.states == {"ready": 3}
