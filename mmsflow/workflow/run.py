"""Starting a run, carrying it out, and writing its report whatever the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.audience.consent import Refusals, refusals, suppressed_only
from mmsflow.campaign.load import load_campaign
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sources import HistorySource
from mmsflow.delivery.progress import Observer
from mmsflow.engine.embedded import Ended, Engine, carry_out
from mmsflow.errors import GatewayUnavailable, LedgerError, MmsflowError, RunUnfinished
from mmsflow.first_failure import FirstFailure
from mmsflow.ledger.model import NewRun, RunInfo, Unanswered, WaveRecord
from mmsflow.ledger.presence import LedgerVanished
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.mms.status import uncertain_of
from mmsflow.plan.draft import in_waves
from mmsflow.plan.model import Plan
from mmsflow.report.model import ReportPaths
from mmsflow.report.write import DEFAULT_FORMATS, write_report
from mmsflow.workflow.approving import refuse_unapproved
from mmsflow.workflow.disk_space import refuse_without_room
from mmsflow.workflow.intake import history_for_exclusions
from mmsflow.workflow.planning import run_rules
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.revision import revision_of
from mmsflow.workflow.same_content import content_of
from mmsflow.workflow.standing import has_unsent, has_work, next_run_id

_ANSWERS_SHOWN = 4
_MAYBE = {
    "begun": "the request left, no reply came",
    "cut_off": "cut off by a second signal",
    "crash": "the process ended while it was on the wire",
    "": "the fate is not known",
}


class Interrupted(MmsflowError):
    """A signal stopped the process; the run's state is safe."""

    exit_code = 130
    cause = "interrupted"


def freeze(
    prepared: Prepared,
    plan: Plan,
    ledger: Ledger,
    *,
    workspace: Path,
    now: datetime,
    test: bool = False,
    due: datetime | None = None,
    client: str = "",
) -> RunInfo:
    """Start a run: everything it needs goes into the ledger in one transaction.

    Args:
        due: the scheduled time that it is for, aware; there is one run at most for each. None for a run by hand.
        client: fingerprint of the client id in force, as evidence of whose credentials it was begun with.

    Raises:
        LedgerError: that time has its run already.
        PlanRefused: the campaign asks for approval, and nobody has approved this plan; or a disk has no room for it.
    """
    if not test:
        refuse_unapproved(ledger, prepared, plan)  # whoever calls has looked already: the last line of defence
    refuse_without_room(prepared, ledger, workspace, account=plan.account)
    campaign, loaded, draft = prepared.loaded.campaign, prepared.loaded, prepared.draft
    rules = run_rules(campaign, now, test=test, cap=prepared.cap, due=due)
    day = (due or now).astimezone(ZoneInfo(rules.timezone)).strftime("%Y%m%d")
    name = next_run_id(ledger, campaign.campaign, day, test=test)
    revision = revision_of(workspace)
    new = NewRun(
        run=name,
        campaign=campaign.campaign,
        account=plan.account,
        occurrence=occurrence_of(due) if due else name,
        due_at=due,
        test=test,
        campaign_file=loaded.shown_path,
        campaign_sha256=loaded.sha256,
        plan_sha256=plan.digest,
        git_commit=revision.commit,
        git_clean=revision.clean,
        sender=campaign.sender,
        priority=campaign.priority,
        delivery_report=campaign.delivery_report,
        config=rules.as_config() | _columns_kept(campaign),
        created_at=now,
        rows=draft.rows,
        inputs=prepared.inputs,
        blobs=prepared.blobs,
        parts=prepared.parts,
        client=client,
        content_sha256=content_of(prepared),
        waves=[WaveRecord(wave.number, wave.starts_at, wave.size) for wave in plan.waves],
    )
    return ledger.freeze_run(new, in_waves(draft.stored_messages(), plan.waves), draft.stored_set_aside())


def occurrence_of(due: datetime) -> str:
    """The key of a scheduled time, within campaign and account."""
    return due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _columns_kept(campaign: Campaign) -> dict[str, object]:
    """The columns of the cells that stand beside each message, by what they are kept for."""
    consent = campaign.consent
    return {
        "consent": [consent.column, *consent.evidence] if consent else [],
        "segments": list(campaign.report.segments),
        "variants": [variant.name for variant in campaign.variants],
    }


async def carry_on(
    engine: Engine,
    run: RunInfo,
    *,
    workspace: Path,
    no_wait: bool,
    observer: Observer,
    taken: Callable[[RunInfo], None] | None = None,
    suppression: str = "",
) -> MmsflowError | None:
    """Carry a run out as far as it goes.

    Args:
        workspace: where the campaign's opt-out and consent lists are.
        no_wait, taken: as ``carry_out`` has them.
        suppression: path of the workspace's suppression list; empty without one.

    Returns:
        What the command should end with, None when everything is done as asked.
    """
    try:
        read = refusal_reader(engine.ledger, run, workspace, suppression)
        ended = await carry_out(engine, run, no_wait=no_wait, observer=observer, taken=taken, read_refusals=read)
    except MmsflowError as error:
        return vanished(engine.ledger, workspace) or error
    if (gone := vanished(engine.ledger, workspace)) is not None:
        return gone
    ends = FirstFailure(ended.halt.error if ended.halt and not ended.interrupted else None)
    return ends.attempt(lambda: verdict(engine.ledger, run, ended), None) or ends.error


