"""The attachments of a message before anybody is written to: static parts laid out, templates compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmsflow.campaign.model import FileAttachment, QrAttachment, TextAttachment
from mmsflow.campaign.templating import CompiledTemplate, TemplateProblem, Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.media.library import MediaLibrary, wire_name
from mmsflow.media.model import SentPart
from mmsflow.media.problem import Unusable
from mmsflow.message.model import StaticPart
from mmsflow.message.notes import Notes
from mmsflow.mms.content import Part, composed

Place = Callable[[Sequence[str | int]], tuple[str, int, int]]
"""Where a key of the campaign file stands: its path in the document → (file, line, column)."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One attachment: laid out already, a picture to be fitted, or a template of a path, of a text or of a code."""

    static: StaticPart | None = None
    fixed: str = ""  # path of a picture to be fitted
    path: CompiledTemplate | None = None
    text: CompiledTemplate | None = None
    qr: CompiledTemplate | None = None
    fit: bool = True
    filename: str = ""
    place: tuple[str, int, int] = ("", 0, 0)

    @property
    def template(self) -> CompiledTemplate | None:
        return self.path or self.text or self.qr


class SlotMaker:
    """Makes slots of attachments.

    Attributes:
        findings: what is wrong with templates and static attachments, each at its place in the campaign file.
    """

    def __init__(self, templates: Templates, media: MediaLibrary, notes: Notes, place: Place) -> None:
        self._templates, self._media, self._notes, self._place = templates, media, notes, place
        self.findings: list[Finding] = []

    def slot(self, index: int, attachment: object) -> Slot | None:
        """The slot of the message's attachment number ``index``, from 0; None where something is wrong with it."""
        if isinstance(attachment, FileAttachment):
            key = ("message", "attachments", index, "file")
            path = self.compile(attachment.file, key)
            if path is None:
                return None
            fit = attachment.fit is not False
            if not path.is_static:
                return Slot(path=path, fit=fit, place=self._place(key))
            return self._static(path.render({}), key, fit=fit)
        if isinstance(attachment, TextAttachment):
            return self._text(attachment.text, ("message", "attachments", index, "text"))
        if isinstance(attachment, QrAttachment):
            return self._qr(attachment.qr, ("message", "attachments", index, "qr"))
        raise AssertionError("there are no other kinds of attachments")

    def _static(self, path: str, key: Sequence[str | int], *, fit: bool) -> Slot | None:
        try:
            if fit and self._media.picture(path):
                return Slot(fixed=path, place=self._place(key))
            return Slot(static=laid_out(self._media.part(path)))
        except InvalidInput as error:
            finding = error.findings[0]
            self.findings.append(Finding(*self._place(key), f"{path}: {finding.message}", finding.fix))
            return None

    def _text(self, path: str, key: Sequence[str | int]) -> Slot | None:
        try:
            template = self._templates.compile_file(path)
        except TemplateProblem as problem:
            self._wrong(problem, key)
            return None
        if template.is_static:
            shared = composed(template.render({}))
            self._notes.look_at_shared(shared, path)
            part = Part("text/plain", wire_name(path), shared.encode("utf-8"))
            return Slot(static=laid_out(self._media.add(part)))
        return Slot(text=template, filename=wire_name(path), place=self._place(key))

    def _qr(self, text: str, key: Sequence[str | int]) -> Slot | None:
        template = self.compile(text, key)
        if template is None:
            return None
        if not template.is_static:
            return Slot(qr=template, filename="qr.png", place=self._place(key))
        (code,) = self._media.draw([template.render({})], shared=True)
        if isinstance(code, Unusable):
            self.findings.append(Finding(*self._place(key), code.message, code.fix))
            return None
        return Slot(static=laid_out(code))

    def compile(self, source: str, key: Sequence[str | int]) -> CompiledTemplate | None:
        """A template that stands in the campaign file at ``key``; None where something is wrong with it."""
        try:
            return self._templates.compile(source, ".".join(map(str, key)))
        except TemplateProblem as problem:
            self._wrong(problem, key)
            return None

    def _wrong(self, problem: TemplateProblem, key: Sequence[str | int]) -> None:
        if problem.file and problem.line:
            self.findings.append(Finding(problem.file, problem.line, 0, problem.message, problem.advice))
        else:
            self.findings.append(Finding(*self._place(key), problem.message, problem.advice))


def laid_out(part: SentPart) -> StaticPart:
    """A part that everybody gets, as the layout names it."""
    return StaticPart(part.content_type, part.filename, part.sha256, part.size_bytes)
