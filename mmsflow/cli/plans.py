"""What stands behind FILE|PLAN on the command line: a campaign file, or a saved plan that names one."""

from __future__ import annotations

from pathlib import Path

from mmsflow.cli.session import Session
from mmsflow.errors import Finding, InvalidInput
from mmsflow.plan.planfile import SavedPlan, is_plan_file, load_plan


def named_campaign(file: str) -> tuple[Session, Path, SavedPlan | None]:
    """The session, the campaign file, and the saved plan where ``file`` is one.

    Raises:
        InvalidInput: there is no such file, or the plan's campaign is not here.
    """
    session, path = Session.for_file(file)
    if not is_plan_file(path):
        return session, path, None
    saved = load_plan(path)
    path = session.workspace / saved.campaign_file
    if not path.is_file():
        fix = "use it in the workspace that the plan was made in"
        raise InvalidInput([Finding(file, 0, 0, f"its campaign {saved.campaign_file} is not here", fix)])
    return session, path, saved
