"""Which messages are worth a look, chosen in one pass."""

from __future__ import annotations

from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart, TextPart
from mmsflow.showing.sample import MOST_LAYOUTS, Sampler, oddities

PLAIN: Layout = (TextPart("a.txt"),)


def message(ordinal: int, subject: str = "abc", text: str = "text", **more: object) -> PlannedMessage:
    values = {"layout": PLAIN, "texts": (text,), **more}
    return PlannedMessage(ordinal, "lists/a.csv", ordinal + 1, f"+48501{ordinal:06d}", subject, **values)  # type: ignore[arg-type]


def reasons(first: int, *messages: PlannedMessage) -> dict[int, list[str]]:
    sampler = Sampler(first)
    for each in messages:
        sampler.add(each)
    return {ordinal: why for ordinal, (_, why) in sampler.sample().chosen.items()}


def test_of_messages_that_are_all_alike_only_the_first_are_shown() -> None:
    assert reasons(2, *(message(n) for n in range(1, 100))) == {1: ["first"], 2: ["first"]}


def test_each_extreme_is_shown_and_a_message_once_with_all_its_reasons() -> None:
    found = reasons(
        1, message(1), message(2, "a"), message(3, "abcdef"), message(4, text="t" * 90), message(5, "ab🎄"), message(6)
    )
    assert found == {
        1: ["first", "shortest text"],
        2: ["shortest subject"],
        3: ["longest subject"],
        4: ["longest text", "largest message"],
        5: ["most unusual characters"],
    }


def test_each_variant_is_shown_once_and_counted() -> None:
    sampler = Sampler(0)
    for n in range(1, 7):
        sampler.add(message(n, variant="ab"[n % 2]))
    sample = sampler.sample()
    assert [why for _, why in sample.chosen.values()] == [["variant b"], ["variant a"]]
    assert sample.variants == {"a": 3, "b": 3}


def test_each_set_of_attachments_is_shown_up_to_a_dozen_and_the_rest_is_counted() -> None:
    layouts: list[Layout] = [(StaticPart("image/png", f"{n}.png", f"{n:064x}", 10),) for n in range(40)]
    sampler = Sampler(0)
    for n in range(400):
        sampler.add(message(n, layout=layouts[n % 40], texts=()))
    sample = sampler.sample()
    assert len(sample.chosen) == MOST_LAYOUTS
    assert (sample.layouts, sample.layouts_shown) == (40, MOST_LAYOUTS)
    assert next(iter(sample.chosen.values()))[1] == ["attachments 1 of 40"]


def test_the_digest_of_a_drawn_picture_is_no_text() -> None:
    drawn: Layout = (DrawnPart("image/png", "qr.png"), TextPart("a.txt"))
    found = reasons(0, message(1, layout=drawn, texts=("ab" * 32, "short")), message(2, text="rather longer"))
    assert found[2] == ["longest text", "largest message", "attachments 2 of 2"]


def test_what_cannot_be_seen_is_named_and_chosen_and_a_family_of_emoji_is_not() -> None:
    family = "👨\u200d👩\u200d👧"
    assert oddities([family, "zażółć\n\tgęślą"]) == ()
    assert oddities(["a\u202eb", "\u200b"]) == ("U+200B ZERO WIDTH SPACE", "U+202E RIGHT-TO-LEFT OVERRIDE")
    assert "characters that cannot be seen" in reasons(0, message(1), message(2, "a\u202ec"))[2]