def vanished(ledger: Ledger, workspace: Path) -> MmsflowError | None:
    """Say that the ledger's file vanished while it was in use, and where what was written to it is; None otherwise."""
    if (error := ledger.vanished) is None:
        return None
    try:
        saved = ledger.rescue(workspace)
    except LedgerError as failure:
        return LedgerVanished(
            f"{error.message}; what was written to it cannot be saved: {failure.message}", error.advice
        )
    advice = (
        "Find out who removed or replaced it. What this process wrote is in that file: "
        f"`mmsflow restore {saved}` makes it the ledger again"
    )
    return LedgerVanished(f"{error.message}; all that was written to it is saved in {saved}", advice)


@contextmanager
def what_was_written(ledger: Ledger, workspace: Path) -> Iterator[LedgerReader]:
    """Read what this process wrote, also where the ledger's file vanished and another one has its name."""
    if ledger.vanished is None:
        yield ledger
        return
    with LedgerReader.open(f"sqlite:///{ledger.rescue(workspace)}") as saved:
        yield saved


def refusal_reader(
    ledger: LedgerReader, run: RunInfo, workspace: Path, suppression: str
) -> Callable[[], Refusals] | None:
    """Reads suppression list, opt-outs and consent as the frozen campaign names them, from the lists as they are then.

    Returns:
        None where there is none of them. For tests, whose handsets are named by hand, the suppression list alone.
    """
    if run.test:
        return (lambda: suppressed_only(workspace, suppression)) if suppression else None
    content = ledger.blob(run.campaign_sha256).data
    campaign = load_campaign(workspace / run.campaign_file, workspace, content).campaign
    lists = any(not isinstance(source, HistorySource) for source in campaign.exclude)
    if not lists and not campaign.consent and not suppression:
        return None
    # Earlier campaigns do not change while this process sends; the lists do.
    history = history_for_exclusions(ledger, run.account, campaign)
    return lambda: refusals(campaign, workspace, suppression=suppression, history=history)


def verdict(ledger: LedgerReader, run: RunInfo, ended: Ended) -> MmsflowError | None:
    """How the command ends after the run was carried out."""
    if ended.interrupted and has_work(ledger, run):
        goes_on = f"`mmsflow run {run.campaign_file}` goes on with {run.run}"
        advice = "`mmsflow send-test` makes a new test" if run.test else goes_on
        return Interrupted("interrupted; every message's state is safe", advice, cause="interrupted")
    if ended.halt is not None:
        return ended.halt.error
    if has_unsent(ledger, run):
        advice = f"`mmsflow run {run.campaign_file}` goes on with it"
        return RunUnfinished(f"{run.run} has messages that are not sent yet", advice, cause="unsent")
    maybe = uncertain_of(ledger.state_counts(run.key))
    if maybe:
        noun = "message was" if maybe == 1 else "messages were"
        return RunUnfinished(
            f"{maybe} {noun} maybe sent: {maybe_in_words(ledger.maybe_sent_codes(run.key))}",
            f"they are not sent again by themselves; `mmsflow resolve {run.run}` lists them",
            cause="maybe_sent",
        )
    if shared := ledger.shared_ids(run.key):
        noun = "message has" if shared == 1 else "messages have"
        return RunUnfinished(
            f"{shared} {noun} an id that the gateway gave to another message as well: their fate cannot be told",
            f"`mmsflow why {run.run} NUMBER` shows each; look for a proxy that keeps replies, and ask the operator",
            cause="shared_ids",
        )
    if ended.unanswered:
        return GatewayUnavailable(
            unanswered_in_words(ledger.unanswered(run.key)),
            f"they stay accepted; `mmsflow poll {run.run}` asks again",
            cause="status_unanswered",
        )
    return None


def maybe_in_words(codes: Mapping[str, int]) -> str:
    """What came back, or did not, of requests whose fate is not known, by groups with counts."""
    parts = []
    for code, count in codes.items():
        said = _MAYBE.get(code) or ("answered without a usable id" if code.startswith("2") else f"answered {code}")
        parts.append(f"{count} × {said}")
    return ", ".join(parts)


def unanswered_in_words(left: Unanswered) -> str:
    """What was asked in vain until the deadline, with the last answers, and what was not asked at all."""
    parts = []
    if left.asked:
        answers = [f"{count} × {code.replace('_', ' ')}" for code, count in list(left.answers.items())[:_ANSWERS_SHOWN]]
        more = ", …" if len(left.answers) > _ANSWERS_SHOWN else ""
        parts.append(f"{left.asked} asked in vain (last answers: {', '.join(answers)}{more})")
    if left.unasked:
        parts.append(f"{left.unasked} not asked, because the gateway could not be asked any more")
    total = left.asked + left.unasked
    noun = "message" if total == 1 else "messages"
    return f"no final delivery status for {total} {noun} until the deadline: {'; '.join(parts)}"


def report_folder(workspace: Path, run: RunInfo) -> Path:
    """``reports/RUN`` in the workspace."""
    return workspace / "reports" / run.run


def report_run(
    ledger: LedgerReader,
    run: RunInfo,
    workspace: Path,
    *,
    now: datetime,
    out: Path | None = None,
    show_numbers: bool = False,
    formats: Sequence[str] = (),
) -> ReportPaths:
    """Write the run's report anew, in the formats named, else in those that its campaign asks for."""
    asked = run.config.get("formats")
    of_campaign = [str(item) for item in asked] if isinstance(asked, list) and asked else DEFAULT_FORMATS
    return write_report(
        ledger,
        ledger.find_run(run.run) or run,
        out or report_folder(workspace, run),
        formats=formats or of_campaign,
        show_numbers=show_numbers,
        now=now,
        workspace=workspace,
    )
