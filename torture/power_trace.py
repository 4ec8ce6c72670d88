"""What SQLite asks of the disk, and what the gateway has received, in one order: the trace of a run.

The hook sits between SQLite and its own file layer, through SQLite's public VFS structures and ctypes. That needs no
compiler, no privileges and no ptrace, so it works wherever the tests do; and because the simulator runs in the same
process, a message's receipt has an exact place among the writes.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

_OK = 0


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes handed to the operating system for the file ``name``."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """The file was cut to ``size`` bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """fsync returned: everything before it is on the disk."""

    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """The file was removed."""

    name: str


@dataclass(frozen=True, slots=True)
class Received:
    """The gateway has a message for this number."""

    number: str


Step: TypeAlias = "Write | Truncate | Sync | Delete | Received"

_pointer = ctypes.c_void_p
_Open = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer, _pointer, ctypes.c_int, _pointer)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_char_p, ctypes.c_int)
_Write = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, _pointer, ctypes.c_int, ctypes.c_int64)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, _pointer, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """The head of ``sqlite3_vfs``, as far as it is used."""

    _fields_: ClassVar[Any] = [
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", _pointer),
        ("name", ctypes.c_char_p),
        ("data", _pointer),
        ("open", _pointer),
        ("delete", _pointer),
    ]


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_: ClassVar[Any] = [
        ("version", ctypes.c_int),
        ("close", _pointer),
        ("read", _pointer),
        ("write", _pointer),
        ("truncate", _pointer),
        ("sync", _pointer),
        ("others", _pointer * 13),
    ]


class Tracer:
    """Notes every step of files in ``folder`` while it is installed."""

    def __init__(self, folder: Path) -> None:
        self.steps: list[Step] = []
        self._folder = os.fspath(folder)
        self._names: dict[int, str] = {}
        self._kept: list[object] = []  # what C code points to must stay
        self._methods: dict[int, _Methods] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Trace every file that SQLite opens within the block."""
        library = ctypes.CDLL(_sqlite3.__file__)
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        vfs = library.sqlite3_vfs_find(None).contents
        before = vfs.open, vfs.delete
        hooks = self._open_hook(vfs), self._delete_hook(vfs)
        vfs.open, vfs.delete = (ctypes.cast(hook, _pointer).value for hook in hooks)
        try:
            yield
        finally:
            vfs.open, vfs.delete = before
            self._kept += hooks

    def _open_hook(self, vfs: _Vfs) -> Any:
        original = _Open(vfs.open)

        def hook(which: int, name: int | None, file: int, flags: int, out: int | None) -> int:
            code = int(original(which, name, file, flags, out))
            path = ctypes.string_at(name).decode("utf-8", "replace") if name else ""
            if code == _OK and path.startswith(self._folder):
                self._names[file] = Path(path).name
                methods = ctypes.cast(file, ctypes.POINTER(_pointer))
                methods[0] = ctypes.addressof(self._traced(methods[0] or 0))
            return code

        return _Open(hook)

    def _delete_hook(self, vfs: _Vfs) -> Any:
        original = _Delete(vfs.delete)

        def hook(which: int, name: bytes, sync: int) -> int:
            code = int(original(which, name, sync))
            path = name.decode("utf-8", "replace")
            if code == _OK and path.startswith(self._folder):
                self.steps.append(Delete(Path(path).name))
            return code

        return _Delete(hook)

    def _traced(self, address: int) -> _Methods:
        if address not in self._methods:
            methods = _Methods.from_buffer_copy(ctypes.string_at(address, ctypes.sizeof(_Methods)))
            write, truncate, sync = _Write(methods.write), _Truncate(methods.truncate), _Sync(methods.sync)
            hooks = _Write(self._write_hook(write)), _Truncate(self._truncate_hook(truncate)), _Sync(self._sync(sync))
            names = ("write", "truncate", "sync")
            for name, hook in zip(names, hooks, strict=True):
                setattr(methods, name, ctypes.cast(hook, _pointer).value)
            self._kept += hooks
            self._methods[address] = methods
        return self._methods[address]

    def _write_hook(self, original: Any) -> Callable[[int, int, int, int], int]:
        def hook(file: int, data: int, size: int, offset: int) -> int:
            self.steps.append(Write(self._names.get(file, ""), offset, ctypes.string_at(data, size)))
            return int(original(file, data, size, offset))

        return hook

    def _truncate_hook(self, original: Any) -> Callable[[int, int], int]:
        def hook(file: int, size: int) -> int:
            self.steps.append(Truncate(self._names.get(file, ""), size))
            return int(original(file, size))

        return hook

    def _sync(self, original: Any) -> Callable[[int, int], int]:
        def hook(file: int, flags: int) -> int:
            code = int(original(file, flags))
            if code == _OK:
                self.steps.append(Sync(self._names.get(file, "")))
            return code

        return hook


@contextmanager
def receipts_noted(steps: list[Step]) -> Iterator[None]:
    """Note each message that the simulator of this process accepts, before it does."""
    from mmsflow.simulator.state import Record
    from mmsflow.simulator.wire import Submission

    original = Record.accept

    def accept(record: Record, submission: Submission, **details: Any) -> bool:
        steps.extend(Received(number) for number in submission.message.numbers)
        return original(record, submission, **details)

    Record.accept = accept  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        Record.accept = original  # type: ignore[method-assign]
