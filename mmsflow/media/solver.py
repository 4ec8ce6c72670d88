"""Which way each picture of a message goes, so that all of them together look best within their bytes. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from mmsflow.media.model import Candidate


def choose(tables: Sequence[Sequence[Candidate]], budget_bytes: int) -> list[Candidate] | None:
    """One candidate for each picture, the sum of their bytes within the budget and the sum of their scores high.

    From the smallest candidates on, the step that gains most for its bytes is taken first, over all pictures; on the
    upper hulls of the tables this is the best choice for the bytes that it takes. What is left over then goes to the
    candidates that still fit, on a hull or not.

    Args:
        tables: for each picture its candidates, at least one, in any order.
        budget_bytes: for all of them.

    Returns:
        None when even the smallest ones do not fit.
    """
    hulls = [_hull(table) for table in tables]
    chosen = [0] * len(hulls)
    left = budget_bytes - sum(hull[0].size_bytes for hull in hulls)
    if left < 0:
        return None
    steps = [(-_gain(hull, 0), number) for number, hull in enumerate(hulls) if len(hull) > 1]
    heapq.heapify(steps)
    while steps:
        _, number = heapq.heappop(steps)
        hull, at = hulls[number], chosen[number]
        cost = hull[at + 1].size_bytes - hull[at].size_bytes
        if cost > left:
            continue  # a later step of this picture costs more still; smaller ones of others may fit
        left -= cost
        chosen[number] += 1
        if at + 2 < len(hull):
            heapq.heappush(steps, (-_gain(hull, at + 1), number))
    return _spend_rest(tables, [hull[at] for hull, at in zip(hulls, chosen, strict=True)], left)


def allowances(chosen: Sequence[Candidate], budget_bytes: int) -> list[int]:
    """The bytes that each of the chosen may take; what is left over is shared by those that can still become better."""
    left = budget_bytes - sum(candidate.size_bytes for candidate in chosen)
    elastic = sum(candidate.size_bytes for candidate in chosen if candidate.way == "jpeg")
    return [
        candidate.size_bytes + (left * candidate.size_bytes // elastic if candidate.way == "jpeg" else 0)
        for candidate in chosen
    ]


def _spend_rest(tables: Sequence[Sequence[Candidate]], chosen: list[Candidate], left: int) -> list[Candidate]:
    while True:
        better = [
            (candidate.score - now.score, number, candidate)
            for number, (table, now) in enumerate(zip(tables, chosen, strict=True))
            for candidate in table
            if candidate.score > now.score and candidate.size_bytes - now.size_bytes <= left
        ]
        if not better:
            return chosen
        _, number, candidate = max(better, key=lambda each: (each[0], -each[1], -each[2].size_bytes))
        left -= candidate.size_bytes - chosen[number].size_bytes
        chosen[number] = candidate


def _gain(hull: Sequence[Candidate], at: int) -> float:
    here, there = hull[at], hull[at + 1]
    return (there.score - here.score) / (there.size_bytes - here.size_bytes)


def _hull(table: Sequence[Candidate]) -> list[Candidate]:
    """The upper convex hull over bytes, from the smallest candidate up to the best one."""
    hull: list[Candidate] = []
    for candidate in sorted(table, key=lambda each: (each.size_bytes, -each.score)):
        if hull and candidate.score <= hull[-1].score:
            continue
        while len(hull) > 1 and _gain([hull[-1], candidate], 0) >= _gain(hull, len(hull) - 2):
            hull.pop()
        hull.append(candidate)
    return hull
