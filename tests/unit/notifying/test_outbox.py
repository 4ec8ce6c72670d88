"""The outbox: each notice at least once, each channel at its own pace, and no trouble for whoever sends messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from mmsflow.clock import ManualClock
from mmsflow.errors import LedgerUnavailable
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.notifying.model import Letter, NotPosted
from mmsflow.notifying.outbox import WAITS, post_notices
from mmsflow.notifying.wording import subject_of, text_of

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)


@dataclass
class FakeChannel:
    """A channel that does as it is told, and remembers every attempt."""

    clock: ManualClock
    name: str = "webhook"
    target: str = "somewhere"
    error: Exception | None = None
    stuck: asyncio.Event | None = None
    attempts: list[tuple[datetime, Letter]] = field(default_factory=list)

    async def send(self, letter: Letter) -> str:
        self.attempts.append((self.clock.now(), letter))
        if self.stuck is not None:
            await self.stuck.wait()
        if self.error is not None:
            raise self.error
        return ""

    @property
    def ids(self) -> list[str]:
        return [letter.id for _, letter in self.attempts]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock) as ledger:
        yield ledger


@pytest.fixture
def webhook(clock: ManualClock) -> FakeChannel:
    return FakeChannel(clock)


@pytest.fixture
def mail(clock: ManualClock) -> FakeChannel:
    return FakeChannel(clock, "mail")


def notice(name: str = "finished/offer-1") -> NewNotice:
    return NewNotice(name, NoticeKind.FINISHED, "acme", "offer", "offer-1", "offer-1 is done.")


@dataclass
class Outbox:
    wake: asyncio.Event
    troubles: list[str]


@asynccontextmanager
async def posting(ledger: Ledger, clock: ManualClock, *channels: FakeChannel) -> AsyncIterator[Outbox]:
    """The outbox at work; it must still be at the end."""
    outbox = Outbox(asyncio.Event(), [])
    work = asyncio.create_task(post_notices(ledger, clock, channels, outbox.wake, trouble=outbox.troubles.append))
    await clock.advance(0)
    try:
        yield outbox
        assert not work.done()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_what_is_told_goes_out_once_by_each_channel(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel, mail: FakeChannel
) -> None:
    async with posting(ledger, clock, webhook, mail) as outbox:
        ledger.tell(notice(), ["webhook", "mail"])
        outbox.wake.set()
        await clock.advance(0)
        assert len(webhook.ids) == len(mail.ids) == 1
        assert webhook.ids == mail.ids
        await clock.advance(100_000)
    assert len(webhook.ids) == len(mail.ids) == 1
    assert ledger.next_post_at() is None


async def test_attempts_in_vain_are_repeated_after_growing_waits_for_about_a_day_and_then_given_up(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel
) -> None:
    webhook.error = NotPosted("hooks.example answered 500")
    ledger.tell(notice(), ["webhook"])
    async with posting(ledger, clock, webhook) as outbox:
        await clock.advance(timedelta(days=3).total_seconds())

    moments = [at for at, _ in webhook.attempts]
    assert [later - earlier for earlier, later in pairwise(moments)] == list(WAITS)
    assert list(WAITS) == sorted(WAITS)
    assert timedelta(days=1) <= moments[-1] - NOW <= timedelta(hours=30)
    assert len(set(webhook.ids)) == 1
    assert ledger.posts_given_up(NOW) == [("webhook", "hooks.example answered 500")]
    assert outbox.troubles[-1] == "a notice of offer-1 was given up: hooks.example answered 500"


async def test_a_receiver_that_wants_no_more_is_not_asked_again(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel
) -> None:
    webhook.error = NotPosted("gone", for_good=True)
    ledger.tell(notice(), ["webhook"])
    async with posting(ledger, clock, webhook):
        await clock.advance(100_000)
    assert len(webhook.attempts) == 1


async def test_what_is_older_than_a_week_is_no_news_any_more(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel
) -> None:
    ledger.tell(notice(), ["webhook"])
    await clock.advance(timedelta(days=8).total_seconds())
    async with posting(ledger, clock, webhook) as outbox:
        ledger.tell(notice("finished/offer-2"), ["webhook"])
        outbox.wake.set()
        await clock.advance(0)
    assert len(webhook.attempts) == 1
    assert [channel for channel, _ in ledger.posts_given_up(NOW)] == ["webhook"]


async def test_a_slow_channel_does_not_hold_up_the_other(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel, mail: FakeChannel
) -> None:
    webhook.stuck = asyncio.Event()
    for number in range(50):
        ledger.tell(notice(f"finished/{number}"), ["webhook", "mail"])
    async with posting(ledger, clock, webhook, mail):
        await clock.advance(1)
        assert len(webhook.attempts) == 1
        assert len(set(mail.ids)) == len(mail.ids) == 50
        webhook.stuck.set()
        await clock.advance(1)
        assert len(set(webhook.ids)) == 50


async def test_a_notice_that_was_on_its_way_in_a_crash_goes_out_again_with_the_same_id(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel
) -> None:
    webhook.stuck = asyncio.Event()
    ledger.tell(notice(), ["webhook"])
    async with posting(ledger, clock, webhook):
        pass  # cancelled while the request is out
    webhook.stuck = None
    async with posting(ledger, clock, webhook):
        pass
    first, second = webhook.ids
    assert first == second
    assert ledger.next_post_at() is None


@pytest.mark.parametrize("error", [NotPosted("no"), RuntimeError("a bug of a channel"), OSError("no route")])
async def test_nothing_that_a_channel_raises_reaches_the_daemon(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel, error: Exception
) -> None:
    webhook.error = error
    ledger.tell(notice(), ["webhook"])
    async with posting(ledger, clock, webhook) as outbox:
        await clock.advance(1)
        webhook.error = None
        await clock.advance(30)
    assert len(webhook.attempts) == 2
    assert len(outbox.troubles) == 1


async def test_a_ledger_that_cannot_be_read_for_a_while_is_waited_for(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the disk is full")

    ledger.tell(notice(), ["webhook"])
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "due_posts", full)
        async with posting(ledger, clock, webhook) as outbox:
            assert outbox.troubles == ["notices by webhook are held up: the disk is full"]
            assert webhook.attempts == []
            patch.undo()
            await clock.advance(30)
            assert len(webhook.attempts) == 1


@pytest.mark.parametrize("error", [None, NotPosted("the server hangs")])
async def test_while_the_ledger_cannot_be_written_nothing_is_sent_twice(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    def full(*_: object, **__: object) -> None:
        raise LedgerUnavailable("the disk is full")

    webhook.error = error
    async with posting(ledger, clock, webhook) as outbox:
        with monkeypatch.context() as patch:
            patch.setattr(ledger, "note_post", full)
            ledger.tell(notice(), ["webhook"])
            outbox.wake.set()
            await clock.advance(3600)
            assert len(webhook.attempts) == 1
        webhook.error = None
        await clock.advance(30)
        await clock.advance(30)
    assert len(webhook.attempts) == (1 if error is None else 2)
    assert ledger.next_post_at() is None


async def test_what_waits_for_a_channel_that_is_not_set_up_any_more_keeps_nobody_busy(
    ledger: Ledger, clock: ManualClock, webhook: FakeChannel
) -> None:
    ledger.tell(notice(), ["mail"])
    async with posting(ledger, clock, webhook):
        await clock.advance(0)
        assert clock.next_wake is None
    assert webhook.attempts == []


def test_a_mail_names_the_run_once_and_needs_no_counts() -> None:
    letter = Letter("msg_1", NOW, NoticeKind.NEEDS_PERSON, "offer", "", "The file has an error.", "Mend it.", 0, {}, "")
    assert subject_of(letter) == "mmsflow: offer needs you"
    assert text_of(letter) == ("The file has an error.\n\nMend it.\n\n-- \ncampaign offer, 2026-12-01 08:00:00 UTC\n")
