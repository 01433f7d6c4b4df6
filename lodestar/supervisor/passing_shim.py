"""A shim for the length of a command: started as a session's is, gone with the command."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lodestar.clock import awake_seconds, boot_seconds
from lodestar.errors import LodestarError
from lodestar.ids import new_id
from lodestar.loading import Context
from lodestar.paths import write_private
from lodestar.supervisor.free_only import shim_environment
from lodestar.supervisor.session import ShimFailedError
from lodestar.supervisor.shim_process import ShimProcess

READY_S = 60.0
LOOK_S = 0.05


@dataclass(frozen=True)
class Served:
    """Where the shim is, and what opens it."""

    port: int
    token: str = field(repr=False)

    def connect(self, timeout_s: float) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


@contextmanager
def passing_shim(context: Context, flags: Mapping[str, Any]) -> Iterator[Served]:
    """The whole path, with keys, budgets and log; the local models are the context's.

    Raises ShimFailedError where it cannot run.
    """
    session, token = new_id(), secrets.token_urlsafe(32)
    folder = context.home.folder("run") / session
    folder.mkdir(mode=0o700)
    # By this name the next session finds it and sweeps it away, should this process be killed.
    path = folder / "shim.json"
    write_private(path, json.dumps(_spec(context, session, token, flags)))
    shim = ShimProcess(context.home, path, environ=shim_environment(context, os.environ))
    try:
        shim.start()
        served = Served(shim.port, token)
        _wait(shim, served)
        yield served
    finally:
        shim.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _spec(context: Context, session: str, token: str, flags: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "session": session,
        "token": token,
        "owner": os.getpid(),
        "folder": os.getcwd(),
        "flags": dict(flags),
        "started": boot_seconds(),
        "awake": awake_seconds(),
        "supervised": False,
        "local": context.local.as_json() if context.local else None,
    }


def _wait(shim: ShimProcess, served: Served) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(served):
        if shim.failed.is_set():
            raise ShimFailedError(shim)
        if time.monotonic() > deadline:
            raise LodestarError(
                "Lodestar's shim did not become ready",
                f"it was waited for {READY_S:.0f} s",
                "see logs/shim.log in Lodestar's home",
            )
        time.sleep(LOOK_S)


def _answers(served: Served) -> bool:
    connection = served.connect(1.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
