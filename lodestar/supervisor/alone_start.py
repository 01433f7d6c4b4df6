"""Starting a shim that runs alone: in this process's place, or in the background."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from lodestar.clock import awake_seconds, boot_seconds, now_ms
from lodestar.errors import LodestarError
from lodestar.ids import new_id
from lodestar.loading import Context
from lodestar.paths import Home
from lodestar.private import bare_environment, hand_over
from lodestar.store.processes import STARTED, stat_field
from lodestar.store.sessions import boot_id
from lodestar.supervisor.alone import Alone, forget, write_note
from lodestar.supervisor.branch import current_branch
from lodestar.supervisor.free_only import shim_environment

READY_S = 60.0
ITSELF = 0
"""The owner of a session that is the shim's own."""


@dataclass(frozen=True)
class Wish:
    """The shim that is to be started, in the current folder."""

    context: Context
    flags: Mapping[str, Any]
    port: int
    token: str = field(repr=False)
    session: str = field(default_factory=new_id)

    def spec(self) -> bytes:
        """What the shim is handed."""
        spec = {
            "session": self.session,
            "token": self.token,
            "owner": ITSELF,
            "folder": os.getcwd(),
            "flags": dict(self.flags),
            "started": boot_seconds(),
            "awake": awake_seconds(),
            "branch": current_branch(self.context.project.root),
            "supervised": False,
        }
        return json.dumps(spec).encode("ascii")

    def note(self, pid: int, background: bool) -> Alone:
        """Who it is, for those who look for it."""
        return Alone(
            pid=pid,
            began=stat_field(pid, STARTED),
            boot=boot_id(),
            port=self.port,
            token=self.token,
            session=self.session,
            since_ms=now_ms(),
            background=background,
            folder=os.getcwd(),
            flags=dict(self.flags),
        )

    def command(self, listener: socket.socket, spec: int) -> list[str]:
        """The program, with the socket and the pipe that it inherits."""
        home, port = str(self.context.home.root), str(self.port)
        program = [sys.executable, "-I", "-m", "lodestar_shim", "--home", home, "--port", port]
        return [*program, "--fd", str(listener.fileno()), "--spec-from", str(spec)]


class StartFailedError(LodestarError):
    """The shim ended before it was ready; its own three lines are passed on."""

    def __init__(self, said: str, exit_code: int) -> None:
        lines = [line for line in said.splitlines() if not line.startswith("warning: ")]
        last = lines[-1] if lines else "it said nothing"
        super().__init__("the shim did not start", last, "more is in its log: lodestar shim logs")
        self.exit_code = exit_code if exit_code > 0 else 1
        self._said = "\n".join(lines)

    def __str__(self) -> str:
        return self._said if self._said.startswith("error:") else super().__str__()


def become(wish: Wish, listener: socket.socket) -> NoReturn:
    """Be the shim from now on, in the foreground. Raises OSError."""
    spec = _piped(wish.spec())
    for descriptor in (listener.fileno(), spec):
        os.set_inheritable(descriptor, True)
    write_note(wish.context.home, wish.note(os.getpid(), background=False))
    environment = shim_environment(wish.context, os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, wish.command(listener, spec), environment)  # noqa: S606


def start(wish: Wish, listener: socket.socket) -> Alone:
    """A shim that needs neither this process nor its terminal, once it is ready.

    Raises StartFailedError, or LodestarError where it takes too long; nothing is left then.
    """
    home, errors = wish.context.home, error_file(wish.context.home, wish.port)
    with ExitStack() as closing:
        process, keys = _spawned(wish, listener, errors, closing)
        try:
            alone = wish.note(process.pid, background=True)
            with _closing(keys):
                # Before it may begin: should this one be killed now, it is found, or it leaves.
                write_note(home, alone)
                hand_over(shim_environment(wish.context, os.environ), keys)
            _await_ready(process, errors)
        except BaseException:
            _undo(process)
            forget(home, wish.port)
            raise
    # It goes on without this process: nobody waits for its end.
    process.returncode = 0
    return alone


def error_file(home: Home, port: int) -> Path:
    """What it says on stderr: warnings at its start, and what breaks Python itself."""
    return home.folder("run") / f"shim-{port}.err"


def _spawned(
    wish: Wish, listener: socket.socket, errors: Path, closing: ExitStack
) -> tuple[subprocess.Popen[bytes], int]:
    """The process, and the pipe in which it waits for its environment."""
    spec = _piped(wish.spec())
    read, write = os.pipe()
    try:
        command = [*wish.command(listener, spec), "--environment", str(read)]
        with open(errors, "wb", opener=_private) as said:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env=bare_environment(os.environ),
                pass_fds=[listener.fileno(), spec, read],
                # Not the terminal's: neither its keys nor its end reach it.
                start_new_session=True,
                cwd="/",
            )
    finally:
        os.close(spec)
        os.close(read)
    if process.stdout:
        closing.enter_context(process.stdout)
    return process, write


def _piped(data: bytes) -> int:
    """A descriptor to read the data from; so little fits into a pipe."""
    read, write = os.pipe()
    try:
        os.write(write, data)
    finally:
        os.close(write)
    return read


def _await_ready(process: subprocess.Popen[bytes], errors: Path) -> None:
    line, deadline = b"", time.monotonic() + READY_S
    while process.stdout and not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise LodestarError(
                "the shim did not become ready",
                f"it took longer than {READY_S:.0f} s",
                "see its log: lodestar shim logs",
            )
        block = os.read(process.stdout.fileno(), 4096)
        if not block:
            code = process.wait()
            raise StartFailedError(_said(errors), code)
        line += block


def _said(errors: Path) -> str:
    with suppress(OSError):
        return errors.read_text("utf-8", "replace").strip()
    return ""


def _undo(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    """Close it at the end."""
    try:
        yield
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_TRUNC, 0o600)
