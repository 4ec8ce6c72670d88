"""What a gateway's answers show: what differs is named with its setting, and nothing private is kept."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mmsflow.workflow.learn import Learned, write_learned
from mmsflow.workflow.learning import Envelope, differences, masked_body

TODAY = date(2026, 12, 1)
SENT = Envelope("send", 200, b'{"authenticationId": "abc"}', "json", "abc")


def limit(used: int, body: bytes = b'{"used": "1", "available": "9", "date": "Wed Dec 02 2026"}') -> Envelope:
    return Envelope("limit", 200, body, counters=(used, 9), reset_on=date(2026, 12, 2))


def status(body: bytes = b'{"status": "Retrieved"}', **more: object) -> Envelope:
    return Envelope("status", 200, body, "json", "abc", "Retrieved", **more)  # type: ignore[arg-type]


def said(*envelopes: Envelope) -> str:
    return "\n".join(f"{each.text} | {each.fix}" for each in differences(envelopes, TODAY))


def test_answers_as_documented_say_nothing() -> None:
    assert said(limit(1), limit(1), SENT, limit(2), status(), status(), limit(2)) == ""


@pytest.mark.parametrize(
    ("envelopes", "expected"),
    [
        ([Envelope("send", 200, b'{"id": "x"}', "json", "x")], "the id under `id`"),
        ([Envelope("send", 200, b'{"result": {"authenticationId": "x"}}', "json", "x")], "is wrapped"),
        ([Envelope("send", 201, b'{"authenticationId": "x"}', "json", "x")], "HTTP 201, not 200"),
        ([Envelope("send", 200, b'{"messageId": "x"}', "json")], "no id that could be read"),
        ([Envelope("send", 200, b'{"messageId": "x"}', "json")], "fields: messageId"),
        ([Envelope("send", 200, b"<html>", "json")], "is no JSON"),
        ([Envelope("send", 0, b"", "json", text="connection refused")], "did not come: connection refused"),
        ([Envelope("send", 200, b'{"authenticationId": "x", "cost": 2}', "json", "x")], "not read: cost"),
        ([Envelope("send", 403, b'{"code": 53}', "json", text="limit (code 53)")], "code 53 is the quota"),
        ([status(b'{"status": "Odd"}', is_known=False)], "a status word is not known"),
        ([status(b'{"deliveryStatus": "Retrieved"}')], "under `deliveryStatus`, not `status`"),
        ([status(b'[{"status": "Retrieved"}]')], "is wrapped"),
        ([Envelope("limit", 200, b"{}", text="no numbers")], "the counter cannot be read"),
        ([Envelope("limit", 200, b"{}", counters=(1, 2))], "quota_period"),
        ([Envelope("limit", 200, b"{}", counters=(1, 2), reset_on=date(2026, 11, 30))], "is in the past"),
        ([limit(1), limit(2)], "asking for the counter counted 1"),
        ([limit(1), SENT, limit(3)], "moved by 2 for 1 accepted sends"),
        ([limit(1), status(), status(), limit(3)], "2 questions for a delivery status counted 2"),
        ([limit(9), SENT, limit(0)], "was reset meanwhile"),
    ],
)
def test_each_difference_is_named(envelopes: list[Envelope], expected: str) -> None:
    assert expected in said(*envelopes)


def test_a_refused_form_names_the_setting_that_is_taken() -> None:
    refused = Envelope("send", 400, b'{"code": 20}', "full", text="bad (code 20)")
    taken = Envelope("send", 200, b'{"authenticationId": "x"}', "minimal", "x")
    assert 'set `attachment_headers = "minimal"`' in said(refused, taken)
    refused = Envelope("send", 400, b'{"code": 20}', "minimal", text="bad (code 20)")
    assert 'keep `attachment_headers = "full"`' in said(Envelope("send", 200, b"{}", "full", "x"), refused)


@pytest.mark.parametrize(
    "body",
    [
        b'{"to": "tel:+48501102030", "id": "ab-12", "n": 48501102030, "k": "+48 501 102 030"}',
        b"number 48501102030 of ab-12",
        b'{"48501102030": ["ab-12", {"deep": "501-102-030"}]}',
        b"\xff\xfe48501102030",
        b'{"token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0"}',
        b"[" * 50_000,
    ],
)
def test_no_number_id_or_token_is_kept(body: bytes) -> None:
    kept = masked_body(body, ["+48501102030", "48501102030", "501102030", "ab-12"])
    for private in ("501102030", "102 030", "102-030", "ab-12", "eyJhbGci"):
        assert private not in kept
    assert len(kept) <= 4001


def test_names_of_fields_and_words_stay_readable() -> None:
    assert json.loads(masked_body(b'{"status": "Address Error", "used": 12}', [])) == {
        "status": "Address Error",
        "used": 12,
    }


def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    learned = Learned(datetime(2026, 12, 1, 8, tzinfo=UTC), [SENT])
    path = write_learned(learned, tmp_path / "learned", host="gateway.test", private=["+48501102030"])
    assert path.name == "20261201T080000Z.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert '"abc"' not in path.read_text()
