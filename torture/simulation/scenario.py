"""From a seed to a story: how many messages, which rules, what weather, and what happens to each process.

Only a few kinds of trouble are drawn for each seed, then often: rare troubles all at once would hide each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.thresholds import Canary, StopIf
from mmsflow.plan.quota import QuotaRules
from torture.simulation.disk import FAULTS
from torture.simulation.replies import POSTS, STATUSES

TOTAL_DEADLINE_SECONDS = 10.0
_START = datetime(2026, 12, 1, 22, 50, tzinfo=UTC)  # ten minutes before midnight in Warsaw, where counters reset


@dataclass(frozen=True, slots=True)
class Incident:
    """What happens to one process, or around it.

    Attributes:
        kind: kill | stop | stop_twice | takeover | outage (of the ledger) | journal (it fails) | deaf (both) |
            refuse_commit | break_commit | jump | others | pause | cancel | resolve.
        turn, commit, seconds: when, counted from the start of the process; the one that is not 0.
        size: seconds of an outage, a jump or a pause, requests taken by others.
        fault: of the database.
    """

    kind: str
    turn: int = 0
    commit: int = 0
    seconds: float = 0.0
    size: float = 0.0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """One process: whether it waits, what happens to it, and how long until the next one."""

    no_wait: bool = False
    incidents: tuple[Incident, ...] = ()
    pause_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Weather:
    """How the gateway behaves until the storm is over.

    Attributes:
        posts, statuses: weights of replies by their names.
        trouble: how often a request of another kind (token, limit) fails.
        dark: from and until when nothing answers, seconds from the start.
        token_seconds: life of a token; None where its answer does not say.
        flips: final words that change afterwards.
        storm_seconds: how long trouble lasts after each process's start.
    """

    posts: tuple[tuple[str, float], ...]
    statuses: tuple[tuple[str, float], ...]
    trouble: float
    dark: tuple[float, float]
    token_seconds: float | None
    flips: bool
    storm_seconds: float


@dataclass(frozen=True, slots=True)
class Quota:
    """The gateway's counter: what is left at the start, whether others take from it, how its date reads."""

    available: int
    others: bool
    date: str  # tomorrow | past | none
    counts_refused: bool


