"""What ``run FILE`` means at this moment: one pure decision for the command line, the daemon, the plan and the page.

A new run, going on with the latest one, only its report, or nothing and why. Whoever asks gathers the facts first; the
same answer is what ``plan`` shows and what ``run`` and the daemon do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from mmsflow.errors import MmsflowError, PlanRefused, RunUnfinished
from mmsflow.ledger.model import RunInfo
from mmsflow.plan.explain import minute_as_text
from mmsflow.workflow.blocking import OTHER_FILE, Blocker
from mmsflow.workflow.occurrence_facts import Occasion
from mmsflow.workflow.standing import Standing, sent_before

SEND_AGAIN = "`mmsflow run FILE --top-up` sends to recipients who had nothing yet, `--again` to everybody once more"
_REST_OR_ALL = "`--top-up` sends to recipients who had nothing yet, `--again` sends to everybody once more"


class Wish(StrEnum):
    """What somebody wants of a campaign."""

    RUN = "run"  # whatever is due: a new run, or going on with the latest
    TOP_UP = "top_up"  # a new run to those who had nothing yet
    AGAIN = "again"  # a new run to everybody
    SAVED_PLAN = "saved_plan"  # a new run of exactly one plan
    BY_ITSELF = "by_itself"  # the daemon begins a scheduled time


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the decision depends on.

    Attributes:
        campaign: its name.
        timezone: the campaign's, for what people read.
        standing: of the campaign's latest run.
        occasion: of a recurring campaign; None for any other, and where no scheduled time is asked for.
        blockers: what blocks sending before a person decides, gravest first.
        wish: what is wanted.
        recurring: it has a cron expression.
    """

    campaign: str
    timezone: str
    standing: Standing
    occasion: Occasion | None
    blockers: Sequence[Blocker]
    wish: Wish = Wish.RUN
    recurring: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """A new run begins, for the scheduled time ``due`` where there is one.

    Attributes:
        skipped: why that time was passed over before; empty where it was not.
    """

    due: datetime | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    """The latest run goes on."""

    run: RunInfo


@dataclass(frozen=True, slots=True)
class ReportOnly:
    """Nothing is sent; the latest run's report is written, and ``refusal`` says why no more is done."""

    run: RunInfo
    refusal: MmsflowError


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing is done."""

    refusal: MmsflowError


Decision = Start | Continue | ReportOnly | Refuse


def decide_start(situation: Situation) -> Decision:
    """Decide what happens now.

    What a person has to look at first, a pause or messages that were maybe sent, is told before anything else. Reports
    and delivery reports are never blocked.
    """
    standing, wish = situation.standing, situation.wish
    latest = standing.run
    only_polls = standing.goes_on and not standing.sends
    if situation.blockers and situation.blockers[0].cause == OTHER_FILE and not only_polls:
        return _blocked(situation)  # else another file's run would be continued, or its report written
    if wish is Wish.BY_ITSELF:
        return _by_itself(situation)
    anew = wish in {Wish.TOP_UP, Wish.AGAIN}
    refusal = standing.refusal if anew else _refusal(situation)
    # A run that only waits for delivery reports delays no other; `poll` goes on asking for them.
    begins = not standing.unsent and (anew or (situation.occasion is not None and refusal is None))
    if latest is not None and standing.goes_on and not begins:
        if wish is not Wish.RUN:
            advice = f"`mmsflow run {latest.campaign_file}` goes on with it first"
            return Refuse(PlanRefused(f"{latest.run} is not finished", advice, cause="earlier_run_unfinished"))
        return _blocked(situation) if standing.sends and situation.blockers else Continue(latest)
    if refusal is not None and not begins:
        return ReportOnly(latest, refusal) if latest is not None else Refuse(refusal)
    if situation.blockers:
        return _blocked(situation)
    occasion = situation.occasion
    return Start(occasion.due, occasion.skipped) if occasion and not anew else Start()


def _by_itself(situation: Situation) -> Decision:
    """A scheduled time that ``occurrences.decide`` lets begin; its campaign may have had its only run meanwhile."""
    latest = situation.standing.run
    if latest is not None and not situation.recurring:
        return Refuse(PlanRefused(sent_before(latest), SEND_AGAIN, cause="sent_before"))
    return _blocked(situation) if situation.blockers else Start()


def _blocked(situation: Situation) -> Refuse:
    return Refuse(situation.blockers[0].as_error())


def _refusal(situation: Situation) -> MmsflowError | None:
    """Why no run may be begun now; of a recurring campaign whose time has its run it names the next one.

    Once the next time has come, only a person's pause is in its way.
    """
    standing, occasion = situation.standing, situation.occasion
    if occasion is None or isinstance(standing.refusal, RunUnfinished):
        due = occasion is not None and occasion.due is not None and not standing.paused
        return None if due else standing.refusal
    return None if occasion.due else _nothing_due(situation, occasion)


def _nothing_due(situation: Situation, occasion: Occasion) -> PlanRefused:
    if occasion.upcoming is None:
        ahead = "no time comes after it"
    else:
        ahead = f"the next time is {minute_as_text(occasion.upcoming, ZoneInfo(situation.timezone))}"
    text = f"nothing of {situation.campaign} is due: {occasion.why_not}; {ahead}"
    return PlanRefused(text, _REST_OR_ALL, cause="nothing_due")
