"""Recipients into messages: every subject and text is rendered before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import repeat

from mmsflow.audience.model import Recipient
from mmsflow.campaign.model import Message
from mmsflow.campaign.templating import CompiledTemplate, TemplateProblem, Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.media.fitting import Wish
from mmsflow.media.library import MediaLibrary
from mmsflow.media.model import SentPart
from mmsflow.media.problem import Unusable
from mmsflow.message.model import DrawnPart, Layout, PlannedMessage, StaticPart, TextPart
from mmsflow.message.notes import Notes
from mmsflow.message.problems import RowProblems
from mmsflow.message.slots import Place, Slot, SlotMaker, laid_out
from mmsflow.mms.content import KIB, SAFE_CONTENT_TYPES, composed

# Rows differ in the bytes of their texts. Rounded up, almost all of them leave their pictures the same room, and the
# pictures are made once for all.
_STEP_BYTES = 4 * KIB


@dataclass(frozen=True, slots=True)
class _Row:
    """A recipient with everything rendered: paths of files, texts, codes, each in the order of the attachments."""

    recipient: Recipient
    subject: str
    paths: tuple[str, ...]
    texts: tuple[str, ...]  # of a code its digest
    own_bytes: int  # of subject, texts and codes
    codes: tuple[str, ...] = ()  # what its codes say


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
        self._place = place
        maker = SlotMaker(templates, media, self.notes, place)
        self._findings = maker.findings
        self._budget = message.budget
        self._layouts: dict[tuple[tuple[str, ...], int], tuple[Layout, int]] = {}
        self._fitted: dict[Wish, list[SentPart] | InvalidInput] = {}
        self._subject = maker.compile(message.subject, ("message", "subject"))
        self._slots = [
            slot for index, attachment in enumerate(message.attachments) if (slot := maker.slot(index, attachment))
        ]
        self._fits = any(slot.fixed or (slot.path and slot.fit) for slot in self._slots)
        self._fit_fixed()
        if self._findings or self._subject is None:
            raise FaultyMessage(self._findings, self.variables)

    @property
    def variables(self) -> Mapping[str, tuple[str, int, int]]:
        """Every variable that some column must provide, with the place that uses it."""
        found: dict[str, tuple[str, int, int]] = {}
        used = [(self._subject, self._place(("message", "subject")))]
        used += [(slot.template, slot.place) for slot in self._slots]
        for template, place in used:
            for name in sorted(template.required) if template else ():
                found.setdefault(name, place)
        return found

    def compose(self, recipients: Sequence[Recipient]) -> list[PlannedMessage]:
        """Messages for the recipients, in their order; rows with a problem are left out and recorded."""
        slots = [slot for slot in self._slots if slot.template]
        subjects, *columns = [
            self._render(template, recipients)
            for template in (self._subject, *(slot.template for slot in slots))
            if template
        ]
        values = [
            self._drawn(recipients, column) if slot.qr else column for slot, column in zip(slots, columns, strict=True)
        ]
        codes = [column for slot, column in zip(slots, columns, strict=True) if slot.qr]
        said = zip(*codes, strict=True) if codes else repeat((), len(recipients))
        rows = [
            _row(recipient, subject, slots, own, tuple(filter(None, in_codes)))
            for recipient, subject, in_codes, *own in zip(recipients, subjects, said, *values, strict=True)
            if subject is not None and None not in own
        ]
        self._fit_pictures(rows)
        return [message for row in rows if (message := self._assemble(row))]

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

    def _drawn(self, recipients: Sequence[Recipient], texts: Sequence[str | None]) -> list[SentPart | None]:
        codes = iter(self.media.draw([text for text in texts if text is not None]))
        drawn: list[SentPart | None] = []
        for recipient, text in zip(recipients, texts, strict=True):
            code = None if text is None else next(codes)
            if isinstance(code, Unusable):
                self.problems.add(recipient, code.message, code.fix)
                code = None
            drawn.append(code)
        return drawn

    def _assemble(self, row: _Row) -> PlannedMessage | None:
        recipient, subject = row.recipient, row.subject
        try:
            layout, shared_bytes = self._layout(row.paths, self._step(row.own_bytes))
        except InvalidInput as error:
            finding = error.findings[0]
            self.problems.add(recipient, f"{finding.file}: {finding.message}", finding.fix)
            return None
        self.notes.look(recipient, subject, (*row.texts, *row.codes))
        if not subject and not layout:
            self.problems.add(recipient, "the message is empty", "give the subject a text for this row, too")
            return None
        size = row.own_bytes + shared_bytes
        if size > self._budget.size_bytes:
            what = f"the whole MMS has {size / KIB:.0f} KiB, the budget is {self._budget.size_bytes // KIB} KiB"
            self.problems.add(recipient, what, "shorten it, attach less, or smaller pictures")
            return None
        return PlannedMessage(
            recipient.ordinal,
            recipient.source,
            recipient.row,
            recipient.msisdn,
            subject,
            layout,
            row.texts,
            self._variant,
            consent=recipient.consent,
            segments=recipient.segments,
        )

    def _step(self, own_bytes: int) -> int:
        return max(1, -(-own_bytes // _STEP_BYTES)) * _STEP_BYTES if self._fits else 0

    def _fit_pictures(self, rows: Sequence[_Row]) -> None:
        """Fit the pictures of all rows at once, so that the workers have much to do at a time."""
        if not self._fits:
            return
        wanted = set()
        for paths, step in dict.fromkeys((row.paths, self._step(row.own_bytes)) for row in rows):
            if (paths, step) not in self._layouts:
                with suppress(InvalidInput):  # a row's own problem, told when the row is assembled
                    wanted.add(self._wish(paths, step))
        self._fitted |= self.media.fit(wanted - self._fitted.keys())

    def _fit_fixed(self) -> None:
        """Fit the pictures that everybody gets, so that what is wrong with them is said of the campaign file."""
        fixed = [slot for slot in self._slots if slot.fixed]
        if not fixed or self._findings:
            return
        static = sum(slot.static.size_bytes for slot in self._slots if slot.static)
        pictures = tuple(picture for slot in fixed if (picture := self.media.picture(slot.fixed)))
        wish = Wish(pictures, self._budget.size_bytes - _STEP_BYTES - static)
        self._fitted |= self.media.fit([wish])
        if isinstance(error := self._fitted[wish], InvalidInput):
            finding = error.findings[0]
            place = next(slot.place for slot in fixed if slot.fixed == finding.file)
            self._findings.append(Finding(*place, f"{finding.file}: {finding.message}", finding.fix))

    def _wish(self, paths: tuple[str, ...], step: int) -> Wish:
        """The pictures to be fitted of a message with these rendered paths, and what is left for them.

        Raises:
            InvalidInput: one of the files cannot be attached.
        """
        rest = iter(paths)
        left = self._budget.size_bytes - step
        pictures = []
        for slot in self._slots:
            path = slot.fixed or (next(rest) if slot.path else "")
            if path and slot.fit and (picture := self.media.picture(path)):
                pictures.append(picture)
            elif path:
                left -= self.media.part(path).size_bytes
            elif slot.static:
                left -= slot.static.size_bytes
        return Wish(tuple(pictures), left)

    def _layout(self, paths: tuple[str, ...], step: int) -> tuple[Layout, int]:
        """The layout for these rendered paths, beside texts of ``step`` bytes, and the bytes of its static parts.

        Raises:
            InvalidInput: one of the files cannot be attached, or the pictures cannot be made to fit.
        """
        known = self._layouts.get((paths, step))
        if known is None:
            wish = self._wish(paths, step)
            fitted = self._fitted.get(wish, []) if self._fits else []
            if isinstance(fitted, InvalidInput):
                raise fitted
            rest, pictures = iter(paths), iter(fitted)
            parts = [self._part(slot, rest, pictures) for slot in self._slots]
            self.unusual_types.update(
                part.content_type
                for part in parts
                if isinstance(part, StaticPart) and part.content_type not in SAFE_CONTENT_TYPES
            )
            shared_bytes = sum(part.size_bytes for part in parts if isinstance(part, StaticPart))
            known = self._layouts[paths, step] = _distinctly_named(parts), shared_bytes
        return known

    def _part(
        self, slot: Slot, paths: Iterator[str], pictures: Iterator[SentPart]
    ) -> StaticPart | TextPart | DrawnPart:
        if slot.static:
            return slot.static
        if slot.text:
            return TextPart(slot.filename)
        if slot.qr:
            return DrawnPart("image/png", slot.filename)
        path = slot.fixed or next(paths)
        return laid_out(next(pictures) if slot.fit and self.media.picture(path) else self.media.part(path))


def _row(
    recipient: Recipient,
    subject: str,
    slots: Sequence[Slot],
    values: Sequence[str | SentPart | None],
    codes: tuple[str, ...],
) -> _Row:
    subject = composed(" ".join(subject.split()))
    paths, texts, own_bytes = [], [], len(subject.encode())
    for slot, value in zip(slots, values, strict=True):
        if isinstance(value, SentPart):
            texts.append(value.sha256)
            own_bytes += value.size_bytes
        elif slot.path:
            paths.append(value or "")
        elif value is not None:
            texts.append(text := composed(value))
            own_bytes += len(text.encode())
    return _Row(recipient, subject, tuple(paths), tuple(texts), own_bytes, codes)


def _distinctly_named(parts: Sequence[StaticPart | TextPart | DrawnPart]) -> Layout:
    """The same parts, no two with one name: a name doubles as the Content-ID."""
    taken: set[str] = set()
    named: list[StaticPart | TextPart | DrawnPart] = []
    for number, part in enumerate(parts, 1):
        name, prefix = part.filename, number
        while name in taken:
            name, prefix = f"{prefix}-{part.filename}", prefix + 1
        taken.add(name)
        named.append(replace(part, filename=name))
    return tuple(named)
