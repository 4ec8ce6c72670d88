"""Arms of an A/B test: who gets which, and what each of them says."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from mmsflow.audience.model import Recipient
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.templating import Templates
from mmsflow.media.library import MediaLibrary
from mmsflow.message.model import StaticPart
from mmsflow.message.notes import Notes
from mmsflow.message.render import Composer, FaultyMessage
from mmsflow.message.variants import Assignment, VariantComposer, composer_of, doubts, look_at_codes


def campaign(*variants: dict[str, object], subject: str = "Hello {{ name }}", **message: object) -> Campaign:
    return Campaign.model_validate(
        {
            "version": 1,
            "campaign": "winter-sale",
            "purpose": "transactional",
            "sender": "ACME",
            "recipients": [{"number": "501102030"}],
            "message": {"subject": subject, **message},
            "variants": list(variants),
        }
    )


def place(key: Sequence[str | int]) -> tuple[str, int, int]:
    """Stands for the file's positions: the path itself is the place."""
    return (".".join(map(str, key)), 0, 0)


def composer(workspace: Path, made: Campaign) -> VariantComposer:
    found = composer_of(made, Templates(workspace), MediaLibrary(workspace), place)
    assert isinstance(found, VariantComposer)
    return found


def people(count: int, **values: object) -> list[Recipient]:
    return [Recipient(n, "lists/a.csv", n + 1, f"+48501{n:06d}", {"name": f"N{n}", **values}) for n in range(1, count)]


def test_no_release_ever_gives_a_number_another_arm_than_before() -> None:
    # Values pinned when variants were introduced; a change of any of them breaks tests that are under way.
    two = Assignment("winter-sale", [1, 1])
    assert [two.arm_of(f"+4850110203{n}") for n in range(10)] == [1, 0, 1, 1, 1, 0, 1, 0, 0, 1]
    nine = Assignment("winter-sale", [9, 1])
    assert [n for n in range(40) if nine.arm_of(f"+4850110{n:04d}")] == [11, 27]
    three = Assignment("żaden-inny", [3, 2, 5])
    assert [three.arm_of(f"+4860100{n:04d}") for n in range(12)] == [2, 2, 0, 1, 2, 2, 1, 2, 2, 2, 1, 1]


@pytest.mark.parametrize("weights", [[1, 1], [9, 1], [1, 2, 3, 4], [999_999, 1], [7]])
def test_a_hundred_thousand_numbers_are_shared_out_by_the_weights(weights: list[int]) -> None:
    assignment = Assignment("spring", weights)
    counts = Counter(assignment.arm_of(f"+48601{n:06d}") for n in range(100_000))
    expected = [100_000 * weight / sum(weights) for weight in weights]
    chi_square = sum((counts[arm] - wanted) ** 2 / wanted for arm, wanted in enumerate(expected))
    assert chi_square < 16.3  # a thousandth of fair draws with four arms are beyond it


def test_numbers_side_by_side_do_not_alternate() -> None:
    assignment = Assignment("spring", [1, 1])
    arms = [assignment.arm_of(f"+48601{n:06d}") for n in range(10_000)]
    same_as_before = sum(one == other for one, other in itertools.pairwise(arms))
    assert 4_800 < same_as_before < 5_200


def test_two_campaigns_share_people_out_independently() -> None:
    one, other = Assignment("spring", [1, 1]), Assignment("summer", [1, 1])
    agreed = sum(one.arm_of(f"+48601{n:06d}") == other.arm_of(f"+48601{n:06d}") for n in range(10_000))
    assert 4_800 < agreed < 5_200


def test_the_arm_is_the_same_in_every_order_and_for_a_part_of_the_list(tmp_path: Path) -> None:
    made = composer(tmp_path, campaign({"name": "a"}, {"name": "b", "subject": "Hi {{ name }}"}))
    everybody = people(200)
    arms = {message.msisdn: message.variant for message in made.compose(everybody)}
    shuffled = everybody[:]
    random.Random(5).shuffle(shuffled)
    again = made.compose(shuffled[:70])
    assert {message.msisdn: message.variant for message in again}.items() <= arms.items()
    assert set(arms.values()) == {"a", "b"}


def test_messages_come_in_the_order_of_the_rows_with_what_their_arm_says(tmp_path: Path) -> None:
    for name in ("base", "b"):
        (tmp_path / f"{name}.j2").write_text(f"{name} for {{{{ name }}}}")
    made = composer(
        tmp_path,
        campaign(
            {"name": "a", "subject": "A {{ name }}"},
            {"name": "b", "attachments": [{"text": "b.j2"}]},
            attachments=[{"text": "base.j2"}],
        ),
    )
    messages = made.compose(people(50))
    assert [message.ordinal for message in messages] == list(range(1, 50))
    for message in messages:
        name = f"N{message.ordinal}"
        said = {"a": (f"A {name}", f"base for {name}"), "b": (f"Hello {name}", f"b for {name}")}
        assert (message.subject, *message.texts) == said[message.variant]
    assert {message.variant for message in messages} == {"a", "b"}


