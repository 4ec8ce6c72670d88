"""What people ask of a run while it goes on, or while nobody carries it out: pause, resume, cancel, decide; approvals.

Only the process that holds the ledger can do it. It either carries the run out right now, and then its sender is
told, or the run lies still, and then the ledger alone is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from mmsflow.clock import Clock
from mmsflow.delivery.executor import Sender
from mmsflow.delivery.poller import Poller
from mmsflow.delivery.progress import Tally
from mmsflow.errors import LedgerError, MmsflowError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.requests import Action, Answer, Request, Spool
from mmsflow.ledger.stop_file import ALL_STOPPED, START_ALL
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState, unsent_of

LOOK_SECONDS = 0.5
SETTLE_SECONDS = 8.0  # how long whoever stops all sending is kept waiting for replies
_SETTLE_LOOK = 0.05
PAUSED = "paused by a person"


@dataclass(frozen=True, slots=True)
class Live:
    """A run that this process carries out."""

    run: RunInfo
    sender: Sender
    poller: Poller
    tally: Tally

    def stop(self) -> None:
        """Begin nothing more, settle what is on the wire, ask nothing more."""
        self.sender.stop()
        self.poller.stop()


class LiveRuns:
    """The runs that this process carries out right now, by their ids."""

    def __init__(self) -> None:
        self._runs: dict[str, Live] = {}

    def __iter__(self) -> Iterator[Live]:
        return iter(list(self._runs.values()))

    def get(self, run: str) -> Live | None:
        """The run of that id; None while nobody here carries it out."""
        return self._runs.get(run)

    @contextmanager
    def entered(self, live: Live) -> Iterator[None]:
        """It is carried out as long as the block goes on."""
        self._runs[live.run.run] = live
        try:
            yield
        finally:
            del self._runs[live.run.run]


async def heed_requests(
    ledger: Ledger,
    clock: Clock,
    live: LiveRuns,
    *,
    reply: Callable[[Request], Answer | Awaitable[Answer]] | None = None,
    trouble: Callable[[LedgerError], None] = lambda _: None,
    every: float = LOOK_SECONDS,
) -> None:
    """Do what is asked, twice a second, until cancelled.

    Args:
        ledger: open for writing.
        live: the runs that are carried out.
        reply: does what is asked, where that is more than ``answer`` can do; what it awaits holds nobody else up.
        trouble: told that the requests could not be read or answered; whoever asks is told by the time that passes.
        every: seconds between two looks.
    """
    spool, later = Spool(ledger.path), set[asyncio.Task[None]]()

    def heed(request: Request) -> None:
        said: Answer | Awaitable[Answer]
        if request.action is Action.STOP:
            said = settled(ledger, clock, live)
        else:
            said = reply(request) if reply else answer(ledger, request, live)
        if isinstance(said, Answer):
            spool.done(request, said)
            return
        task = asyncio.create_task(_answer_later(spool, request, said))
        later.add(task)
        task.add_done_callback(later.discard)

    stopped = ledger.stop_file.exists()
    try:
        with suppress(LedgerError):
            spool.forget_taken()
        while True:
            if stopped is not (stopped := ledger.stop_file.exists()):
                for each in live:
                    each.sender.nudge()
            try:
                for request in spool.pending(clock.now()):
                    try:
                        heed(request)
                    except LedgerError as error:  # the next one may still be done
                        trouble(error)
            except LedgerError as error:
                trouble(error)
            await clock.sleep(every)
    finally:
        for task in later:
            task.cancel()


async def settled(ledger: Ledger, clock: Clock, live: LiveRuns) -> Answer:
    """Wait, some seconds at most, until nothing is on the wire; ``changed`` is how many requests still are.

    Asked after all sending was stopped. Every sender looks at the stop file before each claim and awaits nothing in
    between, so what is not on the wire by now is not begun.
    """
    if not ledger.stop_file.exists():
        text = f"no stop file is seen at {ledger.stop_file.path}"
        return Answer.refusal(text, "look at MMSFLOW_LEDGER", cause="stop_file")
    patience = clock.monotonic() + SETTLE_SECONDS
    while on_wire := sum(each.sender.under_way for each in live):
        if clock.monotonic() >= patience:
            noun = "request is" if on_wire == 1 else "requests are"
            return Answer(f"{on_wire} {noun} still on the wire; nothing more is begun", changed=on_wire)
        await clock.sleep(_SETTLE_LOOK)
    return Answer("nothing is on the wire")


async def stop_all_here(ledger: Ledger, clock: Clock, live: LiveRuns, *, who: str, why: str) -> Answer:
    """Stop all sending from the process that sends, and wait until what is on the wire has come in.

    Raises:
        LedgerError: the stop file cannot be made; nothing is stopped.
    """
    stop = ledger.stop_file.set(who, why, clock.now())
    for each in live:
        each.sender.nudge()
    said = await settled(ledger, clock, live)
    return Answer(f"{stop.reason}; {said.text}", START_ALL, changed=said.changed)


def refusal_while_stopped(ledger: Ledger) -> Answer | None:
    """Say why nothing is resumed while all sending is stopped; None when it is not."""
    stop = ledger.stop_file.read()
    return Answer.refusal(stop.reason, START_ALL, cause=ALL_STOPPED) if stop else None


async def _answer_later(spool: Spool, request: Request, said: Awaitable[Answer]) -> None:
    done = await said
    with suppress(LedgerError):
        spool.done(request, done)


def answer(ledger: Ledger, request: Request, live: LiveRuns) -> Answer:
    """Do what is asked, of a run that is carried out here or lies still; what cannot be done is said, not raised."""
    if request.action is Action.RESUME and (refusal := refusal_while_stopped(ledger)) is not None:
        return refusal
    try:
        if (carried := live.get(request.run)) is not None:
            return _noted(ledger, request, _do_live(ledger, request, carried))
        return do_request(ledger, request)
    except MmsflowError as error:
        return Answer.refusal(error.message, error.advice, cause=error.cause)


def do_request(ledger: Ledger, request: Request) -> Answer:
    """Do what is asked of a run that nobody carries out, or keep the approval of a plan.

    Raises:
        LedgerError: the ledger cannot be written; nothing was changed.
    """
    if request.approves is not None:
        return _approve(ledger, request)
    if request.action is Action.TEST:
        return Answer.refusal(
            "the process that holds the ledger sends no tests",
            "try again once it has ended",
            cause="holder_sends_no_tests",
        )
    run = ledger.find_run(request.run)
    if run is None:
        return Answer.refusal(f"there is no run {request.run}", "`mmsflow runs` lists them", cause="unknown_run")
    if request.action is Action.RESOLVE:
        return _noted(ledger, request, _resolve(ledger, run, request, live=None))
    if request.action is Action.RESUME:
        return Answer.refusal(
            f"the process that holds the ledger carries out another run than {run.run}",
            f"`mmsflow resume {run.run}` once it has ended",
            cause="holder_carries_out_another",
        )
    if not _unsent(ledger, run):
        return _nothing_left(run)
    if request.action is Action.PAUSE:
        return _pause(ledger, run, request.who)
    return _noted(ledger, request, _cancel(ledger, run))


def _noted(ledger: Ledger, request: Request, said: Answer) -> Answer:
    """Keep in the run's history who asked; a pause has its name in its reason."""
    text = {
        Action.CANCEL: f"{request.who} asked to cancel it",
        Action.RESUME: f"{request.who} asked to resume it",
        Action.RESOLVE: f"{request.who} said what became of what was maybe sent: {said.changed} settled",
    }.get(request.action)
    run = ledger.find_run(request.run) if request.who and text and not said.refused else None
    if run is not None:
        with suppress(LedgerError):  # what was asked for is done, and must not be said to have failed
            ledger.note(run.key, str(text))
    return said


