"""The overview: what needs somebody, what runs, what comes next, and what there was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from mmsflow.daemon.board import Board
from mmsflow.daemon.model import CampaignCard, CardState
from mmsflow.daemon.places import faulty_file, files_of, place_of
from mmsflow.ledger.model import QuotaReading, RunInfo
from mmsflow.ledger.operation import Notice, NoticeKind
from mmsflow.ledger.stop_file import ALL_STOPPED, Stop
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import PROBLEM_BUCKETS, Bucket
from mmsflow.report.chart import Segment, bar
from mmsflow.report.moments import zone_of
from mmsflow.web.standing import SHOWN_ORDER, Counts, counts_of, level_of, state_key, why
from mmsflow.workflow.blockers import blockers_of_file

RECENT = 20
_MOST_NOTICES = 30
_MOST_READ = 1000
_ALARMING = (NoticeKind.NEEDS_PERSON, NoticeKind.PAUSED)  # that a run has ended well alarms nobody
_MOST_RUNNING = 20
_SCHEDULED = (CardState.SCHEDULED, CardState.PLANNING, CardState.AWAITS_APPROVAL, CardState.HINDERED)
_LEVELS = {
    CardState.SCHEDULED: "wait",
    CardState.PLANNING: "wait",
    CardState.RUNNING: "good",
    CardState.AWAITS_APPROVAL: "look",
    CardState.HINDERED: "look",
    CardState.FAULTY: "alarm",
}
PARTS = {
    "alarms": "alarms.html.j2",
    "running": "running.html.j2",
    "next": "next.html.j2",
    "quota": "quota.html.j2",
    "byhand": "by_hand.html.j2",
    "recent": "recent.html.j2",
}
"""The parts of the page that follow what happens: element's id, template."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run on the overview."""

    run: RunInfo
    zone: tzinfo
    state_key: str
    level: str
    why: str
    counts: Counts
    bar: tuple[Segment, ...]

    @property
    def buckets(self) -> Mapping[str, int]:
        return {bucket.value: count for bucket, count in self.counts.buckets.items()}

    @property
    def shown(self) -> tuple[Bucket, ...]:
        return tuple(bucket for bucket in SHOWN_ORDER if self.counts.buckets[bucket])

    @property
    def messages(self) -> int:
        return self.counts.messages

    @property
    def begun(self) -> int:
        return self.counts.begun

    @property
    def problems(self) -> int:
        return sum(self.counts.buckets[bucket] for bucket in PROBLEM_BUCKETS)