@dataclass(frozen=True, slots=True)
class OptOuts:
    """Who opts out when, ``(ordinal, seconds)``, and from and until when the list cannot be read."""

    when: tuple[tuple[int, float], ...]
    unreadable: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story."""

    seed: int
    start: datetime
    messages: int
    in_flight: int
    delivery_report: bool
    rules: RunRules
    weather: Weather
    quota: Quota
    opt_outs: OptOuts | None
    people: bool
    lives: tuple[Life, ...]
    poll_per_second: float
    grace: timedelta


def draw(seed: int) -> Scenario:
    """The story of a seed."""
    random = Random(seed)
    messages = random.choice((1, 2, 3, 4, 6, 8, 10))
    reported = random.random() < 0.85
    people = random.random() < 0.25
    rules = _rules(random, reported=reported)
    lives = random.choice((1, 1, 2, 2, 3, 4))
    return Scenario(
        seed=seed,
        start=_START,
        messages=messages,
        in_flight=random.choice((1, 2, 3, 4, 6)),
        delivery_report=reported,
        rules=rules,
        weather=_weather(random),
        quota=_quota(random, messages),
        opt_outs=_opt_outs(random, messages),
        people=people,
        lives=tuple(_life(random, jumps=rules.not_after is None, people=people) for _ in range(lives)),
        poll_per_second=random.choice((2.0, 50.0)),
        grace=timedelta(seconds=random.choice((30, 600))),
    )


def _rules(random: Random, *, reported: bool) -> RunRules:
    delay = random.choice((0, 0, 0, 0, 7))
    ends = random.random() < 0.15
    canary = Canary(random.choice((1, 3)), timedelta(seconds=random.choice((5, 60))), random.choice((0.3, 1.0)))
    stop_if = StopIf(random.choice((0.2, 0.5)), random.choice((1, 4)))
    return RunRules(
        start=_START + timedelta(seconds=delay),
        not_after=_START + timedelta(seconds=delay + random.choice((2, 10, 40))) if ends else None,
        per_second=random.choice((None, None, None, 0.5, 5.0)),
        quota=QuotaRules(random.choice((0, 0, 2)), random.choice((1.0, 1.0, 0.5))),
        attempts=random.choice((1, 3, 5)),
        poll_until=timedelta(seconds=random.choice((30, 60, 600))),
        timezone="Europe/Warsaw",
        formats=("csv",),
        canary=canary if reported and random.random() < 0.15 else None,
        stop_if=stop_if if random.random() < 0.15 else None,
        resend_unknown=random.random() < 0.15,
    )


def _weather(random: Random) -> Weather:
    chosen = random.sample(sorted(POSTS), random.choice((0, 1, 2, 4)))
    statuses = random.sample(sorted(STATUSES), random.choice((0, 1, 3)))
    dark = random.uniform(0, 10) if random.random() < 0.15 else 0.0
    return Weather(
        posts=(("taken", 4.0), *((name, random.choice((0.5, 2.0, 6.0))) for name in chosen)),
        statuses=(("word", 4.0), *((name, random.choice((1.0, 4.0))) for name in statuses)),
        trouble=random.choice((0.0, 0.0, 0.1, 0.5)),
        dark=(dark, dark + random.choice((5.0, 60.0)) if dark else 0.0),
        token_seconds=random.choice((None, 20.0, 3600.0)),
        flips=random.random() < 0.3,
        storm_seconds=random.choice((3.0, 15.0, 60.0)),
    )


def _quota(random: Random, messages: int) -> Quota:
    short = random.random() < 0.25
    return Quota(
        available=random.randint(1, messages + 2) if short else 1000,
        others=random.random() < 0.15,
        date=random.choice(("tomorrow", "tomorrow", "past", "none")),
        counts_refused=random.random() < 0.3,
    )


def _opt_outs(random: Random, messages: int) -> OptOuts | None:
    if random.random() >= 0.2:
        return None
    when = [(ordinal, random.choice((0.0, 2.0, 20.0)) * random.random()) for ordinal in range(1, messages + 1)]
    broken = random.uniform(0, 10) if random.random() < 0.3 else 0.0
    chosen = random.sample(when, random.randint(1, messages))
    return OptOuts(tuple(chosen), (broken, broken + 5.0 if broken else 0.0))


def _life(random: Random, *, jumps: bool, people: bool) -> Life:
    incidents = tuple(_incident(random, jumps=jumps, people=people) for _ in range(random.choice((0, 1, 1, 2, 3))))
    return Life(
        no_wait=random.random() < 0.2,
        incidents=incidents,
        pause_seconds=random.choice((0.1, 5.0, 100.0)),
    )


def _incident(random: Random, *, jumps: bool, people: bool) -> Incident:
    kind = random.choice(
        _KINDS + ["jump"] * jumps + ["pause", "pause", "pause", "cancel", "resolve", "resolve"] * people
    )
    size = random.choice((0.5, 4.0, 30.0))
    if kind == "jump":
        size = random.choice((-3600.0, -30.0, 30.0, 3600.0))
    fault = random.choice(FAULTS)
    if kind in ("refuse_commit", "break_commit") or (kind == "kill" and random.random() < 0.4):
        return Incident(kind, commit=int(random.choice((3, 10, 30)) * random.random()) + 1, size=size, fault=fault)
    if random.random() < 0.7:
        return Incident(kind, turn=int(2.0 ** random.uniform(0.0, 10.0)), size=size, fault=fault)
    return Incident(kind, seconds=random.choice((0.3, 3.0, 60.0)) * random.random() + 0.001, size=size, fault=fault)


_KINDS = (
    ["kill"] * 6 + ["stop"] * 2 + ["stop_twice"] + ["takeover"] * 2 + ["outage"] * 2 + ["deaf", "journal", "others"]
)
_KINDS += ["refuse_commit"] * 2 + ["break_commit"] * 2