def _pause_reason(who: str) -> str:
    return f"paused by {who}" if who else PAUSED


def _approve(ledger: Ledger, request: Request) -> Answer:
    asked = request.approves
    assert asked is not None
    ledger.approve(asked.account, asked.campaign, Approval(asked.digest, request.at, asked.who, asked.seen))
    return Answer(f"{asked.campaign} is approved by {asked.who}: the plan {asked.digest[:12]}, for one run")


def _do_live(ledger: Ledger, request: Request, live: Live) -> Answer:
    run = ledger.find_run(live.run.run) or live.run
    if request.action is Action.RESOLVE:
        return _resolve(ledger, run, request, live)
    if live.sender.cancelled:
        return Answer.refusal(f"{run.run} is cancelled", f"`mmsflow status {run.run}`", cause="cancelled")
    # Before the next question: a sender that is held ends only when it is let go, also with nothing left to send.
    if request.action is Action.RESUME and live.sender.held is not None:
        return _resume_live(ledger, run, live)
    if not _unsent(ledger, run):
        return _nothing_left(run)
    if request.action is Action.PAUSE:
        return _pause_live(ledger, run, live, request.who)
    if request.action is Action.RESUME:
        return _resume_live(ledger, run, live)
    return _cancel_live(ledger, run, live)


