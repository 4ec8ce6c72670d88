"""The daemon's log: one line an event, for people or as JSON, of its own events and of the libraries' warnings."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.stdlib import BoundLogger, ProcessorFormatter, filter_by_level
from structlog.typing import Processor

from mmsflow.campaign.wording import masked
from mmsflow.clock import Clock
from mmsflow.daemon.events import level_of
from mmsflow.secret import blotted

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_OURS = "mmsflow.daemon"
_LONGEST = 2000
_FIRST = ("at", "level", "event", "campaign", "run", "message", "number")
_AS_IT_IS = frozenset({"at", "level", "digest", "sha256"})  # digits of a digest are no phone number
_TAKEN = frozenset({"at", "level", "event", "exc_info", "stack_info", "stacklevel", "extra"})
_PLAIN = re.compile(r"[^\s\"'=]+")


class Log:
    """Writes events down. ``on_event`` is what the daemon's parts are given.

    Args:
        clock: for the instants of events that bring none.
        logger: where they go.
    """

    def __init__(self, clock: Clock, logger: BoundLogger) -> None:
        self._clock, self._logger = clock, logger

    def on_event(self, name: str, facts: Mapping[str, object]) -> None:
        """One event at this moment."""
        self.note(name, self._clock.now(), facts)

    def note(self, name: str, at: datetime, facts: Mapping[str, object]) -> None:
        """One event at its own instant; facts that are empty are left out."""
        said = {_own(key): value for key, value in facts.items() if value not in ("", None, (), [])}
        if isinstance(said.get("message"), str):  # under that name stands the ledger's number of a message
            said["reason"] = said.pop("message")
        self._logger.log(LEVELS[level_of(name)], name, **said, at=_utc(at))

    def keeps(self, level: str) -> bool:
        """Whether events of that level are written at all."""
        return bool(self._logger.isEnabledFor(LEVELS[level]))


@contextmanager
def logging_to(stream: TextIO, clock: Clock, *, as_json: bool, level: str, colours: bool = False) -> Iterator[Log]:
    """Log to a stream until the block ends: our own events from ``level`` on, the libraries' warnings and errors."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_json=as_json, colours=colours))
    least = max(logging.WARNING, LEVELS[level])
    # Also of a library whose logger has a level of its own: httpx tells addresses at INFO.
    handler.addFilter(lambda record: record.name == _OURS or record.levelno >= least)
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
    before = root.handlers[:], root.level, ours.level
    root.handlers[:] = [handler]
    root.setLevel(least)
    ours.setLevel(LEVELS[level])
    logging.captureWarnings(True)
    try:
        yield Log(clock, _logger(ours))
    finally:
        logging.captureWarnings(False)
        root.handlers[:], level_of_root, level_of_ours = before
        root.setLevel(level_of_root)
        ours.setLevel(level_of_ours)


def _logger(ours: logging.Logger) -> BoundLogger:
    processors: list[Processor] = [
        filter_by_level,
        structlog.stdlib.add_log_level,
        ProcessorFormatter.wrap_for_formatter,
    ]
    bound: BoundLogger = structlog.wrap_logger(ours, processors=processors, wrapper_class=BoundLogger)
    return bound


def _formatter(*, as_json: bool, colours: bool) -> ProcessorFormatter:
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else _console(colours=colours)
    harmless = [ProcessorFormatter.remove_processors_meta, _harmless]
    return ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_log_level, _foreign], processors=[*harmless, renderer]
    )


def _console(*, colours: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(colors=colours, timestamp_key="at", sort_keys=False, pad_event_to=20)


def _foreign(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a library logs, as one of our events; of an exception its kind and place, since its text may hold data."""
    record: logging.LogRecord = line["_record"]
    line["reason"], line["event"], line["library"] = line["event"], "library", record.name
    line["at"] = _utc(datetime.fromtimestamp(record.created, UTC))
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        line["error"], line["traceback"] = type(error).__name__, "".join(traceback.format_tb(error.__traceback__))
    line.pop("exc_info", None)
    line.pop("stack_info", None)
    record.exc_info = record.exc_text = record.stack_info = None
    return line


def _harmless(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Secrets, numbers and whatever could begin another line taken out; the keys that every line has come first."""
    keys = [key for key in _FIRST if key in line] + [key for key in line if key not in _FIRST]
    return {_text(key): _clean(line[key], key) for key in keys}


def _own(key: str) -> str:
    """A fact's key, told from those that every line has and from the arguments of a logger."""
    return f"{key}_" if key in _TAKEN else key


def _clean(value: Any, key: str) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(str(name)): _clean(item, str(name)) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_clean(item, key) for item in value]
    return str(value) if key in _AS_IT_IS and _PLAIN.fullmatch(str(value)) else _text(str(value))


def _text(text: str) -> str:
    return masked(blotted(" | ".join(text.splitlines()) if "\n" in text else text), _LONGEST)


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
