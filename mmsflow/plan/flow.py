"""How appointments send beside each other, from one change to the next: quota, pace, priorities, windows. Pure.

Messages flow: between two changes everybody who may send does so at a steady pace. Priorities and weights are those
of sending itself (``delivery.turns``), in the limit of many messages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mmsflow.plan.agenda import Agenda, Appointment, Foreseen, SharedQuota, Shortage, Stretch, with_warnings
from mmsflow.plan.quota import Guaranteed, permitted, reset_after, unused

_LONGEST = timedelta(days=400)
_MOST_CHANGES = 20_000
_HAIR = 1e-3  # of a message; more than a microsecond of the fastest pace
_HALF = 0.5
_PAUSE = timedelta(minutes=1)


def foresee(appointments: Sequence[Appointment], quota: SharedQuota, now: datetime) -> Agenda:
    """What becomes of all of them, with warnings where one stands in another's way.

    Args:
        appointments: in any order.
        now: aware.
    """
    ordered = sorted(appointments, key=lambda each: each.begins)
    together = _play(ordered, quota, now)
    alone = [_play([each], quota, now).foreseen[0] for each in ordered]
    return with_warnings(together, alone)


def fill(total: float, parts: Sequence[tuple[float, int]]) -> list[float]:
    """Share ``total`` among ``(most, weight)`` by weight; what one cannot use goes to the others."""
    shares = [0.0] * len(parts)
    open_ = [index for index, (most, _) in enumerate(parts) if most > 0]
    while open_ and total > 0:
        if math.isinf(total):
            for index in open_:
                shares[index] = parts[index][0]
            break
        unit = total / sum(parts[index][1] for index in open_)
        full = [index for index in open_ if parts[index][0] <= unit * parts[index][1]]
        if not full:
            for index in open_:
                shares[index] = unit * parts[index][1]
            break
        for index in full:
            shares[index] = parts[index][0]
            total -= parts[index][0]
        open_ = [index for index in open_ if index not in full]
    return shares


def _play(ordered: Sequence[Appointment], quota: SharedQuota, now: datetime) -> Agenda:
    going: list[_Going] = []
    last: dict[str, _Going] = {}
    for each in ordered:
        going.append(_Going(each, last.get(each.campaign)))
        last[each.campaign] = going[-1]
    flow = _Flow(quota, now, going)
    for _ in range(_MOST_CHANGES):
        if not flow.step() or flow.now > now + _LONGEST:
            break
    return Agenda(tuple(each.foreseen() for each in flow.going), tuple(flow.shortages))


@dataclass(slots=True, eq=False)
class _Going:
    """An appointment on its way; ``left``, ``ours`` and ``sent`` are messages, fractions included.

    Attributes:
        before: the one before it of the same campaign, which may come to be skipped.
        waves: ``(start, end, sent by then)`` each.
    """

    what: Appointment
    before: _Going | None = None
    left: float = 0.0
    ours: float = 0.0
    sent: float = 0.0
    waves: list[tuple[datetime, datetime, float]] = field(default_factory=list)
    ended_at: datetime | None = None
    left_after: int | None = None
    late: int = 0
    is_skipped: bool = False
    since: datetime | None = None

    def __post_init__(self) -> None:
        self.left, self.ours = float(self.what.messages), float(self.what.ours)

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def waits_for_earlier(self) -> bool:
        earlier = self.before
        while earlier is not None and earlier.is_skipped:
            earlier = earlier.before
        return earlier is not None and not earlier.is_over

    def send(self, start: datetime, end: datetime, amount: float, since: datetime) -> None:
        """So many go out in this time; ``since`` is when the quota's period began."""
        self.left = max(0.0, self.left - amount)
        self.ours += amount
        self.sent += amount
        last = self.waves[-1] if self.waves else None
        if last is not None and last[0] >= since and start - last[1] <= _PAUSE:
            self.waves[-1] = (last[0], end, self.sent)
        else:
            self.waves.append((start, end, self.sent))

    def foreseen(self) -> Foreseen:
        waves, before = [], 0
        for start, last, sent in self.waves:
            if size := round(sent) - before:
                waves.append(Stretch(start, last, size))
            before += size
        unsent = 0 if self.is_skipped else self.what.messages - before
        finished = self.is_over and not unsent and not self.is_skipped
        undated = unsent - self.late if not self.is_over else 0
        end = self.ended_at if finished else None
        left_after = self.left_after if finished else None
        return Foreseen(self.what, tuple(waves), end, self.late, undated, left_after, self.is_skipped, self.since)


