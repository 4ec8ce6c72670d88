"""One message's history, gone through again step by step. Pure: what it needs arrives as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmsflow.mms.status import TRANSITIONS, MessageState

_STATES = {state.value: state for state in MessageState}
_IN_HAND = frozenset({MessageState.DELIVERED, MessageState.FAILED, MessageState.EXPIRED})

Problem = tuple[str, str]
"""The rule that does not hold, and in which way."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a message.

    Attributes:
        attempt, fence: which try it is about.
        old, new: states by their names; equal where something was learned that moved nothing.
        unspent: the attempt does not count against the campaign's.
        given_back: the request was never begun, and took nothing of the quota.
    """

    attempt: int
    fence: int
    old: str
    new: str
    unspent: bool = False
    given_back: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the ledger has it."""

    state: str
    attempt: int
    unspent: int
    fence: int
    gateway_id: str
    final: bool  # it has an instant of its end
    polled: bool  # a next question is due some time


class Replay:
    """A message on its way through its history.

    Attributes:
        state, attempt, fence, unspent: where it is.
        given_back: requests that took nothing of the quota.
        seen_id: the gateway accepted it with an id.
    """

    def __init__(self) -> None:
        self.state = MessageState.READY
        self.attempt = self.fence = self.unspent = self.given_back = 0
        self.seen_id = False

    def step(self, step: Step) -> Iterator[Problem]:
        """Go one step; what is wrong with it."""
        new = _STATES.get(step.new)
        if new is None or step.old not in _STATES:
            yield "illegal_move", f"{step.old} → {step.new} names no state of a message"
            return
        if step.old != self.state:
            yield "broken_history", f"{step.old} → {step.new} was noted while it was {self.state}"
        if new is MessageState.SENDING and step.old != step.new:
            yield from self._intent(step)
        elif (step.attempt, step.fence) != (self.attempt, self.fence):
            yield (
                "no_intent",
                f"{step.old} → {step.new} belongs to attempt {step.attempt} under fence {step.fence}, "
                f"the last durable intent is attempt {self.attempt} under fence {self.fence}",
            )
        if step.old != step.new:
            if new not in TRANSITIONS[_STATES[step.old]]:
                yield "illegal_move", f"{step.old} → {step.new} is no legal move"
            self._enter(new, step)

    def _intent(self, step: Step) -> Iterator[Problem]:
        if step.attempt != self.attempt + 1:
            yield "attempt_order", f"attempt {step.attempt} begins after attempt {self.attempt}"
        if step.fence < self.fence:
            yield "fence_went_back", f"attempt {step.attempt} has fence {step.fence} after fence {self.fence}"
        self.attempt, self.fence = step.attempt, step.fence

    def _enter(self, new: MessageState, step: Step) -> None:
        self.state = new
        self.unspent += step.unspent
        self.given_back += step.given_back
        self.seen_id = self.seen_id or new is MessageState.ACCEPTED

    def compare(self, stored: Stored) -> Iterator[Problem]:
        """Does the stored message stand where its history leads?"""
        if stored.state != self.state:
            yield "wrong_state", f"it is {stored.state}, its history ends as {self.state}"
        if stored.attempt != self.attempt:
            yield "wrong_attempts", f"it counts {stored.attempt} attempts, its history has {self.attempt}"
        if stored.unspent != self.unspent:
            yield (
                "wrong_attempts",
                f"{stored.unspent} attempts do not count against the campaign's, its history has {self.unspent}",
            )
        if stored.fence != self.fence:
            yield "wrong_fence", f"it has fence {stored.fence}, its last intent {self.fence}"
        if self.seen_id and not stored.gateway_id:
            yield "no_gateway_id", "it was accepted, but the gateway's id is missing"
        yield from _ends(stored)


def _ends(stored: Stored) -> Iterator[Problem]:
    state = _STATES.get(stored.state)
    if state is None:
        return
    if state.is_final and not stored.final:
        yield "wrong_end", f"it is {state}, but has no instant of its end"
    if stored.final and not state.is_final and state is not MessageState.ACCEPTED:
        yield "wrong_end", f"it is {state}, but has an instant of its end"
    if stored.polled and state is not MessageState.ACCEPTED:
        yield "wrong_end", f"it is {state}, but its delivery status is still to be asked"
    if state in _IN_HAND and not stored.gateway_id:
        yield "no_gateway_id", f"it is {state} without an id of the gateway"
