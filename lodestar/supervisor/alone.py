"""The shims that run alone, each with a note of who it is: started, found again, ended."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lodestar.paths import Home, write_private
from lodestar.store.processes import STARTED, runs, stat_field
from lodestar.store.sessions import boot_id
from lodestar.supervisor.ports import LOOPBACK

ANSWER_S = 5.0
LOOK_S = 0.05


@dataclass(frozen=True)
class Alone:
    """One shim that runs alone. `began` and `boot` tell its process from a later one."""

    pid: int
    began: str
    boot: str
    port: int
    token: str = field(repr=False)
    session: str
    since_ms: int
    background: bool
    folder: str
    flags: Mapping[str, Any]

    @property
    def url(self) -> str:
        """What OpenAI's clients call the base URL."""
        return f"http://{LOOPBACK}:{self.port}/v1"

    @property
    def runs(self) -> bool:
        """Whether that very process is there: its number may be another's by now."""
        if self.boot != boot_id() or not runs(self.pid):
            return False
        if not self.began:
            # A system that does not tell when a process began: only the shim itself can say.
            return (self.state() or {}).get("pid") == self.pid
        return stat_field(self.pid, STARTED) == self.began

    def state(self, timeout_s: float | None = None) -> dict[str, Any] | None:
        """What it says of itself; None where it does not answer."""
        import http.client

        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=timeout_s or ANSWER_S)
        try:
            headers = {"Authorization": f"Bearer {self.token}"}
            connection.request("GET", "/lodestar/v1/status", headers=headers)
            answer = connection.getresponse()
            found = json.loads(answer.read(1 << 20)) if answer.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return found if isinstance(found, dict) else None


def note_path(home: Home, port: int) -> Path:
    """Where the shim of a port is written down."""
    return home.folder("run") / f"shim-{port}.json"


def write_note(home: Home, alone: Alone) -> None:
    """Write it down, in the place of whoever had that port before."""
    write_private(note_path(home, alone.port), json.dumps(asdict(alone)))


def forget(home: Home, port: int) -> None:
    """Nobody serves that port any more."""
    note_path(home, port).unlink(missing_ok=True)


def running(home: Home, port: int | None = None) -> list[Alone]:
    """The shims that run alone now, by port; those of other homes are not among them."""
    folder = home.root / "run"
    pattern = "shim-*.json" if port is None else f"shim-{port}.json"
    found = [alone for path in folder.glob(pattern) if (alone := _read(path))]
    return sorted((alone for alone in found if alone.runs), key=lambda alone: alone.port)


@contextmanager
def one_at_a_time(home: Home) -> Iterator[None]:
    """Two starts, or a start and a stop, wait for each other inside."""
    with open(home.folder("run") / "shim.lock", "ab", opener=_private) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def end(alone: Alone, patience_s: float) -> bool:
    """Ask it to leave and wait for its end; False where it is there after that time.

    No other process is signalled, whoever has its number by now.
    """
    with _handle(alone.pid) as handle:
        # Looked at with the handle open: it is that process's, or the process is gone.
        if not alone.runs:
            return True
        # One that was stopped from the keyboard could not leave.
        for number in (signal.SIGTERM, signal.SIGCONT):
            _send(handle, alone.pid, number)
        deadline = time.monotonic() + patience_s
        while alone.runs:
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_S)
    return True


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    """A handle that stays the process's own, where the system has such a thing."""
    try:
        handle = os.pidfd_open(pid)
    except (OSError, AttributeError):
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _send(handle: int | None, pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)


def _read(path: Path) -> Alone | None:
    """A note; None where it is none, or of another version."""
    try:
        return Alone(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
