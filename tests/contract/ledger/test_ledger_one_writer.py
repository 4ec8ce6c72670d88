"""One process writes; what a killed one leaves behind is safe and can be taken over at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ledger_factory import START, Ledgers, begin, freeze, settle

from mmsflow.errors import RunHeld
from mmsflow.ledger.requests import DAEMON, Action
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState

S = MessageState

# Opens the ledger named by its first argument, does the step named by the second, says so, and waits to be killed.
CHILD = """
import sys, time
sys.path.insert(0, sys.argv[3])
from ledger_factory import *
ledger = Ledger.open(sys.argv[1], command="mmsflow run winter", clock=ManualClock(START))

def halfway():
    yield planned(1), 1
    ready()

def ready():
    print("ready", flush=True)
    sys.stdin.read()

if sys.argv[2] == "freezing":
    ledger.freeze_run(replace(NEW_RUN, rows=2), halfway(), [])
elif sys.argv[2] == "sending":
    run = ledger.take_run(freeze(ledger).key)
    begin(ledger, run, 2)
    settle(ledger, run, accepted(1))
ready()
"""


@contextmanager
def other_process(ledgers: Ledgers, step: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has come as far as ``step``; killed at the end."""
    ledgers.write().close()  # made here, which spares the other process the migrations
    command = [sys.executable, "-c", CHILD, ledgers.url, step, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            yield child
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()


def test_a_second_process_is_refused_and_told_who_holds_the_ledger_and_since_when(ledgers: Ledgers) -> None:
    with other_process(ledgers, "nothing") as child:
        with pytest.raises(RunHeld) as caught:
            ledgers.write()
        assert caught.value.exit_code == 8
        for fact in (str(child.pid), "mmsflow run winter", START.isoformat(timespec="seconds")):
            assert fact in caught.value.message
        assert "mmsflow status" in caught.value.advice
        assert f"kill {child.pid}" in caught.value.advice


def test_beside_a_daemon_the_advice_is_what_it_does_itself_and_how_it_is_stopped_not_how_it_is_killed(
    ledgers: Ledgers,
) -> None:
    with Ledger.open(ledgers.url, command=DAEMON), pytest.raises(RunHeld) as caught:
        ledgers.write()

    assert "systemctl stop mmsflow" in caught.value.advice
    assert "wait for it" not in caught.value.advice
    assert "kill" not in caught.value.advice
    for action in Action:
        assert {"test": "send-test"}.get(action, str(action)) in caught.value.advice


def test_readers_work_while_another_process_writes_and_can_tell_who_it_is(ledgers: Ledgers) -> None:
    with other_process(ledgers, "sending") as child:
        reader = ledgers.read()
        [run] = reader.runs()
        assert reader.state_counts(run.key)[S.SENDING] == 1
        holder = reader.holder()
        assert holder is not None
        assert (holder.pid, holder.command) == (child.pid, "mmsflow run winter")
        assert holder.since == START.replace(microsecond=0)
    assert reader.holder() is None


def test_a_killed_owner_is_replaced_at_once_and_its_open_requests_are_maybe_sent(ledgers: Ledgers) -> None:
    with other_process(ledgers, "sending"):
        pass
    ledger = ledgers.write()
    [before] = ledger.runs()
    run = ledger.take_run(before.key)
    assert run.fence == before.fence + 1
    counts = {state: n for state, n in ledger.state_counts(run.key).items() if n}
    assert counts == {S.ACCEPTED: 1, S.UNKNOWN: 1, S.READY: 2}
    assert [message.ordinal for message in ledger.ready(run.key, now=START, after=0, limit=9)] == [3, 4]


def test_a_process_killed_while_it_freezes_leaves_no_run(ledgers: Ledgers) -> None:
    with other_process(ledgers, "freezing"):
        pass
    ledger = ledgers.write()
    assert ledger.runs() == []
    assert freeze(ledger).rows == 4


def test_the_same_process_cannot_write_twice_at_a_time_and_asking_gives_nothing_up(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    with pytest.raises(RunHeld):
        ledgers.write()
    holder = ledgers.read().holder()
    assert holder is not None
    assert holder.pid == os.getpid()
    # The questions above opened nothing that would have dropped the lock: another process is still refused.
    code = "import sys; from mmsflow.ledger.store import Ledger; Ledger.open(sys.argv[1])"
    refused = subprocess.run([sys.executable, "-c", code, ledgers.url], capture_output=True, text=True, check=False)
    assert "RunHeld" in refused.stderr
    ledger.close()
    ledgers.write()


def test_a_child_inherits_no_right_to_write_and_takes_none_away(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = ledger.take_run(freeze(ledger).key)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ledger._lock.release()
            ledgers.write()
        except RunHeld:
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    holder = ledger.holder()
    assert holder is not None
    assert holder.pid == os.getpid()
    settle(ledger, run)
    assert begin(ledger, run, 1)


def test_a_closed_ledger_is_free_and_closing_again_is_harmless(ledgers: Ledgers) -> None:
    with ledgers.write() as ledger:
        pass
    ledger.close()
    assert ledger.holder() is None
    again = ledgers.write()
    ledger.close()
    assert again.holder() is not None
