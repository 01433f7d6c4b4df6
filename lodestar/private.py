"""What a process holds in memory stays its own: no core file, no look into it from outside."""

from __future__ import annotations

import ctypes
import json
import os
import resource
from collections.abc import Mapping
from contextlib import suppress

_SET_DUMPABLE = 4
_NEEDED_TO_START = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"})
_BLOCK = 1 << 16
UMASK = 0o077


def seal() -> None:
    """No core file, and, on Linux, no reading of memory and environment by the user's others.

    The first also holds for the programs that this process starts, the second until it
    becomes another program. Call it before a key is read.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def bare_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a program needs to start; the rest it is given by `hand_over`.

    The environment that a program is started with can be read from outside until it is
    sealed, and stays in its memory whatever it deletes.
    """
    return {
        name: value
        for name, value in environ.items()
        if name in _NEEDED_TO_START or name.startswith("LC_")
    }


def hand_over(environ: Mapping[str, str], descriptor: int) -> None:
    """Write an environment to a program that reads it with `take_over`."""
    data = json.dumps(dict(environ)).encode("ascii") + b"\n"
    with suppress(BrokenPipeError):
        # Where it has ended already, its exit code says why.
        while data:
            data = data[os.write(descriptor, data) :]


def take_over(descriptor: int) -> bool:
    """Make the environment that is handed over this process's own; False where none came."""
    data = b""
    while not data.endswith(b"\n"):
        block = os.read(descriptor, _BLOCK)
        if not block:
            return False
        data += block
    os.environ.clear()
    os.environ.update(json.loads(data))
    return True
