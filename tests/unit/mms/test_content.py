"""Parts and the budget."""

from __future__ import annotations

import hashlib

from mmsflow.mms.content import Part, total_size_bytes


def test_a_part_knows_its_size_and_digest() -> None:
    part = Part("image/png", "kot.png", b"12345")
    assert part.size_bytes == 5
    assert part.sha256 == hashlib.sha256(b"12345").hexdigest()


def test_a_digest_that_is_known_already_is_not_computed_again() -> None:
    assert Part("image/png", "kot.png", b"12345", "known").sha256 == "known"


def test_the_budget_counts_bytes_of_subject_and_parts_before_any_encoding() -> None:
    assert total_size_bytes("żółw", [Part("text/plain", "a.txt", b"abc"), Part("image/png", "b.png", b"de")]) == 7 + 5
