"""The columns of a list: what a header may be, and which column holds the number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

from mmsflow.campaign.wording import masked
from mmsflow.errors import Finding

MOST_COLUMNS = 1_000
REJECT_COLUMNS = ("bucket", "code", "reason", "source", "row", "number")
"""The first columns of a file of rejects; their ``number`` counts only where the list had no column for it."""

# As people name the column, without case, accents, spaces and signs.
# fmt: off
USUAL_NUMBER_NAMES = frozenset({
    "msisdn", "number", "phone", "phoneno", "phonenumber", "mobile", "mobileno", "mobilephone", "mobilenumber",
    "cell", "cellphone", "gsm", "nrgsm", "telefon", "tel", "nrtel", "telnr", "numertel", "nrtelefonu",
    "numertelefonu", "telefonkomorkowy", "telkom", "numer", "nrkom", "nrkomorki", "komorka", "numerkomorki",
    "numerkomorkowy", "nrkomorkowy", "telefonmobilny",
})
# fmt: on


def simple_name(name: str) -> str:
    """A column's name without case, accents, spaces and signs: ``Nr telefonu`` → ``nrtelefonu``."""
    decomposed = unicodedata.normalize("NFKD", name.casefold().replace("ł", "l"))
    return "".join(character for character in decomposed if character.isalnum())


def clean_name(cell: str) -> str:
    """A header's cell as a column's name: no outer spaces, no invisible characters."""
    return "".join(character for character in cell if unicodedata.category(character) != "Cf").strip()


def variable_names(columns: Sequence[str]) -> tuple[str, ...]:
    """What templates call the columns: ``Imię i nazwisko`` → ``Imię_i_nazwisko``.

    A name that a template can write stays. Where two columns would be called the same, the later one keeps its own
    name, which no template can write.
    """
    taken = {column for column in columns if column.isidentifier()}
    names = []
    for column in columns:
        name = column
        if not column.isidentifier():
            spelled = re.sub(r"\W+", "_", column).strip("_")
            spelled = f"_{spelled}" if spelled[:1].isdecimal() else spelled
            if spelled.isidentifier() and spelled not in taken:
                taken.add(name := spelled)
        names.append(name)
    return tuple(names)


def header_findings(name: str, columns: Sequence[str], line: int, places: Sequence[int]) -> list[Finding]:
    """What is wrong with a list's header.

    Args:
        name: the list.
        columns: cleaned names, in order.
        line: the header's line in the file, 1-based.
        places: 1-based character column of each name in that line, 0 where not known.
    """
    if any(_looks_like_data(column) for column in columns):
        message = "the first row is no header: it holds a phone number"
        return [Finding(name, line, 0, message, "put a row with the columns' names on top, such as `msisdn`")]
    if len(columns) > MOST_COLUMNS:
        return [Finding(name, line, 0, f"{len(columns)} columns, at most {MOST_COLUMNS}", "leave out unused columns")]
    findings = []
    first_at: dict[str, int] = {}
    for position, (column, place) in enumerate(zip(columns, places, strict=True), 1):
        if not column:
            message = f"column {position} has no name"
            findings.append(Finding(name, line, place, message, "give it a name, or delete the column"))
        elif column in first_at:
            message = f"columns {first_at[column]} and {position} are both named {masked(column, 60)!r}"
            findings.append(Finding(name, line, place, message, "rename one of them"))
        first_at.setdefault(column, position)
    return findings


def _looks_like_data(column: str) -> bool:
    digits = sum(character.isdigit() for character in column)
    return digits >= 7 and not re.search(r"[^\W\d_]", column)


def find_number_column(name: str, columns: Sequence[str], wanted: str | None, line: int) -> int | Finding:
    """Position of the column that holds the number: the one the campaign names, else the one usual name."""
    if wanted is not None:
        return find_column(name, columns, wanted, line, "`number:`")
    usual = [position for position, column in enumerate(columns) if simple_name(column) in USUAL_NUMBER_NAMES]
    if len(usual) > 1 and _is_of_rejects(columns):
        usual.remove(len(REJECT_COLUMNS) - 1)
    if len(usual) == 1:
        return usual[0]
    if usual:
        several = ", ".join(columns[position] for position in usual)
        return Finding(name, line, 0, f"more than one column may hold the number: {several}", "say which: `number: …`")
    message = f"no column with a usual name for the number; the columns are: {shown_columns(columns)}"
    return Finding(name, line, 0, message, "say which column holds the number: `number: …`")


def _is_of_rejects(columns: Sequence[str]) -> bool:
    """Whether the list is a file of rejects, mended and read again."""
    first = (column.removeprefix("reject_") for column in columns[: len(REJECT_COLUMNS)])
    return tuple(first) == REJECT_COLUMNS


def find_column(name: str, columns: Sequence[str], wanted: str, line: int, asked_by: str) -> int | Finding:
    """Position of the column ``wanted``, or the finding that it is missing."""
    if wanted in columns:
        return columns.index(wanted)
    simple = {simple_name(column): column for column in columns}
    near = simple.get(simple_name(wanted)) or next(iter(get_close_matches(wanted, columns, n=1)), "")
    message = f"no column {masked(wanted, 60)!r} ({asked_by}); the columns are: {shown_columns(columns)}"
    return Finding(
        name, line, 0, message, f"did you mean {masked(near, 60)!r}?" if near else "mend the name, or add the column"
    )


def shown_columns(columns: Sequence[str], most: int = 20) -> str:
    """Names for an error message; what looks like a number is masked, a long list is cut."""
    names = [masked(column, 60) for column in columns[:most]]
    return ", ".join(names) + (f" and {len(columns) - most} more" if len(columns) > most else "") or "none"
