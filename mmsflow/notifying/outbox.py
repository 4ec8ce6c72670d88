"""Notices on their way out: each channel by itself, again after growing waits, and never a danger to the sender.

A notice is noted as sent after it was: one that goes out in the moment of a crash goes out again, with the same id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mmsflow.clock import Clock
from mmsflow.errors import MmsflowError
from mmsflow.ledger.operation import Notice, NoticePost
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.notifying.model import Channel, Letter, NotPosted
from mmsflow.notifying.wording import TEST, plain
from mmsflow.secret import blotted

WAITS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=18),
)
"""After each attempt in vain; after the one behind the last of them, a day later, a notice is given up."""

_AT_ONCE = 20
_NEWS = timedelta(days=7)  # a channel that is set up again must not tell of what was long ago
_AFTER_TROUBLE = timedelta(seconds=30)


def no_link(_: Notice) -> str:
    """Nothing is known of a page."""
    return ""


async def post_notices(
    ledger: Ledger,
    clock: Clock,
    channels: Sequence[Channel],
    wake: asyncio.Event,
    *,
    link: Callable[[Notice], str] = no_link,
    trouble: Callable[[str], None] = lambda _: None,
) -> None:
    """Send what the ledger has to go out, until cancelled; raises nothing else.

    Args:
        channels: each goes at its own pace; what is due for a channel that is not here stays in the ledger.
        wake: set by whoever has told something new; cleared here.
        link: the page that a person finds more at; empty when not known.
        trouble: told in one sentence of each attempt in vain, and of each notice that was given up.
    """
    lines = [_Line(ledger, clock, channel, link, trouble) for channel in channels]
    async with asyncio.TaskGroup() as group:
        for line in lines:
            group.create_task(line.follow())
        while True:
            await wake.wait()
            wake.clear()
            for line in lines:
                line.woken.set()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of an attempt, as ``Ledger.note_post`` has it."""

    said: str
    sent_at: datetime | None = None
    next_at: datetime | None = None


class _Line:
    """One channel's part of the outbox."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        channel: Channel,
        link: Callable[[Notice], str],
        trouble: Callable[[str], None],
    ) -> None:
        self._ledger, self._clock, self._channel = ledger, clock, channel
        self._link, self._trouble = link, trouble
        self._unnoted: dict[int, _Outcome] = {}
        self.woken = asyncio.Event()

    async def follow(self) -> None:
        while True:
            self.woken.clear()
            try:
                await self._post_due()
                wait = self._until_next()
            except Exception as error:  # whatever it is, those who send messages must not suffer for it
                self._trouble(f"notices by {self._channel.name} are held up: {_said(error)}")
                wait = _AFTER_TROUBLE.total_seconds()
            await self._rest(wait)

    async def _post_due(self) -> None:
        name = self._channel.name
        while due := self._ledger.due_posts(now=self._clock.now(), limit=_AT_ONCE, channel=name):
            for post in due:
                await self._post(post)

    async def _post(self, post: NoticePost) -> None:
        if (outcome := self._unnoted.get(post.notice.id)) is not None:
            self._note(post, outcome)
            return
        if self._clock.now() - post.notice.at > _NEWS:
            self._failed(post, NotPosted("it was older than a week before it could go out", for_good=True))
            return
        try:
            remark = await self._channel.send(letter_of(self._ledger, post.notice, self._link(post.notice)))
        except Exception as error:  # a fault of ours in one notice must not hold up the others
            self._failed(post, error)
        else:
            self._note(post, _Outcome(remark, sent_at=self._clock.now()))

    def _note(self, post: NoticePost, outcome: _Outcome) -> None:
        """Write down what became of an attempt; a ledger that cannot be written must not make it be made again."""
        self._unnoted[post.notice.id] = outcome
        self._ledger.note_post(post, sent_at=outcome.sent_at, next_at=outcome.next_at, error=outcome.said)
        del self._unnoted[post.notice.id]

    def _failed(self, post: NoticePost, error: Exception) -> None:
        said = _said(error)
        if post.attempts >= len(WAITS) or (isinstance(error, NotPosted) and error.for_good):
            self._note(post, _Outcome(said))
            self._trouble(f"a notice of {_about(post.notice)} was given up: {said}")
            return
        self._note(post, _Outcome(said, next_at=self._clock.now() + WAITS[post.attempts]))
        self._trouble(f"a notice of {_about(post.notice)} did not go out yet: {said}")

    def _until_next(self) -> float | None:
        at = self._ledger.next_post_at(self._channel.name)
        return None if at is None else (at - self._clock.now()).total_seconds()

    async def _rest(self, seconds: float | None) -> None:
        """Until somebody has told something new, or for so long; for ever when None."""
        waits: list[asyncio.Task[object]] = [asyncio.create_task(_until(self.woken))]
        if seconds is not None:
            waits.append(asyncio.create_task(_slept(self._clock, seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


async def _until(event: asyncio.Event) -> None:
    await event.wait()


async def _slept(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)


def letter_of(ledger: LedgerReader, notice: Notice, link: str) -> Letter:
    """A notice as it goes out, with the counts of its run as they stand now."""
    said = notice.said
    run = ledger.find_run(said.run) if said.run else None
    return Letter(
        id=f"msg_{ledger.identity()[:12]}_{notice.id}",
        at=notice.at,
        kind=said.kind,
        campaign=said.campaign,
        run=said.run,
        text=said.text,
        advice=said.advice,
        rows=run.rows if run else 0,
        buckets=ledger.bucket_counts(run.key) if run else {},
        link=link,
        cause=str(said.detail.get("cause", "")),
    )


def trial_letter(clock: Clock) -> Letter:
    """A letter that tries a channel; each has an id of its own."""
    now = clock.now()
    number = f"msg_test_{int(now.timestamp() * 1_000_000)}"
    text, advice = "This is a test: notices arrive here.", "Nothing has to be done."
    return Letter(number, now, TEST, "", "", text, advice, 0, {}, "")


def _about(notice: Notice) -> str:
    return notice.said.run or notice.said.campaign or "the daemon"


def _said(error: Exception) -> str:
    text = f"{error}; {error.advice}" if isinstance(error, MmsflowError) and error.advice else str(error)
    return plain(blotted(text or type(error).__name__))
