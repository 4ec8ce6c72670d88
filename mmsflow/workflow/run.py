"""Starting a run, carrying it out, and writing its report whatever the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.audience.consent import Refusals, refusals, suppressed_only
from mmsflow.campaign.load import load_campaign
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.sources import HistorySource
from mmsflow.delivery.progress import Observer
from mmsflow.engine.embedded import Ended, Engine, carry_out
from mmsflow.errors import GatewayUnavailable, MmsflowError, RunUnfinished
from mmsflow.ledger.model import NewRun, RunInfo, WaveRecord
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.plan.draft import in_waves
from mmsflow.plan.model import Plan
from mmsflow.report.model import ReportPaths
from mmsflow.report.write import DEFAULT_FORMATS, write_report
from mmsflow.workflow.approving import refuse_unapproved
from mmsflow.workflow.intake import history_for_exclusions
from mmsflow.workflow.planning import run_rules
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.revision import revision_of
from mmsflow.workflow.same_content import content_of
from mmsflow.workflow.standing import has_unsent, has_work, next_run_id


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
        PlanRefused: the campaign asks for approval, and nobody has approved this plan.
    """
    if not test:
        refuse_unapproved(ledger, prepared, plan)  # whoever calls has looked already: the last line of defence
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
        return error
    return verdict(engine.ledger, run, ended)


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
        return Interrupted("interrupted; every message's state is safe", advice)
    if ended.halt is not None:
        return ended.halt.error
    if has_unsent(ledger, run):
        advice = f"`mmsflow run {run.campaign_file}` goes on with it"
        return RunUnfinished(f"{run.run} has messages that are not sent yet", advice)
    counts = ledger.state_counts(run.key)
    maybe = counts.get(MessageState.UNKNOWN, 0) + counts.get(MessageState.ACCEPTED_NOID, 0)
    if maybe:
        noun = "message was" if maybe == 1 else "messages were"
        return RunUnfinished(
            f"{maybe} {noun} maybe sent: the request left, the reply did not come",
            f"they are not sent again by themselves; `mmsflow resolve {run.run}` lists them",
        )
    if ended.unanswered:
        return GatewayUnavailable(
            f"the gateway gave no delivery status for {ended.unanswered} messages until their deadline",
            f"they stay accepted; `mmsflow poll {run.run}` asks again",
        )
    return None


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