def test_everything_wrong_in_any_arm_is_found_at_once_each_at_its_own_place(tmp_path: Path) -> None:
    bad = campaign(
        {"name": "a", "subject": "{{ name"},
        {"name": "b", "attachments": [{"file": "none.png"}, {"text": "none.j2"}]},
        {"name": "c"},
        {"name": "d", "subject": " ", "attachments": []},
        subject="{{ x | nope }}",
    )
    with pytest.raises(FaultyMessage) as refused:
        composer(tmp_path, bad)
    assert [finding.file for finding in refused.value.findings] == [
        "variants.0.subject",
        "message.subject",
        "variants.1.attachments.0.file",
        "variants.1.attachments.1.text",
        "variants.3",
    ]


def test_variables_of_every_arm_are_needed_each_with_the_place_that_uses_it(tmp_path: Path) -> None:
    made = composer(tmp_path, campaign({"name": "a"}, {"name": "b", "subject": "{{ code }}"}))
    assert dict(made.variables) == {"name": place(["message", "subject"]), "code": place(["variants", 1, "subject"])}


def test_a_row_that_its_arm_cannot_render_is_a_problem_and_costs_others_nothing(tmp_path: Path) -> None:
    made = composer(tmp_path, campaign({"name": "a"}, {"name": "b", "subject": "{{ code }}"}))
    messages = made.compose(people(30))
    assert {message.variant for message in messages} == {"a"}
    assert len(messages) + made.problems.count == 29
    (finding,) = made.problems.findings()
    assert "`code` has no value" in finding.message


def test_remarks_of_all_arms_are_counted_together(tmp_path: Path) -> None:
    made = composer(tmp_path, campaign({"name": "a", "subject": "x" * 41}, {"name": "b", "subject": "y" * 50}))
    made.compose(people(30))
    assert made.notes.long_subjects == 29
    assert made.notes.first_long is not None
    assert made.notes.first_long.row == 2


def test_a_text_that_arms_share_is_kept_once(tmp_path: Path) -> None:
    (tmp_path / "same.j2").write_text("To all")
    made = composer(tmp_path, campaign({"name": "a"}, {"name": "b", "subject": "x"}, attachments=[{"text": "same.j2"}]))
    digests = {part.sha256 for m in made.compose(people(30)) for part in m.layout if isinstance(part, StaticPart)}
    assert len(digests) == 1


def test_without_variants_it_is_the_plain_composer(tmp_path: Path) -> None:
    made = composer_of(campaign(), Templates(tmp_path), MediaLibrary(tmp_path), place)
    assert isinstance(made, Composer)
    assert [message.variant for message in made.compose(people(3))] == ["", ""]


def test_one_arm_and_arms_that_say_the_same_are_doubted_and_allowed() -> None:
    assert doubts(campaign()) == []
    assert doubts(campaign({"name": "a"}, {"name": "b", "subject": "x"})) == []
    assert doubts(campaign({"name": "a"})) == ["there is only one variant (a), so there is nothing to compare"]
    same: list[dict[str, object]] = [
        {"name": "a", "weight": 2},
        {"name": "b", "subject": "Hello {{ name }}"},
        {"name": "c", "subject": "x"},
    ]
    assert doubts(campaign(*same)) == ["the variants a and b say the same"]


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([{"name": "a"}, {"name": "a"}], "two variants have the same name"),
        ([{"name": "a\u200b"}], "invisible"),
        ([{"name": "x" * 41}], "41 characters, 40 are the limit"),
        ([{"name": " "}], "empty"),
        ([{"name": "a", "weight": 0}], "greater than or equal to 1"),
        ([{"name": "a", "weight": 600_000}, {"name": "b", "weight": 500_000}], "add up to more than 1000000"),
        ([{"name": str(n)} for n in range(21)], "there are 21 variants, 20 are the limit"),
    ],
)
def test_variants_that_cannot_be_told_apart_or_shared_out_are_refused(
    variants: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        campaign(*variants)


def test_the_first_row_of_a_remark_or_a_problem_is_the_first_of_the_list_whatever_its_arm(tmp_path: Path) -> None:
    made = composer(
        tmp_path,
        campaign({"name": "a", "subject": "https://bit.ly/{{ x }}"}, {"name": "b", "subject": "bit.ly/{{ x }}"}),
    )
    made.compose(people(100))
    (finding,) = made.problems.findings()
    assert finding.line == 2
    made.compose(sorted(people(100, x="1"), key=lambda person: -person.ordinal))
    assert "lists/a.csv row 2" in made.notes.sentences()[0]


def test_what_codes_of_the_message_and_of_arms_write_out_is_looked_at() -> None:
    notes = Notes()
    look_at_codes(campaign({"name": "a"}, {"name": "b"}, attachments=[{"qr": "https://acme.example/{{ c }}"}]), notes)
    assert notes.sentences() == []
    look_at_codes(campaign({"name": "a"}, {"name": "b", "attachments": [{"qr": "http://bit.ly/{{ c }}"}]}), notes)
    assert [sentence.partition(";")[0] for sentence in notes.sentences()] == [
        "links through a public URL shortener (the first, in the QR code of variant b: bit.ly)",
        "links without encryption (http) (the first, in the QR code of variant b: bit.ly)",
    ]
