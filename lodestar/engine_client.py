"""Asking the running engine how it is, over its unix socket."""

from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from lodestar.errors import LodestarError


def health(path: Path, timeout_s: float = 5.0) -> dict[str, Any] | None:
    """The engine's /healthz, or None where no engine runs.

    Raises LodestarError where something answers that is not a healthy engine.
    """
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read())
    except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
        # The last two: it died while it was asked.
        return None
    except (OSError, HTTPException, ValueError) as error:
        why = str(error) or type(error).__name__
        raise LodestarError("the engine does not answer", why, "see logs/engine.log") from error
    finally:
        connection.close()
    if not isinstance(answer, dict) or not isinstance(answer.get("pid"), int):
        raise LodestarError(f"{path} is not served by Lodestar's engine", "its answer is strange")
    return answer


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
