"""``run`` against a gateway that was written from the operator's document alone, given only address and credentials."""

from __future__ import annotations

from pathlib import Path

from .console import Console
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, add_attachments, numbers, report_rows, write_list

DIRTY = ["501 000 000", "22 621 00 00", "", "+49 1512 3456789", "4,85E+10", "tel:+48501000001"]
BUCKETS = {"Retrieved": "delivered", "Expired": "expired", "Rejected": "failed", "Indeterminate": "undetermined"}


def assert_report_agrees(gateway: IndependentGateway, report: str, people: list[str]) -> None:
    rows = report_rows(report)
    assert len(rows) == len(people)
    sent = [row for row in rows if row["gateway_id"]]
    told = {(row["gateway_id"], row["number"], row["status"], row["bucket"]) for row in sent}
    record = {
        (message.id, message.number, gateway.status_of(message), BUCKETS[gateway.status_of(message)])
        for message in gateway.messages
    }
    assert told == record
    assert {row["bucket"] for row in rows if not row["gateway_id"]} == {"invalid", "duplicate"}


def test_each_valid_recipient_gets_exactly_one_subject_in_the_form_without_attachments(
    console: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    people = [*numbers(20), *DIRTY]
    write_list(workspace, people)
    done = console("run", CAMPAIGN, "--yes", "--json").ended_with(0)
    assert gateway.numbers == numbers(20)
    assert {message.form for message in gateway.messages} == {"json"}
    assert [dict(message.fields) for message in sorted(gateway.messages, key=lambda message: message.number)] == [
        {
            "addresses": [f"tel:{number}"],
            "subject": f"Kod K{row}",
            "priority": "Normal",
            "senderAddress": "ACME",
            "deliveryReport": True,
        }
        for row, number in enumerate(numbers(20))
    ]
    assert_report_agrees(gateway, done.document["report"]["csv"], people)


def test_each_valid_recipient_gets_exactly_one_picture_with_its_own_text_in_the_multipart_form(
    console: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    people = [*numbers(20), *DIRTY]
    write_list(workspace, people)
    picture = add_attachments(workspace)
    done = console("run", CAMPAIGN, "--yes", "--json").ended_with(0)
    assert gateway.numbers == numbers(20)
    for message in gateway.messages:
        text = f"Zażółć gęślą jaźń, kod {str(message.fields['subject']).removeprefix('Kod ')}"
        assert message.form == "multipart"
        assert message.attachments == (("image/jpeg", picture), ("text/plain", text.encode()))
    assert_report_agrees(gateway, done.document["report"]["csv"], people)
