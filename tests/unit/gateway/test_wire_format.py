"""The operator's words, read and written."""

from __future__ import annotations

import base64
import email.parser
import email.policy
import json
from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsflow.gateway.model import OutgoingMessage
from mmsflow.gateway.multipart import MultipartForm
from mmsflow.gateway.wire import (
    message_part,
    one_line,
    read_error,
    read_limit,
    read_reset_date,
    read_retry_after,
    read_send,
    read_status,
    read_token,
)
from mmsflow.mms.content import Part
from mmsflow.mms.status import MessageState

PICTURE = Part("image/jpeg", "winter.jpg", bytes(range(256)) * 40)
TEXT = Part("text/plain", "winter.txt", "Zażółć gęślą jaźń".encode())


def message(subject: str = "Kod", *parts: Part, report: bool = True) -> OutgoingMessage:
    return OutgoingMessage("+48501102030", subject, "ACME", "High", report, parts)


def parsed(content_type: str, chunks: list[bytes]) -> list[EmailMessage]:
    """The parts of a body as another reader sees them."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    whole = parser.parsebytes(head + b"".join(chunks))
    assert whole.is_multipart()
    assert not whole.defects
    return [part for part in whole.iter_parts() if isinstance(part, EmailMessage)]


# The message part


def test_the_message_part_has_the_operators_fields_and_one_address_without_hyphens() -> None:
    assert json.loads(message_part(message())) == {
        "addresses": ["tel:+48501102030"],
        "subject": "Kod",
        "priority": "High",
        "senderAddress": "ACME",
        "deliveryReport": True,
    }


def test_an_empty_subject_is_left_out() -> None:
    assert "subject" not in json.loads(message_part(message("")))


def test_a_delivery_report_that_is_not_wanted_is_declined_in_so_many_words() -> None:
    assert json.loads(message_part(message(report=False)))["deliveryReport"] is False


@given(st.text(st.characters()))
def test_any_subject_survives_in_plain_ascii(subject: str) -> None:
    body = message_part(message(subject))
    assert body.isascii()
    assert json.loads(body).get("subject", "") == subject


# The multipart form


def test_the_first_part_is_the_message_part_with_its_three_headers() -> None:
    content_type, chunks = MultipartForm().build(b'{"a": 1}', [PICTURE])
    head = b"".join(chunks).split(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[1:] == [
        b'Content-Disposition: form-data; name="messagePart"; filename="messagePart"',
        b"Content-Type: application/json; name=messagePart",
        b"Content-Transfer-Encoding: binary",
    ]
    assert parsed(content_type, chunks)[0].get_payload(decode=True) == b'{"a": 1}'


def test_each_attachment_carries_its_full_set_of_headers_and_arrives_byte_for_byte() -> None:
    _, picture, text = parsed(*MultipartForm().build(b"{}", [PICTURE, TEXT]))
    assert picture["Content-Type"] == "image/jpeg"
    assert picture["Content-Disposition"].params["filename"] == "winter.jpg"
    assert picture["Content-ID"] == "<winter.jpg>"
    assert picture["Content-Transfer-Encoding"] == "base64"
    assert picture.get_payload(decode=True) == PICTURE.data
    assert (text.get_content_type(), text.get_content_charset()) == ("text/plain", "utf-8")
    assert text.get_payload(decode=True) == TEXT.data


def test_minimal_headers_leave_only_the_transfer_encoding_on_attachments() -> None:
    _, picture = parsed(*MultipartForm("minimal").build(b"{}", [PICTURE]))
    assert picture.keys() == ["Content-Transfer-Encoding"]
    assert picture.get_payload(decode=True) == PICTURE.data


def test_lines_end_in_crlf_and_base64_is_wrapped_at_76() -> None:
    content_type, chunks = MultipartForm().build(b"{}", [PICTURE])
    body = b"".join(chunks)
    assert body.count(b"\n") == body.count(b"\r\n") == body.count(b"\r")
    encoded = body.split(b"\r\n\r\n")[2].split(b"\r\n--")[0].split(b"\r\n")
    assert {len(line) for line in encoded[:-1]} == {76}
    assert base64.b64decode(b"".join(encoded)) == PICTURE.data
    boundary = content_type.partition("boundary=")[2].encode()
    assert body.endswith(b"\r\n--" + boundary + b"--\r\n")


def test_an_attachment_is_encoded_once_and_shared_between_messages() -> None:
    form = MultipartForm()
    first, second = (form.build(b'{"n": %d}' % number, [PICTURE, TEXT])[1] for number in (1, 2))
    assert any(chunk is other and len(chunk) > len(PICTURE.data) for chunk in first for other in second)


def test_the_same_bytes_under_another_name_are_another_attachment() -> None:
    form = MultipartForm()
    form.build(b"{}", [PICTURE])
    _, other = parsed(*form.build(b"{}", [Part("image/png", "other.png", PICTURE.data)]))
    assert (other["Content-ID"], other["Content-Type"]) == ("<other.png>", "image/png")


def test_what_is_kept_of_encoded_attachments_is_bounded() -> None:
    form = MultipartForm()
    for number in range(40):
        form.build(b"{}", [Part("image/jpeg", f"{number}.jpg", bytes([number]) * 1_000_000)])
    assert sum(map(len, form._encoded.values())) == form._encoded_bytes <= 16 * 1024 * 1024


def test_a_message_part_that_holds_the_boundary_gets_another_one() -> None:
    form = MultipartForm()
    usual = form.build(b"{}", [TEXT])[0].partition("boundary=")[2]
    trap = b'{"subject": "--' + usual.encode() + b'--"}'
    content_type, chunks = form.build(trap, [TEXT])
    assert usual not in content_type
    assert parsed(content_type, chunks)[0].get_payload(decode=True) == trap


@pytest.mark.parametrize(
    "name", ['a"; x="', "a\r\nX-Evil: 1\r\n\r\nbody", "<a>", "zażółć.jpg", "a\\b", "a\0b", "%0d%0a", "a b"]
)
def test_a_file_name_cannot_break_out_of_its_header(name: str) -> None:
    _, part = parsed(*MultipartForm().build(b"{}", [Part("image/png", name, b"data")]))
    assert part.keys() == ["Content-Disposition", "Content-Type", "Content-ID", "Content-Transfer-Encoding"]
    assert part.get_payload(decode=True) == b"data"


@pytest.mark.parametrize("content_type", ["image/png\r\nX-Evil: 1", "", "image", 'image/"'])
def test_a_content_type_cannot_break_out_of_its_header(content_type: str) -> None:
    _, part = parsed(*MultipartForm().build(b"{}", [Part(content_type, "a.png", b"data")]))
    assert part["Content-Type"] == "application/octet-stream"


# The answer to a send


def test_the_id_is_authentication_id_else_id() -> None:
    assert read_send(200, b'{"authenticationId": "a", "id": "b"}').gateway_id == "a"
    assert read_send(200, b'{"id": "b"}').gateway_id == "b"
    assert read_send(200, b'{"id": "b", "link": {"authenticationId": "a"}}').gateway_id == "a"


@pytest.mark.parametrize(
    "body",
    [
        b'{"authenticationId": "x"}',
        b'{"authenticationId": " x ", "deliveryStatus": "DeliveredToNetwork", "new": [1, 2]}',
        b'[{"authenticationId": "x"}]',
        b'{"result": {"authenticationId": "x"}}',
        b'{"result": [{"authenticationId": "x"}]}',
        b'\xef\xbb\xbf{"authenticationId": "x"}',
        '{"authenticationId": "x"}'.encode("utf-16"),
    ],
)
def test_the_id_is_found_with_or_without_status_enclosed_or_with_unknown_fields(body: bytes) -> None:
    answer = read_send(200, body)
    assert (answer.gateway_id, answer.refused, answer.text) == ("x", False, "")


def test_an_id_that_is_a_number_is_an_id() -> None:
    assert read_send(200, b'{"authenticationId": 12345678901234567890}').gateway_id == "12345678901234567890"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"OK",
        b"<html>",
        b"{}",
        b'{"authenticationId": ""}',
        b'{"authenticationId": null}',
        b'{"authenticationId": true}',
        b'{"authenticationId": "a\\u0000b"}',
        b'{"authenticationId": "' + b"x" * 3000 + b'"}',
        b'[{"authenticationId": "a"}, {"authenticationId": "b"}]',
        b'{"authenticationId": "cut',
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_200_without_a_usable_id_has_none_and_says_why(body: bytes) -> None:
    answer = read_send(200, body)
    assert answer.gateway_id == ""
    assert answer.text


@pytest.mark.parametrize("word", ["Bad request", "BadRequest", "bad-request", "BAD REQUEST"])
def test_a_200_that_says_bad_request_is_a_refusal(word: str) -> None:
    assert read_send(200, json.dumps({"authenticationId": "x", "deliveryStatus": word}).encode()).refused


def test_the_id_in_a_refusal_is_no_id() -> None:
    assert read_send(500, b'{"id": "trace-1", "code": 1}').gateway_id == ""


# The answer to a status question


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "Retrieved"}',
        b'[{"status": "Retrieved"}]',
        b'{"r": {"status": "Retrieved"}}',
        b'{"r": [{"status": "Retrieved"}]}',
        b'{"status": 200, "data": {"status": " retrieved "}}',
    ],
)
def test_the_status_is_found_at_the_top_or_enclosed(body: bytes) -> None:
    status = read_status(200, body)
    assert status is not None
    assert status.state is MessageState.DELIVERED


def test_an_unknown_status_is_kept_verbatim() -> None:
    status = read_status(200, b'{"status": "On its way"}')
    assert status is not None
    assert (status.raw, status.known) == ("On its way", False)


def test_a_refusal_tells_a_status_only_in_a_word_that_is_one() -> None:
    found = read_status(404, b'{"status": "Message ID Not found"}')
    assert found is not None
    assert found.not_found
    assert read_status(500, b'{"status": "error"}') is None


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": 7}', b'{"status": " "}', b"<html>"])
def test_an_answer_without_a_status_has_none(body: bytes) -> None:
    assert read_status(200, body) is None


# The quota


@pytest.mark.parametrize(
    "body",
    [
        b'{"used": "1", "available": "99", "date": "Tue Jan 22 2026"}',
        b'{"used": 1, "available": 99.0, "date": "Thu Jan 22 2026"}',
        b'{"limit": {"used": " 1", "available": "99 ", "date": "2026-01-22"}}',
        b'[{"used": "1", "available": "99", "date": "Tue Jan 22 00:00:00 CET 2026"}]',
    ],
)
def test_the_counter_is_read_from_strings_and_numbers_enclosed_or_not(body: bytes) -> None:
    quota = read_limit(body)
    assert quota is not None
    assert (quota.used, quota.available, quota.reset_on) == (1, 99, date(2026, 1, 22))
    assert quota.body == body


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Tue Jan 22 2026", date(2026, 1, 22)),  # a Thursday: the operator's own example is wrong
        ("jan 2 2026", date(2026, 1, 2)),
        ("22 January 2026", date(2026, 1, 22)),
        ("Thu, 22 Jan 2026 00:00:00 GMT", date(2026, 1, 22)),
        ("2026-01-22T00:00:00+01:00", date(2026, 1, 22)),
        ("Tue Feb 30 2026", None),
        ("2026-13-01", None),
        ("22.01.2026", None),
        ("tomorrow", None),
        ("", None),
        ("Jan Feb 1 2026", None),
    ],
)
def test_a_reset_date_is_read_without_its_weekday_or_is_none(raw: str, expected: date | None) -> None:
    assert read_reset_date(raw) == expected


def test_an_unreadable_date_leaves_the_counter_usable_and_is_kept_verbatim() -> None:
    quota = read_limit(b'{"used": "1", "available": "99", "date": "next 2026-01-22 00:00:00"}')
    assert quota is not None
    assert (quota.reset_on, quota.raw_date) == (None, "next 2026-01-22 00:00:00")


@pytest.mark.parametrize("value", ['"many"', "null", "true", '""', "1.5", "1e999", '"NaN"', "NaN", "9" * 5000])
def test_a_counter_that_is_no_number_is_no_quota(value: str) -> None:
    assert read_limit(b'{"used": "1", "available": ' + value.encode() + b"}") is None


def test_a_counter_below_zero_means_that_nothing_is_left() -> None:
    quota = read_limit(b'{"used": "104", "available": "-4"}')
    assert quota is not None
    assert quota.available == 0


# Tokens


@pytest.mark.parametrize(
    ("life", "seconds"), [("3600", 3600), ('"3600"', 3600), ("0", None), ("-1", None), ('"soon"', None), ("null", None)]
)
def test_a_tokens_life_is_a_number_a_string_or_not_said(life: str, seconds: float | None) -> None:
    answer = read_token(f'{{"access_token": "t", "expires_in": {life}}}'.encode())
    assert answer is not None
    assert answer.life_seconds == seconds


@pytest.mark.parametrize("token", ['"a b"', '"a\\r\\nX: y"', '""', "1", "null", '"ż"'])
def test_a_token_that_cannot_stand_in_a_header_is_none(token: str) -> None:
    assert read_token(f'{{"access_token": {token}}}'.encode()) is None


def test_a_token_does_not_show_itself() -> None:
    assert "canary" not in repr(read_token(b'{"access_token": "canary"}'))


# Errors


def test_the_operators_error_model_gives_code_and_one_line_of_text() -> None:
    body = b'{"code":41,"message":"Invalid\\ncredentials","description":"The credentials were\\tinvalid."}'
    assert read_error(body) == (41, "Invalid credentials: The credentials were invalid.")


def test_a_code_may_be_a_string_and_the_error_may_be_enclosed() -> None:
    assert read_error(b'{"error": {"code": "53", "message": "Too many"}}') == (53, "Too many")


def test_a_body_that_is_no_json_is_described_by_its_kind_and_size() -> None:
    code, text = read_error(b"<html><h1>Bad gateway</h1></html>", "text/html; charset=utf-8")
    assert (code, text) == (0, "the answer is no JSON (text/html, 33 bytes)")


def test_an_absent_body_is_said_to_be_absent() -> None:
    assert read_error(b" \n") == (0, "the answer has no body")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no route to tel:+48501102030!", "no route to tel:…030!"),
        ("501 102 030", "…030"),
        ("2026-01-22 00:00", "2026-01-22 00:00"),
        ("a\x1b[31m\u202eb\r\nc", "a [31m b c"),
    ],
)
def test_a_text_is_shown_as_one_printable_line_with_numbers_masked(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_long_text_is_cut() -> None:
    assert len(one_line("x" * 100_000)) == 300


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 01 Dec 2026 09:01:00 GMT", 60.0),
        ("Tue, 01 Dec 2026 08:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
        ("Tue, 99 Dec 2026 09:01:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_unreadable(value: str, seconds: float | None) -> None:
    assert read_retry_after(value, datetime(2026, 12, 1, 9, tzinfo=UTC)) == seconds


# Anything at all

_NAMES = ["authenticationId", "id", "deliveryStatus", "status", "used", "available", "date", "code", "message"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_NAMES) | st.text(), inner),
    max_leaves=20,
)


@given(st.integers(0, 999), st.binary() | _JSON.map(lambda value: json.dumps(value).encode()), st.text())
def test_any_answer_is_read_without_an_exception(status: int, body: bytes, content_type: str) -> None:
    answer = read_send(status, body, content_type)
    assert answer.gateway_id == "" or 200 <= status < 300
    read_status(status, body)
    read_limit(body)
    read_token(body)
    assert read_error(body, content_type)[1]


@given(st.text())
def test_any_header_and_any_date_is_read_without_an_exception(text: str) -> None:
    read_retry_after(text, datetime(2026, 12, 1, tzinfo=UTC))
    read_reset_date(text)
    assert one_line(text).isprintable()
