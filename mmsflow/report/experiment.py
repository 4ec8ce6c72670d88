"""Arms of an A/B test compared by what was delivered, without ever naming a winner on too little data. Pure.

The share of delivered messages carries a Wilson score interval (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927): unlike
the usual one it stays within 0 and 1 and holds for shares near them, which is where delivery lies. Two arms differ
when a two-sided test of two proportions says so at 5 % after Bonferroni's correction for the number of pairs: pooled
and normal where every expected count is at least 5, Fisher's exact one below that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

from mmsflow.mms.status import Bucket

FINAL_NEEDED = 100
"""Messages with a final outcome that every arm must have before arms are compared."""

MOST_OUTSTANDING = 0.01
"""Part of an arm's messages that may still wait for an outcome when arms are compared; it must be less."""

SIGNIFICANCE = 0.05
"""How often chance alone may name a winner where there is no difference, over all pairs of arms together."""

CONFIDENCE = 0.95

DELIVERY_ONLY = "Delivery is all that the network tells: it says nothing about whether people liked what they got."
"""Belongs beside every comparison of arms."""

_FEWEST_EXPECTED = 5  # the usual bound below which the normal approximation flatters (W. G. Cochran, 1954)
_TIE = 1 + 1e-7  # tables as likely as the one seen count as such in spite of rounding


@dataclass(frozen=True, slots=True)
class ArmCount:
    """What became of one arm's messages.

    Attributes:
        final: messages with a final outcome, delivered ones included.
        delivered: those that a handset took.
        outstanding: messages that may still get an outcome: pending, accepted or maybe sent.
    """

    name: str
    final: int
    delivered: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a share, both ends within 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm as it is shown.

    Attributes:
        counts: what it was made from.
        share: delivered of final messages, 0 to 1; None without any final one.
        interval: of that share, at 95 %; None like it.
    """

    counts: ArmCount
    share: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All arms of a test.

    Attributes:
        arms: in the order given.
        winner: name of the arm that is delivered more often than every other; empty where none may be named.
        verdict: one sentence without a full stop: who won, or what is missing.
    """

    arms: tuple[ArmResult, ...]
    winner: str
    verdict: str


def count_arm(name: str, buckets: Mapping[Bucket, int]) -> ArmCount:
    """An arm's counts from its messages by bucket; what was not sent or was set aside tells nothing and is left out."""
    final = sum(number for bucket, number in buckets.items() if bucket.is_decided)
    outstanding = sum(number for bucket, number in buckets.items() if bucket.is_awaited)
    return ArmCount(name, final, buckets.get(Bucket.DELIVERED, 0), outstanding)


def wilson_interval(delivered: int, final: int, confidence: float = CONFIDENCE) -> Interval:
    """The Wilson score interval of ``delivered`` of ``final`` messages.

    Args:
        delivered: from 0 to ``final``.
        final: at least 1.
        confidence: between 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = delivered / final
    middle = share + z * z / (2 * final)
    spread = z * math.sqrt(share * (1 - share) / final + z * z / (4 * final * final))
    scale = 1 + z * z / final
    low = 0.0 if delivered == 0 else (middle - spread) / scale
    high = 1.0 if delivered == final else (middle + spread) / scale
    return Interval(low, high)


def p_value(one: ArmCount, other: ArmCount) -> float:
    """How often chance alone gives shares at least as different as these, two-sided; both have final messages."""
    total, delivered = one.final + other.final, one.delivered + other.delivered
    rare = min(delivered, total - delivered)
    if rare == 0:
        return 1.0
    if rare * min(one.final, other.final) / total < _FEWEST_EXPECTED:
        return _exact_p_value(one, other)
    pooled = delivered / total
    error = math.sqrt(pooled * (1 - pooled) * (1 / one.final + 1 / other.final))
    z = abs(one.delivered / one.final - other.delivered / other.final) / error
    return 2 * NormalDist().cdf(-z)


def compare(arms: Sequence[ArmCount]) -> Comparison:
    """Shares, intervals and a verdict over all arms.

    A winner is named only when every arm has FINAL_NEEDED final messages, less than MOST_OUTSTANDING of its messages
    are outstanding, and the best arm differs from every other by more than chance.
    """
    results = tuple(_result(arm) for arm in arms)
    winner, verdict = _judge(arms)
    return Comparison(results, winner, verdict)


def _result(arm: ArmCount) -> ArmResult:
    if not arm.final:
        return ArmResult(arm, None, None)
    return ArmResult(arm, arm.delivered / arm.final, wilson_interval(arm.delivered, arm.final))


def _judge(arms: Sequence[ArmCount]) -> tuple[str, str]:
    if len(arms) < 2:
        return "", "nothing to compare: there is only one arm"
    if missing := [*_too_small(arms), *_unfinished(arms)]:
        return "", f"too little data: {'; '.join(missing)}"
    best = max(arms, key=lambda arm: arm.delivered / arm.final)
    others = [arm for arm in arms if arm is not best]
    pairs = len(list(combinations(arms, 2)))
    alike = [arm.name for arm in others if p_value(best, arm) * pairs >= SIGNIFICANCE]
    if len(alike) == len(others):
        return "", "no difference that chance would not explain"
    if alike:
        return "", f"no winner: chance would explain the difference between {best.name} and {' or '.join(alike)}"
    rates = ", ".join(f"{_percent(arm)} of {arm.name}" for arm in others)
    return best.name, f"{best.name} was delivered more often: {_percent(best)} against {rates}"


def _too_small(arms: Sequence[ArmCount]) -> list[str]:
    return [
        f"arm {arm.name} has {arm.final} final messages, {FINAL_NEEDED} are needed"
        for arm in arms
        if arm.final < FINAL_NEEDED
    ]


def _unfinished(arms: Sequence[ArmCount]) -> list[str]:
    return [
        f"arm {arm.name} waits for the outcome of {arm.outstanding} of its {arm.final + arm.outstanding} messages"
        for arm in arms
        if arm.outstanding and arm.outstanding >= MOST_OUTSTANDING * (arm.final + arm.outstanding)
    ]


def _percent(arm: ArmCount) -> str:
    return f"{100 * arm.delivered / arm.final:.1f} %"


def _exact_p_value(one: ArmCount, other: ArmCount) -> float:
    """Fisher's exact test: the sum over all tables that are at most as likely as the one seen."""
    total, delivered = one.final + other.final, one.delivered + other.delivered
    lowest, highest = max(0, delivered - other.final), min(delivered, one.final)
    whole = _log_choose(total, delivered)

    def likelihood(of_one: int) -> float:
        return math.exp(_log_choose(one.final, of_one) + _log_choose(other.final, delivered - of_one) - whole)

    seen = likelihood(one.delivered) * _TIE
    return min(1.0, math.fsum(each for of_one in range(lowest, highest + 1) if (each := likelihood(of_one)) <= seen))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
