"""A unix socket that only its owner can connect to."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BACKLOG = 128


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    """Listen at `path` and remove it at the end; the stale file of a killed process is replaced.

    Raises OSError.
    """
    path.unlink(missing_ok=True)
    with closing(socket.socket(socket.AF_UNIX)) as server:
        before = os.umask(0o177)
        try:
            server.bind(os.fspath(path))
        finally:
            os.umask(before)
        server.listen(BACKLOG)
        server.setblocking(False)
        try:
            yield server
        finally:
            path.unlink(missing_ok=True)
