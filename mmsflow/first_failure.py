"""The first failure is the answer; whatever fails after it is told beside it and never takes its place.

Work that follows a failure (a report, a marker, closing what is open, printing) meets the same full disk or the same
closed pipe, and what it raises says nothing about why nothing was sent. So everything that has to be done whatever the
end goes through here. Only where nothing had failed before does such a failure decide how the command ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mmsflow.errors import MmsflowError

T = TypeVar("T")


class Unforeseen(MmsflowError):
    """Work after the end met an error that nobody foresaw; ``__cause__`` is that error."""

    cause = "unforeseen"


class FirstFailure:
    """What a command ends with.

    Attributes:
        error: what failed first, with everything later in its ``also``; None as long as nothing has.
        latest: what failed last; None as long as nothing has.
    """

    def __init__(self, error: MmsflowError | None = None) -> None:
        self.error = error
        self.latest = error

    @property
    def exit_code(self) -> int:
        """The exit code that the first failure calls for; 0 without any."""
        return self.error.exit_code if self.error else 0

    def attempt(self, work: Callable[[], T], otherwise: T) -> T:
        """Do work that has to be done whatever the end; what it gives, or ``otherwise`` when it fails."""
        try:
            return work()
        except Exception as error:  # also one that nobody foresaw: it would hide the first one just the same
            self.note(error)
        return otherwise

    def note(self, error: Exception) -> None:
        """Keep one more failure."""
        self.latest = as_told(error)
        if self.error is None:
            self.error = self.latest
        else:
            tell_beside(self.error, self.latest)


@contextmanager
def afterwards(work: Callable[[], object]) -> Iterator[None]:
    """Do work when the block ends, however it ends; a failure of it never takes the place of the block's own.

    Raises:
        Exception: what the block raised, else what the work raised.
    """
    try:
        yield
    except BaseException as first:
        try:
            work()
        except Exception as second:
            tell_beside(first, second)
        raise
    work()


def tell_beside(first: BaseException, second: Exception) -> None:
    """Keep a later failure with the first one."""
    told = as_told(second)
    if told is first:
        return
    if isinstance(first, MmsflowError):
        first.also = (*first.also, told, *told.also)
    else:
        first.add_note(f"after it: {told.message}")


def as_told(error: Exception) -> MmsflowError:
    """An error as one that can be shown."""
    if isinstance(error, MmsflowError):
        return error
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
        told = MmsflowError(text, cause="system")
    else:
        told = Unforeseen(f"something unforeseen happened: {type(error).__name__}")
    told.__cause__ = error
    return told
