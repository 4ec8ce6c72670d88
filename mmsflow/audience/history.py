"""Who had a message before, as the campaign asks: sets of numbers, looked up in the ledger before any row is judged."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mmsflow.campaign.amounts import AtMost
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sources import HistorySource, InlineRecipient, Source


class NumberSet:
    """Numbers as nine digits each, four bytes a number; in ascending order.

    Args:
        numbers: ascending, each once.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = array("I", numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __contains__(self, number: int) -> bool:
        return self.place(number) >= 0

    def place(self, number: int) -> int:
        """Its position, -1 where it is not in the set."""
        at = bisect_left(self._numbers, number)
        return at if at < len(self._numbers) and self._numbers[at] == number else -1


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """Whoever had a message of these campaigns or runs.

    Attributes:
        names: of campaigns, or ids of runs.
        status: buckets in which the message ended; empty for any message that left, or may have.
    """

    names: tuple[str, ...]
    status: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """For people: ``a message of autumn-sale``, ``a delivered message of autumn-sale``."""
        which = f"{' or '.join(self.status).replace('_', ' ')} " if self.status else ""
        article = "an" if which[:1] in ("a", "e", "u") else "a"
        return f"{article} {which}message of {' or '.join(self.names)}"


@dataclass(frozen=True, slots=True)
class Capped:
    """The numbers that have as many messages already as the campaign's cap allows.

    Attributes:
        cap: the cap.
        numbers: those numbers.
        counts: how many messages each of them had, in the same order.
    """

    cap: AtMost
    numbers: NumberSet
    counts: Sequence[int]

    def reason(self, number: int) -> str | None:
        """Why the number may get no message now; None when it may."""
        place = self.numbers.place(number)
        return None if place < 0 else cap_reason(self.cap, self.counts[place])


def cap_reason(cap: AtMost, had: int) -> str:
    """Why a number that had so many messages within the cap's time gets no other."""
    noun = "message" if had == 1 else "messages"
    span = cap.text.partition(" in ")[2]
    return f"had {had} {noun} in the last {span}, the cap is {cap.text}"


@dataclass(frozen=True, slots=True)
class History:
    """What is known of earlier messages.

    Attributes:
        answers: the numbers for each query of the campaign; one that is not here is not known, and judges nobody.
        capped: the numbers at the campaign's cap; None without a cap.
    """

    answers: Mapping[HistoryQuery, NumberSet] = field(default_factory=dict)
    capped: Capped | None = None


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """What one list asks of history, ready to judge its numbers.

    Attributes:
        received, not_received: query and answer; None where the list does not ask.
    """

    received: tuple[HistoryQuery, NumberSet] | None = None
    not_received: tuple[HistoryQuery, NumberSet] | None = None

    def judge(self, number: int) -> tuple[str, str] | None:
        """(code, reason) of why the number is left out; None when it is not."""
        if self.received is not None and number not in self.received[1]:
            return "not_received", f"had no{self.received[0].text.removeprefix('a').removeprefix('n')}"
        if self.not_received is not None and number in self.not_received[1]:
            return "already_received", f"had {self.not_received[0].text}"
        return None


def queries_of_source(source: Source) -> tuple[HistoryQuery | None, HistoryQuery | None]:
    """What a source asks of history: (received, not received)."""
    if isinstance(source, InlineRecipient):
        return None, None
    received = HistoryQuery(source.received, source.status or ()) if source.received else None
    if isinstance(source, HistorySource) or not source.not_received:
        return received, None
    return received, HistoryQuery(source.not_received)


def queries_of(campaign: Campaign) -> Iterator[tuple[HistoryQuery, tuple[str | int, ...]]]:
    """Every query of a campaign, with the path of its key in the file."""
    for key in ("recipients", "exclude"):
        for index, source in enumerate(getattr(campaign, key)):
            for name, query in zip(("received", "not_received"), queries_of_source(source), strict=True):
                if query is not None:
                    yield query, (key, index, name)


def rule_of(source: Source, history: History) -> HistoryRule | None:
    """The rule by which a list's numbers are judged; None where it asks nothing, or nothing is known."""
    if isinstance(source, HistorySource | InlineRecipient):
        return None
    received, not_received = (
        (query, history.answers[query]) if query is not None and query in history.answers else None
        for query in queries_of_source(source)
    )
    return HistoryRule(received, not_received) if received or not_received else None


def excluded_by_history(campaign: Campaign, history: History) -> list[tuple[HistoryQuery, NumberSet]]:
    """What the ``received`` entries of ``exclude`` leave out."""
    found = []
    for source in campaign.exclude:
        if isinstance(source, HistorySource):
            query, _ = queries_of_source(source)
            if query is not None and query in history.answers:
                found.append((query, history.answers[query]))
    return found


def history_name(source: HistorySource) -> str:
    """The source as reports name it: ``received: autumn-sale``."""
    status = f" ({', '.join(source.status)})" if source.status else ""
    return f"received: {', '.join(source.received)}{status}"
