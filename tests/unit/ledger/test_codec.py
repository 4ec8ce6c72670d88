"""What the tables hold is what was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import (
    decode_layout,
    decode_object,
    decode_texts,
    encode_layout,
    encode_object,
    encode_texts,
    maybe_instant,
    maybe_micros,
    to_instant,
    to_micros,
)
from mmsflow.message.model import StaticPart, TextPart

PARTS = st.one_of(
    st.builds(StaticPart, st.text(), st.text(), st.text(), st.integers(0)), st.builds(TextPart, st.text())
)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_to_the_microsecond(instant: datetime) -> None:
    assert to_instant(to_micros(instant)) == instant


def test_an_instant_is_the_same_in_every_zone_and_comes_back_in_utc() -> None:
    local = datetime(2026, 3, 29, 3, 0, tzinfo=timezone(timedelta(hours=2)))
    assert to_instant(to_micros(local)) == local
    assert to_instant(to_micros(local)).tzinfo is UTC


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(LedgerError, match="time zone"):
        to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test


def test_no_instant_stays_none() -> None:
    assert maybe_micros(None) is None
    assert maybe_instant(None) is None


@given(st.lists(PARTS).map(tuple))
def test_a_layout_survives(layout: tuple[StaticPart | TextPart, ...]) -> None:
    assert decode_layout(encode_layout(layout)) == layout


@given(st.lists(st.text()).map(tuple))
def test_texts_survive(texts: tuple[str, ...]) -> None:
    assert decode_texts(encode_texts(texts)) == texts


def test_evidence_is_kept_whatever_it_is() -> None:
    kept = decode_object(encode_object({"body": "\ud800 ż", "status": 200, "odd": Decimal("1.5"), "nothing": None}))
    assert kept == {"body": "\ud800 ż", "status": 200, "odd": "1.5", "nothing": None}
    assert decode_object(encode_object({})) == {}


@pytest.mark.parametrize("decode", [decode_object, decode_texts, decode_layout])
@pytest.mark.parametrize("text", ["", "{", "3", "[1, 2]", "[[1, 2]]", "null", '{"a": 1}x'])
def test_content_that_we_did_not_write_is_an_error_and_not_a_traceback(decode: object, text: str) -> None:
    assert callable(decode)
    with pytest.raises(LedgerError) as caught:
        decode(text)
    assert caught.value.advice