def _pause_live(ledger: Ledger, run: RunInfo, live: Live, who: str) -> Answer:
    again = f"`mmsflow resume {run.run}` lifts it"
    if run.paused_by is PausedBy.USER:
        return Answer(f"{run.run} is paused already", again)
    # At once, although requests may be on the wire: a process that dies before they are settled leaves a paused run.
    # And first: whoever is told that it could not be done must not find the run paused.
    reason = _pause_reason(who)
    ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER, reason=reason)
    live.sender.pause(PausedBy.USER, reason)
    return Answer(f"{run.run} is paused: nothing more goes out", again)


def _resume_live(ledger: Ledger, run: RunInfo, live: Live) -> Answer:
    if run.paused_by is not PausedBy.USER and live.sender.held is None:
        return Answer(f"{run.run} is not paused by a person: it is carried out", "`mmsflow status` shows it")
    if not live.sender.is_active:
        # Something has stopped it in this moment: nobody would heed the wish, and the run would look as if it went on.
        return Answer.refusal(
            f"{run.run} has just stopped sending and comes to rest", "ask again in a moment", cause="comes_to_rest"
        )
    ledger.set_state(run.key, RunState.RUNNING)
    live.sender.resume()
    return Answer(f"{run.run} goes on in the process that holds it")


def _cancel_live(ledger: Ledger, run: RunInfo, live: Live) -> Answer:
    again = _resends(ledger, run)
    # The ledger first: the sender begins only what is still ready there, so this cannot be lost by a crash. A sender
    # that something has stopped in this moment ends nothing any more.
    ended = ledger.cancel_carried(run.key) if live.sender.is_active else ledger.cancel_run(run.key)
    live.sender.cancel()
    for _ in range(ended):
        live.tally.move(MessageState.READY, MessageState.NOT_SENT)
    live.tally.tell()
    return Answer(f"{_cancelled(run, ended, again)}; delivery reports are still followed", changed=ended)


def _pause(ledger: Ledger, run: RunInfo, who: str) -> Answer:
    again = f"`mmsflow resume {run.run}` lifts it"
    if run.paused_by is PausedBy.USER:
        return Answer(f"{run.run} is paused already", again)
    ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER, reason=_pause_reason(who))
    return Answer(f"{run.run} is paused; nobody was carrying it out", again)


def _cancel(ledger: Ledger, run: RunInfo) -> Answer:
    again = _resends(ledger, run)
    ended = ledger.cancel_run(run.key)
    return Answer(_cancelled(run, ended, again), changed=ended)


def _cancelled(run: RunInfo, ended: int, resends: int) -> str:
    noun = "message" if ended == 1 else "messages"
    said = f"{ended} {noun} will not be sent"
    if resends:
        again = f"{resends} of unknown fate will not be sent once more"
        said = f"{said}, {again}" if ended else again
    return f"{run.run} is cancelled: {said}"


def _resolve(ledger: Ledger, run: RunInfo, request: Request, live: Live | None) -> Answer:
    if any(decision.state is MessageState.READY for decision in request.decisions) and run.state.is_closed:
        return Answer.refusal(f"{run.run} is {run.state}: nothing of it can be sent any more", "", cause="run_ended")
    if run.purged_at is not None:
        return Answer.refusal(
            f"the personal data of {run.run} were removed: nothing of it can be settled", "", cause="purged"
        )
    moves = ledger.decide(run.key, request.decisions)
    if live is not None:
        for old, new in moves:
            live.tally.move(old, new)
        live.tally.tell()
        live.sender.look_again()
    return Answer(_decided(len(moves), len(request.decisions)), changed=len(moves))


def _decided(changed: int, asked: int) -> str:
    noun = "message is" if changed == 1 else "messages are"
    text = f"{changed} {noun} settled as you said"
    if changed == asked:
        return text
    return f"{text}; {asked - changed} were settled otherwise in the meantime and left alone"


def _unsent(ledger: Ledger, run: RunInfo) -> int:
    """Messages that may still be sent, those included that the campaign has sent once more."""
    counts = ledger.state_counts(run.key)
    return unsent_of(counts) + _resends(ledger, run)


def _resends(ledger: Ledger, run: RunInfo) -> int:
    ends = run.state.is_ended or not run.config.get("resend_unknown")
    return 0 if ends else ledger.resends(run.key)


def _nothing_left(run: RunInfo) -> Answer:
    state = run.state.value.replace("_", " ")
    return Answer.refusal(
        f"{run.run} has nothing left to send: it is {state}", f"`mmsflow status {run.run}`", cause="nothing_left"
    )
