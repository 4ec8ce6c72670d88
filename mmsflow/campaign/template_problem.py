"""What can be wrong with a user's template, as one kind of error with its line."""

from __future__ import annotations

import re
from types import TracebackType

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from mmsflow.campaign.bounded import OutOfBounds
from mmsflow.campaign.wording import masked
from mmsflow.errors import MmsflowError


class TemplateProblem(MmsflowError):
    """A template or expression cannot be read, or cannot be rendered for one row.

    Attributes:
        message: what is wrong, without its place; numbers are masked.
        advice: how to mend it; may be empty.
        file: path of the template file from the workspace's top; empty where it stands in the campaign file itself.
        line: 1-based line in that file, or in the text of the campaign file; 0 when it is not known.
        variable: the variable that has no value, where that is what is wrong.
        row: 0-based index of the row within the rows of one `render_many`; None otherwise.
    """

    exit_code = 3

    def __init__(
        self,
        message: str,
        line: int = 0,
        *,
        file: str = "",
        variable: str = "",
        advice: str = "",
        row: int | None = None,
    ) -> None:
        super().__init__(message, advice)
        self.line = line
        self.file = file
        self.variable = variable
        self.row = row


def problem_of(error: Exception, variables: frozenset[str] = frozenset()) -> TemplateProblem:
    """Any exception of jinja2 or of Python from within a template, as a problem with its place.

    Args:
        error: what was raised.
        variables: names that the template takes from outside, to tell a missing one.
    """
    if isinstance(error, TemplateProblem):
        return error
    file, line = _place(error)
    message, advice = _explain(error)
    variable = ""
    if isinstance(error, UndefinedError):
        variable = next((name for name in variables if message == f"`{name}` has no value"), "")
        advice = advice or (f"fill it in, or write `{{{{ {variable} | default('…') }}}}`" if variable else "")
    return TemplateProblem(message, line, file=file, variable=variable, advice=advice)


def _explain(error: Exception) -> tuple[str, str]:
    """Message and advice."""
    if isinstance(error, TemplateError):
        return _explain_jinja(error)
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        return "the template is nested too deeply", "make it flatter"
    if isinstance(error, UnicodeEncodeError):
        return "the text holds half a character (a lone surrogate)", "write the character itself"
    if isinstance(error, ZeroDivisionError):
        return "it divides by zero", "test the divisor first"
    if isinstance(error, TypeError):
        mixed = re.search("not supported between|can only concatenate|operand type", str(error))
        advice = "cells are texts: turn one into a number with `| int`" if mixed else ""
        return masked(f"these values do not go together: {error}"), advice
    return masked(f"it cannot be calculated: {error}"), ""


def _explain_jinja(error: TemplateError) -> tuple[str, str]:
    message = (error.message or type(error).__name__).rstrip(".").replace("end of template", "end of the text")
    if "chunk after expression" in message:
        return "the expression goes on where it should end", "write one expression; a comparison is written with =="
    if isinstance(error, OutOfBounds):
        return message, "a message is a short text: make it smaller"
    advice = "use plain values and filters" if isinstance(error, SecurityError) else ""
    return masked(message[:1].lower() + message[1:]), advice


def _place(error: Exception) -> tuple[str, int]:
    """File and line of a problem; the innermost template frame for an error at run time."""
    if isinstance(error, TemplateSyntaxError):
        return _as_file(error.name), error.lineno
    place = ("", 0)
    frame: TracebackType | None = error.__traceback__
    while frame:
        template = frame.tb_frame.f_globals.get("__jinja_template__")
        if template is not None:
            place = (_as_file(template.name), template.get_corresponding_lineno(frame.tb_lineno))
        frame = frame.tb_next
    return place


def _as_file(name: str | None) -> str:
    # Templates of the campaign file itself go by a name in angle brackets, which no path check lets pass as a file.
    return name if name and not name.startswith("<") else ""
