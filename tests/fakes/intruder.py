"""Tries to read another process of the same user: `python intruder.py PID`; prints JSON."""

from __future__ import annotations

import ctypes
import json
import os
import sys

ATTACH, DETACH = 16, 17


def main(pid: int) -> dict[str, str]:
    """What could be opened, and what the system said where it could not."""
    found = {name: _opened(f"/proc/{pid}/{name}") for name in ("mem", "environ", "maps", "fd/0")}
    return {**found, "ptrace": _traced(pid)}


def _opened(path: str) -> str:
    try:
        if "/fd/" in path:
            os.readlink(path)
        else:
            os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        return os.strerror(error.errno or 0)
    return "open"


def _traced(pid: int) -> str:
    library = ctypes.CDLL(None, use_errno=True)
    library.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    if library.ptrace(ATTACH, pid, None, None) != 0:
        return os.strerror(ctypes.get_errno())
    os.waitpid(pid, 0)
    library.ptrace(DETACH, pid, None, None)
    return "open"


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))), flush=True)
