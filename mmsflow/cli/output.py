"""Printing: documents and tables to stdout, everything for people beside them to stderr."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from typing import TextIO

import typer

from mmsflow.errors import Finding, InvalidInput, MmsflowError

# Our own colours, or any control character but line ends and tabs, or a character that turns the reading direction.
_STEERING = re.compile("\033\\[(?:0|1|3[1-6])m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_COLOURS = {"error": "31", "warning": "33", "fix": "36", "good": "32", "strong": "1"}


def colourful(stream: TextIO) -> bool:
    """Whether ``stream`` shows colours: a terminal, and nobody asked for none (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, kind: str, stream: TextIO) -> str:
    """``text`` in the colour of its kind, where the stream shows colours."""
    return f"\033[{_COLOURS[kind]}m{text}\033[0m" if colourful(stream) else text


def print_json(document: object) -> None:
    """One JSON document, the only thing on stdout."""
    _print(json.dumps(document, ensure_ascii=False, indent=2))


def table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """A plain table for a terminal."""
    from tabulate import tabulate

    return tabulate([list(row) for row in rows], headers=list(headers), disable_numparse=True)


def local(instant: datetime | None, zone: tzinfo) -> str:
    """An instant as people read it, to the second, in the zone of its campaign or quota; empty for None."""
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M:%S %Z") if instant else ""


class OutputFailed(MmsflowError):
    """What was to be shown on stdout could not be written there."""

    cause = "output_not_written"


def say(text: str = "") -> None:
    """One message for the person, on stderr; nothing stops where it cannot be written."""
    with suppress(OSError, ValueError):  # a full disk, a terminal that is gone, a closed stream
        print(_harmless(text, sys.stderr), file=sys.stderr)


def tell(text: str = "") -> None:
    """A table or another text for the person, on stdout."""
    _print(_harmless(text, sys.stdout))


def _print(text: str) -> None:
    """Write to stdout at once, so that a failure is met here and not when the process ends.

    Raises:
        BrokenPipeError: whoever read it has left.
        OutputFailed: it cannot be written.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        problem = f"the output cannot be written: {error.strerror}"
        raise OutputFailed(problem, "look at the disk or the terminal that stdout goes to") from error


def draw(margin: str, lines: Iterable[str]) -> None:
    """A picture made of our own colours, on stdout as it is: nothing that others wrote may be in it."""
    for line in lines:
        _print(margin + line)


def _harmless(text: str, stream: TextIO) -> str:
    """Without what would steer a terminal: a list's cell or a gateway's answer may hold anything."""
    ours = colourful(stream)
    return _STEERING.sub(lambda found: found[0] if ours and len(found[0]) > 1 else "·", text)


def warn(text: str) -> None:
    """A warning for the person, on stderr."""
    say(f"{paint('warning', 'warning', sys.stderr)}  {text}")


def show_findings(findings: Iterable[Finding]) -> None:
    """Each finding with its place and its way out, on stderr."""
    for finding in findings:
        kind = "error" if finding.severity == "error" else "warning"
        say(f"{finding.place}  {paint(kind, kind, sys.stderr)}  {finding.message}")
        if finding.fix:
            say(f"{'':{len(finding.place)}}  {paint('fix', 'fix', sys.stderr)}{'':{len(kind) - 3}}  {finding.fix}")


def show_error(error: MmsflowError, *, as_json: bool) -> None:
    """What happened and what to do, on stderr; with ``as_json`` also as a document on stdout."""
    findings, above = (error.findings, error.table) if isinstance(error, InvalidInput) else ((), "")
    if as_json:
        print_json(error.as_json() | {"errors": [finding.as_json() for finding in findings]})
    if above:
        say(above)
    show_findings(findings)
    if findings and not error.advice:
        say(paint(error.message, "error", sys.stderr))
    else:
        say(f"{paint('error', 'error', sys.stderr)}  {error.message}")
        if error.advice:
            say(f"{paint('fix', 'fix', sys.stderr)}    {error.advice}")
    for each in error.also:
        warn(f"{each.message} (this failed after the error above)")
        if each.advice:
            say(f"{paint('fix', 'fix', sys.stderr)}      {each.advice}")


def show_usage(error: typer.TyperException) -> None:
    """A wrong option or argument, on stderr."""
    if not error.format_message():
        return  # a bare `mmsflow`: its help was shown
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "mmsflow"
    say(f"{paint('error', 'error', sys.stderr)}  {error.format_message()}")
    say(f"{paint('fix', 'fix', sys.stderr)}    see `{path} --help`")


def can_ask() -> bool:
    """Whether there is a person to ask: both ends are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose(question: str) -> str:
    """Ask on the terminal; the first letter of the answer, lower case, empty without one."""
    print(f"{question} ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower()[:1]


def confirm(question: str) -> bool:
    """Ask on the terminal; anything but yes is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes", "t", "tak"}