class _Flow:
    """Everybody's way through time."""

    def __init__(self, quota: SharedQuota, now: datetime, going: list[_Going]) -> None:
        self.now, self.going = now, going
        self.shortages: list[Shortage] = []
        self._quota = quota
        self._available, self._used = float(quota.available), float(quota.used)
        self._begun = {name: float(count) for name, count in quota.begun.items()}
        self._resets_at, self._since = quota.resets_at, now

    def step(self) -> bool:
        """Go on to the next change; False when nothing changes any more."""
        self._retire()
        if self._round_off():
            return True
        may = [each for each in self.going if self._may_send(each)]
        able = [each for each in may if self._permits(each) > 0]
        rates = self._rates(able)
        at_once = [each for each, rate in zip(able, rates, strict=True) if math.isinf(rate)]
        if at_once:
            self._send_at_once(at_once)
            return True
        end = self._next_change(able, rates)
        if end is None:
            self._note_shortage(may)
            return False
        seconds = (end - self.now).total_seconds()
        for each, rate in zip(able, rates, strict=True):
            self._send(each, min(each.left, rate * seconds), end)
        self.now = end
        if self._resets_at is not None and self.now >= self._resets_at:
            self._note_shortage(may)
            self._reset()
        return True

    def _retire(self) -> None:
        for each in self.going:
            if each.is_over or each.what.begins > self.now:
                continue
            each.since = each.since or self._since
            if each.what.closed:
                each.is_skipped = True
                self._end(each)
            elif each.left <= _HAIR:
                self._end(each)
            elif each.what.not_after is not None and each.what.not_after <= self.now:
                each.late = each.what.messages - round(each.sent)
                self._end(each)
            elif self._is_too_late(each):
                each.is_skipped = True
                self._end(each)

    def _round_off(self) -> bool:
        """Less than half a message that has no permit is none: parts of messages come of flowing only."""
        rest = [each for each in self.going if 0 < each.left < _HALF and each.waves and not each.is_over]
        done = [each for each in rest if not self._permits(each)]
        for each in done:
            each.left = 0.0
        return bool(done)

    def _end(self, each: _Going) -> None:
        each.ended_at = each.waves[-1][1] if each.waves and not each.late else self.now
        each.left_after = int(self._available + _HAIR)

    def _is_too_late(self, each: _Going) -> bool:
        if each.what.grace is None or each.waves or not each.waits_for_earlier:
            return False
        return self.now > each.what.begins + each.what.grace

    def _may_send(self, each: _Going) -> bool:
        if each.is_over or each.what.begins > self.now or each.waits_for_earlier:
            return False
        return each.what.calendar.next_open(self.now) == self.now

    def _guaranteed(self, each: _Going) -> Guaranteed:
        begun = {name: int(count + _HAIR) for name, count in self._begun.items()}
        return unused(self._quota.guaranteed, begun, each.what.campaign)

    def _pool(self, each: _Going) -> int:
        """What reserve and guarantees leave to it."""
        left = int(self._available + _HAIR)
        return max(0, left - each.what.rules.reserve - self._guaranteed(each).left_to_others(left))

    def _permits(self, each: _Going) -> int:
        available, used = int(self._available + _HAIR), int(self._used + _HAIR)
        return permitted(available, used, each.what.rules, int(each.ours + _HAIR), self._guaranteed(each))

    def _rates(self, able: Sequence[_Going]) -> list[float]:
        """Messages a second of each: the highest priority first, equals by weight."""
        rates = dict.fromkeys(map(id, able), 0.0)
        left = self._quota.per_second or math.inf
        for priority in sorted({each.what.priority for each in able}, reverse=True):
            level = [each for each in able if each.what.priority == priority]
            shares = fill(left, [(each.what.per_second or math.inf, each.what.weight) for each in level])
            rates.update((id(each), share) for each, share in zip(level, shares, strict=True))
            if math.isinf(sum(shares)):
                break  # they take all that there is, at once
            left -= sum(shares)
            if left <= _HAIR:
                break
        return [rates[id(each)] for each in able]

    def _send_at_once(self, together: Sequence[_Going]) -> None:
        """No pace holds these: they go until one of them meets a limit."""
        pool = min(self._pool(each) for each in together)
        most = [min(each.left, self._permits(each)) for each in together]
        parts = list(zip(most, (each.what.weight for each in together), strict=True))
        for each, amount in zip(together, fill(pool, parts), strict=True):
            self._send(each, amount, self.now)

    def _send(self, each: _Going, amount: float, end: datetime) -> None:
        if amount > 0:
            each.send(self.now, end, amount, self._since)
            self._available -= amount
            self._used += amount
            self._begun[each.what.campaign] = self._begun.get(each.what.campaign, 0.0) + amount

    def _next_change(self, able: Sequence[_Going], rates: Sequence[float]) -> datetime | None:
        seconds = self._until_limits([(each, rate) for each, rate in zip(able, rates, strict=True) if rate > 0])
        ends = [self.now + timedelta(seconds=min(seconds) + 1e-6)] if seconds else []
        ends += [each.what.begins for each in self.going if each.what.begins > self.now]
        waiting = [each for each in self.going if not each.is_over and each.what.begins <= self.now]
        for each in waiting:
            ends += [end for end in self._ends_of(each) if end is not None and end > self.now]
        if self._resets_at is not None and waiting:
            ends.append(self._resets_at)
        return min(ends, default=None)

    def _until_limits(self, moving: Sequence[tuple[_Going, float]]) -> list[float]:
        """Seconds until each is done, or meets what quota and guarantees leave it, or has used its guarantee up."""
        together = sum(rate for _, rate in moving)
        protected: dict[str, float] = {}
        seconds = []
        for each, rate in moving:
            if own := self._guaranteed(each).own:
                seconds.append(own / rate)
                protected[each.what.campaign] = protected.get(each.what.campaign, 0.0) + rate
        for each, rate in moving:
            # What others take of their guarantees is not taken from what is left to this one.
            drain = together - sum(theirs for name, theirs in protected.items() if name != each.what.campaign)
            least = 0.01 / together
            seconds += [each.left / rate, max(least, self._pool(each) / drain), max(least, self._permits(each) / rate)]
        return seconds

    def _ends_of(self, each: _Going) -> list[datetime | None]:
        calendar, grace = each.what.calendar, each.what.grace
        over = each.what.begins + grace + timedelta(seconds=1) if grace is not None else None
        return [each.what.not_after, calendar.next_open(self.now), calendar.closes(self.now), over]

    def _reset(self) -> None:
        first, period = self._resets_at, self._quota.period
        assert first is not None
        self._since = self.now
        self._available, self._used = float(self._quota.used + self._quota.available), 0.0
        self._begun.clear()
        for each in self.going:
            each.ours = 0.0
        self._resets_at = reset_after(self.now, first, period, self._quota.zone) if period else None

    def _note_shortage(self, may: Sequence[_Going]) -> None:
        """The period ends with messages that could have gone but for the quota."""
        waiting = [each for each in may if each.left > _HAIR and not self._permits(each)]
        if waiting:
            names = tuple(each.what.name for each in waiting)
            self.shortages.append(Shortage(self._resets_at, round(sum(each.left for each in waiting)), names))
