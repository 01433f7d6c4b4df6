"""A module for tests: its gate and its news are what `gate.json` in Lodestar's home says.

    refuse      the arguments of Refused for a paid route, or for any route with "free": true
    wait        the gate opens only when the file is without it
    max_output  the cap of a paid route
    most_bytes  an answer of more is stopped
    notices     what the gate says to the user
    tick        what a `tick` returns, once for each change of the file
    status      what is said for the status line; "fails" is an exception
    think       the status line's question is answered only when the file is without it

Every event of the session goes to `gate.log`, a line of JSON each, as does each look at a gate.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lodestar.exchange import Outcome, Request, Route
from lodestar.hookspecs import Refused, hookimpl
from lodestar.settings import Settings
from lodestar.store.store import Store

_last: dict[str, str] = {}


class Gate:
    """One attempt's gate."""

    def __init__(self, wanted: dict[str, Any], paid: bool) -> None:
        self.max_output = wanted.get("max_output", 500) if paid else None
        self._most = wanted.get("most_bytes")
        if "notices" in wanted:
            self.notices = wanted["notices"]

    def progress(self, received: int) -> bool:
        return self._most is None or received <= self._most

    def finish(self, outcome: Outcome) -> None:
        _log(
            {
                "finish": outcome.status,
                "source": outcome.usage.source,
                "received": outcome.received_bytes,
                "overran": outcome.overran,
            }
        )


@hookimpl
def open_attempt(request: Request, route: Route) -> Any:
    """The gate."""
    return _opened(route)


@hookimpl
def session_event(event: dict[str, Any]) -> Any:
    """Write it down; news for a tick."""
    _log(event)
    text = _file("gate.json").read_text("utf-8")
    if event["type"] != "tick" or _last.get("tick") == text:
        return None
    _last["tick"] = text
    return json.loads(text).get("tick")


@hookimpl
def control_actions() -> list[Any]:
    """The question for the status line."""
    return [_status]


def _status(session: str, route: Route, store: Store, settings: Settings) -> Any:
    while _wanted().get("think"):
        time.sleep(0.02)
    said = _wanted().get("status")
    if said == "fails":
        raise ValueError("on purpose")
    return said


@asynccontextmanager
async def _opened(route: Route) -> AsyncIterator[Gate]:
    _log({"gate": route.alias})
    wanted = _wanted()
    refuse = dict(wanted.get("refuse") or {})
    if refuse and (refuse.pop("free", False) or route.entry.paid):
        raise Refused(**refuse)
    while _wanted().get("wait"):  # noqa: ASYNC110 (another process decides)
        await asyncio.sleep(0.02)
    yield Gate(wanted, route.entry.paid)


def _wanted() -> dict[str, Any]:
    return dict(json.loads(_file("gate.json").read_text("utf-8")))


def _log(line: dict[str, Any]) -> None:
    with _file("gate.log").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _file(name: str) -> Path:
    return Path(os.environ["LODESTAR_HOME"], name)
