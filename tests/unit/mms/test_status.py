"""The states of a message and the operator's words."""

from __future__ import annotations

import pytest

from mmsflow.errors import IllegalTransition
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms.status import (
    BUCKET_OF_STATE,
    TRANSITIONS,
    Bucket,
    MessageState,
    check_transition,
    outcomes_of,
    read_delivery_status,
    uncertain_of,
    unsent_of,
)


def test_every_state_has_its_moves_and_its_bucket() -> None:
    assert set(TRANSITIONS) == set(BUCKET_OF_STATE) == set(MessageState)


def test_a_final_state_never_goes_back() -> None:
    for state in [state for state in MessageState if state.is_final]:
        for target in MessageState:
            with pytest.raises(IllegalTransition):
                check_transition(state, target)


def test_a_message_is_cancelled_only_before_it_is_sent() -> None:
    check_transition(MessageState.READY, MessageState.NOT_SENT)
    with pytest.raises(IllegalTransition, match="sending to not_sent"):
        check_transition(MessageState.SENDING, MessageState.NOT_SENT)


def test_rejected_is_failed_and_a_reply_without_an_id_is_maybe_sent() -> None:
    assert BUCKET_OF_STATE[MessageState.REJECTED] is Bucket.FAILED
    assert BUCKET_OF_STATE[MessageState.ACCEPTED_NOID] is Bucket.MAYBE_SENT
    assert BUCKET_OF_STATE[MessageState.UNKNOWN] is Bucket.MAYBE_SENT


@pytest.mark.parametrize("word", ["Address Not Found", "address-not-found", "ADDRESSNOTFOUND", "Address_Not_Found"])
def test_the_operators_words_are_read_without_case_spaces_or_hyphens(word: str) -> None:
    status = read_delivery_status(word)
    assert status.raw == word
    assert status.state is MessageState.FAILED


def test_submission_success_is_not_delivery() -> None:
    assert read_delivery_status("Success").state is None
    assert read_delivery_status("Retrieved").state is MessageState.DELIVERED


def test_an_unknown_id_may_have_been_asked_too_early() -> None:
    status = read_delivery_status("Message ID Not found")
    assert status.not_found
    assert status.state is None


def test_an_unknown_word_is_kept_and_is_not_final() -> None:
    status = read_delivery_status("Quantum")
    assert (status.raw, status.state, status.known) == ("Quantum", None, False)


@pytest.mark.parametrize(
    ("question", "members"),
    [
        ("is_final", "delivered expired failed not_sent rejected suppressed undetermined"),
        ("is_uncertain", "accepted_noid unknown"),
        ("is_answered", "accepted rejected"),
        ("is_unsent", "ready sending"),
        ("never_left", "not_sent suppressed"),
    ],
)
def test_what_is_asked_of_a_message_state(question: str, members: str) -> None:
    assert sorted(state.value for state in MessageState if getattr(state, question)) == members.split()


@pytest.mark.parametrize(
    ("question", "members"),
    [
        ("is_set_aside", "duplicate excluded invalid"),
        ("is_unsent", "duplicate excluded invalid not_sent pending"),
        ("is_awaited", "accepted maybe_sent pending"),
        ("is_decided", "delivered expired failed undetermined"),
    ],
)
def test_what_is_asked_of_a_bucket(question: str, members: str) -> None:
    assert sorted(bucket.value for bucket in Bucket if getattr(bucket, question)) == members.split()


@pytest.mark.parametrize(
    ("kind", "question", "members"),
    [
        (RunState, "is_ended", "cancelled done done_with_unknown expired"),
        (RunState, "is_closed", "cancelled expired"),
        (RunState, "is_under_way", "planned running"),
        (PausedBy, "needs_person", "breaker credentials stopped user"),
        (PausedBy, "is_by_person", "stopped user"),
        (PausedBy, "lifts_itself", "account canary gateway ledger quota stopped window"),
        (PausedBy, "is_fault", "breaker credentials gateway ledger lists"),
    ],
)
def test_what_is_asked_of_a_run(kind: type[RunState | PausedBy], question: str, members: str) -> None:
    assert sorted(each.value for each in kind if getattr(each, question)) == members.split()


def test_counts_are_summed_by_what_a_state_is() -> None:
    counts = {state: 1 << number for number, state in enumerate(MessageState)}
    assert unsent_of(counts) == counts[MessageState.READY] + counts[MessageState.SENDING]
    assert uncertain_of(counts) == counts[MessageState.UNKNOWN] + counts[MessageState.ACCEPTED_NOID]
    assert outcomes_of(counts) == sum(counts.values()) - unsent_of(counts) - (
        counts[MessageState.NOT_SENT] + counts[MessageState.SUPPRESSED]
    )
