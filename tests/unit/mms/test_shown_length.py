"""Subjects are counted and cut as a person reads them."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.mms.content import composed, cut_at, cut_subject, shown_length
from mmsflow.mms.graphemes import cluster_starts

FAMILY = "👨‍👩‍👧‍👦"
RAINBOW = "🏳️‍🌈"
WALES = "🏴󠁧󠁢󠁷󠁬󠁳󠁿"


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("kod A-17", 8),
        ("Zażółć gęślą jaźń", 17),
        (unicodedata.normalize("NFD", "Zażółć gęślą jaźń"), 17),
        ("cena: 5 € – „tanio”…", 20),
        ("👍", 1),
        ("👍🏽", 1),
        ("❤️", 1),
        ("1️⃣", 1),
        (FAMILY, 1),
        (FAMILY * 2, 2),
        (RAINBOW, 1),
        ("👩🏽‍💻", 1),
        ("🤷‍♀️", 1),
        (WALES, 1),
        ("🇵🇱", 1),
        ("🇵🇱🇩🇪", 2),
        ("🇵🇱🇩", 2),
        ("🎁🎄", 2),
        ("a\u200bb", 2),
        ("\ufeffab", 2),
        ("é́́́́x", 2),
        ("\u0301a", 2),
        ("한국", 2),
        ("a\r\nb", 3),
        ("a™b", 3),
    ],
)
def test_a_character_is_what_a_person_sees_as_one(text: str, length: int) -> None:
    assert shown_length(text) == length


@pytest.mark.parametrize("cluster", ["ó", "o\u0301", "👍🏽", FAMILY, RAINBOW, WALES, "🇵🇱", "1️⃣", "€"])
@pytest.mark.parametrize("before", [39, 40])
def test_a_subject_is_cut_between_characters_and_never_within_one(cluster: str, before: int) -> None:
    subject = "x" * before + cluster + "ogon"
    shown, cut = cut_subject(subject)
    assert (shown, cut) == (("x" * 39 + cluster, "ogon") if before == 39 else ("x" * 40, cluster + "ogon"))


@given(st.text(st.one_of(st.characters(), st.sampled_from("ó́‍️🏽👩💻🇵🇱\u200b\r\n")), max_size=80), st.integers(0, 50))
@settings(deadline=None)
def test_what_is_shown_and_what_is_cut_are_the_text_and_count_as_it_does(text: str, characters: int) -> None:
    shown, cut = cut_at(text, characters)
    assert shown + cut == text
    assert shown_length(shown) == min(characters, shown_length(text))
    assert bool(cut) <= (shown_length(text) > characters)


@given(st.text(max_size=60))
def test_clusters_start_at_the_first_code_point_and_go_up(text: str) -> None:
    starts = list(cluster_starts(text))
    assert starts == sorted(set(starts))
    assert starts[:1] in ([], [0])


def test_a_text_of_marks_only_is_counted_in_one_pass() -> None:
    assert shown_length("a" + "\u0301" * 100_000) == 1


@pytest.mark.parametrize("text", ["", "kod", "Łukasz", "👍🏽"])
def test_a_text_in_one_piece_stays_the_same_object(text: str) -> None:
    assert composed(text) is text


def test_decomposed_letters_of_a_list_from_macos_are_put_together() -> None:
    assert composed("Łódz\u0301, zo\u0301łw") == "Łódź, żółw".replace("ż", "z")
