"""From a campaign file to a draft: the whole audience read, every message rendered, nothing sent."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmsflow.audience.model import Recipient, SetAside
from mmsflow.audience.read import Audience
from mmsflow.campaign.amounts import AtMost
from mmsflow.campaign.load import FaultyCampaign, LoadedCampaign, load_campaign
from mmsflow.campaign.templating import Templates
from mmsflow.errors import Finding, InvalidInput
from mmsflow.ledger.model import Blob, FrozenInput
from mmsflow.media.library import MediaLibrary
from mmsflow.message.render import Composer
from mmsflow.message.variants import VariantComposer, doubts
from mmsflow.mms.status import Bucket
from mmsflow.plan.draft import Draft
from mmsflow.plan.model import ArmSize
from mmsflow.workflow.inputs import frozen_inputs
from mmsflow.workflow.intake import Intake, Known, look_up
from mmsflow.workflow.nobody import nobody_to_send_to
from mmsflow.workflow.soundness import in_order, sound_composer

_CHUNK = 500

Progress = Callable[[int], None]
"""Told the rows read so far."""

Fitting = Callable[[int, int], None]
"""Told how many pictures are done, and how many there are; 0 of 0 while something else is drawn."""

Seen = Callable[[Sequence[Recipient]], None]
"""Told the recipients of each batch that is rendered, in their order; must not keep them all."""


@dataclass(frozen=True, slots=True)
class _Told:
    """Whoever is told of the rows while they are read."""

    progress: Progress | None
    seen: Seen | None


@dataclass(slots=True)
class Prepared:
    """A campaign, ready to be planned.

    Attributes:
        loaded: the campaign file.
        draft: messages and rows set aside; the caller closes it.
        media: attached files by path.
        inputs: every file it was made from, by content.
        blobs: contents that a run freezes beside the parts of messages: campaign file, templates.
        warnings: one sentence each.
        digest: the plan's digest.
        test: it goes to test handsets, at once, whatever the campaign's schedule says.
        cap: the frequency cap in force; None without.
    """

    loaded: LoadedCampaign
    draft: Draft
    media: MediaLibrary
    inputs: tuple[FrozenInput, ...]
    blobs: tuple[Blob, ...]
    warnings: tuple[str, ...]
    digest: str
    test: bool = False
    cap: AtMost | None = None

    @property
    def arms(self) -> tuple[ArmSize, ...]:
        """The campaign's variants with their messages, in the file's order; empty without variants."""
        return tuple(
            ArmSize(variant.name, variant.weight, self.draft.variants[variant.name])
            for variant in self.loaded.campaign.variants
        )

    def content(self, sha256: str) -> bytes:
        """The bytes of a part of some message, one for all or drawn for one, by its digest; until the draft is closed.

        Raises:
            KeyError: no message carries it.
        """
        return self.draft.content(sha256)

    @property
    def parts(self) -> Iterator[Blob]:
        """Contents of the parts as they are sent, streaming, for freezing."""
        return (Blob(part.sha256, part.content_type, part.data) for part in self.draft.stored_parts())


def prepare(
    path: Path,
    workspace: Path,
    *,
    already_sent: Container[str] = (),
    progress: Progress | None = None,
    intake: Intake | None = None,
    fitting: Fitting | None = None,
    seen: Seen | None = None,
    loaded: LoadedCampaign | None = None,
) -> Prepared:
    """Read a campaign file and everything that it names, and render every message.

    Args:
        path: the campaign file.
        workspace: folder that the file's paths start from.
        already_sent: numbers (E.164) that are left out as ``already_sent``, for topping a campaign up.
        progress: told the rows read so far.
        intake: the workspace's suppression list and cap, and the ledger's history; nothing of it when None.
        fitting: told the pictures done and their number, several times a second while there are any to be made.
        seen: told the recipients of each batch.
        loaded: the campaign as it was read earlier, instead of the file as it is now.

    What ``progress`` or ``fitting`` raises ends it all, the worker processes too.

    Raises:
        InvalidInput: everything that is wrong, each finding at its place.
        UsageError: the workspace's cap makes no sense.
        LedgerError: the campaign asks for history, and the ledger cannot be read.
    """
    given = intake or Intake()
    loaded = loaded or load(path, workspace, given)
    draft = Draft()
    try:
        with MediaLibrary(workspace, loaded.campaign.message.budget, draft, fitting) as media:
            return _fill(loaded, workspace, draft, media, already_sent, _Told(progress, seen), given)
    except BaseException:
        draft.close()
        raise


def _fill(
    loaded: LoadedCampaign,
    workspace: Path,
    draft: Draft,
    media: MediaLibrary,
    already_sent: Container[str],
    told: _Told,
    intake: Intake,
) -> Prepared:
    known = look_up(loaded, workspace, intake)
    templates = Templates(workspace)
    audience = _audience(loaded, workspace, templates, intake, known)
    composer = sound_composer(loaded, templates, media, audience, already_found=known.findings)
    _read_rows(audience, composer, draft, already_sent, told)
    if intake.rejects is not None:
        intake.rejects(draft, audience.columns)
    may_be_empty = bool(draft.reasons[(Bucket.EXCLUDED, "already_sent")]) or (
        not known.is_certain and (intake.lenient or not intake.account)
    )
    _refuse_problems(loaded, composer, draft, may_be_empty=may_be_empty)
    inputs, blobs = frozen_inputs(loaded, audience, templates, media)
    facts = [f"{item.kind} {item.path} {item.sha256}" for item in inputs]
    # The cap in force, which may be the workspace's, is looked at again before each message.
    digest = draft.digest(loaded.sha256, *facts, f"at_most {known.cap.text if known.cap else 'none'}")
    warnings = (
        *(finding.message for finding in loaded.warnings),
        *known.warnings,
        *audience.remarks,
        *doubts(loaded.campaign),
        *_warnings(composer),
    )
    return Prepared(loaded, draft, media, inputs, blobs, warnings, digest, cap=known.cap)


def _audience(
    loaded: LoadedCampaign, workspace: Path, templates: Templates, intake: Intake, known: Known | None = None
) -> Audience:
    return Audience(
        loaded.campaign,
        workspace,
        templates,
        history=known.history if known else None,
        suppression=intake.suppression,
        keep_cells=intake.rejects is not None,
    )


def _read_rows(
    audience: Audience,
    composer: Composer | VariantComposer,
    draft: Draft,
    already_sent: Container[str],
    told: _Told,
) -> None:
    """Every row of the lists into the draft."""
    messages: list[Recipient] = []
    aside: list[SetAside] = []

    def keep() -> None:
        if told.seen:
            told.seen(messages)
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
        if told.progress and row.ordinal % _CHUNK == 0:
            told.progress(row.ordinal)
    keep()
    draft.add_set_aside(aside)
    if told.progress:
        told.progress(audience.counts.rows)


def load(path: Path, workspace: Path, intake: Intake | None = None) -> LoadedCampaign:
    """Read a campaign file; where it is faulty, its lists, templates and media are looked at all the same.

    Raises:
        InvalidInput: everything that is wrong, each finding at its place.
    """
    try:
        return load_campaign(path, workspace)
    except FaultyCampaign as faulty:
        raise InvalidInput(_with_other_files(faulty, workspace, intake or Intake())) from None


def look(path: Path, workspace: Path, intake: Intake | None = None) -> LoadedCampaign:
    """Read a campaign file and look at the lists, templates and media that it names, without reading a row.

    Raises:
        InvalidInput: everything that can be seen to be wrong, each finding at its place.
    """
    given = intake or Intake()
    loaded = load(path, workspace, given)
    templates = Templates(workspace)
    with MediaLibrary(workspace, loaded.campaign.message.budget) as media:
        sound_composer(loaded, templates, media, _audience(loaded, workspace, templates, given), read_refusals=False)
    return loaded


def _with_other_files(faulty: FaultyCampaign, workspace: Path, intake: Intake) -> list[Finding]:
    """The findings of a campaign file, and those about the lists, templates and media that its right part names."""
    findings = list(faulty.findings)
    if faulty.remains is None:
        return findings
    templates = Templates(workspace)
    audience = _audience(faulty.remains, workspace, templates, intake)
    try:
        with MediaLibrary(workspace, faulty.remains.campaign.message.budget) as media:
            sound_composer(faulty.remains, templates, media, audience, all_sources=faulty.all_sources)
    except InvalidInput as error:
        # What can be seen from both sides is said better by the campaign file's own finding.
        told = {finding.place for finding in findings}
        findings += [finding for finding in error.findings if finding.place not in told]
    return in_order(findings, faulty.remains)


def _refuse_problems(
    loaded: LoadedCampaign, composer: Composer | VariantComposer, draft: Draft, *, may_be_empty: bool
) -> None:
    if composer.problems.count:
        rows = composer.problems.count
        noun = "row" if rows == 1 else "rows"
        raise InvalidInput(
            list(composer.problems.findings()),
            f"{rows} {noun} cannot be rendered, so nothing is sent to anybody",
            "mend the list, or give the template a default: {{ name | default('…') }}",
        )
    if not draft.messages and not may_be_empty:
        raise nobody_to_send_to(loaded, draft)


def _already_sent(row: Recipient) -> SetAside:
    reason = "had a message in an earlier run of this campaign"
    return SetAside(row.ordinal, row.source, row.row, row.msisdn, Bucket.EXCLUDED, "already_sent", reason)


def _warnings(composer: Composer | VariantComposer) -> list[str]:
    unusual = [f"not every handset shows {kind}" for kind in sorted(composer.unusual_types)]
    return [*composer.notes.sentences(), *unusual, *composer.media.warnings()]
