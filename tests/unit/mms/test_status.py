"""The states of a message and the operator's words."""

from __future__ import annotations

import pytest

from mmsflow.errors import IllegalTransition
from mmsflow.mms.status import (
    BUCKET_OF_STATE,
    FINAL_STATES,
    TRANSITIONS,
    Bucket,
    MessageState,
    check_transition,
    read_delivery_status,
)


def test_every_state_has_its_moves_and_its_bucket() -> None:
    assert set(TRANSITIONS) == set(BUCKET_OF_STATE) == set(MessageState)


def test_a_final_state_never_goes_back() -> None:
    for state in FINAL_STATES:
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
