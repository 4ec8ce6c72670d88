"""The states of a message, the one table of legal moves, and the buckets that people see.

The operator's delivery-status words are understood here and nowhere else (the wire layer only finds them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from mmsflow.errors import IllegalTransition


class MessageState(StrEnum):
    """Where a message is."""

    READY = "ready"  # to be sent, perhaps not before a given instant
    SENDING = "sending"  # a durable intent exists; the request may be on the wire
    ACCEPTED = "accepted"  # the gateway took it and gave an id
    ACCEPTED_NOID = "accepted_noid"  # a 2xx was seen, but no usable id: maybe sent
    REJECTED = "rejected"  # the gateway refused this message
    UNKNOWN = "unknown"  # the request left, its fate is not known: maybe sent
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    UNDETERMINED = "undetermined"  # the network gave no answer until the polling deadline
    NOT_SENT = "not_sent"  # cancelled, or its deadline passed before it was sent
    SUPPRESSED = "suppressed"  # an opt-out, a refused consent or the cap came before it was sent

    @property
    def is_final(self) -> bool:
        """Tell whether no move leads out of it."""
        return not TRANSITIONS[self]

    @property
    def is_uncertain(self) -> bool:
        """Tell whether the message was maybe sent: its request left, or may have, and its fate is not known."""
        return self is MessageState.UNKNOWN or self is MessageState.ACCEPTED_NOID

    @property
    def is_answered(self) -> bool:
        """Tell whether the gateway has just said what it made of the request."""
        return self is MessageState.ACCEPTED or self is MessageState.REJECTED

    @property
    def is_unsent(self) -> bool:
        """Tell whether the message may still be sent without a person's word."""
        return self is MessageState.READY or self is MessageState.SENDING

    @property
    def never_left(self) -> bool:
        """Tell whether it is over without a request that left us."""
        return self is MessageState.NOT_SENT or self is MessageState.SUPPRESSED


class Bucket(StrEnum):
    """The one named place in which a row of the lists ends."""

    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    UNDETERMINED = "undetermined"
    MAYBE_SENT = "maybe_sent"
    ACCEPTED = "accepted"
    PENDING = "pending"
    NOT_SENT = "not_sent"
    EXCLUDED = "excluded"
    DUPLICATE = "duplicate"
    INVALID = "invalid"

    @property
    def is_set_aside(self) -> bool:
        """Tell whether its rows got no message at all."""
        return self in SET_ASIDE_BUCKETS

    @property
    def is_unsent(self) -> bool:
        """Tell whether no request left us for its rows, also when one was begun and provably did not leave."""
        return self.is_set_aside or self is Bucket.PENDING or self is Bucket.NOT_SENT

    @property
    def is_awaited(self) -> bool:
        """Tell whether the end of its messages is still to be known."""
        return self is Bucket.PENDING or self is Bucket.ACCEPTED or self is Bucket.MAYBE_SENT

    @property
    def is_decided(self) -> bool:
        """Tell whether gateway or network have decided over its messages, for good or ill."""
        return (
            self is Bucket.DELIVERED or self is Bucket.FAILED or self is Bucket.EXPIRED or self is Bucket.UNDETERMINED
        )


SET_ASIDE_BUCKETS: tuple[Bucket, ...] = (Bucket.EXCLUDED, Bucket.DUPLICATE, Bucket.INVALID)
"""Buckets of rows that never had a message, in the order in which they are shown."""

PROBLEM_BUCKETS: tuple[Bucket, ...] = (Bucket.MAYBE_SENT, Bucket.FAILED, Bucket.UNDETERMINED, Bucket.EXPIRED)
"""Buckets whose recipients are listed by name, the ones that need a person first."""

_S = MessageState

TRANSITIONS: Mapping[MessageState, frozenset[MessageState]] = MappingProxyType(
    {
        _S.READY: frozenset({_S.SENDING, _S.NOT_SENT, _S.SUPPRESSED}),
        # sending → ready only where the request provably never left (see gateway.retry).
        _S.SENDING: frozenset({_S.READY, _S.ACCEPTED, _S.ACCEPTED_NOID, _S.REJECTED, _S.UNKNOWN}),
        _S.ACCEPTED: frozenset({_S.DELIVERED, _S.FAILED, _S.EXPIRED, _S.UNDETERMINED}),
        # A late reply of the same attempt, or a person's decision, settles what was maybe sent.
        _S.UNKNOWN: frozenset({_S.ACCEPTED, _S.ACCEPTED_NOID, _S.REJECTED, _S.READY, _S.NOT_SENT, _S.UNDETERMINED}),
        _S.ACCEPTED_NOID: frozenset({_S.ACCEPTED, _S.READY, _S.NOT_SENT, _S.UNDETERMINED}),
        # Final states never go back.
        _S.REJECTED: frozenset(),
        _S.DELIVERED: frozenset(),
        _S.FAILED: frozenset(),
        _S.EXPIRED: frozenset(),
        _S.UNDETERMINED: frozenset(),
        _S.NOT_SENT: frozenset(),
        _S.SUPPRESSED: frozenset(),
    }
)

BUCKET_OF_STATE: Mapping[MessageState, Bucket] = MappingProxyType(
    {
        _S.READY: Bucket.PENDING,
        _S.SENDING: Bucket.PENDING,
        _S.ACCEPTED: Bucket.ACCEPTED,
        _S.ACCEPTED_NOID: Bucket.MAYBE_SENT,
        _S.UNKNOWN: Bucket.MAYBE_SENT,
        _S.REJECTED: Bucket.FAILED,
        _S.DELIVERED: Bucket.DELIVERED,
        _S.FAILED: Bucket.FAILED,
        _S.EXPIRED: Bucket.EXPIRED,
        _S.UNDETERMINED: Bucket.UNDETERMINED,
        _S.NOT_SENT: Bucket.NOT_SENT,
        _S.SUPPRESSED: Bucket.EXCLUDED,
    }
)


