"""Recipients into messages: every subject and text is rendered before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmsflow.audience.model import Recipient
from mmsflow.campaign.model import FileAttachment, Message, TextAttachment
from mmsflow.campaign.templating import CompiledTemplate, TemplateProblem, Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.media.library import MediaLibrary, wire_name
from mmsflow.message.model import Layout, PlannedMessage, StaticPart, TextPart
from mmsflow.message.notes import Notes
from mmsflow.message.problems import RowProblems
from mmsflow.mms.content import DEFAULT_BUDGET_BYTES, KIB, SAFE_CONTENT_TYPES, Part, composed

Place = Callable[[Sequence[str | int]], tuple[str, int, int]]
"""Where a key of the campaign file stands: its path in the document → (file, line, column)."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """One attachment: either laid out already, or a template of a path or of a text."""

    static: StaticPart | None = None
    path: CompiledTemplate | None = None
    text: CompiledTemplate | None = None
    filename: str = ""
    place: tuple[str, int, int] = ("", 0, 0)


class FaultyMessage(InvalidInput):
    """A message whose templates or attachments are wrong; ``variables`` are those of the templates that are right."""

    def __init__(self, findings: Sequence[Finding], variables: Mapping[str, tuple[str, int, int]]) -> None:
        super().__init__(findings)
        self.variables = variables


class Composer:
    """Renders messages of one campaign.

    Attributes:
        media: the files that were attached, for freezing.
        problems: rows that could not be rendered; nothing may be sent while there are any.
        notes: what is remarkable about the messages without being wrong.
    """

    def __init__(
        self,
        message: Message,
        templates: Templates,
        media: MediaLibrary,
        place: Place,
        *,
        variant: str = "",
        notes: Notes | None = None,
    ) -> None:
        """Compile every template of the campaign, or of one variant of it.

        Args:
            variant: name that its messages carry.
            notes: where remarks are counted; its own when None.

        Raises:
            FaultyMessage: every template and static attachment that is wrong, at its place in the campaign file.
        """
        self.media = media
        self.problems = RowProblems()
        self.notes = notes or Notes()
        self._variant = variant
        self.unusual_types: set[str] = set()
        self._templates = templates
        self._place = place
        self._findings: list[Finding] = []
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._subject = self._compile(message.subject, ("message", "subject"))
        self._slots = [
            slot for index, attachment in enumerate(message.attachments) if (slot := self._slot(index, attachment))
        ]
        if self._findings or self._subject is None:
            raise FaultyMessage(self._findings, self.variables)

    @property
    def variables(self) -> Mapping[str, tuple[str, int, int]]:
        """Every variable that some column must provide, with the place that uses it."""
        found: dict[str, tuple[str, int, int]] = {}
        used = [(self._subject, self._place(("message", "subject")))]
        used += [(slot.path or slot.text, slot.place) for slot in self._slots]
        for template, place in used:
            for name in sorted(template.required) if template else ():
                found.setdefault(name, place)
        return found

    def compose(self, recipients: Sequence[Recipient]) -> list[PlannedMessage]:
        """Messages for the recipients, in their order; rows with a problem are left out and recorded."""
        fields = [self._subject, *(slot.path or slot.text for slot in self._slots if not slot.static)]
        columns = [self._render(template, recipients) for template in fields if template]
        messages = []
        for recipient, subject, *values in zip(recipients, *columns, strict=True):
            if subject is None or None in values:
                continue
            message = self._assemble(recipient, composed(" ".join(subject.split())), [value or "" for value in values])
            if message is not None:
                messages.append(message)
        return messages

    def _render(self, template: CompiledTemplate, recipients: Sequence[Recipient]) -> list[str | None]:
        try:
            return list(template.render_many([recipient.vars for recipient in recipients]))
        except TemplateProblem:
            return [self._render_row(template, recipient) for recipient in recipients]

    def _render_row(self, template: CompiledTemplate, recipient: Recipient) -> str | None:
        try:
            return template.render(recipient.vars)
        except TemplateProblem as problem:
            self.problems.add(recipient, problem.message, problem.advice)
            return None

    def _assemble(self, recipient: Recipient, subject: str, values: list[str]) -> PlannedMessage | None:
        paths, texts = [], []
        rendered = iter(values)
        for slot in self._slots:
            if slot.path:
                paths.append(next(rendered))
            elif slot.text:
                texts.append(composed(next(rendered)))
        try:
            layout = self._layout(tuple(paths))
        except InvalidInput as error:
            finding = error.findings[0]
            self.problems.add(recipient, f"{finding.file}: {finding.message}", finding.fix)
            return None
        self.notes.look(recipient, subject, texts)
        if not subject and not layout:
            self.problems.add(recipient, "the message is empty", "give the subject a text for this row, too")
            return None
        if (self._slots or len(subject) > KIB) and (size := _size(subject, layout, texts)) > DEFAULT_BUDGET_BYTES:
            what = f"the whole MMS has {size / KIB:.0f} KiB, the budget is {DEFAULT_BUDGET_BYTES // KIB} KiB"
            self.problems.add(recipient, what, "shorten it, attach less, or smaller pictures")
            return None
        return PlannedMessage(
            recipient.ordinal,
            recipient.source,
            recipient.row,
            recipient.msisdn,
            subject,
            layout,
            tuple(texts),
            self._variant,
            consent=recipient.consent,
            segments=recipient.segments,
        )

    def _layout(self, paths: tuple[str, ...]) -> Layout:
        """The layout for these rendered paths.

        Raises:
            InvalidInput: one of the files cannot be attached.
        """
        known = self._layouts.get(paths)
        if known is None:
            rest = iter(paths)
            parts = [self._part(slot, rest) for slot in self._slots]
            self.unusual_types.update(
                part.content_type
                for part in parts
                if isinstance(part, StaticPart) and part.content_type not in SAFE_CONTENT_TYPES
            )
            known = self._layouts[paths] = _distinctly_named(parts)
        return known

    def _part(self, slot: _Slot, paths: Iterator[str]) -> StaticPart | TextPart:
        if slot.static:
            return slot.static
        if slot.text:
            return TextPart(slot.filename)
        return _laid_out(self.media.part(next(paths)))

    def _slot(self, index: int, attachment: object) -> _Slot | None:
        if isinstance(attachment, FileAttachment):
            key = ("message", "attachments", index, "file")
            path = self._compile(attachment.file, key)
            if path is None:
                return None
            if not path.is_static:
                return _Slot(path=path, place=self._place(key))
            return self._static(path.render({}), key)
        if isinstance(attachment, TextAttachment):
            return self._text(attachment.text, ("message", "attachments", index, "text"))
        raise AssertionError("the loader refuses other kinds of attachments")

    def _static(self, path: str, key: Sequence[str | int]) -> _Slot | None:
        try:
            return _Slot(static=_laid_out(self.media.part(path)))
        except InvalidInput as error:
            finding = error.findings[0]
            self._findings.append(Finding(*self._place(key), f"{path}: {finding.message}", finding.fix))
            return None

    def _text(self, path: str, key: Sequence[str | int]) -> _Slot | None:
        try:
            template = self._templates.compile_file(path)
        except TemplateProblem as problem:
            self._wrong(problem, key)
            return None
        if template.is_static:
            text = composed(template.render({}))
            self.notes.look_at_shared(text, path)
            part = Part("text/plain", wire_name(path), text.encode("utf-8"))
            self.media.texts.append(part)
            return _Slot(static=_laid_out(part))
        return _Slot(text=template, filename=wire_name(path), place=self._place(key))

    def _compile(self, source: str, key: Sequence[str | int]) -> CompiledTemplate | None:
        try:
            return self._templates.compile(source, ".".join(map(str, key)))
        except TemplateProblem as problem:
            self._wrong(problem, key)
            return None

    def _wrong(self, problem: TemplateProblem, key: Sequence[str | int]) -> None:
        if problem.file and problem.line:
            self._findings.append(Finding(problem.file, problem.line, 0, problem.message, problem.advice))
        else:
            self._findings.append(Finding(*self._place(key), problem.message, problem.advice))


def _laid_out(part: Part) -> StaticPart:
    return StaticPart(part.content_type, part.filename, part.sha256, part.size_bytes)


def _size(subject: str, layout: Layout, texts: Sequence[str]) -> int:
    fixed = sum(part.size_bytes for part in layout if isinstance(part, StaticPart))
    return fixed + len(subject.encode()) + sum(len(text.encode()) for text in texts)


def _distinctly_named(parts: Sequence[StaticPart | TextPart]) -> Layout:
    """The same parts, no two with one name: a name doubles as the Content-ID."""
    taken: set[str] = set()
    named: list[StaticPart | TextPart] = []
    for number, part in enumerate(parts, 1):
        name, prefix = part.filename, number
        while name in taken:
            name, prefix = f"{prefix}-{part.filename}", prefix + 1
        taken.add(name)
        if isinstance(part, TextPart):
            named.append(TextPart(name))
        else:
            named.append(StaticPart(part.content_type, name, part.sha256, part.size_bytes))
    return tuple(named)
