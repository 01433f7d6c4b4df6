"""Failing the N-th call of a seam, for N = 1, 2, 3, ... until a round has no failure.

A seam is where the program meets what can fail: its database, its files, its sockets. Each call
that crosses it is counted, and the one that the plan names fails: before it has any effect, or
after it had it, as a disk or a network may. The loop is the same for a fault in this process and
for one in a process under test (`process.py`):

    plan = LocalPlan()
    with installed("database", plan):
        for _ in rounds(plan):
            ...  # work that may fail
            plan.disarm()
            ...  # what must hold whatever failed

The method is SQLite's own: https://www.sqlite.org/testing.html, "anomaly testing".
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

MOST_ROUNDS = 400
NEVER = 0
FILE_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.link", "os.truncate")
SOCKET_CALLS = ("connect", "accept", "recv", "recv_into", "send", "sendall", "sendmsg")
DATABASE_CALLS = ("execute", "executemany", "executescript", "commit")


@dataclass(frozen=True)
class Order:
    """Which call is to fail in a round, and whether it fails after it had its effect."""

    round: int = 0
    at: int = NEVER
    after: bool = False


class Plan(Protocol):
    """Says which call fails, and is told when it did."""

    def order(self) -> Order:
        """What holds now."""

    def arm(self, at: int, after: bool) -> None:
        """Begin a round in which call number `at` fails."""

    def report(self, order: Order) -> None:
        """The call failed."""

    def fired(self) -> bool:
        """Whether the round's call failed."""

    def disarm(self) -> None:
        """Let everything work from now on."""


@dataclass
class LocalPlan:
    """A plan for this process."""

    _order: Order = Order()
    _fired: set[int] = field(default_factory=set)

    def order(self) -> Order:
        return self._order

    def arm(self, at: int, after: bool) -> None:
        self._order = Order(self._order.round + 1, at, after)

    def report(self, order: Order) -> None:
        self._fired.add(order.round)

    def fired(self) -> bool:
        return self._order.round in self._fired

    def disarm(self) -> None:
        self._order = Order(self._order.round)


@dataclass
class FilePlan:
    """A plan in a folder, for a process under test; both sides look at it afresh each time."""

    folder: Path

    def order(self) -> Order:
        try:
            return Order(**json.loads((self.folder / "order.json").read_text("utf-8")))
        except FileNotFoundError:
            return Order()

    def arm(self, at: int, after: bool) -> None:
        self._write(Order(self.order().round + 1, at, after))

    def report(self, order: Order) -> None:
        (self.folder / f"fired-{order.round}").touch()

    def fired(self) -> bool:
        return (self.folder / f"fired-{self.order().round}").exists()

    def disarm(self) -> None:
        self._write(Order(self.order().round))

    def _write(self, order: Order) -> None:
        new = self.folder / "order.new"
        new.write_text(json.dumps(vars(order)), "utf-8")
        new.replace(self.folder / "order.json")


def rounds(plan: Plan, after: bool = False) -> Iterator[int]:
    """Arm the plan for call 1, 2, 3, ... and end after the first round without a failure."""
    for at in range(1, MOST_ROUNDS):
        plan.arm(at, after)
        yield at
        fired = plan.fired()
        plan.disarm()
        if not fired:
            assert at > 1, "no call crossed the seam, so nothing was tested"
            return
    raise AssertionError(f"still failing after {MOST_ROUNDS} rounds")


class Seam:
    """Counts the calls of a round and fails the one that is due."""

    def __init__(self, plan: Plan, error: Callable[[], Exception]) -> None:
        self._plan = plan
        self._error = error
        self._round = 0
        self._calls = 0
        self._mutex = threading.Lock()
        self._inside = threading.local()

    def call(self, real: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Make a call, or let it fail before or after it."""
        order = self._due()
        if order and not order.after:
            raise self._error()
        result = real(*args, **options)
        if order:
            raise self._error()
        return result

    def check(self) -> None:
        """As `call`, where the call itself is made elsewhere: it can only fail before."""
        if self._due():
            raise self._error()

    def _due(self) -> Order | None:
        if getattr(self._inside, "here", False):
            return None
        self._inside.here = True
        try:
            with self._mutex:
                return self._count()
        finally:
            self._inside.here = False

    def _count(self) -> Order | None:
        order = self._plan.order()
        if order.round != self._round:
            self._round, self._calls = order.round, 0
        self._calls += 1
        if order.at == NEVER or self._calls != order.at:
            return None
        self._plan.report(order)
        return order


@contextmanager
def installed(name: str, plan: Plan, below: Path | None = None) -> Iterator[None]:
    """Put a seam into this process: `database`, `files` (those below a folder) or `sockets`."""
    with _KINDS[name](plan, below):
        yield


@contextmanager
def _database(plan: Plan, below: Path | None) -> Iterator[None]:
    seam = Seam(plan, lambda: sqlite3.OperationalError("disk I/O error"))
    methods = {name: _method(seam, getattr(sqlite3.Connection, name)) for name in DATABASE_CALLS}
    failing = type("FailingConnection", (sqlite3.Connection,), methods)
    real = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = seam.call(real, *args, **{"factory": failing, **options})
        return made

    with _replaced(sqlite3, "connect", connect):
        yield


@contextmanager
def _sockets(plan: Plan, below: Path | None) -> Iterator[None]:
    """Connections over the network; a loop's own wake-up pipe is none."""
    seam = Seam(plan, lambda: ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))
    real = {name: getattr(socket.socket, name) for name in SOCKET_CALLS}

    def failing(name: str) -> Callable[..., Any]:
        def call(self: socket.socket, *args: Any, **options: Any) -> Any:
            if self.family not in (socket.AF_INET, socket.AF_INET6):
                return real[name](self, *args, **options)
            if name == "accept":  # A connection that nobody was given could not be closed.
                seam.check()
                return real[name](self, *args, **options)
            return seam.call(real[name], self, *args, **options)

        return call

    for name in SOCKET_CALLS:
        setattr(socket.socket, name, failing(name))
    try:
        yield
    finally:
        for name, method in real.items():
            setattr(socket.socket, name, method)


@contextmanager
def _files(plan: Plan, below: Path | None) -> Iterator[None]:
    """What opens, renames or removes a file below the folder, and every fsync."""
    seam = Seam(plan, lambda: OSError(errno.EIO, os.strerror(errno.EIO)))
    root = os.fspath(below or "/")
    active = [True]

    def heard(event: str, args: tuple[Any, ...]) -> None:
        if active and event in FILE_EVENTS and _is_below(args[0], root):
            seam.check()

    sys.addaudithook(heard)  # There is no way to take one away again.
    try:
        with _replaced(os, "fsync", _function(seam, os.fsync)):
            yield
    finally:
        active.clear()


def _is_below(path: object, root: str) -> bool:
    if not isinstance(path, (str, bytes)):
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(root)


def _method(seam: Seam, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **options: Any) -> Any:
        return seam.call(real, self, *args, **options)

    return call


def _function(seam: Seam, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        return seam.call(real, *args, **options)

    return call


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    real = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, real)


_KINDS = {"database": _database, "sockets": _sockets, "files": _files}