def outcomes_of(counts: Mapping[MessageState, int]) -> int:
    """Count the messages that left us, or may have, with an outcome of whatever kind."""
    return sum(number for state, number in counts.items() if not (state.is_unsent or state.never_left))


def unsent_of(counts: Mapping[MessageState, int]) -> int:
    """Count the messages that may still be sent without a person's word."""
    return sum(number for state, number in counts.items() if state.is_unsent)


def uncertain_of(counts: Mapping[MessageState, int]) -> int:
    """Count the messages that were maybe sent."""
    return sum(number for state, number in counts.items() if state.is_uncertain)


def failed_of(counts: Mapping[MessageState, int]) -> int:
    """Count the messages that gateway or network refused."""
    return counts.get(_S.FAILED, 0) + counts.get(_S.REJECTED, 0)


def check_transition(old: MessageState, new: MessageState) -> None:
    """Do nothing when a message may move from ``old`` to ``new``.

    Raises:
        IllegalTransition: the table has no such move.
    """
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(f"a message may not go from {old} to {new}")


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """What one status word of the operator means for us.

    Attributes:
        raw: the operator's word, verbatim.
        state: the final state it leads to; None while the message still waits.
        meaning: a short explanation for people.
        not_found: the id was unknown, which can mean that we asked too early.
        known: False for a word that no document names.
        unused: other known words of the same answer, verbatim.
    """

    raw: str
    state: MessageState | None
    meaning: str
    not_found: bool = False
    known: bool = True
    unused: tuple[str, ...] = ()


_WORDS: dict[str, tuple[MessageState | None, str]] = {
    # Submission statuses of the operator's document.
    "success": (None, "processed by the operator, no delivery report yet"),
    "partialsuccess": (None, "processed for some of the addresses only"),
    "clienterror": (_S.FAILED, "the operator found the request invalid"),
    "addresserror": (_S.FAILED, "the operator found the number invalid"),
    "addressnotfound": (_S.FAILED, "no such MMS address"),
    "messageformatcorrupt": (_S.FAILED, "the operator could not read the message"),
    "operationrestricted": (_S.FAILED, "no right to send this"),
    "linkedidnotfound": (_S.FAILED, "the operator's MMS centre does not know the linked id"),
    "servererror": (_S.FAILED, "the operator's server failed"),
    # Delivery reports of the same document.
    "retrieved": (_S.DELIVERED, "retrieved by the handset"),
    "rejected": (_S.FAILED, "refused by the network or the handset"),
    "expired": (_S.EXPIRED, "validity ran out before a handset retrieved it"),
    "indeterminate": (None, "the network cannot tell whether it was delivered"),
    # Sister interfaces of the same operator (OneAPI family).
    "deliveredtonetwork": (None, "handed to the network, no delivery report yet"),
    "deliveredtoterminal": (_S.DELIVERED, "retrieved by the handset"),
    "deliveryimpossible": (_S.FAILED, "the network cannot deliver it"),
    "deliveryuncertain": (None, "the network cannot tell whether it was delivered"),
    "messagewaiting": (None, "waiting in the network for the handset"),
    "deliverynotificationnotsupported": (None, "the recipient's network sends no delivery reports"),
}
_NOT_FOUND = "messageidnotfound"


def read_delivery_status(raw: str) -> DeliveryStatus:
    """Understand one status word, without regard to case, spaces, hyphens or underscores.

    An unknown word is kept verbatim and is not final.
    """
    key = "".join(character for character in raw.casefold() if character.isalnum())
    if key == _NOT_FOUND:
        return DeliveryStatus(raw, None, "the operator does not know the id (yet)", not_found=True)
    if key in _WORDS:
        state, meaning = _WORDS[key]
        return DeliveryStatus(raw, state, meaning)
    return DeliveryStatus(raw, None, "a status that no document names", known=False)


def most_final(words: Sequence[str], of_status: Sequence[str]) -> DeliveryStatus | None:
    """The status that one answer tells with all its words: the most final of those that are known.

    Words that lead to different ends contradict each other: that is no final status, and is told.

    Args:
        words: every word of the answer that may be a status.
        of_status: those in fields of a status; the first of them stands where none is known.
    """
    known = [status for word in dict.fromkeys(words) if (status := read_delivery_status(word)).known]
    if not known:
        return read_delivery_status(of_status[0]) if of_status else None
    ends = [status for status in known if status.state is not None]
    if len({status.state for status in ends}) > 1:
        raw = " / ".join(status.raw for status in ends)
        return DeliveryStatus(raw, None, "the answer holds final statuses that contradict each other", known=False)
    best = ends[0] if ends else max(known, key=_rank)
    others = tuple(status.raw for status in known if status is not best)
    meaning = best.meaning + (f" (the answer also says {', '.join(others)})" if others and not ends else "")
    return replace(best, meaning=meaning, unused=others)


def _rank(status: DeliveryStatus) -> int:
    """How far a message is that still waits."""
    key = "".join(character for character in status.raw.casefold() if character.isalnum())
    order = (_NOT_FOUND, "partialsuccess", "success", "deliveredtonetwork", "deliverynotificationnotsupported")
    return order.index(key) if key in order else len(order)