@dataclass(frozen=True, slots=True)
class CardLine:
    """One campaign on the overview: its card, and how its state is coloured."""

    file: str
    campaign: str
    description: str
    state: str
    reason: str
    recurring: bool
    zone: tzinfo
    level: str
    due: object
    next_due: object
    runs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the page shows.

    Attributes:
        stop: of all sending, while a person has stopped it.
        places: by the name of a notice, the path of the page that settles it; without those that this one settles.
        needs: messages of ours that are still to be sent.
        before, older: keys for paging through the runs; 0 where there is nothing.
    """

    healthy: bool
    stop: Stop | None
    notices: list[Notice]
    places: Mapping[str, str]
    faulty: list[CampaignCard]
    running: list[Line]
    scheduled: list[CardLine]
    by_hand: list[CardLine]
    ended: list[CardLine]
    recent: list[Line]
    quota: QuotaReading | None
    needs: int
    before: int
    older: int


def overview(board: Board, before: int = 0) -> Overview:
    """Read it all, through one connection; for a worker thread."""
    cards = board.cards()
    account = board.settings.account
    with board.reading() as ledger:
        names = ledger.run_names(account, before, RECENT + 1)
        recent = [line for _, run in names[:RECENT] if (line := _line(board, ledger, run))]
        running = _running(board, ledger, cards)
        readings = ledger.quota_readings(account, 1)
        notices = ledger.notices(account, _MOST_READ, open_only=True, kinds=_ALARMING)
        blocked = _blocked(board, ledger, cards)
        stop = ledger.stop_file.read()
    faulty = [card for card in cards if card.errors]
    notices = _alarming(notices, {card.file for card in faulty})
    files = files_of(cards)
    unfinished = {line.run.key: line for line in (*recent, *running)}
    return Overview(
        healthy=board.healthy,
        stop=stop,
        notices=notices,
        places={each.said.name: f"/{place}" for each in notices if (place := place_of(each.said, files))},
        faulty=faulty,
        running=running,
        scheduled=sorted(_cards(cards, blocked, *_SCHEDULED, CardState.RUNNING, again=True), key=_when),
        by_hand=_cards(cards, blocked, CardState.BY_HAND, CardState.RUNNING),
        ended=_cards(cards, blocked, CardState.ENDED),
        recent=recent,
        quota=readings[0] if readings else None,
        needs=sum(line.counts.buckets[Bucket.PENDING] for line in unfinished.values()),
        before=before,
        older=names[RECENT - 1][0] if len(names) > RECENT else 0,
    )


def _alarming(notices: list[Notice], shown: set[str]) -> list[Notice]:
    """What needs somebody: first what asks for a decision, last the times that were skipped; each newest first.

    Args:
        shown: faulty files that have a box of their own, with all that is wrong with them.
    """
    named = [notice for notice in notices if notice.said.name != ALL_STOPPED]  # it has a box of its own
    left = [notice for notice in named if faulty_file(notice.said) not in shown]
    return sorted(left, key=_urgency)[:_MOST_NOTICES]


def _urgency(notice: Notice) -> tuple[bool, bool]:
    return notice.said.name.startswith("skipped/"), notice.said.kind is not NoticeKind.NEEDS_PERSON


def _running(board: Board, ledger: LedgerReader, cards: tuple[CampaignCard, ...]) -> list[Line]:
    named = [run for card in cards for run in card.runs]
    lines = (_line(board, ledger, run) for run in dict.fromkeys(named[:_MOST_RUNNING]))
    return [line for line in lines if line]


def _line(board: Board, ledger: LedgerReader, name: str) -> Line | None:
    run = ledger.find_run(name)
    if run is None:
        return None
    snapshot = board.snapshot(name)
    counts = counts_of(ledger.bucket_counts(run.key))
    return Line(
        run=run,
        zone=zone_of(run.config),
        state_key=state_key(run, counts, live=snapshot is not None),
        level=level_of(run, counts, live=snapshot is not None),
        why=why(run, snapshot),
        counts=counts,
        bar=bar(counts.of_messages, SHOWN_ORDER),
    )


def _blocked(board: Board, ledger: LedgerReader, cards: tuple[CampaignCard, ...]) -> dict[str, str]:
    """What blocks each campaign before a person decides, by its file, one sentence; those without are left out."""
    settings, found = board.settings, {}
    for card in cards:
        if card.campaign and (
            blockers := blockers_of_file(ledger, settings, card.campaign, settings.workspace / card.file)
        ):
            found[card.file] = blockers[0].message
    return found


def _cards(
    cards: tuple[CampaignCard, ...], blocked: Mapping[str, str], *states: CardState, again: bool = False
) -> list[CardLine]:
    """The cards in one of the states; of the running ones those that have a next time, or those that have none."""
    return [
        CardLine(
            file=card.file,
            campaign=card.campaign,
            description=card.description,
            state=card.state.value,
            reason=card.reason or blocked.get(card.file, ""),
            recurring=card.recurring,
            zone=zone_of({"timezone": card.zone}),
            level="look" if card.file in blocked else _LEVELS.get(card.state, "note"),
            due=card.due,
            next_due=card.next_due,
            runs=card.runs,
        )
        for card in cards
        if card.state in states and (card.state is not CardState.RUNNING or _comes_again(card) is again)
    ]


def _comes_again(card: CampaignCard) -> bool:
    return card.recurring or card.next_due is not None


def _when(card: CardLine) -> str:
    return str(card.due or card.next_due or "9")
