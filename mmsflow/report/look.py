"""The workspace's own look of the report: `templates/report.html.j2` and `templates/report.css`, where they exist.

An own template runs in the sandbox of the campaign's templates, with the same count of its work, and writes HTML: what
it puts in is escaped. It can change everything below the page's policy, which stands before its first character.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, nodes
from jinja2.exceptions import TemplateNotFound
from jinja2.filters import FILTERS

from mmsflow.campaign.bounded import OutOfBounds
from mmsflow.campaign.sandbox import Sandbox
from mmsflow.campaign.template_problem import problem_of
from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.workspace_files import open_inside
from mmsflow.report.exhibits import Exhibits
from mmsflow.report.html import builtin_template, install, shown

FOLDER = "templates"
PAGE, STYLE = "report.html.j2", "report.css"

_FILE_LIMIT_BYTES = 1_000_000
_PAGE_LIMIT_CHARACTERS = 20_000_000
_MAX_STEPS = 5_000_000

_ADDED_FILTERS = ("e", "escape", "forceescape", "map", "items", "dictsort", "sum", "batch", "select", "reject")


@dataclass(frozen=True, slots=True)
class Look:
    """An own look that could be read; whether its template holds shows when it renders.

    Attributes:
        workspace: the folder above ``templates/``.
        style: appended to the built-in style sheet; may be empty.
        has_page: whether there is a template of the page, not a style sheet alone.
    """

    workspace: Path
    style: str
    has_page: bool

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """What the own template makes of the values, without the page's first lines.

        Raises:
            InvalidInput: it cannot be read or rendered; the finding names file and line.
        """
        try:
            page = _PageSandbox(self._source).get_template(template)
            # Not `render`, which would replace the frames that tell the line.
            return _joined(page.root_render_func(page.new_context(dict(values))))
        except InvalidInput:
            raise
        except Exception as error:  # a template can raise whatever Python can
            raise InvalidInput([_what_is_wrong(error)]) from error

    def _source(self, name: str) -> str | None:
        return builtin_template(name) if name.startswith("mmsflow/") else _read(self.workspace, name)


def _joined(pieces: Iterable[str]) -> str:
    kept, length = [], 0
    for piece in pieces:
        kept.append(piece)
        length += len(piece)
        if length > _PAGE_LIMIT_CHARACTERS:
            raise InvalidInput([_finding("the page would have more than 20 million characters", "make it smaller")])
    return "".join(kept)


def _what_is_wrong(error: Exception) -> Finding:
    problem = problem_of(error)
    advice = "make it smaller" if isinstance(error, OutOfBounds) else problem.advice or _ADVICE
    if problem.file.startswith("mmsflow/"):
        return _finding(f"{problem.message} (in the built-in {problem.file}, line {problem.line})", advice)
    return Finding(f"{FOLDER}/{problem.file or PAGE}", problem.line, 0, problem.message, advice)


_ADVICE = "docs/report.md lists what a template of the report may use"


def own_look(workspace: Path) -> Look | None:
    """The workspace's look; None where it has none of its own.

    Raises:
        InvalidInput: a file of it cannot be read, or the style sheet would end its own element.
    """
    has_page, has_style = (os.path.lexists(workspace / FOLDER / name) for name in (PAGE, STYLE))
    if not has_page and not has_style:
        return None
    if has_page:
        _read(workspace, PAGE)
    return Look(workspace, _style(_read(workspace, STYLE)) if has_style else "", has_page)


def check_look(workspace: Path) -> tuple[Finding, ...]:
    """What is wrong with the workspace's own look, found by rendering it for a made-up run and for an empty one."""
    from mmsflow.report.html import render_page
    from mmsflow.report.sample import SAMPLE_EXHIBITS, SAMPLE_RUN, START, ZONE, empty_summary, sample_summary

    try:
        look = own_look(workspace)
        if look is None or not look.has_page:
            return ()
        for summary, exhibits in ((sample_summary(), SAMPLE_EXHIBITS), (empty_summary(), Exhibits())):
            render_page(SAMPLE_RUN, summary, exhibits, now=START, zone=ZONE, show_numbers=False, look=look)
    except InvalidInput as error:
        return error.findings
    return ()


def _style(text: str) -> str:
    for number, line in enumerate(text.split("\n"), start=1):
        if "</" in line or "<!--" in line or "\0" in line:
            message = "`</`, `<!--` and control characters cannot stand in the page's style sheet"
            raise InvalidInput([Finding(f"{FOLDER}/{STYLE}", number, 0, message, "take it out")])
    return f"\n{text}"


def _read(workspace: Path, name: str) -> str:
    """A file of the workspace's ``templates/``, and of no other folder, with plain line ends.

    Raises:
        InvalidInput: it is not there, not in that folder, too large or not UTF-8.
    """
    shown_name = f"{FOLDER}/{name}"
    folder = (workspace / FOLDER).resolve()
    if not folder.is_relative_to(workspace.resolve()) or not (folder / name).resolve().is_relative_to(folder):
        raise InvalidInput([_finding("it is not in the folder templates/", "copy it there", shown_name)])
    with open_inside(workspace, shown_name) as file:
        data = file.read(_FILE_LIMIT_BYTES + 1)
    if len(data) > _FILE_LIMIT_BYTES:
        raise InvalidInput([_finding("it is larger than a megabyte", "make it smaller", shown_name)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InvalidInput([Finding(shown_name, line, 0, "it is not UTF-8", "save it as UTF-8")]) from None
    # A browser reads every line end as this one, and the policy names the style sheet by its digest.
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _finding(message: str, fix: str, file: str = f"{FOLDER}/{PAGE}") -> Finding:
    return Finding(file, 0, 0, message, fix)


class _PageSandbox(Sandbox):
    """The sandbox of users' templates, for HTML: everything is escaped, and a name that is not known is an error."""

    def __init__(self, source: Callable[[str], str | None]) -> None:
        super().__init__(FunctionLoader(self._load))
        self._source = source
        self.autoescape = True
        self.undefined = StrictUndefined
        self.finalize = shown
        self.trim_blocks = self.lstrip_blocks = True
        self.steps_left = _MAX_STEPS
        self.filters |= {name: self._measured(FILTERS[name], 1) for name in _ADDED_FILTERS}
        install(self)

    def _load(self, name: str) -> str | None:
        try:
            found = self._source(name)
        except InvalidInput as error:
            first = error.findings[0]
            raise TemplateNotFound(name, f"{first.file}: {first.message}") from error
        if found is None:
            raise TemplateNotFound(name, f"there is no built-in template {name}, the page is mmsflow/{PAGE}")
        return found

    def spend(self, steps: int = 1) -> None:
        """Take from the budget of the page."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise OutOfBounds(f"the page takes more than {_MAX_STEPS:,} steps of work")

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        self.refuse(source, args[0] if args else None)  # here, where the template's name is known
        return super()._generate(source, *args, **kwargs)

    def join_path(self, template: str, parent: str) -> str:  # noqa: ARG002 - as jinja2 has it
        """Names stand for files of ``templates/``, or for built-in ones, wherever they are used."""
        return template
