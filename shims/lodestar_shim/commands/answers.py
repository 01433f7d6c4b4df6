"""The last answer of a session, in the log and in words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from lodestar.clock import local_text
from lodestar.control import Asked
from lodestar.errors import LodestarError
from lodestar.exchange import SHORT

WAIT_S, STEP_S = 3.0, 0.02
_LAST = (
    "SELECT * FROM exchanges WHERE session_id = ? AND kind NOT IN (?, ?)"
    " ORDER BY started_ms DESC, id DESC LIMIT 1"
)
_ANSWERED = _LAST.replace(" ORDER", " AND status IN ('ok', 'aborted') ORDER")
KINDS = {
    "edit": "edit",
    "reflection": "edit",
    "editor": "edit",
    "architect": "plan",
    "ask": "answer",
}


def last_exchange(asked: Asked) -> Mapping[str, Any]:
    """The last request of the session and what became of it. Raises where there is none."""
    return _found(asked, _LAST)


def last_answer(asked: Asked) -> Mapping[str, Any]:
    """The last request that was answered, to its end or in part. Raises where there is none."""
    # What is answered just now, or was until this moment, is not recorded yet.
    _found(asked, _LAST)
    return _found(asked, _ANSWERED)


def described(exchange: Mapping[str, Any], zone: str | None) -> str:
    """Which one it is, for the user who sees several."""
    kind = KINDS.get(exchange["kind"], "answer")
    by = exchange["served_alias"] or exchange["requested_alias"].removeprefix("openai/")
    when = local_text(exchange["started_ms"], zone)[-5:]
    return f"the {kind} by {by} at {when} ({exchange['id'][-8:].lower()})"


def _found(asked: Asked, sql: str) -> Mapping[str, Any]:
    deadline = time.monotonic() + WAIT_S
    while True:
        row = asked.store.row(sql, (asked.session, *SHORT))
        if row is None:
            raise LodestarError(
                "this session has no answer yet", "nothing was asked so far", "ask something first"
            )
        if row["status"] != "open" or time.monotonic() > deadline:
            return dict(row)
        # The user has the answer a moment before the log does.
        time.sleep(STEP_S)
