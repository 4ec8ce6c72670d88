"""Reading a campaign file: all that is wrong with it at once, each thing with its place and a way out."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mmsflow.campaign.explain import Positions, explain
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.remains import naming_part, without
from mmsflow.campaign.scalars import sender_advice
from mmsflow.campaign.templating import TemplateProblem, Templates
from mmsflow.campaign.yaml_tree import Fault, Place, Tree, Value, read_tree
from mmsflow.errors import Finding, InvalidInput

MAX_FILE_BYTES = 1_000_000
_ROUNDS = 5  # dropping a value can make its block wrong, and that the block around it
_STAND_INS = """\
version: 1
campaign: stand-in
purpose: transactional
sender: STANDIN
recipients: [{number: "+48501000000"}]
message: {subject: stand-in}
"""


@dataclass(frozen=True, slots=True)
class LoadedCampaign:
    """A campaign file that is right in itself; its lists, templates and media are looked at later.

    Attributes:
        campaign: the model.
        path: the file, absolute.
        text_bytes: its content.
        sha256: hex digest of the content.
        warnings: what is legal but may not be meant.
        positions: where its keys and values stand, for findings of later stages.
        shown_path: the file as findings name it: from the workspace's top where it is inside.
    """

    campaign: Campaign
    path: Path
    text_bytes: bytes
    sha256: str
    warnings: tuple[Finding, ...]
    positions: Positions
    shown_path: str

    def finding(self, path: tuple[str | int, ...], message: str, fix: str = "", *, severity: str = "error") -> Finding:
        """A finding of a later stage about the value at ``path``, such as ``("message", "subject")``."""
        return Finding(self.shown_path, *self.positions.of(path), message, fix, severity)


class FaultyCampaign(InvalidInput):
    """A campaign file with findings, and what is right of it.

    Attributes:
        remains: the file without what is wrong, good for looking at its lists, templates and media only; None where
            too little is left.
        all_sources: whether every recipient source is among the remains.
    """

    def __init__(self, findings: list[Finding], remains: LoadedCampaign | None, *, all_sources: bool) -> None:
        super().__init__(findings)
        self.remains = remains
        self.all_sources = all_sources


def load_campaign(path: Path, workspace: Path, content: bytes | None = None) -> LoadedCampaign:
    """Read and check one campaign file; opens no other file except what its inline templates include.

    Args:
        path: the file.
        workspace: folder that the file's paths start from.
        content: what to read instead of the file, as a run has frozen it.

    Raises:
        InvalidInput: every finding of the file, in the order of its lines; a ``FaultyCampaign`` where the file could
            be read as YAML.
    """
    shown = _shown_path(path, workspace)
    if content is None:
        content = _read(path, shown)
    tree = _parse(content, shown)
    positions = Positions(tree.keys, tree.values)
    campaign, faults = _validate(tree, positions)
    # What is wrong with a value as YAML is said once, not again by the model.
    told = {fault.path for fault in tree.faults if fault.path}
    faults = [fault for fault in faults if not any(fault.path[: len(path)] == path for path in told)]
    faults += [*tree.faults, *_template_faults(tree, positions, workspace)]

    def loaded(campaign: Campaign, positions: Positions) -> LoadedCampaign:
        return LoadedCampaign(
            campaign=campaign,
            path=path.absolute(),
            text_bytes=content,
            sha256=hashlib.sha256(content).hexdigest(),
            warnings=tuple(_warnings(campaign, shown, positions)),
            positions=positions,
            shown_path=shown,
        )

    if faults or campaign is None:
        paths = [fault.path for fault in faults]
        all_sources = not any(path[:1] == ("recipients",) for path in paths)
        # Whether each source has the consent's column can be said only of sources that are all there.
        rest, at = _remains(tree, paths if all_sources else [*paths, ("consent",)])
        raise FaultyCampaign(_findings(faults, shown), loaded(rest, at) if rest else None, all_sources=all_sources)
    return loaded(campaign, positions)


def _remains(tree: Tree, faulty: list[tuple[str | int, ...]]) -> tuple[Campaign | None, Positions]:
    """The campaign without the values at these paths, as far as it names other files, and where the rest stands."""
    stand_ins = read_tree(_STAND_INS)
    rest = naming_part(tree, stand_ins)
    for _ in range(_ROUNDS):
        rest = without(rest, faulty, stand_ins)
        positions = Positions(rest.keys, rest.values)
        campaign, faults = _validate(rest, positions)
        faulty = [fault.path for fault in faults]
        if campaign is not None or not faulty:
            return campaign, positions
    return None, Positions(rest.keys, rest.values)


def _shown_path(path: Path, workspace: Path) -> str:
    try:
        shown = str(path.resolve().relative_to(workspace.resolve()))
    except (OSError, RuntimeError, ValueError):
        shown = str(path)
    return shown if shown.isprintable() else repr(shown)


def _read(path: Path, shown: str) -> bytes:
    try:
        # O_NONBLOCK: a named pipe must not hold us up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _whole_file(shown, "this is not a regular file", "name a campaign file, such as campaigns/a.yaml")
            content = _read_up_to(descriptor, MAX_FILE_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise _whole_file(shown, "there is no such file", "look at the path; campaigns stand in campaigns/") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the path is not a legal one"
        raise _whole_file(shown, f"the file cannot be read: {reason}", "look at its path and its rights") from None
    if len(content) > MAX_FILE_BYTES:
        raise _whole_file(shown, "the file is larger than 1 MB", "keep recipient lists in CSV files of their own")
    return content


def _read_up_to(descriptor: int, size: int) -> bytes:
    chunks: list[bytes] = []
    while size > 0 and (chunk := os.read(descriptor, size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _whole_file(shown: str, message: str, fix: str) -> InvalidInput:
    return InvalidInput([Finding(shown, 0, 0, message, fix)])


def _parse(content: bytes, shown: str) -> Tree:
    """The file's tree; raises where there is nothing to go on with."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        before = content[content.rfind(b"\n", 0, error.start) + 1 : error.start]
        column = len(before.decode("utf-8", "replace")) + 1
        finding = Finding(shown, line, column, "the file is not UTF-8", "save it as UTF-8")
        raise InvalidInput([finding]) from None
    tree = read_tree(text)
    if tree.broken:
        raise InvalidInput(_findings(tree.faults, shown))
    if tree.value is None and not tree.faults:
        raise InvalidInput([Finding(shown, 1, 1, "the file is empty", "begin with `version: 1`")])
    if not isinstance(tree.value, dict):
        place = Place(*Positions(tree.keys, tree.values).of(()))
        fault = Fault(place, "the file is not a block of keys", "begin with `version: 1`, then `campaign: a-name`")
        raise InvalidInput(_findings([*tree.faults, fault], shown))
    return tree


