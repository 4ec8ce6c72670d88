"""Users' templates: compiled once, rendered for every recipient, unable to leave the sandbox.

A template sees text, numbers and switches only. A caller that wants an empty cell to count as missing leaves it out of
the variables: `default()`, `is defined` and plain tests such as `{% if city %}` then work, any other use fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from jinja2 import Template, TemplateAssertionError, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.loaders import FunctionLoader
from jinja2.parser import Parser

from mmsflow.campaign import template_names
from mmsflow.campaign.compiled import CompiledTemplate, Expression, RowsBatch
from mmsflow.campaign.counting import size_of
from mmsflow.campaign.sandbox import Sandbox
from mmsflow.campaign.scalars import path_fault
from mmsflow.campaign.template_names import TemplateNames
from mmsflow.campaign.template_problem import TemplateProblem, problem_of
from mmsflow.campaign.wording import choice_fix, masked
from mmsflow.errors import InvalidInput
from mmsflow.mms.workspace_files import open_inside

__all__ = ["CompiledTemplate", "Expression", "TemplateProblem", "Templates"]

MAX_TEMPLATE_BYTES = 256 * 1024
MAX_INCLUDED = 100
MAX_PIECES = 10_000
MAX_DEPTH = 60  # jinja2 takes cubic time for deeper ones: 0.2 s at 80, minutes at its own limit


class Templates:
    """The templates of one workspace; each file is read once, so that all messages are made of the same state.

    Args:
        workspace: the workspace's root.
    """

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace
        self._contents: dict[str, bytes] = {}
        self._known: dict[str, TemplateNames] = {}
        self._sandbox = Sandbox(FunctionLoader(self._source))

    @property
    def files(self) -> Mapping[str, bytes]:
        """Contents of every template file read so far, by its path from the workspace's top."""
        return MappingProxyType(self._contents)

    def compile(self, source: str, where: str = "template") -> CompiledTemplate:
        """A template that stands in the campaign file.

        Args:
            source: its text.
            where: what it is, for tracebacks; such as ``message.subject``.

        Raises:
            TemplateProblem: syntax, an unknown filter, a file that cannot be included.
        """
        try:
            return self._finish(self._parse(source, f"<{where}>"), f"<{where}>")
        except Exception as error:
            raise problem_of(self._advised(error)) from error

    def compile_file(self, path: str) -> CompiledTemplate:
        """A template file, by its path from the workspace's top.

        Raises:
            TemplateProblem: as `compile`, and when the file cannot be read.
        """
        try:
            return self._finish(self._parse(self._text(path), path), path)
        except Exception as error:
            raise problem_of(self._advised(error)) from error

    def expression(self, source: str) -> Expression:
        """A condition over a row, as ``where`` has it.

        Raises:
            TemplateProblem: it is not one expression, or uses an unknown filter.
        """
        try:
            parser = Parser(self._sandbox, source, name="<where>", state="variable")
            test = parser.parse_expression()
            if not parser.stream.eos:
                raise TemplateSyntaxError("chunk after expression", parser.stream.current.lineno)
            yes = nodes.Output([nodes.TemplateData("1")], lineno=1)
            syntax = nodes.Template([nodes.If(test, [yes], [], [], lineno=1)], lineno=1)
            syntax.set_environment(self._sandbox)
            return Expression(self._finish(syntax, "<where>"))
        except Exception as error:
            raise problem_of(self._advised(error)) from error

    def _finish(self, syntax: nodes.Template, name: str) -> CompiledTemplate:
        names = self._names_of(syntax, name, ())
        batch = None
        if names.variables and "loop" not in names.variables and template_names.can_run_in_batches(syntax):
            batch = RowsBatch(self._sandbox, syntax, names.variables)
        code = self._sandbox.compile(syntax, name=name, filename=name)
        template = Template.from_code(self._sandbox, code, self._sandbox.make_globals(None))
        return CompiledTemplate(self._sandbox, template, names, batch)

    def _parse(self, source: str, name: str) -> nodes.Template:
        if len(source) > MAX_TEMPLATE_BYTES:
            raise TemplateProblem(f"the template is larger than {MAX_TEMPLATE_BYTES // 1024} KiB", advice="shorten it")
        syntax = self._sandbox.parse(source, name=name)
        pieces, depth = size_of(syntax)
        if pieces > MAX_PIECES or depth > MAX_DEPTH:
            fault = f"has more than {MAX_PIECES} pieces" if pieces > MAX_PIECES else "is nested too deeply"
            raise TemplateProblem(f"the template {fault}", advice="make it simpler")
        return syntax

    def _names_of(self, syntax: nodes.Template, name: str, above: tuple[str, ...]) -> TemplateNames:
        self._sandbox.refuse(syntax, name)
        variables = template_names.undeclared(syntax, frozenset(self._sandbox.globals))
        required = template_names.needed(syntax, variables)
        files, own = 1, template_names.assigned(syntax)
        for node, referred in template_names.references(syntax):
            if referred is None:
                raise TemplateAssertionError("the file to include must be written out", node.lineno, name)
            for inner in self._names_of_files(node, referred, name, above):
                files += inner.files
                if template_names.sees_context(node):
                    variables |= inner.variables - own
                    required |= inner.required - own
        if files > MAX_INCLUDED:
            raise TemplateProblem(f"it includes more than {MAX_INCLUDED} files", file=name, advice="include fewer")
        return TemplateNames(variables, required, files)

    def _names_of_files(
        self, node: template_names.Referring, referred: list[str], name: str, above: tuple[str, ...]
    ) -> Iterator[TemplateNames]:
        optional = isinstance(node, nodes.Include) and (node.ignore_missing or len(referred) > 1)
        for path in (self._sandbox.join_path(each, name) for each in referred):
            if path in (*above, name):
                raise TemplateAssertionError(f"{masked(path)} includes itself", node.lineno, name)
            try:
                text = self._text(path)
            except TemplateProblem as problem:
                if optional:
                    continue
                raise TemplateAssertionError(problem.message, node.lineno, name) from problem
            if path not in self._known:
                self._known[path] = self._names_of(self._parse(text, path), path, (*above, name))
            yield self._known[path]

    def _source(self, path: str) -> tuple[str, str, None]:
        """jinja2's loader; at run time, for files that `_names_of` has read already."""
        try:
            return self._text(path), path, None
        except TemplateProblem as problem:
            raise TemplateNotFound(path, problem.message) from problem

    def _text(self, path: str) -> str:
        if path not in self._contents:
            self._contents[path] = self._read(path)
        try:
            return self._contents[path].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self._contents[path].count(b"\n", 0, error.start) + 1
            advice = "save it as UTF-8"
            raise TemplateProblem("the template is not UTF-8", line, file=path, advice=advice) from None

    def _read(self, path: str) -> bytes:
        if fault := path_fault(path):
            raise TemplateProblem(f"the template {masked(path)} {fault}", advice="name a file of the workspace")
        try:
            with open_inside(self._workspace, path) as file:
                content = file.read(MAX_TEMPLATE_BYTES + 1)
        except InvalidInput as error:
            finding = error.findings[0]
            raise TemplateProblem(f"{masked(path)}: {finding.message}", file=path, advice=finding.fix) from error
        except OSError as error:
            raise TemplateProblem(f"{masked(path)} cannot be read: {error.strerror}", file=path) from error
        return content or b""

    def _advised(self, error: Exception) -> Exception:
        if not isinstance(error, TemplateAssertionError) or not (error.message or "").startswith("No filter named"):
            return error
        unknown = (error.message or "").split("'")[1]
        return TemplateProblem(
            f"there is no filter `{masked(unknown)}`",
            error.lineno,
            file="" if (error.name or "<").startswith("<") else error.name or "",
            advice=choice_fix(unknown, self._sandbox.filter_names),
        )
