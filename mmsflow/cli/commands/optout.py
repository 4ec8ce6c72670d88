"""``mmsflow optout``: numbers into the workspace's suppression list, and whether they are in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsflow.cli.asking import system_user
from mmsflow.cli.output import print_json, say, table, tell, warn
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.workflow.optout import Added, Wanted, add_numbers, wanted_numbers, where_listed

_NAMES = {"added_at": "the date", "added_by": "who added it", "reason": "the reason"}


def optout(action: str, numbers: Sequence[str], file: Path | None, why: str, *, as_json: bool) -> int:
    """Add numbers to the suppression list, or look them up in it; returns the exit code."""
    if action not in {"add", "check"}:
        raise UsageError(
            f"`optout {action}` is not known", "`mmsflow optout add NUMBER` or `mmsflow optout check NUMBER`"
        )
    session = Session.start()
    wanted = wanted_numbers(numbers, file)
    if action == "check":
        return _check(session, wanted, as_json=as_json)
    settings, now = session.settings, session.clock.now()
    done = add_numbers(settings, wanted.numbers, who=system_user(), why=why, now=now)
    if as_json:
        print_json(_document(done, wanted))
    else:
        _show(done)
    for each in wanted.unreachable:
        warn(f"passed over, since no MMS can ever go there: {each}")
    if done.unkept and (why or "reason" not in done.unkept):
        unkept = " and ".join(_NAMES[fact] for fact in done.unkept)
        say(f"{done.path} has no column for {unkept}, so that is not kept")
    for program in done.open_in:
        warn(f"{program} seems to have {done.path} open: reload it there, or saving takes these numbers out again")
    return 0


def _show(done: Added) -> None:
    made = " (which was made)" if done.is_new else ""
    noun = "number" if len(done.added) == 1 else "numbers"
    tell(f"{len(done.added)} {noun} added to {done.path}{made}: nothing goes out to them any more")
    for number, place in done.known.items():
        tell(f"{mask_msisdn(number)} was in it already: {place}")


def _document(done: Added, wanted: Wanted) -> dict[str, object]:
    return {
        "list": done.path,
        "made": done.is_new,
        "added": len(done.added),
        "known": len(done.known),
        "unreachable": len(wanted.unreachable),
        "not_kept": list(done.unkept),
        "open_in": list(done.open_in),
    }


def _check(session: Session, wanted: Wanted, *, as_json: bool) -> int:
    places = where_listed(session.settings, wanted.numbers)
    if as_json:
        listed = [{"number": mask_msisdn(each), "listed": places.get(each)} for each in wanted.numbers]
        print_json({"list": session.settings.suppression, "numbers": listed})
        return 0
    rows = [(mask_msisdn(number), places.get(number, "not in it")) for number in wanted.numbers]
    tell(table(rows, ("number", session.settings.suppression)))
    return 0
