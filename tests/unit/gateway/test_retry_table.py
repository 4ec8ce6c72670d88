"""When a POST is safe to repeat: every row of the table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsflow.gateway.model import Evidence, Wire
from mmsflow.gateway.retry import Action, Decision, RetryPolicy, backoff_seconds, decide
from mmsflow.mms.status import TRANSITIONS, MessageState

S = MessageState


def answered(status: int, **more: object) -> Decision:
    return decide(Evidence(Wire.ANSWERED, http_status=status, **more))  # type: ignore[arg-type]


def verdict(decision: Decision) -> tuple[MessageState, Action]:
    return decision.state, decision.action


def test_what_provably_never_left_goes_back_to_ready_with_back_off_and_spends_no_attempt() -> None:
    decision = decide(Evidence(Wire.NOT_BEGUN, text="connection refused"))
    assert decision == Decision(S.READY, Action.BACK_OFF, False, None, "connection refused")


def test_a_url_that_cannot_be_used_pauses_the_run_as_a_matter_of_configuration() -> None:
    decision = decide(Evidence(Wire.NOT_BEGUN, misconfigured=True))
    assert verdict(decision) == (S.READY, Action.PAUSE_CONFIGURATION)


def test_refused_credentials_at_the_token_endpoint_pause_the_run_with_the_message_unsent() -> None:
    decision = decide(Evidence(Wire.NOT_BEGUN, credentials_refused=True))
    assert verdict(decision) == (S.READY, Action.PAUSE_CREDENTIALS)


@pytest.mark.parametrize("text", ["", "the server hung up"])
def test_a_request_that_had_begun_without_an_answer_is_unknown(text: str) -> None:
    decision = decide(Evidence(Wire.BEGUN, text=text))
    assert verdict(decision) == (S.UNKNOWN, Action.NONE)
    assert decision.reason


def test_even_a_wrong_setup_is_unknown_once_the_request_had_begun() -> None:
    assert decide(Evidence(Wire.BEGUN, misconfigured=True, credentials_refused=True)).state is S.UNKNOWN


@pytest.mark.parametrize("status", [200, 201, 202, 299])
def test_a_2xx_with_an_id_is_accepted(status: int) -> None:
    assert answered(status, gateway_id="id") == Decision(S.ACCEPTED, Action.NONE, True, None, "")


@pytest.mark.parametrize("status", [200, 204])
def test_a_2xx_without_an_id_is_accepted_noid(status: int) -> None:
    decision = answered(status)
    assert verdict(decision) == (S.ACCEPTED_NOID, Action.NONE)
    assert str(status) in decision.reason


def test_a_200_that_says_bad_request_is_rejected_even_with_an_id() -> None:
    assert verdict(answered(200, refused_in_body=True, gateway_id="id")) == (S.REJECTED, Action.NONE)


@pytest.mark.parametrize("status", [301, 307, 308])
def test_a_redirect_of_the_same_request_pauses_with_the_message_unsent(status: int) -> None:
    assert verdict(answered(status)) == (S.READY, Action.PAUSE_CONFIGURATION)


@pytest.mark.parametrize("status", [300, 302, 303, 304])
def test_a_redirect_that_may_follow_a_processed_request_pauses_and_is_unknown(status: int) -> None:
    assert verdict(answered(status)) == (S.UNKNOWN, Action.PAUSE_CONFIGURATION)


def test_a_401_that_stands_after_the_renewal_pauses_for_credentials() -> None:
    assert verdict(answered(401, code=41)) == (S.READY, Action.PAUSE_CREDENTIALS)


def test_403_code_53_asks_the_quota_and_spends_no_attempt() -> None:
    decision = answered(403, code=53)
    assert verdict(decision) == (S.READY, Action.ASK_QUOTA)
    assert not decision.spends_attempt


@pytest.mark.parametrize("code", [0, 50, 51, 52])
def test_any_other_403_pauses_for_rights(code: int) -> None:
    assert verdict(answered(403, code=code)) == (S.READY, Action.PAUSE_CREDENTIALS)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_400_413_and_422_reject_the_message_with_the_operators_code_and_text(status: int) -> None:
    decision = answered(status, code=25, text="Invalid body")
    assert verdict(decision) == (S.REJECTED, Action.NONE)
    assert "25" in decision.reason
    assert "Invalid body" in decision.reason


@pytest.mark.parametrize("status", [404, 405, 406, 415])
def test_404_405_406_and_415_are_a_wrong_setup_not_a_wrong_recipient(status: int) -> None:
    assert verdict(answered(status)) == (S.READY, Action.PAUSE_CONFIGURATION)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_408_425_and_429_hold_the_whole_account_and_spend_no_attempt(status: int) -> None:
    decision = answered(status, retry_after_seconds=7.0)
    assert verdict(decision) == (S.READY, Action.HOLD_ACCOUNT)
    assert (decision.spends_attempt, decision.delay_seconds) == (False, 7.0)
    assert answered(status).delay_seconds is None


def test_503_with_code_5_or_retry_after_holds_the_account() -> None:
    assert verdict(answered(503, code=5)) == (S.READY, Action.HOLD_ACCOUNT)
    assert verdict(answered(503, retry_after_seconds=0.0)) == (S.READY, Action.HOLD_ACCOUNT)
    assert not answered(503, code=5).spends_attempt


def test_what_retry_after_asks_for_is_capped() -> None:
    assert answered(429, retry_after_seconds=1e12).delay_seconds == RetryPolicy().longest_wait_seconds


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 520])
def test_a_server_error_leaves_the_fate_unknown(status: int) -> None:
    assert verdict(answered(status)) == (S.UNKNOWN, Action.NONE)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_that_the_profile_declares_as_not_processed_goes_back_to_ready(status: int) -> None:
    policy = RetryPolicy(not_processed_statuses=frozenset({status}))
    decision = decide(Evidence(Wire.ANSWERED, http_status=status), policy)
    assert verdict(decision) == (S.READY, Action.BACK_OFF)
    assert decision.spends_attempt is (status != 503)


@pytest.mark.parametrize("status", [101, 402, 407, 409, 410, 418, 431, 451])
def test_an_answer_that_no_rule_names_is_unknown_and_pauses_for_a_person(status: int) -> None:
    assert verdict(answered(status)) == (S.UNKNOWN, Action.PAUSE_GATEWAY)


@given(
    wire=st.sampled_from(Wire),
    http_status=st.integers(100, 999),
    code=st.integers(-5, 100),
    gateway_id=st.sampled_from(["", "id"]),
    refused=st.booleans(),
    after=st.none() | st.floats(0, 1e9),
)
def test_any_evidence_leads_to_a_legal_state_and_only_a_proof_leads_back_to_ready(
    wire: Wire, http_status: int, code: int, gateway_id: str, refused: bool, after: float | None
) -> None:
    evidence = Evidence(wire, http_status, gateway_id, code, refused_in_body=refused, retry_after_seconds=after)
    decision = decide(evidence)
    assert decision.state in TRANSITIONS[S.SENDING]
    if decision.state is S.READY:
        assert wire is Wire.NOT_BEGUN or (wire is Wire.ANSWERED and http_status >= 300)
        assert not decision.spends_attempt
    if wire is Wire.BEGUN:
        assert decision.state is S.UNKNOWN


def test_back_off_doubles_up_to_its_cap() -> None:
    longest = [backoff_seconds(attempt, 1.0, first_seconds=1, cap_seconds=10) for attempt in range(1, 7)]
    assert longest == [1, 2, 4, 8, 10, 10]


def test_back_off_is_jittered_over_its_upper_half() -> None:
    assert backoff_seconds(3, 0.0) == 2.0
    assert backoff_seconds(3, 0.5) == 3.0


def test_a_gateway_that_is_down_for_days_is_still_asked_at_most_once_a_minute() -> None:
    assert backoff_seconds(100_000, 0.0) >= 60.0
