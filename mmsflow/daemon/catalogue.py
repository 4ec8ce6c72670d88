"""The campaign files of the workspace: each with the last version that was good, and what is wrong with it now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mmsflow.campaign.load import LoadedCampaign
from mmsflow.campaign.model import Campaign
from mmsflow.clock import Clock
from mmsflow.errors import Finding, InvalidInput, MmsflowError
from mmsflow.workflow.intake import Intake
from mmsflow.workflow.prepare import look

_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Version:
    """One good version of a campaign file; ``read_at`` is aware."""

    loaded: LoadedCampaign
    read_at: datetime

    @property
    def campaign(self) -> Campaign:
        return self.loaded.campaign

    @property
    def name(self) -> str:
        """The campaign's identity."""
        return self.loaded.campaign.campaign


@dataclass(frozen=True, slots=True)
class Entry:
    """A campaign file as it stands.

    Attributes:
        file: path from the workspace's top.
        version: in force, which is the last good one; None where none ever was.
        errors: of the file as it is now, and of what it names.
    """

    file: str
    version: Version | None
    errors: tuple[Finding, ...] = ()


class Catalogue:
    """The files of ``campaigns/``.

    Args:
        workspace: absolute folder.
        intake: what is given to a campaign beside its file.
        clock: for the instants of versions.

    Attributes:
        entries: by path; replaced as a whole, so that any thread may read them.
    """

    def __init__(self, workspace: Path, intake: Callable[[], Intake], clock: Clock) -> None:
        self._workspace, self._intake, self._clock = workspace, intake, clock
        self.entries: Mapping[str, Entry] = {}

    async def read(self) -> None:
        """Look at every file again, in a thread."""
        self.entries = await asyncio.to_thread(self._read, self.entries, self._intake())

    def _read(self, before: Mapping[str, Entry], intake: Intake) -> Mapping[str, Entry]:
        found = {}
        for path in campaign_files(self._workspace):
            file = path.relative_to(self._workspace).as_posix()
            found[file] = self._look(path, file, before.get(file), intake)
        return dict(_without_namesakes(found, before))

    def _look(self, path: Path, file: str, before: Entry | None, intake: Intake) -> Entry:
        last = before.version if before else None
        try:
            loaded = look(path, self._workspace, intake=intake)
        except InvalidInput as error:
            return Entry(file, last, error.findings)
        except MmsflowError as error:
            return Entry(file, last, (Finding(file, 0, 0, error.message, error.advice),))
        except Exception as error:  # one file must not keep the others from being read
            what = f"it cannot be looked at ({type(error).__name__})"
            return Entry(file, last, (Finding(file, 0, 0, what, "`mmsflow check` may tell more"),))
        if last is not None and last.loaded.sha256 == loaded.sha256:
            return Entry(file, last)
        return Entry(file, Version(loaded, self._clock.now()))


def campaign_files(workspace: Path) -> list[Path]:
    """The workspace's campaign files, by name; hidden ones are none."""
    try:
        found = sorted((workspace / "campaigns").iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix in _ENDINGS and not path.name.startswith(".") and not path.is_dir()]


def _without_namesakes(found: Mapping[str, Entry], before: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    """Two files with one campaign name are both wrong; neither gets a new version, so a name is in force once."""
    having: dict[str, list[str]] = {}
    for file, entry in found.items():
        if entry.version is not None:
            having.setdefault(entry.version.name, []).append(file)
    for file, entry in found.items():
        names = having.get(entry.version.name, []) if entry.version else []
        others = [other for other in names if other != file]
        if not others or entry.version is None:
            yield file, entry
            continue
        message = f"{' and '.join(others)} has the same campaign name {entry.version.name}"
        finding = entry.version.loaded.finding(("campaign",), message, "give each campaign a name of its own")
        last = before.get(file)
        yield file, replace(entry, version=last.version if last else None, errors=(*entry.errors, finding))
