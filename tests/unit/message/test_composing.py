"""Recipients into messages: every row is rendered, and what cannot be is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.pictures import exif, photo, saved
from mmsflow.audience.model import Recipient
from mmsflow.campaign.model import Message
from mmsflow.campaign.templating import Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.media.library import MediaLibrary
from mmsflow.message.model import DrawnPart, StaticPart, TextPart
from mmsflow.message.render import Composer


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for folder in ("media", "templates"):
        (tmp_path / folder).mkdir()
    for city in ("warszawa", "gdynia"):
        Image.new("RGB", (8, 8), (len(city) * 9, 0, 0)).save(tmp_path / "media" / f"{city}.png")
    (tmp_path / "templates" / "same.txt.j2").write_text("To all\n")
    (tmp_path / "templates" / "own.txt.j2").write_text("Dear {{ name }}")
    return tmp_path


def composer(workspace: Path, subject: str = "", *attachments: Mapping[str, str]) -> Composer:
    message = Message.model_validate({"subject": subject, "attachments": list(attachments)})
    return Composer(message, Templates(workspace), MediaLibrary(workspace), lambda key: ("c.yaml", len(key), 1))


def people(*rows: Mapping[str, object]) -> list[Recipient]:
    return [Recipient(n, "lists/a.csv", n + 1, f"+48501{n:06d}", row) for n, row in enumerate(rows, 1)]


def problems(made: Composer, recipients: Sequence[Recipient]) -> list[Finding]:
    made.compose(recipients)
    return list(made.problems.findings())


def test_each_recipient_gets_a_subject_of_their_own(workspace: Path) -> None:
    made = composer(workspace, "{{ name }}, kod {{ code }}")
    messages = made.compose(people({"name": "Ola", "code": "A1"}, {"name": "Żaneta", "code": "B2"}))
    assert [message.subject for message in messages] == ["Ola, kod A1", "Żaneta, kod B2"]
    assert [(message.ordinal, message.row, message.layout) for message in messages] == [(1, 2, ()), (2, 3, ())]


def test_a_subject_is_one_line(workspace: Path) -> None:
    (message,) = composer(workspace, "a\n  {{ b }}\r\n").compose(people({"b": "c\td"}))
    assert message.subject == "a c d"


def test_rows_that_lack_a_variable_are_one_finding_with_the_rows_named(workspace: Path) -> None:
    made = composer(workspace, "{{ name }}")
    found = problems(made, people(*[{}] * 12, {"name": "Ola"}))
    assert [(finding.file, finding.line) for finding in found] == [("lists/a.csv", 2)]
    assert "name" in found[0].message
    assert "12 rows: 2, 3, 4, 5, 6, …" in found[0].message
    assert made.problems.count == 12


def test_a_row_with_a_problem_costs_the_other_rows_nothing(workspace: Path) -> None:
    made = composer(workspace, "{{ name }}")
    assert [message.subject for message in made.compose(people({"name": "A"}, {}, {"name": "C"}))] == ["A", "C"]


def test_a_default_or_a_test_makes_a_variable_optional(workspace: Path) -> None:
    made = composer(workspace, "Hi {{ name | default('you') }}{% if city %} of {{ city }}{% endif %}")
    assert [message.subject for message in made.compose(people({}, {"city": "Łódź"}))] == ["Hi you", "Hi you of Łódź"]
    assert "name" not in made.variables


def test_variables_are_named_with_the_place_that_uses_them(workspace: Path) -> None:
    made = composer(workspace, "{{ a }}", {"text": "templates/own.txt.j2"}, {"file": "media/{{ c }}.png"})
    assert set(made.variables) == {"a", "name", "c"}
    assert made.variables["c"] == ("c.yaml", 4, 1)


def test_a_message_that_says_nothing_is_a_problem_of_its_row(workspace: Path) -> None:
    made = composer(workspace, "{{ name | default('') }}")
    assert [finding.message for finding in problems(made, people({"name": "A"}, {}))] == [
        "the message is empty (row 3)"
    ]


def test_a_path_may_be_a_template_and_files_are_shared(workspace: Path) -> None:
    made = composer(workspace, "x", {"file": "media/{{ city | lower }}.png"})
    messages = made.compose(people({"city": "Warszawa"}, {"city": "Gdynia"}, {"city": "warszawa"}))
    names = [part.filename for message in messages for part in message.layout]
    assert names == ["warszawa.png", "gdynia.png", "warszawa.png"]
    assert messages[0].layout is messages[2].layout
    assert set(made.media.originals) == {"media/warszawa.png", "media/gdynia.png"}


@pytest.mark.parametrize("city", ["radom", "../../etc/passwd", "a\0b", "x" * 5000])
def test_a_rendered_path_without_a_file_is_a_problem_of_its_row(workspace: Path, city: str) -> None:
    made = composer(workspace, "x", {"file": "media/{{ city }}.png"})
    (found,) = problems(made, people({"city": city}))
    assert (found.file, found.line) == ("lists/a.csv", 2)


def test_everything_wrong_with_templates_and_files_is_found_at_once_at_its_place(workspace: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        composer(workspace, "{{ name", {"file": "media/warzawa.png"}, {"text": "templates/none.j2"})
    found = refused.value.findings
    assert [(finding.file, finding.line) for finding in found] == [("c.yaml", 2), ("c.yaml", 4), ("c.yaml", 4)]
    assert "did you mean media/warszawa.png?" in found[1].fix


def test_a_text_that_is_the_same_for_all_is_kept_once(workspace: Path) -> None:
    made = composer(workspace, "x", {"text": "templates/same.txt.j2"}, {"text": "templates/own.txt.j2"})
    (message,) = made.compose(people({"name": "Ola"}))
    static, own = message.layout
    assert isinstance(static, StaticPart)
    assert made.media.bytes_of(static.sha256).decode().strip() == "To all"
    assert own == TextPart("own.txt")
    assert message.texts == ("Dear Ola",)


def test_one_file_as_an_attachment_and_as_a_template_are_two_contents(workspace: Path) -> None:
    (workspace / "templates" / "both.txt").write_text("\ufeff{% if true %}Yes{% endif %}")
    made = composer(workspace, "x", {"file": "templates/both.txt"}, {"text": "templates/both.txt"})
    (message,) = made.compose(people({}))
    raw, rendered = message.layout
    assert isinstance(raw, StaticPart)
    assert isinstance(rendered, StaticPart)
    assert made.media.bytes_of(raw.sha256).endswith(b"{% endif %}")
    assert made.media.bytes_of(rendered.sha256) == b"Yes"


def test_parts_of_a_message_have_distinct_names(workspace: Path) -> None:
    for name in ("a", "b", "c"):
        (workspace / "media" / name).mkdir()
    for path in ("a/3-kot.txt", "b/kot.txt", "c/kot.txt"):
        (workspace / "media" / path).write_text("x")
    made = composer(workspace, "x", *({"file": f"media/{p}"} for p in ("a/3-kot.txt", "b/kot.txt", "c/kot.txt")))
    (message,) = made.compose(people({}))
    assert len({part.filename for part in message.layout}) == 3


def test_a_message_over_the_budget_is_a_problem_that_names_its_size(workspace: Path) -> None:
    for name in ("a", "b"):
        (workspace / "media" / f"{name}.txt").write_text("x" * 150 * 1024)
    made = composer(workspace, "x", {"file": "media/a.txt"}, {"file": "media/b.txt"})
    (found,) = problems(made, people({}))
    assert "has 300 KiB, the budget is 280 KiB" in found.message


def test_the_budget_holds_for_a_subject_alone(workspace: Path) -> None:
    (found,) = problems(composer(workspace, "{{ '😀' * 90000 }}"), people({}))
    assert "352 KiB" in found.message


def test_long_subjects_and_unusual_kinds_are_counted_for_warnings(workspace: Path) -> None:
    (workspace / "media" / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(99))
    made = composer(workspace, "{{ s }}", {"file": "media/a.mp4"})
    made.compose(people({"s": "x" * 40}, {"s": "x" * 41}, {"s": "x" * 50}))
    assert made.notes.long_subjects == 2
    assert made.notes.first_long is not None
    assert made.notes.first_long.row == 3
    assert made.unusual_types == {"video/mp4"}


def test_a_subject_is_measured_in_characters_that_a_person_sees(workspace: Path) -> None:
    made = composer(workspace, "{{ s }}")
    made.compose(people({"s": "x" * 39 + "\U0001f44d\U0001f3fd"}, {"s": "e\u0301\u0323" * 40}))
    assert made.notes.long_subjects == 0


def test_letters_in_pieces_are_put_together(workspace: Path) -> None:
    (workspace / "templates" / "same.txt.j2").write_text("z\u0307o\u0301łw", "utf-8")
    made = composer(workspace, "{{ name }}", {"text": "templates/own.txt.j2"}, {"text": "templates/same.txt.j2"})
    (message,) = made.compose(people({"name": "Rafal\u0142 Wo\u0301jcik"}))
    assert message.subject == "Rafal\u0142 W\u00f3jcik"
    assert message.texts == ("Dear Rafal\u0142 W\u00f3jcik",)
    (static,) = [part for part in message.layout if isinstance(part, StaticPart)]
    assert made.media.bytes_of(static.sha256).decode() == "\u017c\u00f3łw"


def test_pictures_are_made_to_fit_what_the_rows_texts_leave(workspace: Path) -> None:
    (workspace / "media" / "a.jpg").write_bytes(saved(photo(900, 700, 1, 1.0), "JPEG", quality=95))
    (workspace / "templates" / "long.txt.j2").write_text("{{ text }}")
    message = Message.model_validate(
        {
            "subject": "x",
            "budget": "60KiB",
            "attachments": [{"file": "media/a.jpg"}, {"text": "templates/long.txt.j2"}],
        }
    )
    with MediaLibrary(workspace, message.budget) as media:
        made = Composer(message, Templates(workspace), media, lambda key: ("c.yaml", len(key), 1))
        messages = made.compose(people({"text": "short"}, {"text": "also short"}, {"text": "y" * 30 * 1024}))
        sizes = [message.layout[0].size_bytes for message in messages if isinstance(message.layout[0], StaticPart)]
    assert messages[0].layout is messages[1].layout
    assert 50 * 1024 < sizes[0] <= 56 * 1024
    assert 20 * 1024 < sizes[2] <= 28 * 1024


def test_a_picture_that_cannot_fit_is_told_at_its_place_in_the_campaign_file(workspace: Path) -> None:
    (workspace / "media" / "a.jpg").write_bytes(saved(photo(900, 700, 1, 0.8), "JPEG"))
    (workspace / "media" / "a.txt").write_text("x" * 274 * 1024)
    with pytest.raises(InvalidInput) as refused:
        composer(workspace, "x", {"file": "media/a.txt"}, {"file": "media/a.jpg"})
    (found,) = refused.value.findings
    assert found.place == "c.yaml:4:1"
    assert "media/a.jpg: it needs" in found.message


def test_a_picture_that_leaves_no_room_for_a_rows_text_is_a_problem_of_that_row(workspace: Path) -> None:
    (workspace / "media" / "a.jpg").write_bytes(saved(photo(900, 700, 1, 0.8), "JPEG"))
    (workspace / "templates" / "long.txt.j2").write_text("{{ text }}")
    made = composer(workspace, "x", {"file": "media/a.jpg"}, {"text": "templates/long.txt.j2"})
    (found,) = problems(made, people({"text": "y"}, {"text": "😀" * 70_000}))
    assert (found.file, found.line) == ("lists/a.csv", 3)
    assert "KiB are left" in found.message


def test_a_damaged_picture_is_told_at_its_place_in_the_campaign_file(workspace: Path) -> None:
    (workspace / "media" / "a.jpg").write_bytes(saved(photo(900, 700), "JPEG")[:9_000])
    with pytest.raises(InvalidInput) as refused:
        composer(workspace, "x", {"file": "media/a.jpg"})
    (found,) = refused.value.findings
    assert "damaged" in found.message
    assert found.file == "c.yaml"


def test_a_code_is_drawn_for_each_row_and_counts_in_the_size(workspace: Path) -> None:
    made = composer(workspace, "x", {"qr": "https://acme.example/{{ code }}"}, {"text": "templates/own.txt.j2"})
    rows = [{"code": "A", "name": "Ola"}, {"code": "B", "name": "Jan"}, {"code": "A", "name": "Ewa"}]
    messages = made.compose(people(*rows))
    assert messages[0].layout == (DrawnPart("image/png", "qr.png"), TextPart("own.txt"))
    first, second, third = (message.texts for message in messages)
    assert first[0] == third[0] != second[0]
    assert [texts[1] for texts in (first, second, third)] == ["Dear Ola", "Dear Jan", "Dear Ewa"]
    assert made.media.bytes_of(first[0]).startswith(b"\x89PNG")
    assert messages[0].drawn == (first[0],)


def test_a_code_that_says_the_same_to_everybody_is_one_picture_of_all(workspace: Path) -> None:
    (message,) = composer(workspace, "x", {"qr": "https://acme.example"}).compose(people({}))
    assert isinstance(message.layout[0], StaticPart)


def test_a_row_whose_code_cannot_be_drawn_is_named_and_costs_the_others_nothing(workspace: Path) -> None:
    made = composer(workspace, "x", {"qr": "{{ code }}"})
    messages = made.compose(people({"code": "A"}, {"code": ""}, {"code": "z" * 4_000}))
    assert [message.row for message in messages] == [2]
    assert [(found.line, found.message.partition(" (")[0]) for found in made.problems.findings()] == [
        (3, "the text of the QR code is empty"),
        (4, "no QR code holds 4000 bytes of text"),
    ]


def test_fit_false_sends_a_file_as_it_is_and_warns_of_a_place_in_it(workspace: Path) -> None:
    original = saved(photo(300, 200), "JPEG", exif=exif())
    (workspace / "media" / "a.jpg").write_bytes(original)
    message = Message.model_validate({"attachments": [{"file": "media/a.jpg", "fit": False}]})
    media = MediaLibrary(workspace)
    (sent,) = Composer(message, Templates(workspace), media, lambda _: ("c.yaml", 1, 1)).compose(people({}))
    assert isinstance(sent.layout[0], StaticPart)
    assert media.bytes_of(sent.layout[0].sha256) == original
    assert "media/a.jpg says in its EXIF where it was taken" in media.warnings()[0]


def test_what_a_rows_code_says_is_looked_at_and_the_row_counts_once(workspace: Path) -> None:
    made = composer(workspace, "bit.ly/x", {"qr": "https://{{ host }}/"})
    made.compose(people({"host": "bit.ly"}, {"host": "acme.example"}, {"host": "0rlen.pl"}))
    shortener, brand = made.notes.sentences()
    assert shortener.startswith("3 messages have links through a public URL shortener")
    assert "1 message has links to a host that looks like a well-known brand (the first, in lists/a.csv row 4" in brand
