"""Cells that no spreadsheet takes for a formula, and back again: what a report guards, a list may bring back."""

from __future__ import annotations

_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
# What a spreadsheet, or our own guard, puts before a formula without disarming it for good.
_SKIPPED = "' \u00a0\u200b\u200e\u200f\u2060\ufeff\u3000"
_SUSPECT = _FORMULA | frozenset(_SKIPPED)


def guarded(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula.

    An apostrophe goes in front of a text that begins like a formula, after spaces, invisible characters and
    apostrophes. That can be undone without knowing the original: see ``unguarded``.
    """
    if text[:1] not in _SUSPECT:
        return text
    return "'" + text if text.lstrip(_SKIPPED)[:1] in _FORMULA else text


def unguarded(cell: str) -> str:
    """The text that ``guarded`` made this cell of: it loses its first apostrophe when the rest begins like a formula.

    A cell that somebody else guarded in the same way, as spreadsheets and other programs do, loses its mark, too.
    """
    return cell[1:] if cell[:1] == "'" and cell.lstrip(_SKIPPED)[:1] in _FORMULA else cell
