"""A listening socket on this machine alone, and who has its port where that fails."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from collections.abc import Iterator
from pathlib import Path

from lodestar.errors import LodestarError, UsageError
from lodestar.terminal import one_line

LOOPBACK = "127.0.0.1"
BACKLOG = 256
WIDTH = 80
_LISTENS = "0A"
_ANYWHERE = {"00000000", "00000000000000000000000000000000"}
_HERE = {"0100007F", "0000000000000000FFFF00000100007F"}


class PortInUseError(LodestarError):
    """Another program has the port."""


def check_host(host: str) -> None:
    """Raises UsageError for every address but this machine's own."""
    if host not in (LOOPBACK, "localhost"):
        raise UsageError(
            f"`--host {host}` is refused",
            "whoever reached the shim could spend with your keys: it serves 127.0.0.1 only",
            "from another machine: ssh -L 4000:127.0.0.1:4000 THIS-MACHINE",
        )


def listen(port: int) -> socket.socket:
    """A listening socket on loopback. Raises PortInUseError, or LodestarError."""
    try:
        return socket.create_server((LOOPBACK, port), backlog=BACKLOG)
    except OSError as error:
        why = str(error.strerror or error)
        found = holder(port)
        if found is None:
            raise LodestarError(
                f"port {port} cannot be used", why, "choose another --port"
            ) from error
        raise PortInUseError(
            f"port {port} is in use",
            f"{found} has it",
            "end that program, or choose another --port",
        ) from error


def holder(port: int) -> str | None:
    """Who listens on a port, as far as it can be known; None where nobody does."""
    sockets = dict(_listening(port))
    if not sockets:
        return None
    for pid, command in _commands():
        # A shim lets nobody look at its files: it is known by its arguments.
        if _is_shim(command, port) or sockets.keys() & set(_sockets(pid)):
            return _named(pid, command)
    return f"a program of {_user(next(iter(sockets.values())))}"


def _listening(port: int) -> Iterator[tuple[str, int]]:
    """The inode and the owner of each socket that would be in the way."""
    wanted = f"{port:04X}"
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text("ascii").splitlines()[1:]:
                part = line.split()
                address, _, number = part[1].partition(":")
                if part[3] == _LISTENS and number == wanted and address in _ANYWHERE | _HERE:
                    yield part[9], int(part[7])


def _commands() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            text = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
            yield int(folder.name), [word for word in text.split("\0") if word]


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets, where we may look at them."""
    with contextlib.suppress(OSError):
        for file in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                target = os.readlink(file.path)
                if target.startswith("socket:["):
                    yield target[8:-1]


def _is_shim(command: list[str], port: int) -> bool:
    return "lodestar_shim" in command and f"--port {port} " in f"{' '.join(command)} "


def _named(pid: int, command: list[str]) -> str:
    if "lodestar_shim" in command and "--home" in command[:-1]:
        home = command[command.index("--home") + 1]
        return one_line(f"another shim of Lodestar (pid {pid}, with the home {home})")
    return f"pid {pid} ({one_line(' '.join(command), WIDTH)})"


def _user(number: int) -> str:
    try:
        return f"the user {pwd.getpwuid(number).pw_name}"
    except KeyError:
        return f"the user with the number {number}"
