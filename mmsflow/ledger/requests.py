"""What people ask of the ledger's holder from another terminal: a folder beside the ledger, one small file a request.

Only one process may write the ledger, and whoever wants to pause a run or to approve a plan is another one. So it posts
a request to ``<ledger>.requests/``; the process that holds the ledger looks there twice a second, does it, and leaves
an answer. A request holds no personal data of recipients: messages are named by the ledger's own numbers. The numbers
of test handsets are in it as long as it waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import to_instant, to_micros
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.ownership import not_the_owners
from mmsflow.mms.private_files import discard_draft
from mmsflow.mms.status import MessageState

GOOD_FOR = timedelta(seconds=20)
"""How long whoever asks waits for an answer; nobody does what was asked for after that."""

DAEMON = "daemon"
"""The command, as the lock's note has it, of the process that does everything that can be asked."""

_MOST_BYTES = 8 << 20
_LONGEST_WHO = 200
_MOST_HANDSETS = 100
_LEFT_BEHIND = timedelta(hours=1)
_FAR_FUTURE = "00009000000000000000"  # microseconds, in the year 2255
_REQUEST, _TAKEN, _ANSWER = ".request", ".taken", ".answer"


class Action(StrEnum):
    """What can be asked of a run; ``approve`` is asked of a plan, ``test`` of a campaign, ``stop`` of the process."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RESOLVE = "resolve"
    APPROVE = "approve"
    TEST = "test"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Yes:
    """A plan that is to be approved; see ``operation.Approval`` for what is not said here.

    Attributes:
        account, campaign: whose plan it is.
        seen: at most a few hundred KiB as JSON.
    """

    account: str
    campaign: str
    digest: str
    who: str
    seen: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Trial:
    """A message that is to be sent to test handsets.

    Attributes:
        file: the campaign file, as the workspace has it.
        numbers: of the handsets, as people write them; none for those that the campaign names.
        row, variant: which message; the first when None and empty.
    """

    file: str
    numbers: tuple[str, ...] = ()
    row: int | None = None
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that a person asks.

    Attributes:
        run: the run's id; empty for ``approve``, ``test`` and ``stop``.
        at: when it was asked, aware; it is void ``GOOD_FOR`` later.
        decisions: for ``resolve``.
        approves: for ``approve``, and for nothing else.
        trial: for ``test``, and for nothing else.
        who: who asks, as they named themselves, on one line; empty where nobody is known.
        id: the spool's name for it, given when it is posted.
    """

    run: str
    action: Action
    at: datetime
    decisions: tuple[Decision, ...] = ()
    id: str = ""
    approves: Yes | None = None
    trial: Trial | None = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        text: for the person, one sentence.
        advice: what can be done now; may be empty.
        refused: nothing was changed.
        changed: how many messages were changed.
        run: the id of the run that was begun; empty where none was.
        cause: why it was refused, as ``causes`` has it; empty where it was not.
    """

    text: str
    advice: str = ""
    refused: bool = False
    changed: int = 0
    run: str = ""
    cause: str = ""

    @classmethod
    def refusal(cls, text: str, advice: str = "", *, cause: str) -> Answer:
        """The answer that says why nothing was changed."""
        return cls(text, advice, refused=True, cause=cause)


class Spool:
    """The folder of requests of one ledger; it is made by the first request.

    Every method may raise LedgerError when the folder cannot be used.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self.folder = ledger.with_name(ledger.name + ".requests")

    def post(self, request: Request) -> str:
        """Put a request where the ledger's holder finds it; its id.

        Raises:
            LedgerError: it cannot be written, or the ledger belongs to another user, who could not read it.
        """
        name = f"{to_micros(request.at):020d}-{os.getpid()}-{secrets.token_hex(4)}"
        decisions = [[item.id, item.attempt, item.state.value] for item in request.decisions]
        document: dict[str, object] = {"run": request.run, "action": request.action.value, "decisions": decisions}
        document["who"] = request.who
        if request.approves is not None:
            document["approves"] = asdict(request.approves)
        if request.trial is not None:
            document["trial"] = asdict(request.trial)
        with self._explained():
            self._own_folder()
            self._put(name + _REQUEST, document, to_be_read=True)
        return name

    def _own_folder(self) -> None:
        made = not self.folder.exists()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        # Made by root, it would keep whoever holds the ledger from hearing anybody again.
        if (refusal := not_the_owners(self._ledger, self.folder, self.folder.stat())) is not None:
            if made:
                self.folder.rmdir()
            raise refusal

    def pending(self, now: datetime) -> list[Request]:
        """Take the requests that wait, oldest first; what is void or no request is cleared away."""
        with self._explained():
            try:
                names = sorted(entry.name for entry in os.scandir(self.folder))
            except FileNotFoundError:
                return []
            taken = [self._take(name, now) for name in names]
        return [request for request in taken if request is not None]

    def done(self, request: Request, answer: Answer) -> None:
        """Answer a request that ``pending`` gave."""
        with self._explained():
            self._put(request.id + _ANSWER, asdict(answer))
            self._path(request.id + _TAKEN).unlink(missing_ok=True)

    def answer(self, name: str) -> Answer | None:
        """The answer to the request ``name``, once; None as long as there is none."""
        path = self._path(name + _ANSWER)
        with self._explained():
            try:
                answer = Answer(**json.loads(path.read_bytes()))
            except FileNotFoundError:
                return None
            except (ValueError, TypeError):
                answer = Answer.refusal(
                    "the answer cannot be read", "look at the run with `mmsflow status`", cause="answer_unreadable"
                )
            path.unlink(missing_ok=True)
        return answer

    def withdraw(self, name: str) -> bool:
        """Take a request back; False when somebody is at it already."""
        with self._explained():
            try:
                self._path(name + _REQUEST).unlink()
            except FileNotFoundError:
                return False
        return True

    def is_taken(self, name: str) -> bool:
        """Whether somebody is at the request ``name`` right now."""
        with self._explained():
            return self._path(name + _TAKEN).exists()

    def forget_taken(self) -> None:
        """Clear away what an earlier holder took and never answered; whoever asked need not go on waiting for it."""
        with self._explained(), contextlib.suppress(FileNotFoundError):
            for path in self.folder.glob(f"*{_TAKEN}"):
                path.unlink(missing_ok=True)

    def _take(self, name: str, now: datetime) -> Request | None:
        path = self._path(name)
        stem, ending = path.stem, path.suffix
        age = now - _posted_at(stem)
        if ending == _REQUEST and -GOOD_FOR <= age <= GOOD_FOR:
            taken = self._path(stem + _TAKEN)
            with contextlib.suppress(FileNotFoundError):  # withdrawn in this moment
                path.rename(taken)
                return _read(taken, stem)
        elif ending == _REQUEST or age > _LEFT_BEHIND:
            path.unlink(missing_ok=True)
        return None

    def _put(self, name: str, document: object, *, to_be_read: bool = False) -> None:
        draft = self._path(f"{name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                made = os.fstat(file.fileno())
                if to_be_read and (refusal := not_the_owners(self._ledger, self.folder, made)) is not None:
                    raise refusal
                json.dump(document, file)
            draft.rename(self._path(name))
        except BaseException:
            discard_draft(draft)
            raise

    def _path(self, name: str) -> Path:
        return self.folder / name

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LedgerError(
                f"the folder of requests {self.folder} cannot be used: {error.strerror}",
                "Make it readable and writable for you, and look at the room on its disk.",
                cause="requests_folder_unusable",
            ) from error


def _posted_at(stem: str) -> datetime:
    digits = stem.partition("-")[0]
    # A file that somebody else put there is older than everything.
    ours = digits.isascii() and digits.isdigit() and len(digits) == 20 and digits < _FAR_FUTURE
    return to_instant(int(digits) if ours else 0)


def _read(path: Path, name: str) -> Request | None:
    try:
        document = json.loads(_bounded(path))
        decisions = tuple(
            Decision(int(number), int(attempt), MessageState(state)) for number, attempt, state in document["decisions"]
        )
        action = Action(document["action"])
        approves = _yes(document["approves"]) if action is Action.APPROVE else None
        trial = _trial(document["trial"]) if action is Action.TEST else None
        who = " ".join(str(document.get("who", "")).split())[:_LONGEST_WHO]
        return Request(str(document["run"]), action, _posted_at(name), decisions, name, approves, trial, who)
    except (ValueError, KeyError, TypeError, RecursionError):
        path.unlink(missing_ok=True)
        return None


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("it is too large for a request")
    return content


def _yes(facts: Mapping[str, object]) -> Yes:
    account, campaign, digest, who = (str(facts[name]) for name in ("account", "campaign", "digest", "who"))
    seen = facts["seen"]
    if not who or len(who) > _LONGEST_WHO or not isinstance(seen, dict):
        raise ValueError("nobody said yes, or to nothing")
    return Yes(account, campaign, digest, who, seen)


def _trial(facts: Mapping[str, object]) -> Trial:
    numbers, row = facts["numbers"], facts["row"]
    if not isinstance(numbers, list) or not (row is None or type(row) is int):
        raise ValueError("that is no test")
    return Trial(str(facts["file"]), tuple(map(str, numbers[:_MOST_HANDSETS])), row, str(facts["variant"]))
