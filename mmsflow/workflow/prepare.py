"""From a campaign file to a draft: the whole audience read, every message rendered, nothing sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmsflow.audience.model import Recipient, SetAside
from mmsflow.audience.read import Audience
from mmsflow.campaign.load import FaultyCampaign, LoadedCampaign, load_campaign
from mmsflow.campaign.model import Source
from mmsflow.campaign.templating import Templates
from mmsflow.campaign.wording import choice_fix
from mmsflow.errors import Finding, InvalidInput
from mmsflow.ledger.model import Blob, FrozenInput
from mmsflow.media.library import MediaLibrary
from mmsflow.message.render import Composer, FaultyMessage
from mmsflow.mms.content import SUBJECT_SHOWN_CHARACTERS
from mmsflow.mms.status import Bucket
from mmsflow.plan.draft import Draft

_CHUNK = 500

Progress = Callable[[int], None]
"""Told the rows read so far."""

Seen = Callable[[Sequence[Recipient]], None]
"""Told the recipients of each batch that is rendered, in their order; must not keep them all."""


@dataclass(slots=True)
class Prepared:
    """A campaign, ready to be planned.

    Attributes:
        loaded: the campaign file.
        draft: messages and rows set aside; the caller closes it.
        media: attached files by path.
        inputs: every file it was made from, by content.
        blobs: contents that a run freezes: campaign file, templates, media.
        warnings: one sentence each.
        digest: the plan's digest.
        test: it goes to test handsets, at once, whatever the campaign's schedule says.
    """

    loaded: LoadedCampaign
    draft: Draft
    media: MediaLibrary
    inputs: tuple[FrozenInput, ...]
    blobs: tuple[Blob, ...]
    warnings: tuple[str, ...]
    digest: str
    test: bool = False

    def content(self, sha256: str) -> bytes:
        """The bytes of a part of some message by its digest; until the draft is closed."""
        return self.media.bytes_of(sha256)


def prepare(
    path: Path,
    workspace: Path,
    *,
    already_sent: Container[str] = (),
    progress: Progress | None = None,
    seen: Seen | None = None,
) -> Prepared:
    """Read a campaign file and everything that it names, and render every message.

    Args:
        path: the campaign file.
        workspace: folder that the file's paths start from.
        already_sent: numbers (E.164) that are left out as ``already_sent``, for topping a campaign up.
        progress: told the rows read so far.
        seen: told the recipients of each batch.

    Raises:
        InvalidInput: everything that is wrong, each finding at its place.
    """
    loaded = load(path, workspace)
    draft = Draft()
    try:
        return _fill(loaded, workspace, draft, already_sent, progress, seen)
    except BaseException:
        draft.close()
        raise


def _fill(
    loaded: LoadedCampaign,
    workspace: Path,
    draft: Draft,
    already_sent: Container[str],
    progress: Progress | None,
    seen: Seen | None,
) -> Prepared:
    campaign = loaded.campaign
    templates, media = Templates(workspace), MediaLibrary(workspace)
    audience = Audience(campaign, workspace, templates)
    composer = _composer(loaded, templates, media, audience)
    messages: list[Recipient] = []
    aside: list[SetAside] = []

    def keep() -> None:
        if seen:
            seen(messages)
        draft.add_messages(composer.compose(messages))
        messages.clear()

    for row in audience.rows():
        if isinstance(row, Recipient) and row.msisdn not in already_sent:
            messages.append(row)
            if len(messages) >= _CHUNK:
                keep()
        else:
            aside.append(row if isinstance(row, SetAside) else _already_sent(row))
            if len(aside) >= _CHUNK:
                draft.add_set_aside(aside)
                aside.clear()
        if progress and row.ordinal % _CHUNK == 0:
            progress(row.ordinal)
    keep()
    draft.add_set_aside(aside)
    if progress:
        progress(audience.counts.rows)
    _refuse_problems(loaded, composer, draft)
    inputs, blobs = _frozen(loaded, audience, templates, media)
    digest = draft.digest(loaded.sha256, *(f"{item.kind} {item.path} {item.sha256}" for item in inputs))
    warnings = (*(finding.message for finding in loaded.warnings), *_warnings(composer))
    return Prepared(loaded, draft, media, inputs, blobs, warnings, digest)


def load(path: Path, workspace: Path) -> LoadedCampaign:
    """Read a campaign file; where it is faulty, its lists, templates and media are looked at all the same.

    Raises:
        InvalidInput: everything that is wrong, each finding at its place.
    """
    try:
        return load_campaign(path, workspace)
    except FaultyCampaign as faulty:
        raise InvalidInput(_with_other_files(faulty, workspace)) from None


def _with_other_files(faulty: FaultyCampaign, workspace: Path) -> list[Finding]:
    """The findings of a campaign file, and those about the lists, templates and media that its right part names."""
    findings = list(faulty.findings)
    if faulty.remains is None:
        return findings
    templates = Templates(workspace)
    audience = Audience(faulty.remains.campaign, workspace, templates)
    try:
        _composer(faulty.remains, templates, MediaLibrary(workspace), audience, all_sources=faulty.all_sources)
    except InvalidInput as error:
        # What can be seen from both sides is said better by the campaign file's own finding.
        told = {finding.place for finding in findings}
        findings += [finding for finding in error.findings if finding.place not in told]
    return _in_order(findings, faulty.remains)


def _in_order(findings: Sequence[Finding], loaded: LoadedCampaign) -> list[Finding]:
    """Those of the campaign file by line, then those of other files."""
    return sorted(findings, key=lambda each: (each.file != loaded.shown_path, each.file, each.line, each.column))


def _composer(
    loaded: LoadedCampaign, templates: Templates, media: MediaLibrary, audience: Audience, *, all_sources: bool = True
) -> Composer:
    """The composer, after everything that can be wrong without reading a row, all of it at once.

    Args:
        all_sources: False where a source was left out, so that a missing column proves nothing.
    """
    findings: list[Finding] = []
    composer, columns = None, None

    def place(key: Sequence[str | int]) -> tuple[str, int, int]:
        return (loaded.shown_path, *loaded.positions.of(tuple(key)))

    try:
        composer = Composer(loaded.campaign.message, templates, media, place)
        variables = composer.variables
    except FaultyMessage as error:
        findings += error.findings
        variables = error.variables
    try:
        columns = audience.columns
    except InvalidInput as error:
        findings += error.findings
    if columns is not None and all_sources:
        for name, used_at in variables.items():
            if name not in columns:
                message = f"the template uses `{name}`, which no recipient list has as a column"
                findings.append(Finding(*used_at, message, choice_fix(name, columns)))
    try:
        _ = audience.refusals
    except InvalidInput as error:
        findings += [finding for finding in error.findings if finding not in findings]
    if findings or composer is None:
        raise InvalidInput(_in_order([_where_it_is_named(finding, loaded) for finding in findings], loaded))
    return composer


def _where_it_is_named(finding: Finding, loaded: LoadedCampaign) -> Finding:
    """A finding about a list as a whole, such as one that is missing, at the place that names the list."""
    for key in ("recipients", "exclude"):
        for index, source in enumerate(getattr(loaded.campaign, key)):
            for form in ("csv", "jsonl"):
                if finding.line == 0 and getattr(source, form, None) == finding.file:
                    return loaded.finding((key, index, form), f"{finding.file}: {finding.message}", finding.fix)
    return finding


def _refuse_problems(loaded: LoadedCampaign, composer: Composer, draft: Draft) -> None:
    if composer.problems.count:
        rows = composer.problems.count
        noun = "row" if rows == 1 else "rows"
        raise InvalidInput(
            list(composer.problems.findings()),
            f"{rows} {noun} cannot be rendered, so nothing is sent to anybody",
            "mend the list, or give the template a default: {{ name | default('…') }}",
        )
    if not draft.messages and not draft.reasons[(Bucket.EXCLUDED, "already_sent")]:
        fix = "`mmsflow check` shows what became of each row"
        raise InvalidInput([loaded.finding(("recipients",), "no row of the lists can be sent to", fix)])


def _already_sent(row: Recipient) -> SetAside:
    reason = "had a message in an earlier run of this campaign"
    return SetAside(row.ordinal, row.source, row.row, row.msisdn, Bucket.EXCLUDED, "already_sent", reason)


def _frozen(
    loaded: LoadedCampaign, audience: Audience, templates: Templates, media: MediaLibrary
) -> tuple[tuple[FrozenInput, ...], tuple[Blob, ...]]:
    inputs = [FrozenInput("campaign", loaded.shown_path, loaded.sha256, len(loaded.text_bytes))]
    blobs = [Blob(loaded.sha256, "application/yaml", loaded.text_bytes)]
    recipients = {_list_of(source) for source in loaded.campaign.recipients}
    inputs += [
        FrozenInput("list" if item.path in recipients else "exclude", item.path, item.sha256, item.size_bytes)
        for item in audience.inputs
    ]
    for path, content in templates.files.items():
        digest = hashlib.sha256(content).hexdigest()
        inputs.append(FrozenInput("template", path, digest, len(content)))
        blobs.append(Blob(digest, "text/x-jinja", content))
    for path, part in media.parts.items():
        if path not in templates.files:
            inputs.append(FrozenInput("media", path, part.sha256, part.size_bytes))
    blobs += [Blob(part.sha256, part.content_type, part.data) for part in media.contents()]
    distinct = {blob.sha256: blob for blob in blobs}
    return tuple(dict.fromkeys(inputs)), tuple(distinct.values())


def _list_of(source: Source) -> str:
    return getattr(source, "csv", "") or getattr(source, "jsonl", "")


def _warnings(composer: Composer) -> list[str]:
    warnings = []
    if composer.long_subjects and (row := composer.first_long):
        noun = "subject is" if composer.long_subjects == 1 else "subjects are"
        warnings.append(
            f"{composer.long_subjects} {noun} longer than {SUBJECT_SHOWN_CHARACTERS} characters, "
            f"which some handsets cut (the first: {row.source} row {row.row})"
        )
    warnings += [f"not every handset shows {kind}" for kind in sorted(composer.unusual_types)]
    return warnings
