"""Slices of the fuzz campaigns: replies through the real client, and files that nobody should write."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsflow.gateway.model import Evidence, Wire
from mmsflow.mms.status import MessageState
from torture import fuzz_inputs, fuzz_replies
from torture.fuzz_replies import wrongly_judged


def test_a_thousand_replies_are_classified_without_a_traceback_in_flat_memory() -> None:
    result = fuzz_replies.one_seed(7, 1000)
    assert result["violations"] == []
    kinds = {name for name in result if name.startswith("as_")}
    assert {"as_accepted", "as_unknown", "as_ready", "as_rejected", "as_delivered", "as_quota"} <= kinds


def test_bad_files_are_refused_with_their_place_or_planned(tmp_path: Path) -> None:
    result = fuzz_inputs.one_seed(7, tmp_path, 150)
    assert result["violations"] == []
    assert result["as_yaml_refused"]
    assert result["as_template_planned"]


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        (Evidence(Wire.BEGUN), MessageState.READY),
        (Evidence(Wire.ANSWERED, 502), MessageState.READY),
        (Evidence(Wire.ANSWERED, 200), MessageState.READY),
        (Evidence(Wire.ANSWERED, 200), MessageState.ACCEPTED),
        (Evidence(Wire.ANSWERED, 500, gateway_id="a1"), MessageState.ACCEPTED),
        (Evidence(Wire.ANSWERED, 500), MessageState.REJECTED),
        (Evidence(Wire.ANSWERED, 200, body=b"a" * 100_000), MessageState.ACCEPTED_NOID),
    ],
)
def test_the_judge_of_the_fuzz_campaign_sees_what_must_not_be(evidence: Evidence, state: MessageState) -> None:
    assert wrongly_judged(evidence, state)
