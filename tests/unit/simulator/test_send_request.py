"""What a send request may look like: the operator's document, rule by rule."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from .conftest import OpenDesk
from .desk import (
    BASE64,
    BOUNDARY,
    JSON,
    MESSAGE_PART_HEADERS,
    MULTIPART,
    NUMBER,
    SEND,
    Desk,
    attachment,
    message,
    multipart,
    part,
    refusal,
)

PICTURE = bytes(range(256)) * 40


async def test_a_message_without_attachment_is_json_and_its_reply_names_an_authentication_id(desk: Desk) -> None:
    reply = await desk.send(subject="Kod A1")

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert list(reply.json()) == ["authenticationId"]
    (shown,) = await desk.messages()
    assert shown["id"] == reply.json()["authenticationId"]
    assert (shown["number"], shown["sender"], shown["subject"]) == (NUMBER, "ACME", "Kod A1")
    assert (shown["priority"], shown["deliveryReport"], shown["parts"]) == ("Normal", True, [])


async def test_a_message_with_attachments_is_multipart_and_every_part_is_recorded(desk: Desk) -> None:
    body = multipart(
        attachment(PICTURE, "Content-Type: image/jpeg", 'Content-Disposition: attachment; filename="zima.jpg"'),
        attachment("Cześć".encode(), "Content-Type: text/plain; charset=UTF-8", "Content-ID: <text>"),
    )

    reply = await desk.post(body, MULTIPART)

    assert reply.status_code == 200
    (shown,) = await desk.messages()
    picture, text = shown["parts"]
    assert picture == {
        "content_type": "image/jpeg",
        "filename": "zima.jpg",
        "size_bytes": len(PICTURE),
        "sha256": hashlib.sha256(PICTURE).hexdigest(),
        "text": None,
    }
    assert (text["content_type"], text["text"]) == ("text/plain", "Cześć")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename*=UTF-8''zi%C4%99ba.png", "zięba.png"),
        ('Content-Disposition: attachment; filename="a \\"b\\".png"', 'a "b".png'),
        ("Content-Type: image/png; name=c.png", "c.png"),
        ("Content-ID: <d>", None),
    ],
)
async def test_the_file_name_of_an_attachment_is_recorded(desk: Desk, header: str, name: str | None) -> None:
    await desk.post(multipart(attachment(PICTURE, header)), MULTIPART)

    assert [shown["parts"][0]["filename"] for shown in await desk.messages()] == [name]


async def test_the_operators_own_example_with_one_header_on_the_attachment_is_accepted(open_desk: OpenDesk) -> None:
    desk = open_desk(attachment_headers="minimal")

    assert (await desk.post(multipart(attachment(PICTURE)), MULTIPART)).status_code == 200
    named = multipart(attachment(PICTURE, "Content-Type: image/jpeg"))
    assert refusal(await desk.post(named, MULTIPART)) == (400, 26)


async def test_base64_may_stand_in_one_long_line_and_the_closing_line_may_end_in_crlf(desk: Desk) -> None:
    assert (await desk.post(multipart(part([BASE64], b"AAAA"), end=b"--\r\n"), MULTIPART)).status_code == 200


@pytest.mark.parametrize(
    "address", ["tel:+48501102030", "tel:48501102030", "tel%3A%2B48501102030", "tel:%2B48501102030"]
)
async def test_an_address_is_tel_and_country_code_with_or_without_plus_and_may_be_escaped(
    desk: Desk, address: str
) -> None:
    assert (await desk.send(addresses=[address])).status_code == 200
    assert [shown["number"] for shown in await desk.messages()] == [NUMBER]


@pytest.mark.parametrize(
    "address",
    [
        "+48501102030",
        "tel:+48-501-102-030",
        "tel:+48 501102030",
        "tel:501102030",
        "tel:+4850110203",
        "tel:+485011020301",
        "tel:+48221102030",
        "tel:+48211102030",
        "tel:+4915112345678",
        "tel:+48٥01102030",
        "tel:+48501102030\n",
        "TEL:+48501102030",
        "",
        48501102030,
        None,
    ],
)
async def test_an_address_that_is_no_polish_mobile_in_plain_digits_is_refused(desk: Desk, address: object) -> None:
    assert refusal(await desk.send(addresses=[address])) == (400, 24)
    assert await desk.messages() == []


async def test_a_refusal_does_not_repeat_the_whole_number(desk: Desk) -> None:
    reply = await desk.send(addresses=["tel:+48-501-102-030"])

    assert "030" in reply.json()["description"]
    assert "501" not in reply.text


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"addresses": None}, 23),
        ({"addresses": []}, 24),
        ({"addresses": "tel:+48501102030"}, 24),
        ({"senderAddress": None}, 23),
        ({"senderAddress": "ACMEACMEACME"}, 24),
        ({"senderAddress": "AC ME"}, 24),
        ({"senderAddress": "Żabka"}, 24),
        ({"senderAddress": ""}, 24),
        ({"senderAddress": 7}, 24),
        ({"subject": 7}, 24),
        ({"priority": "normal"}, 24),
        ({"priority": 1}, 24),
        ({"deliveryReport": "true"}, 24),
        ({"deliveryReport": 1}, 24),
        ({"clientCorrelator": "x"}, 24),
    ],
)
async def test_a_field_that_is_missing_unknown_or_of_a_wrong_type_is_refused(
    desk: Desk, changes: dict[str, Any], code: int
) -> None:
    assert refusal(await desk.send(**changes)) == (400, code)


async def test_subject_priority_and_delivery_report_are_optional(desk: Desk) -> None:
    await desk.accepted(subject=None, priority=None, deliveryReport=None)

    (shown,) = await desk.messages()
    assert (shown["subject"], shown["priority"], shown["deliveryReport"]) == (None, None, False)


async def test_a_null_is_not_an_absent_field(desk: Desk) -> None:
    body = json.dumps(message() | {"subject": None}).encode()

    assert refusal(await desk.post(body, JSON)) == (400, 24)


async def test_a_sender_outside_the_contract_is_refused(open_desk: OpenDesk) -> None:
    desk = open_desk(senders=("ACME",))

    assert (await desk.send()).status_code == 200
    assert refusal(await desk.send(senderAddress="OTHER")) == (403, 51)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 21),
        (b"{", 22),
        (b"[]", 22),
        (b"\xff\xfe", 22),
        (b"[" * 100_000, 22),
        (b'{"subject": "\\ud800"}', 22),
        (b'{"subject": NaN}', 22),
        (b'{"subject": ' + b"9" * 5000 + b"}", 22),
        (b'{"subject": "a", "subject": "b"}', 24),
    ],
)
async def test_a_body_that_is_not_one_json_object_in_utf8_is_refused(desk: Desk, body: bytes, code: int) -> None:
    assert refusal(await desk.post(body, JSON)) == (400, code)


def _altered_first(*headers: str) -> bytes:
    return multipart(attachment(PICTURE), first=part(headers, json.dumps(message()).encode()))


DISPOSITION, KIND, ENCODING = MESSAGE_PART_HEADERS
GOOD = multipart(attachment(PICTURE))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(multipart(), 22, id="no attachment"),
        pytest.param(multipart(attachment(PICTURE), end=b""), 22, id="no closing delimiter"),
        pytest.param(multipart(attachment(PICTURE), end=b"\xe2\x80\x94"), 22, id="a dash of a word processor"),
        pytest.param(GOOD + b"\r\nmore", 22, id="an epilogue"),
        pytest.param(b"hello\r\n" + GOOD, 22, id="a preamble"),
        pytest.param(GOOD.replace(b"\r\n", b"\n"), 22, id="lines end in LF"),
        pytest.param(GOOD.replace(BOUNDARY.encode(), b"other"), 22, id="another boundary"),
        pytest.param(multipart(part([BASE64], b"AA\nAA")), 22, id="LF inside base64"),
        pytest.param(multipart(part([BASE64], b"AAA")), 22, id="base64 without its padding"),
        pytest.param(multipart(part([BASE64], b"AA*AA")), 22, id="a character that is not base64"),
        pytest.param(multipart(part([BASE64], b"")), 22, id="an empty attachment"),
        pytest.param(multipart(part([], b"AAAA")), 22, id="no headers"),
        pytest.param(multipart(part(["Content-Type: image/png"], b"AAAA")), 26, id="no transfer encoding"),
        pytest.param(multipart(attachment(PICTURE, "X-Colour: red")), 26, id="a header of its own"),
        pytest.param(multipart(attachment(PICTURE, BASE64)), 26, id="a header twice"),
        pytest.param(multipart(attachment(PICTURE, "Content-Type")), 26, id="a header without a colon"),
        pytest.param(multipart(attachment(PICTURE, 'Content-Type: image/png; a="')), 26, id="an open quote"),
        pytest.param(multipart(attachment(PICTURE, f"Content-Type: a;b=c{' ' * 60_000}x")), 26, id="an endless header"),
        pytest.param(multipart(attachment(PICTURE, "Content-Type: a; b=c; B=d")), 26, id="a parameter twice"),
        pytest.param(GOOD.replace(b"form-data", b"form-\xff"), 26, id="a header that is not UTF-8"),
        pytest.param(GOOD.replace(BOUNDARY.encode(), BOUNDARY.encode() + b" ", 1), 22, id="a blank after a delimiter"),
        pytest.param(multipart(b"--" + BOUNDARY.encode() + b"\r\n" + BASE64.encode()), 22, id="no empty line"),
        pytest.param(multipart(attachment(b"\xff", "Content-Type: text/plain")), 22, id="text that is not UTF-8"),
        pytest.param(multipart(attachment(b"a", "Content-Type: text/plain; charset=zlib")), 22, id="an odd charset"),
        pytest.param(_altered_first(KIND, ENCODING), 25, id="messagePart without disposition"),
        pytest.param(_altered_first(DISPOSITION, ENCODING), 25, id="messagePart without content type"),
        pytest.param(_altered_first(DISPOSITION, KIND), 25, id="messagePart without transfer encoding"),
        pytest.param(_altered_first('Content-Disposition: form-data; name="m"', KIND, ENCODING), 26, id="another name"),
        pytest.param(
            _altered_first(DISPOSITION, "Content-Type: application/json", ENCODING), 26, id="type without name"
        ),
        pytest.param(_altered_first(DISPOSITION, KIND, BASE64), 26, id="messagePart in base64"),
        pytest.param(_altered_first(*MESSAGE_PART_HEADERS, "Content-ID: <m>"), 26, id="messagePart with more headers"),
    ],
)
async def test_a_multipart_body_that_is_not_exactly_as_documented_is_refused(
    desk: Desk, body: bytes, code: int
) -> None:
    assert refusal(await desk.post(body, MULTIPART)) == (400, code)
    assert await desk.messages() == []


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", '; boundary="a b "', f"; boundary={'x' * 71}", "; boundary=a@b"]
)
async def test_a_multipart_request_needs_a_legal_boundary(desk: Desk, boundary: str) -> None:
    reply = await desk.post(GOOD, {**JSON, "Content-Type": f"multipart/form-data{boundary}"})

    assert refusal(reply) == (400, 26)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/related"])
async def test_another_content_type_is_refused_with_415(desk: Desk, kind: str) -> None:
    assert refusal(await desk.post(b"{}", {**JSON, "Content-Type": kind}))[0] == 415


async def test_a_request_without_content_type_is_refused(desk: Desk) -> None:
    assert refusal(await desk.post(b"{}", {"Accept": "application/json"})) == (400, 25)


async def test_more_than_300_kilobytes_before_base64_is_refused(desk: Desk) -> None:
    subject_bytes = len("Zażółć".encode())

    assert (await desk.post(multipart(attachment(bytes(300_000 - subject_bytes))), MULTIPART)).status_code == 200
    assert refusal(await desk.post(multipart(attachment(bytes(300_001 - subject_bytes))), MULTIPART)) == (400, 24)


async def test_a_body_that_no_mms_can_have_is_refused_with_413(desk: Desk) -> None:
    assert refusal(await desk.post(bytes(4 * 1024 * 1024 + 1), JSON))[0] == 413


@pytest.mark.parametrize("accept", ["*/*", "text/html", "", "application/json-seq"])
async def test_a_request_that_does_not_accept_json_is_refused_with_406(desk: Desk, accept: str) -> None:
    assert refusal(await desk.post(b"{}", {**JSON, "Accept": accept}))[0] == 406


async def test_an_unknown_address_is_404_and_a_wrong_method_405(desk: Desk) -> None:
    assert refusal(await desk.ask("/Messaging/v1/MMS")) == (404, 60)
    assert refusal(await desk.ask(f"{SEND}/")) == (404, 60)
    assert refusal(await desk.ask(SEND)) == (405, 61)
    assert (await desk.client.head("/Messaging/v1/MMSDeliveryStatus")).status_code == 405


async def test_one_request_may_have_several_addresses_under_one_id_and_uses_quota_once(desk: Desk) -> None:
    await desk.accepted(addresses=["tel:+48501102030", "tel:+48501102031"])

    first, second = await desk.messages()
    assert first["id"] == second["id"]
    assert [first["number"], second["number"]] == ["+48501102030", "+48501102031"]
    assert (await desk.limit())["used"] == "1"


async def test_the_reply_can_name_the_delivery_status_and_the_id_by_the_documents_other_name(
    open_desk: OpenDesk,
) -> None:
    desk = open_desk(reply_delivery_status=True, reply_id_field="id")

    reply = (await desk.send()).json()

    assert set(reply) == {"id", "deliveryStatus"}
    assert reply["deliveryStatus"] == "DeliveredToNetwork"