def _validate(tree: Tree, positions: Positions) -> tuple[Campaign | None, list[Fault]]:
    try:
        return Campaign.model_validate(tree.value), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, list(explain(details, tree, positions))


def _walk(value: Value, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Every value with its path; as deep as the file, which is bounded."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from _walk(inner, (*path, step))


def _template_faults(tree: Tree, positions: Positions, workspace: Path) -> Iterator[Fault]:
    templates = Templates(workspace)
    for path, value in _walk(tree.value, ()):
        if not isinstance(value, str) or not path or not _is_template(path, value):
            continue
        try:
            if path[-1] == "where":
                templates.expression(value)
            else:
                templates.compile(value, str(path[-1]))
        except TemplateProblem as problem:
            where = f" (line {problem.line} of {problem.file})" if problem.file else ""
            fix = problem.advice or "mend the template; `{{ name }}` writes a value, `{% if %}` begins a condition"
            yield Fault(Place(*positions.of(path)), f"`{path[-1]}`: {problem.message}{where}", fix, path)


def _is_template(path: tuple[str | int, ...], value: str) -> bool:
    place = ".".join("*" if isinstance(step, int) else step for step in path)
    if place in ("recipients.*.where", "exclude.*.where"):
        return bool(value.strip())
    within = place.removeprefix("message.").removeprefix("variants.*.")
    return "{" in value and within != place and within in ("subject", "attachments.*.file", "attachments.*.qr")


def _warnings(campaign: Campaign, shown: str, positions: Positions) -> Iterator[Finding]:
    if advice := sender_advice(campaign.sender):
        fix = "use the name agreed in the contract"
        yield Finding(shown, *positions.of(("sender",)), advice, fix, "warning")


def _findings(faults: list[Fault], shown: str) -> list[Finding]:
    inorder = sorted(faults, key=lambda fault: (fault.place.line, fault.place.column))
    found = [Finding(shown, each.place.line, each.place.column, each.message, each.fix) for each in inorder]
    return list(dict.fromkeys(found))
