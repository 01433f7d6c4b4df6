"""One engine for each home: a lock held for life, and the socket that belongs to it."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

# A holder of the lock that does not answer is starting or on its way out.
PATIENCE_S = 5.0
RETRY_S = 0.05


@contextmanager
def sole_instance(run: Path, socket_path: Path) -> Iterator[bool]:
    """Hold HOME/run/engine.lock; False where another engine serves this home."""
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(run / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _locked(handle, socket_path)
    finally:
        os.close(handle)


def _locked(handle: int, socket_path: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if _answers(socket_path) or time.monotonic() > deadline:
                return False
        time.sleep(RETRY_S)


def _answers(path: Path) -> bool:
    with closing(socket.socket(socket.AF_UNIX)) as client:
        try:
            client.connect(os.fspath(path))
        except OSError:
            return False
        return True
