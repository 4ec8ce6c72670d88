"""What a run that went shows of an account's pace, and how it is said."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from mmsflow.plan.pace import UNKNOWN, Basis, Pace, pace_shown_by

START = datetime(2026, 11, 1, 8, tzinfo=UTC)


def at(*seconds: float) -> list[datetime]:
    return [START + timedelta(seconds=each) for each in seconds]


@pytest.mark.parametrize("count", [100, 150, 2_000])
@pytest.mark.parametrize("together", [1, 4, 16])
def test_the_pace_of_a_steady_run_is_seen_however_many_leave_at_a_time(count: int, together: int) -> None:
    instants = at(*(index // together * together / 38 for index in range(count)))
    assert pace_shown_by(instants) == pytest.approx(38, rel=0.15)


def test_pauses_for_a_quota_a_window_or_a_person_do_not_count() -> None:
    pauses = {100: 600.0, 700: 86_400.0, 701: 5.0, 1500: 40_000.0}
    seconds, now = [], 0.0
    for index in range(2_000):
        now += 1 / 38 + pauses.get(index, 0.0)
        seconds.append(now)
    assert pace_shown_by(at(*seconds)) == pytest.approx(38, rel=0.02)


def test_the_order_and_uneven_answers_do_not_matter() -> None:
    chance = random.Random(4)
    seconds, now = [], 0.0
    for _ in range(1_000):
        now += chance.expovariate(12)
        seconds.append(now)
    chance.shuffle(seconds)
    assert pace_shown_by(at(*seconds)) == pytest.approx(12, rel=0.1)


def test_a_slow_gateway_is_not_taken_for_pauses() -> None:
    assert pace_shown_by(at(*(90.0 * index for index in range(100)))) == pytest.approx(1 / 90)


@pytest.mark.parametrize("instants", [at(*range(99)), at(*[0.0] * 500), []])
def test_too_few_messages_or_a_single_instant_show_nothing(instants: list[datetime]) -> None:
    assert pace_shown_by(instants) is None


@pytest.mark.parametrize(
    ("account", "own", "expected"),
    [
        (UNKNOWN, None, UNKNOWN),
        (UNKNOWN, 5.0, Pace(5.0, Basis.CAMPAIGN)),
        (Pace(10.0, Basis.ACCOUNT), None, Pace(10.0, Basis.ACCOUNT)),
        (Pace(10.0, Basis.ACCOUNT), 5.0, Pace(5.0, Basis.CAMPAIGN)),
        (Pace(10.0, Basis.ACCOUNT), 20.0, Pace(10.0, Basis.ACCOUNT)),
        (Pace(38.0, Basis.RUN, "offer-1"), 100.0, Pace(38.0, Basis.RUN, "offer-1")),
    ],
)
def test_a_campaign_goes_at_its_own_rate_or_at_what_the_account_allows(
    account: Pace, own: float | None, expected: Pace
) -> None:
    assert account.within(own) == expected


@pytest.mark.parametrize(
    ("pace", "said"),
    [
        (Pace(38.41, Basis.RUN, "offer-20261101-1"), "about 38/s, as offer-20261101-1 went"),
        (Pace(0.2537, Basis.RUN, "offer-20261101-1"), "about 0.25/s, as offer-20261101-1 went"),
        (Pace(10.0, Basis.ACCOUNT), "10/s, the account's `rate`"),
        (Pace(2.5, Basis.CAMPAIGN), "2.5/s, the campaign's `rate`"),
    ],
)
def test_a_pace_says_where_it_is_known_from(pace: Pace, said: str) -> None:
    assert pace.text == said


def test_what_is_not_known_is_said() -> None:
    assert UNKNOWN.text.startswith("not known")
    assert UNKNOWN.as_json() == {"per_second": None, "basis": "unknown", "run": None, "text": UNKNOWN.text}
