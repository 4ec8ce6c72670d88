"""Messages that were maybe sent: shown with their evidence, and settled as a person says, who is asked once more."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mmsflow.errors import PlanRefused, UsageError
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import Event, RunInfo
from mmsflow.ledger.pages import ProblemRow
from mmsflow.ledger.requests import Action
from mmsflow.ledger.requests import Request as Asked
from mmsflow.mms.msisdn import mask_in_text
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.report.moments import zone_of
from mmsflow.web.answers import back, form_of, shown
from mmsflow.web.signing import who_asks
from mmsflow.web.site import Site, site_of
from mmsflow.web.views import number_in
from mmsflow.workflow.history import find_run
from mmsflow.workflow.resolve import evidence_of, refuse_resend

PAGE = 25
CHOICES = {"sent": MessageState.UNDETERMINED, "not_sent": MessageState.NOT_SENT, "resend": MessageState.READY}
"""What a person may say of a message, as forms name it."""

_FIELD = "m-"


@dataclass(frozen=True, slots=True)
class DoubtEvent:
    """One step of a message's history, with what is known of it as texts."""

    at: object
    old: str
    new: str
    reason: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message whose fate is not known."""

    row: ProblemRow
    subject: str
    events: Sequence[DoubtEvent]


@dataclass(frozen=True, slots=True)
class DoubtsView:
    """One page of them; ``total`` are all of the run."""

    run: RunInfo
    zone: tzinfo
    doubts: Sequence[Doubt]
    total: int
    can_resend: bool
    after: int
    next_after: int

    @property
    def choices(self) -> Sequence[str]:
        return ["", "sent", "not_sent", *(["resend"] if self.can_resend else [])]


def doubts_page(request: Request) -> Response:
    """The messages that were maybe sent, a page at a time; for a worker thread."""
    view = _view(site_of(request), request.path_params["run"], number_in(request, "after"))
    return shown(request, "maybe_sent.html.j2", {"view": view})


def _view(site: Site, name: str, after: int) -> DoubtsView:
    with site.board.reading() as ledger:
        run = find_run(ledger, name)
        found = ledger.rows_page(run.key, (Bucket.MAYBE_SENT,), after, PAGE + 1)
        histories = ledger.histories([row.id for row in found[:PAGE]])
        total = ledger.bucket_counts(run.key)[Bucket.MAYBE_SENT]
    return DoubtsView(
        run=run,
        zone=zone_of(run.config),
        doubts=[_doubt(row, histories[row.id]) for row in found[:PAGE]],
        total=total,
        can_resend=_can_resend(site, run),
        after=after,
        next_after=found[PAGE - 1].id if len(found) > PAGE else 0,
    )


def _can_resend(site: Site, run: RunInfo) -> bool:
    try:
        refuse_resend(run, site.board.clock.now())
    except PlanRefused:
        return False
    return True


def _doubt(row: ProblemRow, events: Sequence[Event]) -> Doubt:
    return Doubt(row, mask_in_text(row.subject, row.number)[:300], [_event(event, row.number) for event in events])


def _event(event: Event, number: str) -> DoubtEvent:
    facts = [(name, str(fact)) for name, fact in evidence_of(event, number).items()]
    return DoubtEvent(event.at, event.old, event.new, mask_in_text(event.reason, number), facts)


async def decide(request: Request) -> Response:
    """What a person chose: shown once more with its counts, and done when they say so."""
    site, form = site_of(request), await form_of(request)
    name = request.path_params["run"]
    run, decisions, fields = await run_in_threadpool(_chosen, site, name, form)
    counts = Counter(decision.state for decision in decisions)
    if not decisions:
        return back(request, f"/runs/{quote(name)}/maybe-sent")
    mark, confirmed = _mark_of(decisions), form.get("confirmed", "")
    if confirmed != mark:
        # The rest is looked up anew, and a run that goes on may have added to it: only what was shown is done.
        values = {"counts": {choice: counts[state] for choice, state in CHOICES.items()}, "changed": bool(confirmed)}
        return shown(request, "confirm.html.j2", {"run": run, "fields": fields, "mark": mark, **values})
    asked = Asked(name, Action.RESOLVE, site.board.clock.now(), tuple(decisions), who=who_asks(request))
    answer = await site.board.ask(asked)
    return back(request, f"/runs/{quote(name)}", answer)


def _chosen(site: Site, name: str, form: Mapping[str, str]) -> tuple[RunInfo, list[Decision], dict[str, str]]:
    fields = {field: value for field, value in form.items() if value in CHOICES and _is_choice(field)}
    named = dict(_message_of(field, value) for field, value in fields.items() if field != "all")
    decisions = [Decision(*which, state) for which, state in named.items()]
    with site.board.reading() as ledger:
        run = find_run(ledger, name)
        if rest := CHOICES.get(fields.get("all", "")):
            decisions += [
                Decision(doubt.id, doubt.attempt, rest)
                for doubt in ledger.maybe_sent(run.key)
                if (doubt.id, doubt.attempt) not in named
            ]
    if any(decision.state is MessageState.READY for decision in decisions):
        refuse_resend(run, site.board.clock.now())
    return run, decisions, fields


def _mark_of(decisions: Sequence[Decision]) -> str:
    """What a person confirms: exactly these attempts, each with what becomes of it."""
    said = sorted((decision.id, decision.attempt, decision.state.value) for decision in decisions)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _is_choice(field: str) -> bool:
    return field == "all" or field.startswith(_FIELD)


def _message_of(field: str, value: str) -> tuple[tuple[int, int], MessageState]:
    number, _, attempt = field.removeprefix(_FIELD).partition("-")
    try:
        return (int(number), int(attempt)), CHOICES[value]
    except ValueError:
        raise UsageError("the form names no message", "go back to the list and choose again") from None
