"""What a worker or a reader says of a file that cannot be sent."""

from __future__ import annotations

from mmsflow.errors import Finding, InvalidInput


class Unusable(Exception):
    """A picture that cannot be used: what is wrong with it, and the way out."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message, fix)  # both, so that it survives the way out of a worker
        self.message = message
        self.fix = fix

    def at(self, path: str) -> InvalidInput:
        """The same as one finding about the file."""
        return refused(path, self.message, self.fix)


def refused(path: str, message: str, fix: str) -> InvalidInput:
    """One finding about a file as a whole."""
    return InvalidInput([Finding(path, 0, 0, message, fix)])
